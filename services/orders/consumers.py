"""Maps each event of the refund service to a command."""

from services.orders.commands.refunds import restock_inspected, show_refund
from shared.contracts.actor import system
from shared.contracts.events import Envelope, RefundApproved, RefundInspected
from shared.data.db import Transaction
from shared.messaging.inbox import Consumers

consumers = Consumers("orders")


@consumers.on(RefundApproved)
async def on_refund_approved(tx: Transaction, event: RefundApproved, envelope: Envelope) -> None:
    """Restock the refund's goods, once per line and cause, and update the refunded total."""
    await show_refund(tx, system(envelope.store_id, "orders"), event, now=envelope.received_at)


@consumers.on(RefundInspected)
async def on_refund_inspected(tx: Transaction, event: RefundInspected, envelope: Envelope) -> None:
    """Restock the goods that passed an inspection."""
    await restock_inspected(tx, system(envelope.store_id, "orders"), event, now=envelope.received_at)
