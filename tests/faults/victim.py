"""A process that does what every service does, with nothing around it: it changes, tells, sends and reacts. Tests kill it.

It commits numbered changes, each with its event, acknowledges each number, and consumes its own events until it is ended.
"""

import asyncio
import os
import sys
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from typing import Any

import sqlalchemy as sa

from shared.contracts.events import DocumentIssued, Envelope
from shared.contracts.ids import new_id
from shared.data import crash
from shared.data.db import Database, Transaction
from shared.data.schema import service_metadata
from shared.messaging.broker import Broker
from shared.messaging.inbox import Consumers, Inbox
from shared.messaging.outbox import Relay, emit
from shared.process.settings import Settings

SERVICE = "notes"  # it reads document.issued, which has the simplest data
STORE = "victims"
METADATA = service_metadata(SERVICE)
CHANGES = sa.Table("changes", METADATA, sa.Column("number", sa.Integer, primary_key=True))
REACTIONS = sa.Table("reactions", METADATA, sa.Column("number", sa.Integer, nullable=False))  # nothing here forbids a double
TOGETHER = "AFTERSALE_TEST_VICTIM_TOGETHER"  # set: it takes events in groups
consumers = Consumers(SERVICE)


@consumers.on(DocumentIssued, together=lambda event: bool(os.environ.get(TOGETHER)))
async def react(tx: Transaction, event: DocumentIssued, envelope: Envelope) -> None:
    """One row for each time that the event takes effect."""
    await tx.execute(sa.insert(REACTIONS).values(number=int(event.number)))


async def change(database: Database, number: int) -> None:
    """One change with its event, as a command does it."""
    now = datetime.now(UTC)
    plain: dict[str, Any] = {"occurred_at": now, "document_id": new_id("document"), "order_id": new_id("order"), "customer_id": "c-1"}
    document: dict[str, Any] = {
        "kind": "receipt",
        "number": str(number),
        "issued_on": now.date(),
        "currency": "BDT",
        "total": 1,
        "sha256": "",
    }
    async with database.transaction("victim.change") as tx:
        await tx.execute(sa.insert(CHANGES).values(number=number))
        await emit(tx, DocumentIssued(**plain, **document), store_id=STORE, sequence=1, recorded_at=now)


def live(environment: dict[str, str], first: int, count: int, says: Connection, consumes: bool) -> None:
    """The whole life of one: settings and crash point from `environment`, acknowledgements into `says`, until somebody ends it."""
    os.environ.update(environment)
    crash._ARMED = crash._armed()  # it was forked from a process that had read it already
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, sys.stdout.fileno())
    asyncio.run(main(first, count, says, consumes=consumes))


async def main(first: int, count: int, says: Connection, *, consumes: bool) -> None:
    """Make changes FIRST..FIRST+COUNT-1 and send what is unsent; and consume it, if asked to."""
    settings = Settings.load(SERVICE)
    database = Database(settings, METADATA)
    broker = Broker(settings)
    if consumes:
        broker.consume(Inbox(database, consumers).deliver)
    broker.start()
    relay = Relay(database, broker, settings, source="documents")
    running = [asyncio.create_task(relay.run()), asyncio.create_task(Inbox(database, consumers).run_retries())]
    for number in range(first, first + count):
        await committed(database, number)
        says.send(number)  # the acknowledgement
    await asyncio.gather(*running)


async def committed(database: Database, number: int) -> None:
    """Make change `number`, again and again while the database is away; found done is done (a lost COMMIT)."""
    while True:
        try:
            async with database.reading() as tx:
                if await tx.scalar(sa.select(CHANGES.c.number).where(CHANGES.c.number == number)) is not None:
                    return
            await change(database, number)
        except Exception:  # whatever a dying server makes of it: a client tries again
            await asyncio.sleep(0.05)
        else:
            return
