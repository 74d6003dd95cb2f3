"""Deliveries: list, and read one with its attempts."""

from typing import Annotated

from fastapi import Query, Response

from services.webhooks import queries
from services.webhooks.state import DeliveryState
from services.webhooks.views import DeliveryDetailView, DeliveryView
from shared.contracts.actor import shop_only
from shared.contracts.errors import Forbidden, NotFound
from shared.contracts.ids import DeliveryId, EndpointId
from shared.web.call import Call, Router, problems
from shared.web.inputs import Moment
from shared.web.pages import DEFAULT_LIMIT, Cursor, Limit
from shared.web.views import Page

router = Router()


@router.get(
    "/webhooks/deliveries",
    operation_id="webhooks_delivery_list",
    response_model=Page[DeliveryView],
    responses=problems(Forbidden, NotFound),
)
async def listed(
    *,
    endpoint_id: Annotated[EndpointId, Query()],
    call: Call,
    state: DeliveryState | None = None,
    since: Annotated[Moment | None, Query(alias="created_at.gte")] = None,
    until: Annotated[Moment | None, Query(alias="created_at.lt")] = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Response:
    """An endpoint's deliveries, latest event first; `state=parked` are those that failed for good."""
    shop_only(call.actor, to_read=True).or_raise()
    async with call.walking() as tx:
        await queries.endpoint_for(tx, call.actor, endpoint_id)
        page = await queries.listed_deliveries(
            tx, call.actor, endpoint_id, state=state, since=since, until=until, cursor=cursor, limit=limit
        )
    return await call.page(Page[DeliveryView], page, "deliveries", DeliveryView.showing, lambda one: one.delivery_id)


@router.get(
    "/webhooks/deliveries/{delivery_id}",
    operation_id="webhooks_delivery_read",
    response_model=DeliveryDetailView,
    responses=problems(Forbidden, NotFound),
)
async def read(delivery_id: DeliveryId, call: Call) -> Response:
    """A delivery with every attempt: when, to which address, what was answered."""
    shop_only(call.actor, to_read=True).or_raise()
    async with call.reading() as tx:
        delivery = await queries.delivery_for(tx, call.actor, delivery_id)
        attempts = await queries.attempts_of(tx, call.actor, [delivery_id])
    return call.show(DeliveryDetailView.of(delivery, attempts[delivery_id]))
