"""Hands an order to another customer, as a new version that changes nothing else."""

from datetime import datetime

from services.orders.commands.change import Doing, changed, write
from services.orders.queries.orders import order_for
from services.orders.requests.changes import HandOver
from services.orders.rules.hand_over import may_hand_over
from services.orders.state import OrderState
from services.orders.tables import orders
from shared.contracts.actor import Actor
from shared.contracts.errors import Refused, expect_version
from shared.contracts.events import OrderEdited
from shared.data import guests
from shared.data.db import Transaction
from shared.data.erasure import withhold_answers


async def hand_over(
    tx: Transaction, actor: Actor, order_id: str, request: HandOver, *, now: datetime, expected_version: int | None = None
) -> OrderState:
    """From now on the order is of `request.customer_id`, and its former customer no longer sees it; guests' links stay valid.

    Raises NotFound, Forbidden `platform_only`, VersionConflict, Refused `customer_was_erased`, `nothing_changed`.
    """
    state = await order_for(tx, actor, order_id, lock=True)
    expect_version(state.order.version, expected_version)
    may_hand_over(actor).or_raise()
    if await guests.is_revoked(tx, actor.store, order_id):
        raise Refused("customer_was_erased", "The customer of this order was erased; it stays theirs.")
    if request.customer_id == state.order.customer_id:
        raise Refused("nothing_changed", "The order is this customer's already.")
    after = changed(state, now=now, customer_id=request.customer_id)
    before, since = ({"customer_id": one.order.customer_id} for one in (state, after))
    details = {"fields": ["customer_id"], "before": before, "after": since}
    doing = Doing(actor, now, now, reason=request.reason)
    await write(tx, after, OrderEdited, doing, details, reason=request.reason, fields=("customer_id",))
    await withhold_answers(tx, orders, actor.store, order_id)
    return after
