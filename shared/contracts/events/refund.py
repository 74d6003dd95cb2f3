"""Events of the refund service: `refund.*` and `refund_policy.*`."""

from typing import ClassVar, Literal
from uuid import UUID

from shared.contracts.events.envelope import By, Event, Part, written_unless
from shared.contracts.ids import OrderId, PartCancellationId, PaymentId, RefundId
from shared.contracts.times import Instant

Disposition = Literal["restock", "inspect", "discard", "never_left"]


class UnitRange(Part):
    """Units `first`..`last` of a line (1-based, inclusive)."""

    first: int
    last: int


class TaxRow(Part):
    """The tax of one code and rate: net + tax = gross, in minor units."""

    tax_code: str | None = None
    tax_rate: str | None = None  # percent
    net: int
    tax: int
    gross: int


class Fee(Part):
    """A named part of the value that is not credited."""

    name: str
    amount: int


class RefundLine(Part):
    """What one refund covers of one line; it credits goods + shipping, in minor units.

    A line of quantity 0 covers money only (a later payment of a cancelled order, whose units the first refund took).
    """

    line: int
    sku: str
    quantity: int
    units: tuple[UnitRange, ...]
    goods: int
    shipping: int
    fee: int = 0  # kept of the line's goods: goods + fee is their full value; the rest of the refund's fees is kept of its shipping
    tax: int | None = None  # of `goods`, decided with the approval; None: written before refunds said their tax
    tax_rate: str | None = None
    tax_code: str | None = None
    disposition: Disposition
    restock: int = 0  # units to put back now: 0 unless the disposition is restock and the line was stock-tracked
    not_restocked_because: str | None = None


class Refund(Part):
    """A whole refund as of its `version`; the lines add up to goods and shipping.

    `credit` = goods + shipping is what the customer no longer owes; `amount` is what of it, and of `overpaid`, is paid out.
    """

    refund_id: RefundId
    order_id: OrderId
    order_number: str
    customer_id: str
    version: int
    status: Literal["processing", "approved", "cancelled"]
    settlement: Literal["none", "unsettled", "settled", "failed"]  # none: not approved, or nothing to pay
    cause: Literal["request", "cancellation", "payment", "part_cancellation", "adjustment", "overpaid", "history"]
    payment_id: PaymentId | None = None  # only where the cause is payment
    order_version: int  # of the order copy that it was decided on: documents waits until its own copy has that version
    order_invoiced: bool = False  # whether the order was confirmed or later at that version
    policy_version: int
    reason: str
    currency: str
    amount: int
    credit: int | None = None
    goods: int
    shipping: int
    overpaid: int = 0  # collected above the order's total, which a cancellation pays back too
    shipping_kept: int = 0  # cancelled orders only: the part of the collected money that stays for shipping and is invoiced
    fees: tuple[Fee, ...] = ()
    shipping_tax: int | None = None  # of `shipping`, as a line's tax
    shipping_tax_rate: str | None = written_unless(None)
    shipping_tax_code: str | None = written_unless(None)
    shipping_kept_tax: int | None = None
    taxes: tuple[TaxRow, ...] = ()  # of the credit
    payout_taxes: tuple[TaxRow, ...] = ()  # of the amount less what was overpaid: what a refund receipt prints
    settled_amount: int = 0  # what of `amount` has gone back
    part_cancellation_id: PartCancellationId | None = None  # only where the cause is part_cancellation
    lines: tuple[RefundLine, ...]
    requested_at: Instant
    decided_at: Instant | None = None

    @property
    def credited(self) -> int:
        """What the customer no longer owes. An event from before credits were told apart credited what it paid, but what was overpaid."""
        return self.amount - self.overpaid if self.credit is None else self.credit


class RefundPersonal(Part):
    """Free text of a refund that its customer may read. The staff's internal reason is in no event."""

    description: str = ""
    further_information: str = ""
    message: str = ""


class RefundEvent(Event):
    """One change of one refund; `sequence` counts the order's events in the refund service."""

    refund: Refund
    by: By
    personal: RefundPersonal = RefundPersonal()

    @property
    def subject(self) -> str:
        """The order's id."""
        return self.refund.order_id


class RefundRequested(RefundEvent, type="refund.requested.v1", readers=("notes", "documents", "webhooks")):
    """A customer requested a refund, or staff did so for them."""


class RefundApproved(RefundEvent, type="refund.approved.v1", readers=("orders", "notes", "documents", "webhooks")):
    """The refund will be paid; this is final. Carries amount, lines and dispositions, so that no consumer needs to call back."""


class RefundCancelled(RefundEvent, type="refund.cancelled.v1", readers=("notes", "webhooks")):
    """The refund was declined, withdrawn, or superseded by the order's cancellation."""


class RefundSettled(RefundEvent, type="refund.settled.v1", readers=("notes", "webhooks")):
    """The platform moved the money: all of it, or the last part. `amount` is this part; None: written before there were parts."""

    reference: str
    method: str
    amount: int | None = None
    payment_id: PaymentId | None = None  # the payment that the money went back to, if it was said


class RefundPartSettled(RefundEvent, type="refund.part_settled.v1", readers=("notes", "webhooks")):
    """The platform moved a part of the money; `refund.settled_amount` is what has gone back so far."""

    reference: str
    method: str
    amount: int
    payment_id: PaymentId | None = None


class RefundSettlementFailed(RefundEvent, type="refund.settlement_failed.v1", readers=("notes", "webhooks")):
    """The platform could not move the money; it may be tried again."""

    reference: str
    reason: str
    method: str | None = None
    amount: int | None = None
    payment_id: PaymentId | None = None


class InspectedLine(Part):
    """What happened to inspected units."""

    line: int
    sku: str
    quantity: int
    disposition: Literal["restock", "discard"]
    restock: int


class RefundInspected(RefundEvent, type="refund.inspected.v1", readers=("orders",)):
    """Returned goods that waited for inspection were inspected; `inspection_id` is the cause of their stock movements."""

    internal: ClassVar[bool] = True  # what the shop found stays with its staff
    inspection_id: UUID
    lines: tuple[InspectedLine, ...]


class RefundPolicyChanged(Event, type="refund_policy.changed.v1", readers=("webhooks",)):
    """A store's refund policy has a new version."""

    subjects: ClassVar[str] = "refund_policy"
    version: int
    valid_from: Instant
    manage_stock: bool
    attachments: bool
    deduct_shipping: bool
    by: By

    @property
    def subject(self) -> str:
        """The policy itself."""
        return "refund_policy"
