"""Maps each event to a command. The dispatcher owns the transaction, inbox, retries and acknowledgement."""

from services.webhooks.commands import feed
from shared.contracts.events import EVENTS, CustomerErased, Envelope, Event, read_by
from shared.data.db import Transaction
from shared.messaging.inbox import Consumers, always

consumers = Consumers("webhooks")

RECORDED = tuple(EVENTS[name] for name in read_by("webhooks") if name != CustomerErased.type)


@consumers.on(*RECORDED, together=always)
async def on_event(tx: Transaction, event: Event, envelope: Envelope) -> None:
    """Record a public event, with a delivery for each endpoint that wants it. Others never leave the shop."""
    if event.public:
        await feed.record(tx, event, envelope)


@consumers.on(CustomerErased)
async def on_customer_erased(tx: Transaction, event: CustomerErased, envelope: Envelope) -> None:
    """Blank what is personal about the customer's orders, also in what still waits to be sent."""
    await feed.record(tx, event, envelope)
    await feed.erase(tx, event, envelope)
