"""What orders do with the events of the refund service."""

from services.orders.commands.refunds import restock_inspected, show_refund
from shared.contracts.actor import system
from shared.contracts.events import Envelope, RefundApproved, RefundInspected
from shared.data.db import Transaction
from shared.messaging.inbox import Consumers

consumers = Consumers("orders")


@consumers.on(RefundApproved)
async def on_refund_approved(tx: Transaction, event: RefundApproved, envelope: Envelope) -> None:
    """Restock what the refund says, once per line and cause, and show what was refunded."""
    await show_refund(tx, system(envelope.store_id, "orders"), event, now=envelope.received_at)


@consumers.on(RefundInspected)
async def on_refund_inspected(tx: Transaction, event: RefundInspected, envelope: Envelope) -> None:
    """Restock what was inspected and found good."""
    await restock_inspected(tx, system(envelope.store_id, "orders"), event, now=envelope.received_at)
