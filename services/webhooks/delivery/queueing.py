"""One attempt to put an event into a store's queue: published with a confirm, and an Answer whatever the broker does."""

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Self

import aio_pika
import structlog
from aio_pika.abc import AbstractChannel, AbstractConnection
from yarl import URL

from services.webhooks.delivery.sending import Answer, Failed
from shared.data.crash import crash_point
from shared.messaging.broker import CONTENT_TYPE, HEARTBEAT_SECONDS
from shared.messaging.pulse import stopped

log = structlog.get_logger()

APP_ID = "aftersale"
CONNECT_SECONDS = 5.0
CLOSE_SECONDS = 2.0
AWAY_SECONDS = 1.0
"""After a connection failed, attempts fail at once for this long, instead of each dialling a broker that is away."""


@dataclass(eq=False, slots=True)
class _Lane:
    """A channel, and the ids of the events that are on their way through it."""

    channel: AbstractChannel
    ids: set[str] = field(default_factory=set)


class Publisher:
    """The connection of this process to the stores' queues, as a context manager. It opens at the first event, and again when it is lost.

    Many events are on their way at once. Those with one id (an event for several queues) take different channels: the library knows what
    the broker returns by its id alone, and would call an event delivered that another queue took.
    """

    def __init__(self, url: str, *, total_seconds: float) -> None:
        self._url = str(URL(url).update_query(heartbeat=HEARTBEAT_SECONDS))
        self._total_seconds = total_seconds
        self._connection: AbstractConnection | None = None
        self._lanes: list[_Lane] = []
        self._opening = asyncio.Lock()
        self._away_until = 0.0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._close()

    async def put(self, *, queue: str, event_id: str, event_type: str, body: bytes) -> Answer:
        """Put the body, exactly as it is, into the queue, and answer what became of it. Raises nothing but CancelledError."""
        begun = time.monotonic()
        failed: Failed | None
        try:
            async with asyncio.timeout(self._total_seconds):
                await self._confirmed(queue, event_id, event_type, body)
            failed, why = None, "The queue has it."
        except aio_pika.exceptions.PublishError:
            failed, why = "queue_missing", "There is no such queue."
        except aio_pika.exceptions.DeliveryError:
            failed, why = "queue_full", "The queue is full: what is in it must be read first."
        except TimeoutError:
            failed, why = "broker_away", f"The broker did not confirm it within {self._total_seconds:g} s."
        except asyncio.CancelledError:
            if stopped():
                raise
            failed, why = "broker_away", "The connection to the broker was lost before it confirmed."
        except aio_pika.exceptions.CONNECTION_EXCEPTIONS as error:
            log.warning("partners_broker_away", error=repr(error))
            failed, why = "broker_away", "The broker cannot be reached."
        except Exception as error:
            log.error("event_not_queued", error=repr(error), exc_info=error)
            failed, why = "not_sent", "The event could not be sent; the cause is on our side."
        return Answer(None, failed, why, "", None, round((time.monotonic() - begun) * 1_000), None)

    async def _confirmed(self, queue: str, event_id: str, event_type: str, body: bytes) -> None:
        message = aio_pika.Message(
            body,
            content_type=CONTENT_TYPE,
            delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
            message_id=event_id,
            type=event_type,
            app_id=APP_ID,
        )
        lane = await self._lane(event_id)
        try:
            crash_point("publish.before", event_type)
            await lane.channel.default_exchange.publish(message, queue, mandatory=True)
            crash_point("confirm.after", event_type)
        finally:
            lane.ids.discard(event_id)

    async def _lane(self, event_id: str) -> _Lane:
        """An open channel on which nothing of this id is on its way, with the id noted on it."""
        async with self._opening:
            connection = await self._open()
            self._lanes = [lane for lane in self._lanes if not lane.channel.is_closed]
            lane = next((one for one in self._lanes if event_id not in one.ids), None)
            if lane is None:
                lane = _Lane(await connection.channel(publisher_confirms=True, on_return_raises=True))
                self._lanes.append(lane)
            lane.ids.add(event_id)
            return lane

    async def _open(self) -> AbstractConnection:
        if self._connection is not None and self._connection.connected.is_set():
            return self._connection
        if time.monotonic() < self._away_until:
            raise ConnectionError("the broker was away a moment ago")
        await self._close()
        try:
            self._connection = await aio_pika.connect(self._url, timeout=CONNECT_SECONDS)
        except BaseException:
            self._away_until = time.monotonic() + AWAY_SECONDS
            raise
        return self._connection

    async def _close(self) -> None:
        """Let the connection go, also one that is lost already."""
        connection, self._connection, self._lanes = self._connection, None, []
        if connection is not None:
            with suppress(TimeoutError, *aio_pika.exceptions.CONNECTION_EXCEPTIONS):
                async with asyncio.timeout(CLOSE_SECONDS):
                    await connection.close()
