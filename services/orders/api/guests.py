"""Links with which a guest without an account reads one order: create, list, revoke."""

from collections.abc import Mapping
from typing import Any

from fastapi import Response

from services.orders.commands.guests import make_link, revoke_link, token_again
from services.orders.queries.guests import links_of
from services.orders.requests.changes import GuestLink
from services.orders.settings import OrderSettings
from services.orders.views.guests import GuestLinksView, GuestLinkView
from shared.contracts.errors import Forbidden, NotFound, Refused
from shared.contracts.ids import LinkId, OrderId
from shared.data.db import Transaction
from shared.web.call import Call, DryRun, Router, problems

router = Router()


@router.post(
    "/orders/{order_id}/guest-links",
    operation_id="orders_guest_link_create",
    status_code=201,
    response_model=GuestLinkView,
    responses=problems(NotFound, Refused, Forbidden),
)
async def link(order_id: OrderId, request: GuestLink, call: Call, dry_run: DryRun = False) -> Response:
    """Create a token with which a guest without an account reads this order. It is never stored: it is null in a late replay, and in a
    dry run.
    """
    keys, settings = call.running.tokens.keys, call.settings
    assert isinstance(settings, OrderSettings)

    async def work(tx: Transaction) -> GuestLinkView:
        made, token = await make_link(tx, call.actor, order_id, request, keys=keys, limits=settings, now=call.now)
        return GuestLinkView.of(made, call.actor, token=token)

    async def again(tx: Transaction, answer: Mapping[str, Any]) -> dict[str, str]:
        return await token_again(tx, call.actor.store, answer, keys, now=call.now)

    return await call.once("orders.guest_link", work, status=201, remake=again, dry_run=dry_run)


@router.get(
    "/orders/{order_id}/guest-links",
    operation_id="orders_guest_link_list",
    response_model=GuestLinksView,
    responses=problems(NotFound, Forbidden),
)
async def links(order_id: OrderId, call: Call) -> Response:
    """The order's valid links, newest first, without their tokens."""
    async with call.reading() as tx:
        found = await links_of(tx, call.actor, order_id, now=call.now)
    return call.show(GuestLinksView(items=[GuestLinkView.of(one, call.actor) for one in found]))


@router.delete(
    "/orders/{order_id}/guest-links/{link_id}",
    operation_id="orders_guest_link_revoke",
    status_code=204,
    responses=problems(NotFound, Forbidden),
)
async def revoke(order_id: OrderId, link_id: LinkId, call: Call, dry_run: DryRun = False) -> Response:
    """Revoke a link: at once in this service, and in the others once they receive the event. Repeating it is harmless."""

    async def work(tx: Transaction) -> None:
        await revoke_link(tx, call.actor, order_id, link_id, now=call.now)

    return await call.once("orders.guest_link_revoke", work, idempotent="optional", dry_run=dry_run)
