"""The events that the service consumes: every change of an order, requested and approved refunds, the store's time zone, erasures."""

from services.documents.commands import copies
from services.documents.rules.due import due_documents
from shared.contracts.events import (
    ORDER_EVENTS,
    CustomerErased,
    Envelope,
    OrderEvent,
    RefundApproved,
    RefundRequested,
    StoreSettingsChanged,
)
from shared.data import guests
from shared.data.db import Transaction
from shared.data.erasure import forget
from shared.messaging.inbox import Consumers

consumers = Consumers("documents")


def calls_for_nothing(event: OrderEvent) -> bool:
    """Whether the order by itself requires no document. Issuing locks the store's series, which all its orders share."""
    return not due_documents(event.order, ())


@consumers.on(*ORDER_EVENTS, together=calls_for_nothing)
async def on_order(tx: Transaction, event: OrderEvent, envelope: Envelope) -> None:
    """Store the current order; issue the documents that it requires."""
    await copies.take_order(tx, envelope.store_id, event.order, event.personal, now=envelope.received_at)


@consumers.on(RefundApproved)
async def on_refund_approved(tx: Transaction, event: RefundApproved, envelope: Envelope) -> None:
    """Store the refund; issue its document, or leave it due until our copy of the order has arrived."""
    await copies.take_refund(tx, envelope.store_id, event.refund, now=envelope.received_at)


@consumers.on(RefundRequested)
async def on_refund_requested(tx: Transaction, event: RefundRequested, envelope: Envelope) -> None:
    """Store what was asked for, to be printed."""
    await copies.take_request(tx, envelope.store_id, event.refund, event.personal)


@consumers.on(StoreSettingsChanged)
async def on_store_settings(tx: Transaction, event: StoreSettingsChanged, envelope: Envelope) -> None:
    """Date documents in the store's time zone from now on."""
    await copies.take_time_zone(tx, envelope.store_id, event.time_zone, event.version)


@consumers.on(CustomerErased)
async def on_customer_erased(tx: Transaction, event: CustomerErased, envelope: Envelope) -> None:
    """Blank personal data, except in issued documents."""
    await copies.forget_customer(tx, envelope.store_id, event, now=envelope.received_at)
    await forget(tx, envelope.store_id, event.order_ids, customer_id=event.customer_id)
    await guests.revoke_all(tx, envelope.store_id, event.order_ids)
