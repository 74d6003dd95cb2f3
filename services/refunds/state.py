"""What commands, rules and queries work on: frozen values of the service's own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, NamedTuple

from shared.contracts import lifecycle
from shared.contracts.events import Cancellation, Disposition, OrderStatus

Status = Literal["processing", "approved", "cancelled"]
Settlement = Literal["none", "unsettled", "settled", "failed"]
Outcome = Literal["succeeded", "failed"]
Cause = Literal["request", "cancellation", "payment"]
AttentionKind = Literal["settled_twice", "failed_after_settled", "approved_above_collected"]


@dataclass(frozen=True, slots=True)
class Line:
    """What was bought on one line: `total` in minor units is what the customer pays for all its units."""

    line: int
    sku: str
    quantity: int
    total: int
    stock_tracked: bool = False
    name: str = ""


@dataclass(frozen=True, slots=True)
class KnownPayment:
    """Money recorded on the order (negative: a reversal of `reverses`), with the order version that it made."""

    payment_id: str
    amount: int
    order_version: int
    reverses: str | None = None


@dataclass(frozen=True, slots=True)
class KnownOrder:
    """The copy of an order as of its newest version seen."""

    order_id: str
    number: str
    customer_id: str
    version: int
    status: OrderStatus
    currency: str
    lines: tuple[Line, ...]
    shipping: int
    payments: tuple[KnownPayment, ...] = ()
    delivered_at: datetime | None = None
    cancellation: Cancellation | None = None
    goods: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "goods", sum(line.total for line in self.lines))

    @property
    def collected(self) -> int:
        """Money known as collected: payments less reversals."""
        return sum(payment.amount for payment in self.payments)

    @property
    def furthest(self) -> OrderStatus:
        """How far the order got: its status, or the one that it was cancelled from."""
        return lifecycle.furthest(self.status, self.cancellation)

    @property
    def invoiced(self) -> bool:
        """Whether the order was ever confirmed, and so has an invoice or is due one."""
        return lifecycle.invoiced(self.furthest)

    @property
    def goods_left(self) -> bool:
        """Whether the goods have left the shop: picked up, or later."""
        return lifecycle.goods_left(self.furthest)


class Units(NamedTuple):
    """Units `first`..`last` of a line: 1-based, inclusive."""

    first: int
    last: int

    @property
    def size(self) -> int:
        """How many units."""
        return self.last - self.first + 1


DEFAULT_REASONS = ("damaged", "wrong_item", "not_as_described", "arrived_late", "no_longer_wanted", "other")


@dataclass(frozen=True, slots=True)
class Policy:
    """One version of a store's refund settings, in force from `valid_from` until a later one is."""

    version: int
    valid_from: datetime
    manage_stock: bool = False
    attachments: bool = True
    deduct_shipping: bool = False
    window_days: int | None = None
    reasons: Sequence[str] = DEFAULT_REASONS
    overdue_after_hours: int = 48
    saved_by: dict[str, Any] | None = None  # None for the defaults
    saved_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Ledger:
    """An order's copy with everything that its refunds hold of it. While it is locked, nobody else changes any of it."""

    order: KnownOrder
    taken: Mapping[int, tuple[Units, ...]]  # units of open and approved refunds, by line
    slots: Mapping[int, int]  # the place of each line's units among all units ever sold
    approved: int  # money approved so far
    approvals: int  # and in how many approvals


@dataclass(frozen=True, slots=True)
class RefundLine:
    """What a refund takes of one line, and what becomes of it."""

    line: int
    sku: str
    name: str
    units: tuple[Units, ...]
    quantity: int
    goods: int
    shipping: int
    disposition: Disposition
    stock_tracked: bool
    restock: int
    not_restocked_because: str | None
    inspected: int = 0

    @property
    def waiting(self) -> int:
        """Units that wait to be inspected."""
        return self.quantity - self.inspected if self.disposition == "inspect" else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundSummary:
    """A refund as lists show it and as decisions look at it; field for field columns of its row."""

    refund_id: str
    order_id: str
    order_number: str
    requested_at: datetime
    status: Status
    settlement: Settlement
    cause: Cause
    customer_id: str
    reason: str
    currency: str
    amount: int
    version: int
    decided_at: datetime | None = None
    overdue_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Refund(RefundSummary):
    """A whole refund; field for field its row, and its lines."""

    payment_id: str | None = None
    order_version: int
    order_invoiced: bool
    policy_version: int
    description: str = ""
    further_information: str = ""
    beyond_window_reason: str = ""
    message: str = ""
    internal_reason: str = ""
    goods: int
    shipping: int
    overpaid: int = 0
    shipping_kept: int = 0
    explanation: dict[str, Any]
    requested_by: dict[str, Any]
    decided_by: dict[str, Any] | None = None
    lines: tuple[RefundLine, ...] = ()

    @property
    def deduct_shipping(self) -> bool:
        """Whether its policy keeps the shipping: an input of its amount, and stored as one."""
        return bool(self.explanation["deduct_shipping"])

    @property
    def claim(self) -> dict[int, tuple[Units, ...]]:
        """Its units by line."""
        return {line.line: line.units for line in self.lines if line.units}


@dataclass(frozen=True, slots=True, kw_only=True)
class SettlementReport:
    """A reported attempt to move a refund's money; `counts` is false for what came after the first success."""

    number: int
    outcome: Outcome
    method: str
    reference: str
    reason: str
    counts: bool
    reported_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A customer's file that was checked and stored."""

    attachment_id: str
    customer_id: str
    name: str
    media_type: str
    size_bytes: int
    sha256: str
    uploaded_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Attention:
    """An item that needs a person's attention; `key` is what opened it, so that it opens once."""

    attention_id: str
    kind: AttentionKind
    key: str
    order_id: str
    refund_id: str | None = None
    facts: dict[str, Any]
    opened_at: datetime
    closed_at: datetime | None = None
    closed_by: dict[str, Any] | None = None
    note: str = ""
