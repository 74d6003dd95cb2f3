"""Every message that one service sends to another. Read this first.

An event is a frozen fact in the past tense. `order.*` events carry the whole current order with its version, so that
a consumer keeps a copy by "newer version wins" and never calls back. Everything personal (names, addresses, contact, free
text) sits in the one section `personal`, so that redaction and erasure know where it is.

A reader ignores fields that it does not know, so that adjacent versions can read each other; a writer never removes a field.
`readers` are the services that must receive the type: the broker's bindings are made from it, and a test compares it with
what each service subscribes to.
"""

from shared.contracts.events.document import DocumentIssued as DocumentIssued
from shared.contracts.events.document import DocumentKind as DocumentKind
from shared.contracts.events.envelope import MAX_EVENT_BYTES as MAX_EVENT_BYTES
from shared.contracts.events.envelope import MAX_MESSAGE_BYTES as MAX_MESSAGE_BYTES
from shared.contracts.events.envelope import By as By
from shared.contracts.events.envelope import Envelope as Envelope
from shared.contracts.events.envelope import Event as Event
from shared.contracts.events.envelope import Part as Part
from shared.contracts.events.envelope import event_bytes as event_bytes
from shared.contracts.events.envelope import written_unless as written_unless
from shared.contracts.events.note import NoteAdded as NoteAdded
from shared.contracts.events.note import NoteEdited as NoteEdited
from shared.contracts.events.note import NoteEvent as NoteEvent
from shared.contracts.events.note import NoteRetracted as NoteRetracted
from shared.contracts.events.note import NoteText as NoteText
from shared.contracts.events.order import MAX_LINE_NUMBER as MAX_LINE_NUMBER
from shared.contracts.events.order import MAX_ORDER_LINES as MAX_ORDER_LINES
from shared.contracts.events.order import CustomerErased as CustomerErased
from shared.contracts.events.order import GuestLinkRevoked as GuestLinkRevoked
from shared.contracts.events.order import Order as Order
from shared.contracts.events.order import OrderAmended as OrderAmended
from shared.contracts.events.order import OrderCancelled as OrderCancelled
from shared.contracts.events.order import OrderConfirmed as OrderConfirmed
from shared.contracts.events.order import OrderDelivered as OrderDelivered
from shared.contracts.events.order import OrderDeliveryFailed as OrderDeliveryFailed
from shared.contracts.events.order import OrderDifferenceClosed as OrderDifferenceClosed
from shared.contracts.events.order import OrderEdited as OrderEdited
from shared.contracts.events.order import OrderEvent as OrderEvent
from shared.contracts.events.order import OrderImported as OrderImported
from shared.contracts.events.order import OrderParcelsChanged as OrderParcelsChanged
from shared.contracts.events.order import OrderPartCancelled as OrderPartCancelled
from shared.contracts.events.order import OrderPaymentRecorded as OrderPaymentRecorded
from shared.contracts.events.order import OrderPaymentReversed as OrderPaymentReversed
from shared.contracts.events.order import OrderPersonal as OrderPersonal
from shared.contracts.events.order import OrderPickedUp as OrderPickedUp
from shared.contracts.events.order import OrderPlaced as OrderPlaced
from shared.contracts.events.order import OrderRefunded as OrderRefunded
from shared.contracts.events.order import OrderShipped as OrderShipped
from shared.contracts.events.order import PaymentState as PaymentState
from shared.contracts.events.order import PersonalLine as PersonalLine
from shared.contracts.events.order import RefundState as RefundState
from shared.contracts.events.order import StockMoved as StockMoved
from shared.contracts.events.order import StoreSettingsChanged as StoreSettingsChanged
from shared.contracts.events.order_parts import Address as Address
from shared.contracts.events.order_parts import Cancellation as Cancellation
from shared.contracts.events.order_parts import CancelledUnits as CancelledUnits
from shared.contracts.events.order_parts import Closing as Closing
from shared.contracts.events.order_parts import ClosingKind as ClosingKind
from shared.contracts.events.order_parts import ClosingReason as ClosingReason
from shared.contracts.events.order_parts import ExternalDocument as ExternalDocument
from shared.contracts.events.order_parts import History as History
from shared.contracts.events.order_parts import Option as Option
from shared.contracts.events.order_parts import OrderLine as OrderLine
from shared.contracts.events.order_parts import Parcel as Parcel
from shared.contracts.events.order_parts import ParcelLine as ParcelLine
from shared.contracts.events.order_parts import PartCancellation as PartCancellation
from shared.contracts.events.order_parts import Payment as Payment
from shared.contracts.events.order_parts import RefundedBefore as RefundedBefore
from shared.contracts.events.order_parts import RefundedUnits as RefundedUnits
from shared.contracts.events.order_parts import TaxRegistration as TaxRegistration
from shared.contracts.events.order_parts import Tracking as Tracking
from shared.contracts.events.refund import Disposition as Disposition
from shared.contracts.events.refund import Fee as Fee
from shared.contracts.events.refund import InspectedLine as InspectedLine
from shared.contracts.events.refund import Refund as Refund
from shared.contracts.events.refund import RefundApproved as RefundApproved
from shared.contracts.events.refund import RefundCancelled as RefundCancelled
from shared.contracts.events.refund import RefundEvent as RefundEvent
from shared.contracts.events.refund import RefundInspected as RefundInspected
from shared.contracts.events.refund import RefundLine as RefundLine
from shared.contracts.events.refund import RefundPartSettled as RefundPartSettled
from shared.contracts.events.refund import RefundPersonal as RefundPersonal
from shared.contracts.events.refund import RefundPolicyChanged as RefundPolicyChanged
from shared.contracts.events.refund import RefundRequested as RefundRequested
from shared.contracts.events.refund import RefundSettled as RefundSettled
from shared.contracts.events.refund import RefundSettlementFailed as RefundSettlementFailed
from shared.contracts.events.refund import TaxRow as TaxRow
from shared.contracts.events.refund import UnitRange as UnitRange
from shared.contracts.events.webhook import WebhookEndpointDisabled as WebhookEndpointDisabled
from shared.contracts.events.webhook import WebhookEndpointEvent as WebhookEndpointEvent
from shared.contracts.events.webhook import WebhookEndpointFailing as WebhookEndpointFailing
from shared.contracts.lifecycle import Fulfilment as Fulfilment
from shared.contracts.lifecycle import OrderStatus as OrderStatus

ORDER_EVENTS: tuple[type[OrderEvent], ...] = (
    OrderPlaced, OrderImported, OrderConfirmed, OrderPickedUp, OrderShipped, OrderDelivered, OrderCancelled, OrderDeliveryFailed,
    OrderPaymentRecorded, OrderPaymentReversed, OrderEdited, OrderAmended, OrderPartCancelled,
    OrderParcelsChanged, OrderDifferenceClosed, OrderRefunded,
)  # fmt: skip
"""A service that keeps copies of orders subscribes to all of these."""

_EVENTS: tuple[type[Event], ...] = (
    *ORDER_EVENTS, StockMoved, StoreSettingsChanged,
    RefundRequested, RefundApproved, RefundCancelled, RefundSettled, RefundPartSettled, RefundSettlementFailed, RefundInspected,
    RefundPolicyChanged,
    NoteAdded, NoteEdited, NoteRetracted, DocumentIssued, CustomerErased, GuestLinkRevoked, WebhookEndpointFailing, WebhookEndpointDisabled,
)  # fmt: skip
EVENTS = {event.type: event for event in _EVENTS}

SOURCES: dict[str, tuple[str, ...]] = {
    "orders": ("order", "stock", "store_settings", "customer", "guest_link"),
    "refunds": ("refund", "refund_policy"),
    "notes": ("note",),
    "documents": ("document",),
    "webhooks": ("webhook_endpoint",),
}
"""First words of the event types that each service may publish: the broker's permissions are made from it, and readers check against it."""


def read_by(service: str) -> tuple[str, ...]:
    """The event types that a service must receive."""
    return tuple(name for name, event in EVENTS.items() if service in event.readers)


def owner_of(event_type: str) -> str | None:
    """The one service that may publish events of this type; None for a type that no service owns."""
    word = event_type.partition(".")[0]
    return next((service for service, words in SOURCES.items() if word in words), None)
