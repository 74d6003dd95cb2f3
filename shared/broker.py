"""RabbitMQ through FastStream, with our defaults spelled out once; tests/services/test_broker.py shows each against a real broker.

persist=True             FastStream's default message is gone after a broker restart
on_return_raises=True    an event that no queue takes would be confirmed as sent
AckPolicy.MANUAL         the default rejects on any error, and without a dead-letter queue the message is gone
prefetch_count           without it every message of the queue is delivered at once
heartbeat=10             a dead peer is noticed after 33 s instead of 183 s
reconnect_interval=1     back within a second of the broker's return
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, cast

import structlog
from faststream import AckPolicy
from faststream.rabbit import Channel, ExchangeType, RabbitBroker, RabbitExchange, RabbitMessage, RabbitQueue
from faststream.rabbit.schemas import QueueType
from faststream.rabbit.schemas.queue import QuorumQueueArgs
from yarl import URL

from shared.events import EVENTS
from shared.settings import Settings

log = structlog.get_logger()

HEARTBEAT_SECONDS = 10
RECONNECT_SECONDS = 1.0
GRACEFUL_STOP_SECONDS = 10.0
WATCH_SECONDS = 5.0
WATCH_FAILURES_BEFORE_RESTART = 3
CONTENT_TYPE = "application/cloudevents+json"

Deliver = Callable[[RabbitMessage], Awaitable[None]]


def exchange_name(namespace: str) -> str:
    """The one durable topic exchange; routing key = event type."""
    return f"{namespace}.events"


def queue_name(namespace: str, service: str) -> str:
    """The queue of a consuming service."""
    return f"{namespace}.{service}"


def dead_queue_name(namespace: str) -> str:
    """Where the broker puts what it may not drop; stays empty, because our consumers park in the database."""
    return f"{namespace}.dead"


def queue_arguments(namespace: str) -> Mapping[str, Any]:
    """Arguments of a consumer's queue. The huge delivery limit keeps 4.x from counting (20 by default), as 3.10 does not."""
    return {
        "x-queue-type": "quorum",
        "x-delivery-limit": 1_000_000,
        "x-dead-letter-exchange": "",
        "x-dead-letter-routing-key": dead_queue_name(namespace),
        "x-dead-letter-strategy": "at-least-once",
        "x-overflow": "reject-publish",
    }


def types_read_by(service: str) -> tuple[str, ...]:
    """The event types that `service` must receive: its queue's bindings."""
    return tuple(name for name, event in EVENTS.items() if service in event.readers)


def _exchange(namespace: str, *, declare: bool) -> RabbitExchange:
    return RabbitExchange(exchange_name(namespace), type=ExchangeType.TOPIC, durable=True, declare=declare)


async def _undecoded(message: RabbitMessage) -> RabbitMessage:
    """Hand the handler the message itself: it parses, parks and acks."""
    return message


class Broker:
    """One service's connection: publishes with confirms, and consumes its queue if asked to.

    start() returns at once and connects in the background, so that an API starts and accepts while the broker is away.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._namespace = settings.amqp_namespace
        self._exchange = _exchange(self._namespace, declare=False)
        self._deliver: Deliver | None = None
        self._rabbit: RabbitBroker | None = None
        self._supervisor: asyncio.Task[None] | None = None
        self.consuming = False

    @property
    def connected(self) -> bool:
        """Whether the connection stands, as far as the library knows."""
        connection = None if self._rabbit is None else self._rabbit._connection  # no public way to ask without connecting
        return connection is not None and not connection.is_closed and connection.connected.is_set()

    def consume(self, deliver: Deliver) -> None:
        """Consume this service's queue with `deliver`, which acks by itself. Call it before start()."""
        self._deliver = deliver

    def start(self) -> None:
        """Connect in the background and stay connected."""
        self._supervisor = asyncio.create_task(self._supervise(), name=f"{self._settings.service}-broker")

    async def stop(self) -> None:
        """Let running handlers finish (bounded), then close; what was not acked is delivered again."""
        if self._supervisor is not None:
            self._supervisor.cancel()
            await asyncio.gather(self._supervisor, return_exceptions=True)
        await self._close()

    async def publish(self, body: bytes, *, event_type: str, event_id: str) -> None:
        """Publish persistently and wait for the broker's confirm. Any exception means: outcome unknown, send again.

        An event that nobody must read (no `readers`) and that no queue took is fine: it stays in the history.
        """
        if self._rabbit is None:
            raise ConnectionError("not connected to RabbitMQ")
        await self._rabbit.publish(
            body,
            exchange=self._exchange,
            routing_key=event_type,
            mandatory=bool(EVENTS[event_type].readers),
            persist=True,
            content_type=CONTENT_TYPE,
            message_id=event_id,
            message_type=event_type,
        )

    async def _supervise(self) -> None:
        """Connect, then watch that our queue really has consumers: after some faults a connection looks fine and nothing is delivered."""
        failures = 0
        while True:
            try:
                if self._rabbit is None:
                    await self._open()
                    failures = 0
                await asyncio.sleep(WATCH_SECONDS)
                self.consuming = await self._is_consuming()
                failures = 0 if self.consuming else failures + 1
                if failures >= WATCH_FAILURES_BEFORE_RESTART:
                    log.error("consumer_missing_restarting", queue=queue_name(self._namespace, self._settings.service))
                    await self._close()
            except Exception as error:
                log.warning("broker_away", error=repr(error))
                self.consuming = False
                if self._rabbit is not None and not self.connected:
                    failures += 1
                if failures >= WATCH_FAILURES_BEFORE_RESTART or self._rabbit is None:
                    await self._close()
                    failures = 0
                await asyncio.sleep(RECONNECT_SECONDS)

    async def _open(self) -> None:
        rabbit = RabbitBroker(
            str(URL(self._settings.amqp_url.get_secret_value()).update_query(heartbeat=HEARTBEAT_SECONDS)),
            default_channel=Channel(on_return_raises=True),
            reconnect_interval=RECONNECT_SECONDS,
            graceful_timeout=GRACEFUL_STOP_SECONDS,
            apply_types=False,
            logger=None,
        )
        queue = RabbitQueue(
            queue_name(self._namespace, self._settings.service),
            queue_type=QueueType.QUORUM,
            arguments=cast(QuorumQueueArgs, dict(queue_arguments(self._namespace))),
        )
        try:
            await rabbit.connect()
            if self._deliver is not None:
                channel = Channel(prefetch_count=self._settings.consumer_prefetch)
                subscriber = rabbit.subscriber(queue, channel=channel, ack_policy=AckPolicy.MANUAL, no_reply=True, decoder=_undecoded)
                subscriber(self._deliver)
            await rabbit.start()
            if self._deliver is not None:
                await self._bind(rabbit, queue)
        except BaseException:
            with contextlib.suppress(Exception):
                await rabbit.stop()
            raise
        self._rabbit = rabbit
        self.consuming = self._deliver is not None
        log.info("broker_connected", consuming=self.consuming)

    async def _bind(self, rabbit: RabbitBroker, queue: RabbitQueue) -> None:
        # After start(): FastStream keeps a queue with the channel that declared it first, and only the subscriber's has our prefetch.
        declared = await rabbit.declare_queue(queue)
        exchange = await rabbit.declare_exchange(_exchange(self._namespace, declare=False))
        for event_type in types_read_by(self._settings.service):
            await declared.bind(exchange, routing_key=event_type)

    async def _is_consuming(self) -> bool:
        """Asked of the broker, on a channel of its own (a missing queue closes the channel that asks)."""
        if self._rabbit is None or not self.connected:
            return False
        if self._deliver is None:
            return True
        connection = await self._rabbit.connect()
        async with asyncio.timeout(WATCH_SECONDS), connection.channel() as channel:
            queue = await channel.declare_queue(queue_name(self._namespace, self._settings.service), passive=True)
            return bool(queue.declaration_result.consumer_count)

    async def _close(self) -> None:
        rabbit, self._rabbit, self.consuming = self._rabbit, None, False
        if rabbit is not None:
            with contextlib.suppress(Exception):
                async with asyncio.timeout(GRACEFUL_STOP_SECONDS + 5):
                    await rabbit.stop()
