"""A service with nothing but the kernel, on the real servers: what is promised of shared/ is shown on it."""

import asyncio
import os
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import aio_pika
import asyncpg
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import create_async_engine

from shared.contracts.events import DocumentIssued, Event, read_by
from shared.contracts.ids import new_id
from shared.data.db import Database
from shared.data.kernel_versions import VERSIONS
from shared.data.migrate import SERVICE_LOCK_TIMEOUT
from shared.data.schema import service_metadata
from shared.messaging.broker import Broker, dead_queue_name, exchange_name, queue_arguments, queue_name
from shared.messaging.deliveries import Deliveries
from shared.messaging.inbox import Consumers, Inbox
from shared.messaging.outbox import Relay, emit
from shared.messaging.pulse import end
from shared.process.settings import Settings
from tests.shop import PATIENCE_SECONDS
from tests.stack import Stack

SERVICE = "notes"  # the reader of document.issued, which has the simplest data
SOURCE = "documents"  # who may publish it
METADATA = service_metadata(SERVICE)
EFFECTS = sa.Table("effects", METADATA, sa.Column("event_id", sa.Uuid, nullable=False))


def an_event(**changes: Any) -> DocumentIssued:
    """A small event that the lab consumes."""
    now = datetime.now(UTC)
    plain: dict[str, Any] = {
        "occurred_at": now,
        "document_id": new_id("document"),
        "order_id": new_id("order"),
        "customer_id": "c-1",
        "kind": "receipt",
        "number": "R-1",
        "issued_on": now.date(),
        "currency": "BDT",
        "total": 11000,
        "sha256": "00",
    }
    return DocumentIssued(**(plain | changes))


class Lab:
    """A database and a namespace of its own, and the kernel's parts on them."""

    def __init__(self, settings: Settings, admin_url: str) -> None:
        self.settings = settings
        self.admin_url = admin_url
        self.store = f"store-{uuid.uuid4().hex[:8]}"
        self.database = Database(settings, METADATA)
        self.consumers = Consumers(SERVICE)
        self.deliveries = Deliveries(places=settings.consumer_prefetch, standstill_seconds=settings.consumer_standstill_seconds)

    def broker(self, **changes: Any) -> Broker:
        """A broker of this lab, not yet started."""
        return Broker(self.settings.model_copy(update=changes))

    def relay(self, broker: Broker, **changes: Any) -> Relay:
        """A relay, not yet running."""
        settings = {"relay_batch": 100, "relay_store_batch": 100, "relay_poll_seconds": 0.05} | changes
        return Relay(self.database, broker, self.settings.model_copy(update=settings), source=SOURCE)

    def consume(self, handler: Callable[..., Any]) -> Inbox:
        """Handle document.issued with `handler(tx, event, envelope)`."""
        self.consumers.handlers[DocumentIssued.type] = handler
        return Inbox(self.database, self.consumers, deliveries=self.deliveries)

    async def emit(self, *events: Event) -> None:
        """Commit events as a service does."""
        async with self.database.transaction("lab.emit") as tx:
            for event in events:
                await emit(tx, event, store_id=self.store, sequence=1, recorded_at=datetime.now(UTC))

    async def effect(self, tx: Any, event: Event, envelope: Any) -> None:
        """A handler: one row for each time that it takes effect."""
        await tx.execute(sa.insert(EFFECTS).values(event_id=envelope.id))

    async def count(self, what: str) -> int:
        """`select count(*) from <what>`."""
        async with self.database.reading() as tx:
            return int(await tx.scalar(sa.text(f"select count(*) from {what}")))


@asynccontextmanager
async def running_lab(stack: Stack, **changes: Any) -> AsyncIterator[Lab]:
    """A lab on the stack's servers; all of it is gone afterwards."""
    name = f"lab_{uuid.uuid4().hex[:8]}"
    admin = await asyncpg.connect(stack.postgres_url)
    await admin.execute(f"create database {name}")
    await admin.execute(f"alter database {name} set lock_timeout = '{SERVICE_LOCK_TIMEOUT}'")
    await admin.close()
    url = sa.make_url(stack.postgres_url).set(database=name).render_as_string(hide_password=False)
    settings = Settings(service=SERVICE, database_url=url, amqp_url=stack.amqp_url, amqp_namespace=name, keys_file=os.devnull, **changes)
    engine = create_async_engine(sa.make_url(url).set(drivername="postgresql+asyncpg"))
    async with engine.begin() as connection:
        await connection.execute(sa.text(f"create schema {SERVICE}"))
        for version in VERSIONS:
            await connection.run_sync(version.apply, SERVICE)
        await connection.run_sync(lambda bind: EFFECTS.create(bind))
    await engine.dispose()
    async with await aio_pika.connect(stack.amqp_url) as rabbit:
        channel = await rabbit.channel()
        exchange = await channel.declare_exchange(exchange_name(name), "topic", durable=True)
        await channel.declare_queue(dead_queue_name(name), durable=True, arguments={"x-queue-type": "quorum"})
        queue = await channel.declare_queue(queue_name(name, SERVICE), durable=True, arguments=dict(queue_arguments(name)))
        for event_type in read_by(SERVICE):
            await queue.bind(exchange, event_type)
    lab = Lab(settings, url)
    try:
        yield lab
    finally:
        await lab.database.close()
        await _take_away(stack, name)


async def _take_away(stack: Stack, name: str) -> None:
    """By connections of its own: the test may have killed the servers meanwhile."""
    async with await aio_pika.connect(stack.amqp_url) as rabbit:
        channel = await rabbit.channel()
        for leftover in (queue_name(name, SERVICE), dead_queue_name(name)):
            await channel.queue_delete(leftover)
        await channel.exchange_delete(exchange_name(name))
    admin = await asyncpg.connect(stack.postgres_url)
    await admin.execute(f"drop database {name} with (force)")
    await admin.close()


@asynccontextmanager
async def started(broker: Broker) -> AsyncIterator[Broker]:
    """A broker that is connected, and stopped afterwards: nothing goes on connecting."""
    before = _connecting()
    broker.start()
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not broker.connected:
                await asyncio.sleep(0.01)
        yield broker
    finally:
        await broker.stop()
    assert _connecting() <= before


def _connecting() -> set[asyncio.Task[Any]]:
    """The tasks of the library that keep connections open."""
    return {task for task in asyncio.all_tasks() if "connection_factory" in repr(task.get_coro())}


@asynccontextmanager
async def at_work(*work: Any) -> AsyncIterator[None]:
    """Background coroutines that run while the block does."""
    tasks = [asyncio.create_task(one) for one in work]
    try:
        yield
    finally:
        await end(*tasks)
