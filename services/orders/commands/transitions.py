"""Moves an order forward, and records failed deliveries."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from services.orders.commands.change import Doing, Revision, changed, revision, write, write_revision
from services.orders.queries.orders import order_for
from services.orders.requests.changes import DeliveryFailure, Transition
from services.orders.rules.parcels import is_shipped, tracked
from services.orders.rules.status import may_move, may_report_failed_delivery
from services.orders.state import OrderState
from shared.contracts.actor import Actor
from shared.contracts.errors import expect_version
from shared.contracts.events import OrderConfirmed, OrderDelivered, OrderDeliveryFailed, OrderEvent, OrderPickedUp, OrderShipped
from shared.contracts.ids import new_id
from shared.contracts.lifecycle import Step, reached
from shared.contracts.times import happened_at
from shared.data.db import Transaction

EVENT_OF: dict[Step, type[OrderEvent]] = {
    "confirmed": OrderConfirmed,
    "picked_up": OrderPickedUp,
    "shipped": OrderShipped,
    "delivered": OrderDelivered,
}


async def move_order(
    tx: Transaction, actor: Actor, order_id: str, request: Transition, *, now: datetime, expected_version: int | None = None
) -> OrderState:
    """Move an order forward, over any number of steps.

    Raises NotFound and what move_revision() raises.
    """
    one = move_revision(await order_for(tx, actor, order_id, lock=True), actor, request, now=now, expected_version=expected_version)
    await write_revision(tx, one)
    return one.after


def move_revision(state: OrderState, actor: Actor, request: Transition, *, now: datetime, expected_version: int | None = None) -> Revision:
    """What moving the order forward changes.

    Skipping `confirmed` confirms the order: `confirmed_at` is then the time of the step that was taken.
    Tracking corrects the first parcel, or makes it.
    Raises Forbidden, Refused (see rules.status.may_move, rules.parcels.tracked), VersionConflict, Invalid.
    """
    expect_version(state.order.version, expected_version)
    may_move(state.order, request.to, actor).or_raise()
    at = happened_at(request.occurred_at, now=now, not_before=state.order.placed_at)
    moved: dict[str, Any] = {"status": request.to}
    if state.order.confirmed_at is None and reached(request.to, "confirmed"):
        moved |= {"confirmed_at": at, "confirmed_version": state.order.version + 1}
    if request.to == "delivered":
        moved["delivered_at"] = at
    details: dict[str, Any] = {"from": state.order.status, "to": request.to}
    if request.tracking is not None:
        is_shipped(state.order).or_raise()
        moved["parcels"] = tracked(state.order, request.tracking, new_id("parcel"), now=now)
    after = changed(_invoiced(state) if "confirmed_version" in moved else state, now=now, **moved)
    if request.tracking is not None and after.order.tracking is not None:
        parcel = after.order.parcels[0]
        lines = {"lines": [one.model_dump() for one in parcel.lines]} if parcel.lines else {}
        details |= {"tracking": after.order.tracking.model_dump(), "parcel_id": parcel.parcel_id, **lines}
    return revision(after, EVENT_OF[request.to], Doing(actor, at, now, message=request.message), details)


def _invoiced(state: OrderState) -> OrderState:
    """With the shipping address that its invoice prints: as of now, whatever is corrected until the goods leave."""
    return replace(state, personal=state.personal.model_copy(update={"invoiced_address": state.personal.shipping_address}))


async def report_failed_delivery(
    tx: Transaction, actor: Actor, order_id: str, request: DeliveryFailure, *, now: datetime, expected_version: int | None = None
) -> OrderState:
    """Record that a delivery was refused or failed; the status does not change. Staff may then cancel an unpaid order.

    Raises NotFound, Forbidden, Refused `nothing_to_deliver`, VersionConflict, Invalid (an impossible time).
    """
    state = await order_for(tx, actor, order_id, lock=True)
    expect_version(state.order.version, expected_version)
    may_report_failed_delivery(state.order, actor).or_raise()
    at = happened_at(request.occurred_at, now=now, not_before=state.order.placed_at)
    reported_by = request.reported_by or actor.id
    after = changed(state, now=now, delivery_failed_at=at)
    doing = Doing(actor, at, now, message=request.message, reason=request.reason)
    await write(tx, after, OrderDeliveryFailed, doing, {"reported_by": reported_by}, reported_by=reported_by, reason=request.reason)
    return after
