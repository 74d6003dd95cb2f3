"""Records payments on an order. Payments are append-only: a correction is a reversing record."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from services.orders.commands.change import Doing, changed, write
from services.orders.queries.orders import order_for
from services.orders.requests.changes import RecordPayment, ReversePayment
from services.orders.rules.payments import may_record, may_reverse, same_again, same_reference, standing
from services.orders.state import OrderState, Recorded
from services.orders.tables import payments
from shared.contracts.actor import Actor
from shared.contracts.errors import NotFound, expect_version
from shared.contracts.events import OrderPaymentRecorded, OrderPaymentReversed, Payment
from shared.contracts.ids import new_id
from shared.contracts.times import happened_at
from shared.data.db import Transaction


async def record_payment(
    tx: Transaction, actor: Actor, order_id: str, request: RecordPayment, *, now: datetime, expected_version: int | None = None
) -> Recorded:
    """Record money that was collected. Repeating the method, reference and figures changes nothing and returns the same result.

    Raises NotFound, Forbidden, Refused `payment_conflict` (known reference, other figures), VersionConflict, Invalid (future).
    """
    state = await order_for(tx, actor, order_id, lock=True)
    may_record(state.order, actor, request.amount).or_raise()
    existing = same_reference(state.order, request.method, request.reference)
    if existing is not None:
        same_again(existing, request).or_raise()
        return Recorded(state, new=False)
    expect_version(state.order.version, expected_version)
    at = happened_at(request.occurred_at, now=now)
    version = state.order.version + 1
    bought = state.order.lines_version
    payment = Payment.like(
        request, payment_id=new_id("payment"), order_version=version, lines_version=bought, occurred_at=at, recorded_at=now
    )
    after = _with(state, payment)
    await _insert(tx, actor, state, payment)
    details = _details(payment)
    await write(tx, after, OrderPaymentRecorded, Doing(actor, at, now), details, payment_id=payment.payment_id)
    return Recorded(after, new=True)


async def reverse_payment(
    tx: Transaction, actor: Actor, order_id: str, payment_id: str, request: ReversePayment, *, now: datetime,
    expected_version: int | None = None,
) -> OrderState:  # fmt: skip
    """Correct a payment with a record of the opposite amount: of all that still stands, or of a part.

    Raises NotFound, Forbidden, Refused, VersionConflict, Invalid.
    """
    state = await order_for(tx, actor, order_id, lock=True)
    expect_version(state.order.version, expected_version)
    reversed_one = next((payment for payment in state.order.payments if payment.payment_id == payment_id), None)
    if reversed_one is None:
        raise NotFound(detail="The order has no such payment.")
    may_reverse(state.order, reversed_one, actor, request.amount).or_raise()
    stood = standing(state.order)[payment_id]
    at = happened_at(request.occurred_at, now=now)
    reversal = reversed_one.model_copy(
        update={
            "payment_id": new_id("payment"), "amount": -(request.amount or stood), "courier_charge": None, "reverses": payment_id,
            "order_version": state.order.version + 1, "lines_version": state.order.lines_version, "occurred_at": at, "recorded_at": now,
        }
    )  # fmt: skip
    after = _with(state, reversal)
    await _insert(tx, actor, state, reversal, stood=stood)
    doing = Doing(actor, at, now, reason=request.reason)
    await write(tx, after, OrderPaymentReversed, doing, _details(reversal), payment_id=reversal.payment_id, reason=request.reason)
    return after


async def _insert(tx: Transaction, actor: Actor, state: OrderState, payment: Payment, *, stood: int | None = None) -> None:
    of_order = {"store_id": actor.store, "order_id": state.order.order_id, "placed_at": state.order.placed_at, "stood": stood}
    await tx.execute(sa.insert(payments).values(of_order | payment.model_dump()))


def _with(state: OrderState, payment: Payment) -> OrderState:
    order = state.order
    return changed(state, now=payment.recorded_at, payments=(*order.payments, payment), collected=order.collected + payment.amount)


def _details(payment: Payment) -> dict[str, Any]:
    return payment.model_dump(mode="json", include={"payment_id", "amount", "method", "reference", "reverses"})
