"""Events of the order service: `order.*`, `stock.*`, `store_settings.*`, `customer.*`."""

from datetime import date, datetime
from typing import ClassVar, Literal

from shared.contracts.events.envelope import By, Event, Part, written_unless
from shared.contracts.events.order_parts import (
    Address,
    Cancellation,
    CancelledUnits,
    Closing,
    ExternalDocument,
    History,
    OrderLine,
    Parcel,
    PartCancellation,
    Payment,
    RefundedBefore,
    TaxRegistration,
    Tracking,
)
from shared.contracts.ids import ClosingId, LinkId, OrderId, ParcelId, PartCancellationId, PaymentId, RefundId
from shared.contracts.lifecycle import Fulfilment, OrderStatus
from shared.contracts.position import Position
from shared.contracts.times import Instant

MAX_ORDER_LINES = 2_000
MAX_LINE_NUMBER = 10_000
"""A line keeps its number while others come and go, so numbers go further than there are lines."""

PaymentState = Literal["paid", "unpaid"]
RefundState = Literal["none", "partial", "full"]


class Order(Part):
    """A whole order as of `version`, without personal data. Σ line totals + shipping = total."""

    order_id: OrderId
    number: str
    external_ref: str | None = None
    version: int
    status: OrderStatus
    currency: str
    language: str = "en"
    prices_include_tax: bool = True
    customer_id: str
    lines: tuple[OrderLine, ...]
    goods_total: int
    discount_total: int = 0
    tax_total: int = 0
    shipping: int  # what the customer pays for shipping: after its discount, with its tax
    shipping_tax: int = 0
    total: int
    payments: tuple[Payment, ...] = ()
    collected: int = 0
    payment: PaymentState
    refunded_total: int = 0  # Σ amounts of approved refunds: what goes back to the customer
    credited_total: int | None = None  # Σ credits of approved refunds: what the customer no longer owes
    shipping_kept_total: int = 0  # of a cancelled order: the part of the collected money that stays for shipping
    refund_state: RefundState = "none"
    lines_version: int = 1  # counts the versions of what was bought
    confirmed_version: int | None = None
    part_cancellations: tuple[PartCancellation, ...] = ()
    closings: tuple[Closing, ...] = ()
    tracking: Tracking | None = None  # of the first parcel that stands
    parcels: tuple[Parcel, ...] = ()
    fulfilment: Fulfilment = "shipping"
    shipping_method: str | None = None
    payment_method: str | None = None  # what is intended; what was paid stands in `payments`
    coupon_codes: tuple[str, ...] = ()
    supplied_on: date | None = None
    payment_due_on: date | None = None
    place_of_supply: str | None = None
    shipping_tax_rate: str | None = None  # per cent, as decimal text
    shipping_tax_code: str | None = None
    delivery_failed_at: Instant | None = None
    cancellation: Cancellation | None = None
    placed_at: Instant
    confirmed_at: Instant | None = None
    delivered_at: Instant | None = None
    imported: bool = written_unless(False)
    history: History | None = written_unless(None)  # of an imported order
    external_documents: tuple[ExternalDocument, ...] = written_unless(())

    def forgotten(self) -> "Order":
        """The order of an erased customer: without free-text reasons, and without numbers that lead to the customer's address."""
        cancellation = self.cancellation and self.cancellation.model_copy(update={"reason": ""})
        parts = tuple(one.model_copy(update={"reason": ""}) for one in self.part_cancellations)
        parcels = tuple(parcel.model_copy(update={"number": "", "url": None}) for parcel in self.parcels)
        return self.model_copy(update={"cancellation": cancellation, "tracking": None, "part_cancellations": parts, "parcels": parcels})

    @property
    def credited(self) -> int:
        """What the customer no longer owes (K). An event from before credits were counted says only what was paid back."""
        return self.refunded_total if self.credited_total is None else self.credited_total

    @property
    def refunded_before(self) -> RefundedBefore:
        """What had been refunded before the order was imported."""
        return (self.history and self.history.refunded) or RefundedBefore()

    @property
    def past(self) -> tuple[tuple[OrderStatus, datetime], ...]:
        """The statuses that an order had when it was recorded, each with its date, in order; of several at one instant, the last."""
        had: list[tuple[OrderStatus, datetime]] = [("pending", self.placed_at), *(self.history.steps if self.history else ())]
        if self.cancellation is not None and self.cancelled_before:
            had.append(("cancelled", self.cancellation.occurred_at))
        return tuple((status, at) for at, status in {at: status for status, at in had}.items())

    @property
    def cancelled_before(self) -> bool:
        """Whether the order was imported as cancelled: what had been collected for it was dealt with elsewhere."""
        return self.imported and self.cancellation is not None and self.cancellation.order_version == 1

    @property
    def position(self) -> Position:
        """What is due, or overpaid."""
        return Position(
            total=self.total,
            credited=self.credited,
            collected=self.collected,
            paid_back=self.refunded_total,
            written_off=sum(one.amount for one in self.closings if one.kind == "written_off"),
            kept=sum(one.amount for one in self.closings if one.kind == "kept"),
            cancelled=self.cancellation is not None,
        )


class PersonalLine(Part):
    """What a line's customer wants on it, such as an engraving."""

    line: int
    personalisation: str


class OrderPersonal(Part):
    """The personal part of an order event. `message` is what the actor wrote to the customer with this change."""

    customer_name: str = ""
    email: str = ""
    phone: str = ""
    shipping_address: Address | None = None
    billing_address: Address | None = None
    invoiced_address: Address | None = written_unless(None)  # the shipping address as at confirmation, which an invoice prints
    company: str = ""
    tax_numbers: tuple[TaxRegistration, ...] = ()
    buyer_reference: str = ""
    customer_note: str = ""
    lines: tuple[PersonalLine, ...] = ()
    message: str = ""


class OrderEvent(Event, readers=("refunds", "notes", "documents", "webhooks")):
    """One change of one order. Each version has exactly one event, and `sequence` is the version."""

    order: Order
    by: By
    personal: OrderPersonal = OrderPersonal()

    @property
    def subject(self) -> str:
        """The order's id."""
        return self.order.order_id


class OrderPlaced(OrderEvent, type="order.placed.v1"):
    """An order was placed."""


class OrderImported(OrderEvent, type="order.imported.v1"):
    """An order of the past was recorded, with all that had happened to it: nothing is sold or sent now."""


class OrderConfirmed(OrderEvent, type="order.confirmed.v1"):
    """The shop accepted the order; what its invoice shows is frozen from now on."""


class OrderPickedUp(OrderEvent, type="order.picked_up.v1"):
    """The goods left the shop's shelf."""


class OrderShipped(OrderEvent, type="order.shipped.v1"):
    """The parcel is with the carrier."""


class OrderDelivered(OrderEvent, type="order.delivered.v1"):
    """The customer has the goods."""


class OrderCancelled(OrderEvent, type="order.cancelled.v1"):
    """The order was cancelled; `order.cancellation` says from which status and by whom."""


class OrderDeliveryFailed(OrderEvent, type="order.delivery_failed.v1"):
    """A delivery was refused or failed."""

    reported_by: str
    reason: str


class OrderPaymentRecorded(OrderEvent, type="order.payment_recorded.v1"):
    """Money was collected; `payment_id` is among `order.payments`."""

    payment_id: PaymentId


class OrderPaymentReversed(OrderEvent, type="order.payment_reversed.v1"):
    """A recorded payment was corrected; `payment_id` is the reversing record."""

    payment_id: PaymentId
    reason: str


class OrderEdited(OrderEvent, type="order.edited.v1"):
    """Contact, an address, the tracking or what documents print was corrected, or the order has another customer; `fields` names what."""

    reason: str
    fields: tuple[str, ...]

    @property
    def hands_over(self) -> bool:
        """Whether the order has another customer since then: `order.customer_id`."""
        return "customer_id" in self.fields


class OrderAmended(OrderEvent, type="order.amended.v1"):
    """What was bought was changed before the shop accepted it; `order.lines_version` is one higher."""

    reason: str
    changed: tuple[Literal["lines", "shipping", "discount"], ...]
    total_before: int


class OrderPartCancelled(OrderEvent, type="order.part_cancelled.v1"):
    """Units were cancelled that never leave; the rest of the order goes on. The record is among `order.part_cancellations`."""

    part_cancellation_id: PartCancellationId
    lines: tuple[CancelledUnits, ...]
    reason: str


class OrderParcelsChanged(OrderEvent, type="order.parcels_changed.v1"):
    """A parcel was added, corrected or removed; all that stand are in `order.parcels`."""

    parcel_id: ParcelId
    change: Literal["added", "corrected", "removed"]


class OrderDifferenceClosed(OrderEvent, type="order.difference_closed.v1"):
    """The shop lets a difference be: what is still due, or was paid too much. The record is among `order.closings`."""

    closing_id: ClosingId


class OrderRefunded(OrderEvent, type="order.refunded.v1"):
    """The order's display copy of its refunds changed."""

    refund_id: RefundId


class StockMoved(Event, type="stock.moved.v1", readers=("webhooks",)):
    """One stock movement of one SKU. `cause` is unique, so that nothing counts twice; `sequence` counts the SKU's movements."""

    subjects: ClassVar[str] = "sku:.+"
    sku: str
    quantity: int  # signed: a reservation is negative
    on_hand: int  # the stock level afterwards
    cause: str
    order_id: OrderId | None = None

    @property
    def subject(self) -> str:
        """The SKU."""
        return f"sku:{self.sku}"


class StoreSettingsChanged(Event, type="store_settings.changed.v1", readers=("refunds", "documents", "webhooks")):
    """A store's order settings have a new version."""

    subjects: ClassVar[str] = "store_settings"
    version: int
    time_zone: str
    by: By

    @property
    def subject(self) -> str:
        """The settings themselves."""
        return "store_settings"


class GuestLinkRevoked(Event, type="guest_link.revoked.v1", readers=("refunds", "notes", "documents")):
    """A guest's link to one order was revoked: every service that guests can call stops accepting it."""

    subjects: ClassVar[str] = "guest_link:link_[0-9a-z]+"
    internal: ClassVar[bool] = True  # only the shop needs to know who can read an order by link
    link_id: LinkId
    order_id: OrderId
    expires_at: Instant
    by: By

    @property
    def subject(self) -> str:
        """The link; it is revoked only once."""
        return f"guest_link:{self.link_id}"


class CustomerErased(Event, type="customer.erased.v1", readers=("refunds", "notes", "documents", "webhooks")):
    """A customer asked to be erased: every service blanks personal data; amounts and issued documents stay."""

    subjects: ClassVar[str] = "customer:.+"
    customer_id: str
    order_ids: tuple[OrderId, ...]
    by: By

    @property
    def subject(self) -> str:
        """The customer."""
        return f"customer:{self.customer_id}"
