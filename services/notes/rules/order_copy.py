"""What this service copies of an order, and how it reads that from each event."""

from dataclasses import dataclass

from shared.contracts.events import DocumentIssued, Envelope, Event, OrderEvent, RefundEvent


@dataclass(frozen=True, slots=True)
class OrderCopy:
    """The copy of an order: its customer (for authorisation) and its number (for display), as of `version`."""

    order_id: str
    customer_id: str
    number: str | None
    version: int


def copy_of(event: Event, envelope: Envelope) -> OrderCopy:
    """The copy of the order that an event is about. Every such event names the customer; only order events have a version (≥ 1).

    Raises TypeError for an event that is not about an order.
    """
    if isinstance(event, OrderEvent):
        return OrderCopy(event.order.order_id, event.order.customer_id, event.order.number, event.order.version)
    if isinstance(event, RefundEvent):
        return OrderCopy(event.refund.order_id, event.refund.customer_id, event.refund.order_number, 0)
    if isinstance(event, DocumentIssued):
        return OrderCopy(event.order_id, event.customer_id, None, 0)
    raise TypeError(f"{envelope.type} is not about an order")
