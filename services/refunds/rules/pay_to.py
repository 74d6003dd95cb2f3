"""Whether it is known where a refund's money can go."""

from services.refunds.state import KnownOrder, RefundSummary

CASH = ("cod", "cash_on_delivery")
"""Methods by which nothing can go back."""


def pay_to_missing(refund: RefundSummary, order: KnownOrder, upto: int) -> bool:
    """Whether money has to go back and nobody knows where: only cash was recorded up to the order's version `upto`, and nobody said where.

    Later payments do not count, so that it does not depend on when they are seen.
    """
    methods = {payment.method for payment in order.payments if payment.reverses is None and payment.order_version <= upto}
    return refund.left_to_send > 0 and refund.pay_to is None and bool(methods) and methods <= {*CASH}
