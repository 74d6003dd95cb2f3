"""Maps each event to a command. The dispatcher owns the transaction, inbox, retries and acknowledgement."""

from services.notes import commands
from shared.contracts.events import (
    ORDER_EVENTS,
    CustomerErased,
    DocumentIssued,
    Envelope,
    OrderEvent,
    RefundApproved,
    RefundCancelled,
    RefundEvent,
    RefundPartSettled,
    RefundRequested,
    RefundSettled,
    RefundSettlementFailed,
)
from shared.data import guests
from shared.data.db import Transaction
from shared.messaging.inbox import Consumers, always

consumers = Consumers("notes")


@consumers.on(
    *ORDER_EVENTS, RefundRequested, RefundApproved, RefundCancelled, RefundSettled, RefundPartSettled, RefundSettlementFailed,
    DocumentIssued, together=always,
)  # fmt: skip
async def on_what_happens(tx: Transaction, event: OrderEvent | RefundEvent | DocumentIssued, envelope: Envelope) -> None:
    """Update the copy and add a timeline entry: the shop alone sees a refund request (seed 9.2), both sides see a decision."""
    await commands.record(tx, event, envelope)


@consumers.on(CustomerErased)
async def on_customer_erased(tx: Transaction, event: CustomerErased, envelope: Envelope) -> None:
    """Blank every text ever written about the customer's orders."""
    await commands.erase(tx, event, envelope)
    await guests.revoke_all(tx, envelope.store_id, event.order_ids)
