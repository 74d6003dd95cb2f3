"""Every message that crosses a service border. Read this first.

An event is a frozen fact in the past tense. `order.*` events carry the whole order as it now is, with its version, so that
a consumer keeps a copy by "newer version wins" and never calls back. Everything personal (names, addresses, contact, free
text) sits in the one section `personal`, so that redaction and erasure know where it is.

A reader ignores fields that it does not know, so that neighbouring versions read each other; a writer never removes one.
`readers` are the services that must receive the type: the broker's bindings are made from it, and a test holds it against
what each service subscribes to.
"""

from shared.contracts.events.document import (
    DocumentIssued,
    DocumentKind,
)
from shared.contracts.events.envelope import (
    MAX_EVENT_BYTES,
    MAX_MESSAGE_BYTES,
    By,
    Envelope,
    Event,
    Part,
    event_bytes,
)
from shared.contracts.events.note import (
    NoteAdded,
    NoteEdited,
    NoteEvent,
    NoteRetracted,
    NoteText,
)
from shared.contracts.events.order import (
    MAX_ORDER_LINES,
    Address,
    Cancellation,
    CustomerErased,
    GuestLinkRevoked,
    Order,
    OrderCancelled,
    OrderConfirmed,
    OrderDelivered,
    OrderDeliveryFailed,
    OrderEdited,
    OrderEvent,
    OrderLine,
    OrderPaymentRecorded,
    OrderPaymentReversed,
    OrderPersonal,
    OrderPickedUp,
    OrderPlaced,
    OrderRefunded,
    OrderShipped,
    Payment,
    PaymentState,
    RefundState,
    StockMoved,
    StoreSettingsChanged,
    Tracking,
)
from shared.contracts.events.refund import (
    Disposition,
    InspectedLine,
    Refund,
    RefundApproved,
    RefundCancelled,
    RefundEvent,
    RefundInspected,
    RefundLine,
    RefundPersonal,
    RefundPolicyChanged,
    RefundRequested,
    RefundSettled,
    RefundSettlementFailed,
    UnitRange,
)
from shared.contracts.lifecycle import OrderStatus

EVENTS: dict[str, type[Event]] = {
    event.type: event
    for event in (
        OrderPlaced, OrderConfirmed, OrderPickedUp, OrderShipped, OrderDelivered, OrderCancelled, OrderDeliveryFailed,
        OrderPaymentRecorded, OrderPaymentReversed, OrderEdited, OrderRefunded, StockMoved, StoreSettingsChanged,
        RefundRequested, RefundApproved, RefundCancelled, RefundSettled, RefundSettlementFailed, RefundInspected, RefundPolicyChanged,
        NoteAdded, NoteEdited, NoteRetracted, DocumentIssued, CustomerErased, GuestLinkRevoked,
    )
}  # fmt: skip

SOURCES: dict[str, tuple[str, ...]] = {
    "orders": ("order", "stock", "store_settings", "customer", "guest_link"),
    "refunds": ("refund", "refund_policy"),
    "notes": ("note",),
    "documents": ("document",),
}
"""First words of the types that each service may publish; the broker's rights are made from it, and readers hold every event against it."""


def owner_of(event_type: str) -> str | None:
    """The service that alone may say an event of this type; None for a type that is nobody's."""
    word = event_type.partition(".")[0]
    return next((service for service, words in SOURCES.items() if word in words), None)


__all__ = [
    "EVENTS",
    "MAX_EVENT_BYTES",
    "MAX_MESSAGE_BYTES",
    "MAX_ORDER_LINES",
    "SOURCES",
    "Address",
    "By",
    "Cancellation",
    "CustomerErased",
    "Disposition",
    "DocumentIssued",
    "DocumentKind",
    "Envelope",
    "Event",
    "GuestLinkRevoked",
    "InspectedLine",
    "NoteAdded",
    "NoteEdited",
    "NoteEvent",
    "NoteRetracted",
    "NoteText",
    "Order",
    "OrderCancelled",
    "OrderConfirmed",
    "OrderDelivered",
    "OrderDeliveryFailed",
    "OrderEdited",
    "OrderEvent",
    "OrderLine",
    "OrderPaymentRecorded",
    "OrderPaymentReversed",
    "OrderPersonal",
    "OrderPickedUp",
    "OrderPlaced",
    "OrderRefunded",
    "OrderShipped",
    "OrderStatus",
    "Part",
    "Payment",
    "PaymentState",
    "Refund",
    "RefundApproved",
    "RefundCancelled",
    "RefundEvent",
    "RefundInspected",
    "RefundLine",
    "RefundPersonal",
    "RefundPolicyChanged",
    "RefundRequested",
    "RefundSettled",
    "RefundSettlementFailed",
    "RefundState",
    "StockMoved",
    "StoreSettingsChanged",
    "Tracking",
    "UnitRange",
    "event_bytes",
    "owner_of",
]
