"""RabbitMQ through FastStream, with our defaults spelled out once; tests/services/kernel/test_broker.py shows each against a real broker.

persist=True             by default FastStream's messages do not survive a broker restart
on_return_raises=True    otherwise an event that no queue takes would count as sent
AckPolicy.MANUAL         the default rejects on any error, and without a dead-letter queue the message is gone
prefetch_count           without it the broker delivers every message of the queue at once
heartbeat=10             a dead peer is noticed after 33 s instead of 183 s
reconnect_interval=1     reconnected within a second once the broker is back
"""

import asyncio
import base64
import contextlib
import hashlib
from collections.abc import Awaitable, Callable, Mapping
from time import monotonic
from typing import Any, cast

import structlog
from faststream import AckPolicy
from faststream.rabbit import Channel, ExchangeType, RabbitBroker, RabbitExchange, RabbitMessage, RabbitQueue
from faststream.rabbit.schemas import QueueType
from faststream.rabbit.schemas.queue import QuorumQueueArgs
from yarl import URL

from shared.contracts.events import EVENTS, read_by
from shared.messaging.deliveries import Deliveries
from shared.messaging.properties import tolerate_strange_properties
from shared.messaging.pulse import end, stopped
from shared.messaging.settings import MessagingSettings

log = structlog.get_logger()
tolerate_strange_properties()

HEARTBEAT_SECONDS = 10
RECONNECT_SECONDS = 1.0
GRACEFUL_STOP_SECONDS = 10.0
OPEN_SECONDS = 30.0
LOOK_SECONDS = 5.0
CLOSE_SECONDS = 5.0
WATCH_FAILURES_BEFORE_RESTART = 3
SILENT_LOOKS = 2
UNWATCHED_SECONDS = 20.0
"""A consumer whose watchdog check is overdue by this long is not reported as consuming, because nobody knows whether it is."""
CONTENT_TYPE = "application/cloudevents+json"

Deliver = Callable[[RabbitMessage], Awaitable[None]]


def exchange_name(namespace: str) -> str:
    """The one durable topic exchange; the routing key is the event type."""
    return f"{namespace}.events"


def queue_name(namespace: str, service: str) -> str:
    """The queue of a consuming service."""
    return f"{namespace}.{service}"


def dead_queue_name(namespace: str) -> str:
    """Where the broker dead-letters messages; it stays empty, because our consumers park failed messages in the database."""
    return f"{namespace}.dead"


def partners_vhost(namespace: str) -> str:
    """The virtual host of the queues that belong to stores: nobody in it can name an internal queue or exchange."""
    return f"{namespace}.partners"


def password_hash(password: str, salt: bytes) -> str:
    """A password as RabbitMQ stores it: base64(salt + SHA-256(salt + password)), with a salt of four bytes."""
    return base64.b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode()


def queue_arguments(namespace: str) -> Mapping[str, Any]:
    """Arguments of a consumer's queue. The huge delivery limit disables that of RabbitMQ 4.x (20 by default), which 3.10 does not have."""
    return {
        "x-queue-type": "quorum",
        "x-delivery-limit": 1_000_000,
        "x-dead-letter-exchange": "",
        "x-dead-letter-routing-key": dead_queue_name(namespace),
        "x-dead-letter-strategy": "at-least-once",
        "x-overflow": "reject-publish",
    }


def _exchange(namespace: str, *, declare: bool) -> RabbitExchange:
    return RabbitExchange(exchange_name(namespace), type=ExchangeType.TOPIC, durable=True, declare=declare)


async def _undecoded(message: RabbitMessage) -> RabbitMessage:
    """Pass the raw message to the handler, which parses, parks and acks it."""
    return message


class Broker:
    """One service's connection to RabbitMQ: publishes with confirms, and consumes the service's queue if consume() was called.

    start() returns at once and connects in the background, so that an API starts and serves calls while the broker is down.
    """

    def __init__(self, settings: MessagingSettings) -> None:
        self._settings = settings
        self._namespace = settings.amqp_namespace
        self._queue_name = queue_name(settings.amqp_namespace, settings.service)
        self._exchange = _exchange(self._namespace, declare=False)
        self._deliver: Deliver | None = None
        self._deliveries: Deliveries | None = None
        self._consumers_found = False
        self._looked_at = monotonic()
        self.queue_ready: int | None = None  # undelivered messages in our queue at the last check
        self._rabbit: RabbitBroker | None = None
        self._supervisor: asyncio.Task[None] | None = None

    @property
    def connected(self) -> bool:
        """Whether the connection is open, as far as the library knows."""
        connection = None if self._rabbit is None else self._rabbit._connection  # no public way to ask without connecting
        return connection is not None and not connection.is_closed and connection.connected.is_set()

    @property
    def consuming(self) -> bool:
        """Whether we consume our queue and settle what is delivered."""
        watched = monotonic() - self._looked_at < self._settings.broker_watch_seconds + UNWATCHED_SECONDS
        return self._consumers_found and watched and not self.standstill

    @property
    def standstill(self) -> str:
        """Why this process's consumer counts as stuck; empty while it makes progress."""
        return "" if self._deliveries is None else self._deliveries.standstill

    def consume(self, deliver: Deliver, deliveries: Deliveries | None = None) -> None:
        """Consume this service's queue with `deliver`, which acks each message and tracks it in `deliveries`. Call it before start()."""
        self._deliver = deliver
        self._deliveries = deliveries

    def start(self) -> None:
        """Connect in the background and stay connected."""
        self._supervisor = asyncio.create_task(self._supervise(), name=f"{self._settings.service}-broker")

    async def stop(self) -> None:
        """Let running handlers finish (for a bounded time), then close; the broker redelivers unacked messages."""
        if self._supervisor is not None:
            await end(self._supervisor)
        await self._close()

    async def publish(self, body: bytes, *, event_type: str, event_id: str) -> None:
        """Publish persistently and wait for the broker's confirm. Any exception means that the outcome is unknown: publish again.

        If an event has no `readers`, it is fine that no queue takes it: it stays in the history.
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
        """Run until cancelled: connect, then check that our queue is really consumed and that deliveries are settled.

        After some faults a connection looks fine but nothing is delivered, or deliveries are never settled. A new connection then
        makes the broker redeliver everything that is unsettled.
        """
        failures = silent = 0
        while True:
            try:
                if self._rabbit is None:
                    async with asyncio.timeout(OPEN_SECONDS):
                        await self._open()
                    failures = 0
                await asyncio.sleep(self._settings.broker_watch_seconds)
                failures, silent = 0 if await self._look() else failures + 1, 0
            except BaseException as error:
                if stopped():
                    raise
                log.warning("broker_away", error=repr(error))
                silent += 1
                if not (isinstance(error, TimeoutError) and self.connected):
                    failures += 1
                elif silent < SILENT_LOOKS:  # a broker alarm (a full disk) causes silence too; the heartbeat detects a dead peer
                    continue
                self._consumers_found, self.queue_ready = False, None
                await asyncio.sleep(RECONNECT_SECONDS)
            self._looked_at = monotonic()
            stuck = self._deliveries is not None and self._deliveries.needs_a_new_connection
            if self._rabbit is not None and (stuck or failures >= WATCH_FAILURES_BEFORE_RESTART):
                log.error("consumer_restarting", queue=self._queue_name, reason=self.standstill or "Its queue cannot be watched.")
                await self._reopen()
                failures = 0

    async def _look(self) -> bool:
        """Ask the broker about our queue; returns whether it has a consumer."""
        ready, consumers = await self._queue_now()
        self._consumers_found, self.queue_ready = consumers > 0, ready
        if self._deliveries is not None:
            self._deliveries.queue_has(ready)
        return self._consumers_found

    async def _reopen(self) -> None:
        """Close, so that the next turn reconnects. Deliveries in flight are cancelled first: the broker redelivers them."""
        if self._deliveries is not None:
            self._deliveries.give_up()
        await self._close()
        if self._deliveries is not None:
            self._deliveries.give_up()  # also what arrived while it was closing

    async def _open(self) -> None:
        rabbit = RabbitBroker(
            str(URL(self._settings.amqp_url.get_secret_value()).update_query(heartbeat=HEARTBEAT_SECONDS)),
            default_channel=Channel(on_return_raises=True),
            reconnect_interval=RECONNECT_SECONDS,
            timeout=OPEN_SECONDS / 2,  # fails by itself: if it were cancelled, nobody could close what it had begun
            graceful_timeout=GRACEFUL_STOP_SECONDS,
            apply_types=False,
            logger=None,
        )
        queue = RabbitQueue(
            self._queue_name,
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
            await _let_go(rabbit)
            raise
        self._rabbit = rabbit
        self._consumers_found = self._deliver is not None
        log.info("broker_connected", consuming=self._consumers_found)

    async def _bind(self, rabbit: RabbitBroker, queue: RabbitQueue) -> None:
        # Call it after start(): FastStream uses a queue on the channel that declared it first, and only the subscriber's has our prefetch.
        declared = await rabbit.declare_queue(queue)
        exchange = await rabbit.declare_exchange(_exchange(self._namespace, declare=False))
        for event_type in read_by(self._settings.service):
            await declared.bind(exchange, routing_key=event_type)

    async def _queue_now(self) -> tuple[int, int]:
        """Undelivered messages in our queue, and its consumers. It opens a separate channel, because asking for a missing queue closes it.

        Raises the library's errors while the broker or the queue is not there.
        """
        if self._rabbit is None or not self.connected:
            raise ConnectionError("not connected to RabbitMQ")
        if self._deliver is None:
            return 0, 1
        connection = await self._rabbit.connect()
        async with asyncio.timeout(LOOK_SECONDS), connection.channel() as channel:
            found = (await channel.declare_queue(self._queue_name, passive=True)).declaration_result
            return found.message_count or 0, found.consumer_count or 0

    async def _close(self) -> None:
        rabbit, self._rabbit, self._consumers_found, self.queue_ready = self._rabbit, None, False, None
        if rabbit is not None:
            await _let_go(rabbit)


async def _let_go(rabbit: RabbitBroker) -> None:
    """Stop `rabbit`, and close its connection whatever that meets.

    stop() first closes the channel. If that fails, as after a broken connection, it leaves the connection behind, which would then
    reconnect and consume beside the next one for as long as the process lives.
    """
    connection = rabbit._connection
    try:
        with contextlib.suppress(Exception):
            async with asyncio.timeout(GRACEFUL_STOP_SECONDS + 5):
                await rabbit.stop()
    finally:
        if connection is not None:
            with contextlib.suppress(Exception):
                async with asyncio.timeout(CLOSE_SECONDS):
                    await connection.close()
