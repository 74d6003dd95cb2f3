"""Money recorded on an order: who may record it, and the payment and refund states that follow. Pure."""

from collections import Counter

from services.orders.requests.changes import RecordPayment
from shared.contracts.actor import Actor, Decision, allowed, refused, shop_only
from shared.contracts.events import Order, Payment, PaymentState, RefundState
from shared.contracts.money import MAX_AMOUNT_MINOR_UNITS
from shared.contracts.position import Position

from .room import MAX_PAYMENT_RECORDS


def payment_state(position: Position) -> PaymentState:
    """`paid` if nothing is due (product page, section 0; the seed's unpaid is cash on delivery; real-shops.md, section 0, "paid")."""
    return "paid" if position.paid else "unpaid"


def refund_state(position: Position, *, approved: int, units: int, ordered: int) -> RefundState:
    """`full` if approved refunds cover every unit, the whole total, or all money collected for a cancelled order.

    Else `partial` if there are any, or `none`. `approved` counts refunds, `units` and `ordered` count units.
    """
    if not approved:
        return "none"
    all_money = position.paid_back >= position.collected if position.cancelled else position.credited >= position.total
    return "full" if units >= ordered or all_money else "partial"


def same_reference(order: Order, method: str, reference: str) -> Payment | None:
    """The payment that already carries this method and reference, if any."""
    return next((p for p in order.payments if p.reverses is None and (p.method, p.reference) == (method, reference)), None)


def may_record(order: Order, actor: Actor, amount: int) -> Decision:
    """Whether `actor` may record `amount` minor units as collected. It is allowed in every status: late money is real money."""
    decision = shop_only(actor)
    if not decision.allowed:
        return decision
    if not _has_room(order, 2):
        return _too_many()
    if order.collected + amount > MAX_AMOUNT_MINOR_UNITS:
        return refused("amount_too_large", f"At most {MAX_AMOUNT_MINOR_UNITS} minor units can be collected for an order.")
    return allowed()


def same_again(existing: Payment, request: RecordPayment) -> Decision:
    """Whether a payment with a recorded method and reference is a repeat; another amount or courier's charge is a conflict.

    A repeat that says no charge contradicts none.
    """
    for figure in ("amount", "courier_charge"):
        recorded, given = getattr(existing, figure), getattr(request, figure)
        if given not in (None, recorded):
            return refused(
                "payment_conflict",
                f"This method and reference are recorded with another {figure.replace('_', ' ')}; to correct it, reverse it and record it "
                "under a new reference.",
                payment_id=existing.payment_id, figure=figure, recorded=recorded, given=given,
            )  # fmt: skip
    return allowed()


def standing(order: Order) -> Counter[str]:
    """What was not reversed of each payment, by its id."""
    stands = Counter[str]()
    for record in order.payments:
        stands[record.reverses or record.payment_id] += record.amount
    return stands


def may_reverse(order: Order, payment: Payment, actor: Actor, amount: int | None) -> Decision:
    """Whether `actor` may reverse `amount` of `payment`, or all that still stands of it (None)."""
    decision = shop_only(actor)
    if not decision.allowed:
        return decision
    if payment.reverses is not None:
        return refused("not_a_payment", "A reversal cannot be reversed; record the payment again under a new reference.")
    left = standing(order)[payment.payment_id]
    if left == 0:
        return refused("already_reversed", "This payment has already been reversed.")
    if amount is not None and amount > left:
        return refused("reversal_too_large", f"{left} minor units of this payment still stand; no more can be reversed.", left=left)
    if amount is not None and amount < left and not _has_room(order, 1):
        return _too_many()
    return allowed()


def _has_room(order: Order, more: int) -> bool:
    """Whether an event has room for `more` records and reversals to come: every payment that stands can still be reversed."""
    reversible = sum(stands > 0 for stands in standing(order).values())
    return len(order.payments) + reversible + more <= 2 * MAX_PAYMENT_RECORDS


def _too_many() -> Decision:
    return refused("too_many_payments", f"An order can hold at most {MAX_PAYMENT_RECORDS} payments, fewer if they were reversed in parts.")
