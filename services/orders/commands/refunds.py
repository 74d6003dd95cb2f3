"""Applies the refund service's decisions: restocks goods, once per cause, and updates the order's copy of its refunds."""

from dataclasses import replace
from datetime import datetime

from sqlalchemy.dialects.postgresql import insert

from services.orders.commands.change import Doing, changed, write
from services.orders.commands.stock import move
from services.orders.queries.orders import order_for
from services.orders.rules.stock import restocked_by_inspection, restocked_by_refund
from services.orders.tables import refunds
from shared.contracts.actor import Actor
from shared.contracts.events import OrderRefunded, RefundApproved, RefundInspected
from shared.data.db import Transaction


async def show_refund(tx: Transaction, actor: Actor, event: RefundApproved, *, now: datetime) -> None:
    """Restock the goods of an approved refund, and update the order's refunded total. A refund counts once, however often it arrives.

    Raises NotFound if the order does not exist (the event waits and is retried).
    """
    refund = event.refund
    state = await order_for(tx, actor, refund.order_id, lock=True)
    units = sum(line.quantity for line in refund.lines)
    row = {"store_id": actor.store, "refund_id": refund.refund_id, "order_id": refund.order_id, "units": units, "recorded_at": now}
    money = {"amount": refund.amount, "credit": refund.credited, "shipping_kept": refund.shipping_kept}
    counted = await tx.execute(insert(refunds).values(**row, **money).on_conflict_do_nothing())
    if counted.rowcount == 0:
        return
    is_counted = int(bool(units or refund.credited or state.order.cancellation))  # paying back what was overpaid refunds no goods
    with_refund = replace(state, refunds=state.refunds + is_counted, refunded_units=state.refunded_units + units)
    after = changed(
        with_refund,
        now=now,
        refunded_total=state.order.refunded_total + refund.amount,
        credited_total=state.order.credited + refund.credited,
        shipping_kept_total=state.order.shipping_kept_total + refund.shipping_kept,
    )
    back = restocked_by_refund(state.order, refund.refund_id, refund.lines)
    restocked = sum(movement.quantity for movement in back)
    details = {"refund_id": refund.refund_id, "amount": refund.amount, "credit": refund.credited, "restocked": restocked}
    await write(tx, after, OrderRefunded, Doing(actor, event.occurred_at, now), details, refund_id=refund.refund_id)
    await move(tx, actor, back, order_id=refund.order_id, reason="refund approved", now=now)


async def restock_inspected(tx: Transaction, actor: Actor, event: RefundInspected, *, now: datetime) -> None:
    """Restock the goods that passed an inspection. The order itself does not change. Raises NotFound."""
    order = (await order_for(tx, actor, event.refund.order_id, lock=True)).order
    back = restocked_by_inspection(order, str(event.inspection_id), event.lines)
    await move(tx, actor, back, order_id=order.order_id, reason="refund inspected", now=now)
