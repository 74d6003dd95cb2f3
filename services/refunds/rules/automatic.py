"""Automatic refunds: for a cancelled order, and for money recorded after its cancellation.

Decided from the copy alone and keyed by order or payment, so the refunds are the same whatever the order in which events arrive.
"""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from services.refunds.state import KnownOrder, Policy
from shared.contracts.events import By, Cancellation, PartCancellation


@dataclass(frozen=True, slots=True)
class Already:
    """The order's refunds so far: approved money, shipping credited before the cancellation, shipping kept since.

    `keys` are those of its automatic refunds (None: the cancellation's).
    """

    approved: int = 0
    shipping_credited: int = 0  # before the cancellation
    shipping_kept: int = 0
    keys: Collection[str | None] = ()


@dataclass(frozen=True, slots=True)
class Due:
    """An automatic refund that must be created now; `key` is the payment's id, or None for the cancellation itself."""

    key: str | None
    order_version: int  # of its cause, so it does not depend on what else was known when the refund was created
    amount: int
    shipping_kept: int
    collected: int  # up to its cause, without payments known to be reversed
    kept_at_most: int
    stayed: int = 0  # of what had been collected before an import: what had not gone back

    @property
    def cause(self) -> Literal["cancellation", "payment"]:
        """The cause of the refund."""
        return "cancellation" if self.key is None else "payment"


def keeps_shipping(part: PartCancellation, policy: Policy) -> bool:
    """Whether the shop keeps the cancelled units' share of the shipping: as whoever cancelled them said, or by the policy of then."""
    return policy.deduct_shipping if part.shipping == "policy" else part.shipping == "keep"


def if_cancelled(order: KnownOrder, *, now: datetime) -> KnownOrder:
    """The order as its cancellation at `now` would leave it."""
    cancellation = Cancellation(
        by=By(role="system", id="refunds"), cancelled_from=order.status, reason="", order_version=order.version + 1, occurred_at=now,
        recorded_at=now,
    )  # fmt: skip
    return replace(order, status="cancelled", version=order.version + 1, cancellation=cancellation)


def due_refunds(order: KnownOrder, policy: Policy, already: Already) -> list[Due]:
    """The automatic refunds still due for a cancelled order, in the order of the events that cause them.

    Product section 2: with kept = the shipping if the goods had left and `deduct_shipping` is on, else 0, each pays
    max(0, collected so far − kept) − already approved; none is created if there is neither money, nor shipping kept, nor goods that had
    left. A payment that is wholly kept makes one of 0 that says so, because kept shipping is invoiced (real-shops.md, case 52).
    `policy` is the one in force at the cancellation. Money that is already known to be reversed counts as not collected.
    An order that was imported as cancelled was dealt with then: only what is recorded afterwards goes back, and all of it.
    """
    if order.cancellation is None:
        return []
    keeps = policy.deduct_shipping and order.goods_left and not order.cancelled_before
    kept_at_most, stayed = order.shipping - already.shipping_credited if keeps else 0, order.stayed_before
    approved, kept, due = already.approved, already.shipping_kept, []
    for key, version, collected in _collected_by_cause(order):
        if key in already.keys:
            continue
        amount = max(0, max(0, collected - stayed - kept_at_most) - approved)
        shipping_kept = max(0, min(kept_at_most, collected - stayed - approved - amount) - kept)
        if amount == 0 and shipping_kept == 0 and not (key is None and order.goods_left):
            continue
        due.append(Due(key, version, amount, shipping_kept, collected, kept_at_most, stayed))
        approved, kept = approved + amount, kept + shipping_kept
    return due


def _collected_by_cause(order: KnownOrder) -> list[tuple[str | None, int, int]]:
    """The cancellation (None, unless it was imported) and each payment after it of which something stands, each with its version and the
    money collected up to it and not reversed.
    """
    if order.cancellation is None:
        return []
    cancelled, stands = order.cancellation.order_version, Counter[str]()
    for payment in order.payments:
        stands[payment.reverses or payment.payment_id] += payment.amount
    later = [
        payment
        for payment in sorted(order.payments, key=lambda payment: payment.order_version)
        if payment.order_version > cancelled and payment.amount > 0 and stands[payment.payment_id] > 0
    ]

    first: list[tuple[str | None, int]] = [] if order.cancelled_before else [(None, cancelled)]
    causes = [*first, *((payment.payment_id, payment.order_version) for payment in later)]
    return [(key, version, order.collected_upto(version)) for key, version in causes]
