"""Healing what a broker forgot: a queue that somebody deleted or purged took committed events with it, after they were confirmed.

Nobody else can know: the outbox has the confirm, the consumer has never heard. So the two are compared. Every event that a reader's
inbox does not hold (nor its waiting and parked messages) is marked unsent, and the relays send it again; whoever had it already
absorbs the repeat. Safe at any time, as often as one likes.

    missing queues declared → batches that were on their way end → unheard events marked unsent
"""

import asyncio
import time
from typing import Any

import asyncpg

from deploy import topology
from deploy.provision import declare
from deploy.trouble import Trouble
from shared.events import EVENTS, SOURCES

# One statement per service. An event still on its way is sent twice: its inbox row tells the second from the first.
UNHEARD = """
update {service}.events e set published_at = null
where published_at is not null and type = any($1::text[])
  and not exists (select from {reader}.inbox i where i.store_id = e.store_id and i.event_id = e.event_id)
  and not exists (select from {reader}.parked p where p.store_id = e.store_id and p.event_id = e.event_id)
"""

# A relay holds the rows of its batch locked from before it publishes until it has marked them as sent.
SENDING = """
select virtualtransaction from pg_locks where locktype = 'relation' and mode = 'RowShareLock'
  and database = (select oid from pg_database where datname = current_database()) and relation = any($1::regclass[])
"""
SENDING_DEADLINE_SECONDS = 60.0
LOOK_SECONDS = 0.05


def redrive(amqp_url: str, postgres_url: str, name: str) -> int:
    """Declare missing queues again and mark every unheard event unsent; how many. Both URLs are the administrator's; blocks.

    Raises Trouble when a relay's batch does not end.
    """
    return asyncio.run(_redrive(amqp_url, postgres_url, name))


async def _redrive(amqp_url: str, postgres_url: str, name: str) -> int:
    await declare(amqp_url, name)
    admin = await asyncpg.connect(postgres_url, database=name)
    try:
        await _sent(admin)
        return sum([await _mark(admin, service, reader) for service in topology.SERVICES for reader in topology.READERS])
    finally:
        await admin.close()


async def _sent(admin: "asyncpg.Connection[Any]") -> None:
    """Wait until every batch that may have been published before the queues were there is marked; later ones find the queues."""
    tables = [f"{service}.events" for service in topology.SERVICES]
    under_way = {row[0] for row in await admin.fetch(SENDING, tables)}
    deadline = time.monotonic() + SENDING_DEADLINE_SECONDS
    while under_way & {row[0] for row in await admin.fetch(SENDING, tables)}:
        if time.monotonic() > deadline:
            raise Trouble(f"A relay's batch did not end within {SENDING_DEADLINE_SECONDS:.0f} s.", "see what holds it, and redrive again")
        await asyncio.sleep(LOOK_SECONDS)


async def _mark(admin: "asyncpg.Connection[Any]", service: str, reader: str) -> int:
    types = [
        name for name, event in EVENTS.items() if reader in event.readers and name.startswith(tuple(f"{w}." for w in SOURCES[service]))
    ]
    if not types:
        return 0
    done: str = await admin.execute(UNHEARD.format(service=service, reader=reader), types)
    return int(done.rpartition(" ")[2])
