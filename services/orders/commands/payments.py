"""Records payments on an order. Payments are append-only: a correction is a reversing record."""

from datetime import datetime
from typing import Any

from services.orders.commands.change import Doing, Revision, changed, revision, write, write_revision
from services.orders.queries.orders import order_for
from services.orders.requests.changes import RecordPayment, ReversePayment
from services.orders.rules.payments import may_record, may_reverse, same_again, same_reference, standing
from services.orders.state import OrderState, Recorded
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

    Raises NotFound and what payment_revision() raises.
    """
    state = await order_for(tx, actor, order_id, lock=True)
    one = payment_revision(state, actor, request, now=now, expected_version=expected_version)
    if one is None:
        return Recorded(state, new=False)
    await write_revision(tx, one)
    return Recorded(one.after, new=True)


def payment_revision(
    state: OrderState, actor: Actor, request: RecordPayment, *, now: datetime, expected_version: int | None = None
) -> Revision | None:
    """What recording the payment changes; None if it is recorded already.

    Raises Forbidden, Refused `payment_conflict` (known reference, other figures), VersionConflict, Invalid (future).
    """
    may_record(state.order, actor, request.amount).or_raise()
    existing = same_reference(state.order, request.method, request.reference)
    if existing is not None:
        same_again(existing, request).or_raise()
        return None
    expect_version(state.order.version, expected_version)
    at = happened_at(request.occurred_at, now=now)
    version = state.order.version + 1
    bought = state.order.lines_version
    payment = Payment.like(
        request, payment_id=new_id("payment"), order_version=version, lines_version=bought, occurred_at=at, recorded_at=now
    )
    after, doing = _with(state, payment), Doing(actor, at, now)
    return revision(after, OrderPaymentRecorded, doing, _details(payment), money=payment, payment_id=payment.payment_id)


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
    doing, said = Doing(actor, at, now, reason=request.reason), {"payment_id": reversal.payment_id, "reason": request.reason}
    await write(tx, after, OrderPaymentReversed, doing, _details(reversal), money=reversal, stood=stood, **said)
    return after


def _with(state: OrderState, payment: Payment) -> OrderState:
    order = state.order
    return changed(state, now=payment.recorded_at, payments=(*order.payments, payment), collected=order.collected + payment.amount)


def _details(payment: Payment) -> dict[str, Any]:
    return payment.model_dump(mode="json", include={"payment_id", "amount", "method", "reference", "reverses"})
