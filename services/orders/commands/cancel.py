"""Cancelling: records who and why, and restocks goods that had not left; the refund service handles the rest."""

from datetime import datetime

from services.orders.commands.change import Doing, changed, write
from services.orders.commands.stock import move
from services.orders.queries.orders import order_for
from services.orders.queries.settings import settings_of
from services.orders.requests.changes import CancelRequest, PartCancelRequest
from services.orders.rules.cancel import lines_to_release, may_cancel
from services.orders.rules.parcels import unpacked
from services.orders.rules.part_cancel import cancelled_units, may_cancel_in_part, released, with_cancelled
from services.orders.rules.stock import Movement
from services.orders.state import OrderState
from shared.contracts.actor import Actor, Decision
from shared.contracts.errors import expect_version
from shared.contracts.events import Cancellation, Order, OrderCancelled, OrderPartCancelled, PartCancellation
from shared.contracts.ids import new_id
from shared.data.db import Transaction


async def cancel_order(
    tx: Transaction, actor: Actor, order_id: str, request: CancelRequest, *, now: datetime, expected_version: int | None = None
) -> OrderState:
    """Cancel an order; release the goods that had not left.

    Raises NotFound (no such order for this actor), Forbidden, Refused (see rules.cancel.may_cancel), VersionConflict.
    """
    state = await order_for(tx, actor, order_id, lock=True)
    expect_version(state.order.version, expected_version)
    settings = await settings_of(tx, actor.store)
    may_cancel(state.order, actor, settings.cancel_preset, settings.customer_cancel_until).or_raise()
    doing = Doing(actor, now, now, message=request.message, reason=request.reason)
    cancellation = Cancellation(
        by=doing.by, cancelled_from=state.order.status, reason=request.reason,
        order_version=state.order.version + 1, occurred_at=now, recorded_at=now,
    )  # fmt: skip
    after = changed(state, now=now, status="cancelled", cancellation=cancellation)
    back = [Movement(line.sku, line.left, f"cancelled:{order_id}:{line.line}") for line in lines_to_release(state.order)]
    await write(tx, after, OrderCancelled, doing, {"from": state.order.status, "released": len(back)})
    await move(tx, actor, back, order_id=order_id, reason="order cancelled", now=now)
    return after


async def cancel_in_part(
    tx: Transaction, actor: Actor, order_id: str, request: PartCancelRequest, *, now: datetime, expected_version: int | None = None
) -> OrderState:
    """Cancel units that never leave, and release their stock. The total stays: the refund service credits them.

    Units that are packed but have not left come out of their parcels, so that no parcel holds what was cancelled.

    Raises NotFound, Forbidden, VersionConflict, Invalid and Refused (see rules.part_cancel).
    """
    state = await order_for(tx, actor, order_id, lock=True)
    expect_version(state.order.version, expected_version)
    may_cancel_in_part(state.order, actor).or_raise()
    units, record_id = cancelled_units(state.order, request.lines), new_id("part_cancellation")
    doing = Doing(actor, now, now, message=request.message, reason=request.reason)
    record = PartCancellation(
        part_cancellation_id=record_id, by=doing.by, lines=units, shipping=request.shipping, reason=request.reason,
        order_version=state.order.version + 1, occurred_at=now, recorded_at=now,
    )  # fmt: skip
    lines = with_cancelled(state.order.lines, units)
    records, parcels = (*state.order.part_cancellations, record), unpacked(state.order.parcels, lines)
    after = changed(state, now=now, lines=lines, part_cancellations=records, parcels=parcels)
    details = {"part_cancellation_id": record_id, "lines": [one.model_dump() for one in units]}
    also = {"part_cancellation_id": record_id, "lines": units, "reason": request.reason}
    await write(tx, after, OrderPartCancelled, doing, details, **also)
    await move(tx, actor, released(state.order, units, record_id), order_id=order_id, reason="part of the order cancelled", now=now)
    return after


async def cancel_outlook(tx: Transaction, actor: Actor, order_id: str, *, expected_version: int | None = None) -> tuple[Order, Decision]:
    """The order, and whether `actor` may cancel it now. Raises NotFound, VersionConflict."""
    order = (await order_for(tx, actor, order_id)).order
    expect_version(order.version, expected_version)
    settings = await settings_of(tx, actor.store)
    return order, may_cancel(order, actor, settings.cancel_preset, settings.customer_cancel_until)
