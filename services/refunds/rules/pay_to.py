"""Where a refund's money goes, and whether that is known."""

from datetime import datetime
from typing import Any

from services.refunds.requests import PayTo
from services.refunds.state import KnownOrder, RefundSummary
from shared.contracts.actor import Actor
from shared.contracts.events import By

CASH = ("cod", "cash_on_delivery")
"""Methods by which nothing can go back."""


def account(said: PayTo | None, actor: Actor, *, now: datetime) -> dict[str, Any] | None:
    """An account as it is kept, with who said so and when: no event tells of it, and the shop must see who last said where money goes."""
    return None if said is None else said.model_dump() | {"by": By.of(actor).model_dump(), "at": now.isoformat()}


def pay_to_missing(refund: RefundSummary, order: KnownOrder, upto: int) -> bool:
    """Whether money has to go back and nobody knows where: only cash was recorded up to the order's version `upto`, and nobody said where.

    Later payments do not count, so that it does not depend on when they are seen.
    """
    methods = {payment.method for payment in order.payments if payment.reverses is None and payment.order_version <= upto}
    return refund.left_to_send > 0 and refund.pay_to is None and bool(methods) and methods <= {*CASH}
