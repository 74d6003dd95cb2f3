"""Calls that place orders and read one."""

from fastapi import Response

from services.orders.commands.batch import place_batch
from services.orders.commands.draft import Shown
from services.orders.commands.place import place_order
from services.orders.commands.placing import Repeated
from services.orders.queries.orders import order_for, order_with_history
from services.orders.queries.settings import settings_of
from services.orders.requests.placing import PlaceBatch, PlaceOrder
from services.orders.rules.actions import actions
from services.orders.views.batch import BatchView, batch_json
from services.orders.views.orders import ActionsView, OrderDetails, OrderView, line_views
from shared.contracts.errors import Forbidden, NotFound, Refused, TooLarge
from shared.contracts.ids import OrderId
from shared.data.set_aside import one_row, set_aside
from shared.web.call import DRY_RUN_HEADER, MANY_VALUES, SHOP_ONLY, Call, DryRun, Router, answered, problems, rehearsed, replayed
from shared.web.views import actions as action_views

router = Router()

MAX_ORDER_BODY_BYTES = 3_000_000  # an order as large as an event may be, with every character written as an escape
MAX_BATCH_BODY_BYTES = 4_000_000

SHOWN = Shown(
    order=lambda state, actor: OrderView.of(state, actor).model_dump_json(),
    lines=lambda state, lines: [line.model_dump_json() for line in line_views(state, lines)],
)


@router.post(
    "/orders", operation_id="orders_order_place", status_code=201, response_model=OrderView,
    responses=problems(Refused, Forbidden, TooLarge), max_body_size=MAX_ORDER_BODY_BYTES, openapi_extra=SHOP_ONLY,
)  # fmt: skip
async def place(request: PlaceOrder, call: Call, dry_run: DryRun = False) -> Response:
    """Place an order, for platform and staff. The caller's figures are used if they add up; missing ones are computed.

    A dry run takes no number: where the series gives it, `number` is empty.
    """
    reservation = await call.reservation()
    assert reservation is not None
    placed = await place_order(call.db, call.actor, request, reservation, shown=SHOWN, now=call.now, dry_run=dry_run)
    if dry_run:
        return rehearsed(placed.stored)
    return replayed(placed.stored) if isinstance(placed, Repeated) else answered(placed.stored)


@router.post(
    "/orders/batch", operation_id="orders_batch_place", response_model=BatchView, responses=problems(Forbidden, TooLarge),
    max_body_size=MAX_BATCH_BODY_BYTES, openapi_extra=SHOP_ONLY | MANY_VALUES,
)  # fmt: skip
async def batch(request: PlaceBatch, call: Call, dry_run: DryRun = False) -> Response:
    """Place up to 1,000 orders, each independently. A repeat with the same key places only missing ones and returns the same response."""
    reservation = await call.reservation()
    assert reservation is not None
    key, path = reservation.key, call.request.url.path
    answers = await place_batch(call.db, call.actor, request, key, path, shown=SHOWN, now=call.now, dry_run=dry_run)
    headers = {DRY_RUN_HEADER: "true"} if dry_run else {}
    return Response(batch_json(answers), media_type="application/json", headers=headers)


@router.get("/orders/{order_id}", operation_id="orders_order_read", response_model=OrderDetails, responses=problems(NotFound))
async def one_order(order_id: OrderId, call: Call) -> Response:
    """One order with its timeline and what the caller may do with it."""
    async with call.reading() as tx:
        state, changes, unreadable = await order_with_history(tx, call.actor, order_id)
        settings = await settings_of(tx, call.actor.store)
    await set_aside(call.db, "changes", unreadable)
    decisions = actions(state.order, call.actor, settings, now=call.now)
    with one_row("orders", call.actor.store, order_id):
        details = OrderDetails.with_history(state, changes, decisions, call.actor)
    return call.show(details)


@router.get("/orders/{order_id}/actions", operation_id="orders_actions_read", response_model=ActionsView, responses=problems(NotFound))
async def may(order_id: OrderId, call: Call) -> Response:
    """What the caller may do with the order, and why not."""
    async with call.reading() as tx:
        order = (await order_for(tx, call.actor, order_id)).order
        settings = await settings_of(tx, call.actor.store)
    decisions = actions(order, call.actor, settings, now=call.now)
    return call.show(ActionsView(order_id=order_id, version=order.version, actions=action_views(decisions)))
