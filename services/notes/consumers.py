"""What notes does with which event: the dispatcher owns transaction, inbox, retry and ack; one command does the work."""

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
    RefundRequested,
    RefundSettled,
    RefundSettlementFailed,
)
from shared.data import guests
from shared.data.db import Transaction
from shared.messaging.inbox import Consumers, always

consumers = Consumers("notes")


@consumers.on(
    *ORDER_EVENTS, RefundRequested, RefundApproved, RefundCancelled, RefundSettled, RefundSettlementFailed, DocumentIssued,
    together=always,
)  # fmt: skip
async def on_what_happens(tx: Transaction, event: OrderEvent | RefundEvent | DocumentIssued, envelope: Envelope) -> None:
    """Keep the copy, and tell it in the timeline: a request for a refund to the shop alone (seed 9.2), a decision to both."""
    await commands.record(tx, event, envelope)


@consumers.on(CustomerErased)
async def on_customer_erased(tx: Transaction, event: CustomerErased, envelope: Envelope) -> None:
    """Blank everything that was ever written about the customer's orders."""
    await commands.erase(tx, event, envelope)
    await guests.revoke_all(tx, envelope.store_id, event.order_ids)
