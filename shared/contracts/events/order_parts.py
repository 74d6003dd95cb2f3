"""What an order's events are made of: addresses, lines, payments, cancellations, parcels, and what was before an import."""

from datetime import date, datetime
from typing import Literal

from shared.contracts.events.document import DocumentKind
from shared.contracts.events.envelope import By, Part, written_unless
from shared.contracts.ids import ClosingId, ParcelId, PartCancellationId, PaymentId
from shared.contracts.lifecycle import STEPS, OrderStatus, Step
from shared.contracts.times import Instant


class Address(Part):
    """A postal address in the parts of its country; only `country_code` (ISO 3166-1 alpha-2) is always there."""

    country_code: str
    name: str = ""
    company_name: str = ""
    street_address: str = ""
    city: str = ""
    city_area: str = ""
    country_area: str = ""
    postal_code: str = ""
    sorting_code: str = ""
    phone: str = ""


class Option(Part):
    """A choice that tells variants of an article apart: size, colour."""

    name: str
    value: str


class TaxRegistration(Part):
    """A registration of a company, such as `BIN 000123456-0101`; `scheme` is its UNTDID 1153 code (`VA`: a VAT number)."""

    label: str
    number: str
    scheme: str | None = None


class OrderLine(Part):
    """A line as it was placed; money in minor units of the order's currency.

    `total` is what the customer pays for the line: after its own discount and its share of the order's, with tax.
    """

    line: int  # 1-based position, the line's identity within its order
    sku: str
    name: str
    quantity: int
    unit_price: int | None = None
    subtotal: int  # quantity × unit price, before discounts
    discount: int = 0
    order_discount: int = 0  # this line's share of the order's discount
    tax: int = 0
    total: int
    stock_tracked: bool = False
    options: tuple[Option, ...] = written_unless(())
    tax_rate: str | None = written_unless(None)  # per cent, as decimal text
    tax_code: str | None = written_unless(None)
    commodity_code: str | None = written_unless(None)  # HS, HSN or CN
    cancelled: int = written_unless(0)  # units that were cancelled in part; the line's figures stay

    @property
    def left(self) -> int:
        """Units that were not cancelled."""
        return self.quantity - self.cancelled


class Payment(Part):
    """Money recorded on an order; a reversal is a payment with a negative amount that names what it `reverses`."""

    payment_id: PaymentId
    amount: int
    method: str
    reference: str
    collected_by: str | None = None
    courier_charge: int | None = written_unless(None)  # what the courier kept of it; it counts nowhere
    reverses: PaymentId | None = None
    order_version: int  # the order version that this record created: sorts it before or after the cancellation, whichever arrives first
    lines_version: int = 1  # what was bought when it was made, as its receipt prints it
    occurred_at: Instant
    recorded_at: Instant


class Cancellation(Part):
    """The record of a cancellation."""

    by: By
    cancelled_from: OrderStatus
    reason: str
    order_version: int
    occurred_at: Instant
    recorded_at: Instant  # decides which refund policy applies


class CancelledUnits(Part):
    """Units of a line that never leave; `released` are those whose stock was put back."""

    line: int
    quantity: int
    released: int = 0


class PartCancellation(Part):
    """The record of units that were cancelled while the rest of the order goes on. The order's total stays: it is credited."""

    part_cancellation_id: PartCancellationId
    by: By
    lines: tuple[CancelledUnits, ...]
    shipping: Literal["policy", "keep", "refund"] = "policy"
    reason: str
    order_version: int
    occurred_at: Instant
    recorded_at: Instant  # decides which refund policy applies


ClosingKind = Literal["written_off", "kept"]
ClosingReason = Literal["rounding", "shortage", "tip", "surplus", "other"]


class Closing(Part):
    """A difference that the shop lets be: a tolerance, not money. `written_off` is not asked for any more, `kept` not paid back."""

    closing_id: ClosingId
    kind: ClosingKind
    amount: int
    reason: ClosingReason
    by: By
    occurred_at: Instant
    order_version: int


class Tracking(Part):
    """Where the parcel can be followed."""

    carrier: str
    number: str
    url: str | None = None


class ParcelLine(Part):
    """How many units of a line are in a parcel."""

    line: int
    quantity: int


class Parcel(Part):
    """One parcel of an order. Without `lines` it says nothing of its contents."""

    parcel_id: ParcelId
    carrier: str
    number: str
    url: str | None = None
    lines: tuple[ParcelLine, ...] = ()
    shipped_at: Instant | None = None
    delivered_at: Instant | None = None


class RefundedUnits(Part):
    """Units of a line that had come back before the import, and the money that had gone back for the line."""

    line: int
    quantity: int
    amount: int


class RefundedBefore(Part):
    """What had been refunded before the import; minor units."""

    lines: tuple[RefundedUnits, ...] = ()
    shipping: int = 0

    @property
    def amount(self) -> int:
        """All the money that had gone back."""
        return self.shipping + sum(one.amount for one in self.lines)


class History(Part):
    """What had happened to an order before it was imported; it never changes. A cancellation stands in the order's own record of it."""

    confirmed_at: Instant | None = None
    picked_up_at: Instant | None = None
    shipped_at: Instant | None = None
    delivered_at: Instant | None = None
    refunded: RefundedBefore | None = None

    @property
    def steps(self) -> tuple[tuple[Step, datetime], ...]:
        """The steps that were taken, each with its date, in order."""
        dates = ((step, getattr(self, f"{step}_at")) for step in STEPS)
        return tuple((step, at) for step, at in dates if at is not None)


class ExternalDocument(Part):
    """A document that another system issued for the order, with the version of the order that named it."""

    kind: DocumentKind
    number: str
    issued_on: date
    order_version: int
