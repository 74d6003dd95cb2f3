"""The data types of the commands, rules and queries: frozen dataclasses."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, NamedTuple

from shared.contracts import lifecycle
from shared.contracts.events import (
    Cancellation,
    ClosingKind,
    Disposition,
    Fee,
    Fulfilment,
    OrderStatus,
    PartCancellation,
    RefundedBefore,
    TaxRow,
)
from shared.contracts.position import Position

Status = Literal["processing", "approved", "cancelled"]
Settlement = Literal["none", "unsettled", "settled", "failed"]
Outcome = Literal["succeeded", "failed"]
Cause = Literal["request", "cancellation", "payment", "part_cancellation", "adjustment", "overpaid", "history"]
AdjustmentKind = Literal["goodwill", "shipping", "overpaid"]
ShippingChoice = Literal["policy", "keep", "refund"]
AttentionKind = Literal["settled_twice", "failed_after_settled", "approved_above_collected", "paid_back_above_payment", "pay_to_missing"]


@dataclass(frozen=True, slots=True)
class Line:
    """One line of an order. `total` is the price of all its units, in minor units."""

    line: int
    sku: str
    quantity: int
    total: int
    stock_tracked: bool = False
    name: str = ""
    tax: int | None = None  # included in `total`; None: not known of an order that was copied before taxes were
    tax_rate: str | None = None
    tax_code: str | None = None


@dataclass(frozen=True, slots=True)
class KnownPayment:
    """A payment recorded on the order (if negative, a reversal of `reverses`), with the order version that it created."""

    payment_id: str
    amount: int
    order_version: int
    reverses: str | None = None
    method: str | None = None  # None: copied before methods were


@dataclass(frozen=True, slots=True)
class KnownClosing:
    """A difference that the shop let be, with the order version that it created."""

    kind: ClosingKind
    amount: int
    order_version: int


@dataclass(frozen=True, slots=True)
class KnownOrder:
    """The copy of an order, as of the newest version received."""

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
    part_cancellations: tuple[PartCancellation, ...] = ()
    shipping_tax: int | None = None
    shipping_tax_rate: str | None = None
    shipping_tax_code: str | None = None
    closings: tuple[KnownClosing, ...] = ()
    fulfilment: Fulfilment = "shipping"
    imported: bool = False
    refunded_before: RefundedBefore | None = None
    pay_to: dict[str, Any] | None = None  # personal: where the money goes that comes back by itself, as of a refund
    goods: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "goods", sum(line.total for line in self.lines))

    @property
    def total(self) -> int:
        """What was to be paid for the order."""
        return self.goods + self.shipping

    @property
    def collected(self) -> int:
        """Money known as collected: payments less reversals."""
        return sum(payment.amount for payment in self.payments)

    def brought_by(self, payment_id: str) -> int | None:
        """What of a payment stands after its reversals; None if the order has no such payment."""
        if all(payment.payment_id != payment_id or payment.reverses is not None for payment in self.payments):
            return None
        return sum(payment.amount for payment in self.payments if payment_id in (payment.payment_id, payment.reverses))

    def collected_upto(self, version: int) -> int:
        """Money collected up to a version of the order, without what is known to have been reversed since."""
        seen = sum(payment.amount for payment in self.payments if payment.order_version <= version)
        return max(0, min(seen, self.collected))

    @property
    def written_off(self) -> int:
        """What the shop does not ask for any more."""
        return self.written_off_upto(self.version)

    def written_off_upto(self, version: int) -> int:
        """What the shop did not ask for any more at a version of the order."""
        return sum(one.amount for one in self.closings if one.kind == "written_off" and one.order_version <= version)

    @property
    def kept(self) -> int:
        """What the shop keeps of what was paid too much."""
        return sum(one.amount for one in self.closings if one.kind == "kept")

    @property
    def collected_before(self) -> int:
        """Money that had been collected before the order was imported, whatever was reversed since."""
        return sum(payment.amount for payment in self.payments if payment.order_version == 1) if self.imported else 0

    @property
    def cancelled_before(self) -> bool:
        """Whether the order was imported as cancelled: what had been collected then was dealt with then."""
        return self.imported and self.cancellation is not None and self.cancellation.order_version == 1

    @property
    def stayed_before(self) -> int:
        """Of an order that was imported as cancelled: what had been collected, was not reversed since, and had not gone back."""
        if not self.cancelled_before:
            return 0
        first = {payment.payment_id for payment in self.payments if payment.order_version == 1}
        still = sum(payment.amount for payment in self.payments if payment.payment_id in first or payment.reverses in first)
        return max(0, still - (self.refunded_before or RefundedBefore()).amount)

    @property
    def furthest(self) -> OrderStatus:
        """How far the order got: its status, or the status from which it was cancelled."""
        return lifecycle.furthest(self.status, self.cancellation)

    @property
    def invoiced(self) -> bool:
        """Whether the order was ever confirmed, and so has or should have an invoice."""
        return lifecycle.invoiced(self.furthest)

    @property
    def goods_left(self) -> bool:
        """Whether the goods have left the shop: picked up, or later; what is digital never does."""
        return lifecycle.goods_left(self.furthest, self.fulfilment)


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
    """One version of a store's refund settings, in force from `valid_from` until a later version takes effect."""

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


TAX_TABLES = ("taxes", "payout_taxes")
"""The fields of a refund that are tables of taxes."""
TABLES = (*TAX_TABLES, "fees")
"""Every field of a refund that is stored as rows in its row."""
SHIPPING = 0
"""The part of an order that is its shipping; every other part is a line, by its number."""


@dataclass(frozen=True, slots=True)
class Credited:
    """What was credited of one part of an order so far, in how many credits."""

    amount: int = 0
    number: int = 0


@dataclass(frozen=True, slots=True)
class Ledger:
    """An order's copy with its refunds' claims, approvals and credits. While it is locked, nobody else can change any of it."""

    order: KnownOrder
    taken: Mapping[int, tuple[Units, ...]]  # units of open and approved refunds, by line
    slots: Mapping[int, int]  # the position of each line's units among all units ever sold
    approved: int  # money approved so far
    approvals: int  # number of approvals
    credits: Mapping[int, Credited] = field(default_factory=dict)  # by part; a part without credits may be missing

    @property
    def credited(self) -> dict[int, int]:
        """What was credited so far, by part."""
        return {part: one.amount for part, one in self.credits.items()}

    @property
    def position(self) -> Position:
        """What is due or overpaid, as far as this service knows."""
        order = self.order
        return Position(
            total=order.total, credited=sum(one.amount for one in self.credits.values()), collected=order.collected,
            paid_back=self.approved, written_off=order.written_off, kept=order.kept, cancelled=order.cancellation is not None,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class RefundLine:
    """A refund's part of one line, and what happens to the goods."""

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
    tax: int | None = None  # of `goods`
    tax_rate: str | None = None
    tax_code: str | None = None
    fee: int = 0  # kept of the line's goods: with `goods` their full value
    inspected: int = 0

    @property
    def waiting(self) -> int:
        """Units that are waiting for inspection."""
        return self.quantity - self.inspected if self.disposition == "inspect" else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundSummary:
    """A refund as lists and decisions need it; its fields are columns of its row."""

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
    credit: int
    version: int
    settled_amount: int = 0  # what of `amount` has gone back
    pay_to: dict[str, Any] | None = None  # personal: method, account, holder, and who said so and when
    decided_at: datetime | None = None
    overdue_at: datetime | None = None

    @property
    def left_to_send(self) -> int:
        """What has still to go back once it is approved."""
        return self.amount - self.settled_amount


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundRow(RefundSummary):
    """A refund in a list, with how many units it is of."""

    units: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Refund(RefundSummary):
    """A whole refund: the columns of its row, and its lines."""

    payment_id: str | None = None
    part_cancellation_id: str | None = None
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
    shipping_tax: int | None = None
    shipping_tax_rate: str | None = None
    shipping_tax_code: str | None = None
    shipping_kept_tax: int | None = None
    taxes: tuple[TaxRow, ...] = ()
    payout_taxes: tuple[TaxRow, ...] = ()
    fees: tuple[Fee, ...] = ()
    shipping_choice: ShippingChoice = "policy"  # whoever approved may keep or credit the shipping whatever the policy says
    shipping_reason: str = ""  # why; staff-only, as internal_reason
    explanation: dict[str, Any]
    requested_by: dict[str, Any]
    decided_by: dict[str, Any] | None = None
    lines: tuple[RefundLine, ...] = ()

    @property
    def deduct_shipping(self) -> bool:
        """Whether the shop keeps the shipping, by the refund's policy or its approval. Stored in the explanation, as an input."""
        return bool(self.explanation["deduct_shipping"])

    @property
    def claim(self) -> dict[int, tuple[Units, ...]]:
        """The refund's units by line."""
        return {line.line: line.units for line in self.lines if line.units}


@dataclass(frozen=True, slots=True, kw_only=True)
class SettlementReport:
    """A reported attempt to move a refund's money; `counts` is false for one that changed nothing: see rules.settlement."""

    number: int
    outcome: Outcome
    method: str
    reference: str
    amount: int
    payment_id: str | None
    reason: str
    counts: bool
    reported_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundJournalEntry:
    """Money of a refund that went back: a success that counts."""

    refund_id: str
    number: int
    method: str
    reference: str
    amount: int
    payment_id: str | None
    reported_at: datetime
    order_id: str
    order_number: str
    currency: str


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
    """An item that needs a person's attention; `key` identifies what opened it, so that it opens only once."""

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
