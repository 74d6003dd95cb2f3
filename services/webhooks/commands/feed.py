"""Takes public events into the store's feed, and what is personal out of it again."""

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from services.webhooks.rules.messages import blanked, messages
from services.webhooks.settings import WebhookSettings
from services.webhooks.tables import attempts, deliveries, erased, feed, replays
from shared.contracts.events import CustomerErased, Envelope, Event
from shared.data.db import Database, Transaction
from shared.data.erasure import forget
from shared.data.schema import TIME
from shared.data.sql import statement
from shared.data.sweeping import forget_rows
from shared.process.settings import Settings

RECORD_EVENT = statement(__file__, "record_event").bindparams(
    *(sa.bindparam(name, type_=sa.Text) for name in ("store", "type", "source", "subject", "whole", "sent", "personal", "erased")),
    *(sa.bindparam(name, type_=TIME) for name in ("occurred_at", "recorded_at", "received_at")),
    sa.bindparam("event_id", type_=sa.Uuid),
    sa.bindparam("sequence", type_=sa.BigInteger),
)
SWEPT_TOGETHER = 1_000
SWEEP_EVENTS = statement(__file__, "sweep_events").bindparams(sa.bindparam("oldest", type_=TIME), sa.bindparam("events", type_=sa.Integer))


async def record(tx: Transaction, event: Event, envelope: Envelope) -> None:
    """Append an event to the feed, with one delivery for each endpoint of the store that wants it."""
    made = messages(event, envelope)
    values = {
        "store": envelope.store_id,
        "event_id": envelope.id,
        "type": envelope.type,
        "source": envelope.source,
        "subject": envelope.subject,
        "sequence": envelope.sequence,
        "occurred_at": envelope.occurred_at,
        "recorded_at": envelope.recorded_at,
        "received_at": envelope.received_at,
        "whole": made.whole,
        "sent": made.sent,
        "personal": made.personal,
        "erased": made.erased,
    }
    await tx.execute(RECORD_EVENT, values)
    tx.emitted = True  # wakes the deliverer of this process


async def erase(tx: Transaction, event: CustomerErased, envelope: Envelope) -> None:
    """Blank what is personal about the customer's orders, in the feed and in what still waits to be sent, under the same ids.

    What endpoints answered about these orders is blanked too: nobody knows what a receiver writes there.
    """
    marks = [{"store_id": envelope.store_id, "subject": order, "erased_at": envelope.occurred_at} for order in event.order_ids]
    if marks:
        await tx.execute(insert(erased).values(marks).on_conflict_do_nothing())
        await _blank(tx, envelope.store_id, event.order_ids)
        mine = (deliveries.c.store_id == envelope.store_id) & deliveries.c.subject.in_(event.order_ids)
        about = (attempts.c.store_id == envelope.store_id) & attempts.c.delivery_id.in_(sa.select(deliveries.c.delivery_id).where(mine))
        await tx.execute(sa.update(attempts).where(about, attempts.c.answer != "").values(answer=""))
    await forget(tx, envelope.store_id, event.order_ids, customer_id=event.customer_id)


async def _blank(tx: Transaction, store: str, orders: tuple[str, ...]) -> None:
    of_orders = (feed.c.store_id == store) & feed.c.subject.in_(orders)
    for row in await tx.all(sa.select(feed.c.position, feed.c.body).where(of_orders).order_by(feed.c.position).with_for_update()):
        mine = (feed.c.store_id == store) & (feed.c.position == row.position)
        await tx.execute(sa.update(feed).where(mine).values(body=blanked(row.body), sent=None, personal=None))


async def sweep_events(database: Database, settings: Settings, *, now: datetime) -> int:
    """Delete events with their deliveries and all attempts, tests, and replays that are older than `events_days`.

    Returns how many rows went.
    """
    assert isinstance(settings, WebhookSettings)
    oldest = now - timedelta(days=settings.events_days)
    async with database.transaction("webhooks.sweep_events") as tx:
        done = (await tx.execute(SWEEP_EVENTS, {"oldest": oldest, "events": SWEPT_TOGETHER})).rowcount
    tests = (deliveries.c.position == 0) & (deliveries.c.created_at < oldest)
    done += await forget_rows(database, "webhooks.sweep_tests", deliveries, tests)
    return done + await forget_rows(database, "webhooks.sweep_replays", replays, replays.c.created_at < oldest)
