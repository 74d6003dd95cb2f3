"""Consumes other services' events: updates the copy of each order, and refunds what the copy shows as due."""

from services.refunds.commands import automatic, copies, erase
from shared.contracts.events import ORDER_EVENTS, CustomerErased, Envelope, OrderEdited, OrderEvent, StoreSettingsChanged
from shared.data import guests
from shared.data.db import Transaction
from shared.messaging.inbox import Consumers

consumers = Consumers("refunds")


@consumers.on(*ORDER_EVENTS, together=automatic.is_only_copied)
async def on_order_changed(tx: Transaction, event: OrderEvent, envelope: Envelope) -> None:
    """Update the order's copy (every event carries the whole order, the newest wins); refund a cancelled order automatically."""
    await automatic.refund_what_is_due(tx, envelope.store_id, event.order, now=envelope.received_at)
    if isinstance(event, OrderEdited) and event.hands_over:
        await copies.forget_former_customers(tx, envelope.store_id, event.order.order_id)


@consumers.on(StoreSettingsChanged)
async def on_store_settings_changed(tx: Transaction, event: StoreSettingsChanged, envelope: Envelope) -> None:
    """Copy the store's time zone, which decides when its refund window closes."""
    await copies.copy_store(tx, envelope.store_id, event.version, event.time_zone)


@consumers.on(CustomerErased)
async def on_customer_erased(tx: Transaction, event: CustomerErased, envelope: Envelope) -> None:
    """Erase the customer's texts and files. Ids, amounts and hashes stay, so that the sums can still be explained."""
    await erase.erase_customer(tx, envelope.store_id, event.customer_id, event.order_ids, now=envelope.received_at)
    await guests.revoke_all(tx, envelope.store_id, event.order_ids)
