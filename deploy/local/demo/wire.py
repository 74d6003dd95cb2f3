"""Listens to RabbitMQ, through temporary queues beside the services' own, and reads from the inboxes what the services did.

Nothing here comes from the demo's own calls: with the relays stopped, no event is seen.
"""

import asyncio
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import aio_pika
import asyncpg

from deploy.operator import running
from deploy.operator.registry import SERVICES
from deploy.operator.trouble import Trouble
from shared.contracts.events import EVENTS, SOURCES
from shared.messaging.broker import exchange_name

DEADLINE_SECONDS = 20.0
CONNECT_SECONDS = 5.0
POLL_SECONDS = 0.01


@dataclass
class Seen:
    """An event that crossed RabbitMQ, and the milliseconds from its recording to each reader's inbox (None: not there yet)."""

    event_id: UUID
    type: str
    source: str
    store: str
    subject: str
    sequence: int
    recorded_at: datetime
    data: dict[str, Any]
    reached_ms: dict[str, float | None] = field(default_factory=dict)

    @classmethod
    def of(cls, body: bytes) -> "Seen":
        """Parse a CloudEvent in its wire format."""
        message = json.loads(body)
        readers = EVENTS[message["type"]].readers if message["type"] in EVENTS else ()
        return cls(
            event_id=UUID(message["id"]),
            type=message["type"],
            source=message["source"],
            store=message["storeid"],
            subject=message["subject"],
            sequence=int(message["sequence"]),
            recorded_at=datetime.fromisoformat(message["recordedtime"]),
            data=message["data"],
            reached_ms=dict.fromkeys(readers),
        )


class Wire:
    """Every event of one store, from the moment that the listener is entered."""

    def __init__(self, store: str) -> None:
        self.store = store
        self.seen: list[Seen] = []
        self._connections: list[aio_pika.abc.AbstractConnection] = []
        self._databases: dict[str, asyncpg.Connection[Any]] = {}

    async def __aenter__(self) -> "Wire":
        """Listen as each service's own user. Each may bind only its service's types, so it takes all of them to hear everything."""
        namespace = running.setting("orders", "AMQP_NAMESPACE", "aftersale")
        try:
            for service in SERVICES:
                connection = await aio_pika.connect(running.setting(service, "AMQP_URL"), timeout=CONNECT_SECONDS)
                self._connections.append(connection)
                channel = await connection.channel()
                queue = await channel.declare_queue(exclusive=True, auto_delete=True)
                exchange = await channel.get_exchange(exchange_name(namespace))
                for word in SOURCES.get(service, ()):
                    await queue.bind(exchange, f"{word}.#")
                await queue.consume(self._hear, no_ack=True)
                self._databases[service] = await asyncpg.connect(running.setting(service, "DATABASE_URL"), timeout=CONNECT_SECONDS)
        except (OSError, aio_pika.exceptions.AMQPError, asyncpg.PostgresError, TimeoutError) as error:
            await self._close()
            raise Trouble(f"The system does not answer: {error}", "`make up`, or see `./aftersale doctor`") from error
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the connections, which deletes the queues."""
        await self._close()

    async def expect(self, order_id: str, types: Sequence[str], after: int) -> list[Seen]:
        """The order's events from number `after` on, once they include `types` and every reader has received each of them.

        Raises Trouble that says what did not happen within 20 seconds.
        """
        deadline = time.monotonic() + DEADLINE_SECONDS
        while True:
            about = [one for one in self.seen[after:] if order_id in (one.subject.partition(":")[0], one.data.get("order_id"))]
            missing = list(types)
            for event in about:
                if event.type in missing:
                    missing.remove(event.type)
            waiting = [f"{event.type} at {reader}" for event in about for reader in await self._not_reached(event)]
            if not missing and not waiting:
                return about
            if time.monotonic() > deadline:
                raise Trouble(
                    f"Within {DEADLINE_SECONDS:.0f} s there was no {', no '.join(missing + waiting)}.", "see `./aftersale doctor`"
                )
            await asyncio.sleep(POLL_SECONDS)

    async def _hear(self, message: aio_pika.abc.AbstractIncomingMessage) -> None:
        event = Seen.of(message.body)
        if event.store == self.store:
            self.seen.append(event)

    async def _not_reached(self, event: Seen) -> list[str]:
        """The readers whose inbox lacks this event; an inbox row is written in the same transaction as the event's effect."""
        for reader, known in event.reached_ms.items():
            if known is None:
                query = "select received_at from inbox where store_id = $1 and event_id = $2"
                received_at = await self._databases[reader].fetchval(query, event.store, event.event_id)
                if received_at is not None:
                    event.reached_ms[reader] = (received_at - event.recorded_at).total_seconds() * 1000
        return [reader for reader, known in event.reached_ms.items() if known is None]

    async def _close(self) -> None:
        for connection in self._connections:
            await connection.close()
        for database in self._databases.values():
            await database.close()
