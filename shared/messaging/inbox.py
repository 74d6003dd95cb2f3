"""Consuming: an event takes effect exactly once, because its id is written in the effect's own transaction.

    message → parse → transaction: inbox row, handler → commit → ack        (waiting events share one: shared/messaging/together.py)

A failed message never goes back to the broker (which would redeliver it at once, or drop it): it becomes a row with its next
attempt, or a parked row with its reason. Only while not even that row can be written does the message stay here, unacked, and is
retried after a pause, whatever the error: a delivery that is never settled would silently occupy a prefetch slot.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import chain, repeat
from time import monotonic
from typing import Any, TypeVar
from uuid import UUID

import sqlalchemy as sa
import structlog
from faststream.rabbit import RabbitMessage
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.engine import Row

from shared.contracts.errors import Failure, Transient, Unavailable
from shared.contracts.events import Envelope, Event, GuestLinkRevoked
from shared.data import guests
from shared.data.crash import crash_point
from shared.data.db import Database, Transaction
from shared.data.metrics import CONSUMED, LAG_SECONDS
from shared.data.shares import Rules, Shares
from shared.data.traces import consumed
from shared.messaging.attempts import HANDLER_DEADLINE_SECONDS, OUTSIDE_DELAYS_SECONDS, verdict
from shared.messaging.deliveries import Deliveries, Delivery
from shared.messaging.messages import TOO_LARGE, Malformed, failed_row, parse, storable, unrecordable
from shared.messaging.pulse import Pulse, end, stopped
from shared.messaging.together import Handler, Together, first_times

log = structlog.get_logger()

RETRY_BATCH = 50
RETRY_POLL_SECONDS = 1.0
RETRY_HANG_SECONDS = 60.0
RETRIES_STOPPED_AFTER = 5
"""After this many retries of one store in a row that fail for an outside cause (a locked row), its turn ends: others need the slots."""
PAUSES_SECONDS = (0.2, 0.5, 1.0, 2.0)
ACK_TRIES = 3
SPARE_CONNECTIONS = 2
"""Pool connections reserved for the relay and group commits; beyond the pool's size each event would open and close its own."""
SLOT_SECONDS = 600.0
"""How long an event may wait for a slot to be applied alone; then it is retried later, like an event of a busy store."""
MAX_WAITING = 10_000
"""How many events may wait for a slot; the prefetch keeps the number far lower."""
LOCKED_SECONDS = 10.0
LOCKED_WAIT = "100ms"
"""For 10 s after one of a store's events has waited for a lock in vain, its other events wait only 100 ms for a lock, so that each
holds its slot for a moment and not for the whole lock timeout."""

E = TypeVar("E", bound=Event)


def always(event: Event) -> bool:
    """For `together`: every event of the type may share a transaction."""
    return True


async def _refuse_link(tx: Transaction, event: GuestLinkRevoked, envelope: Envelope) -> None:
    """Stop accepting this link, in every service that guests can call."""
    await guests.revoke(tx, envelope.store_id, event.order_id, event.link_id, event.expires_at)


class Consumers:
    """One service's handlers: one for each event type, some of them the kernel's own."""

    def __init__(self, service: str) -> None:
        self.service = service
        self.handlers: dict[str, Handler] = {}
        self.together: dict[str, Callable[[Any], bool]] = {}
        if service in GuestLinkRevoked.readers:
            self.on(GuestLinkRevoked)(_refuse_link)

    def on(self, *events: type[E], together: Callable[[Any], bool] | None = None) -> Callable[[Handler], Handler]:
        """Register the decorated `async (tx, event, envelope) -> None` for these event types.

        Events for which `together(event)` is true may share a transaction with others. Their handler must lock only rows of the
        event's own subject; otherwise two workers with different events would deadlock.
        """

        def register(handler: Handler) -> Handler:
            for event in events:
                if event.type in self.handlers:
                    raise ValueError(f"{self.service} has two handlers for {event.type}")
                self.handlers[event.type] = handler
                if together is not None:
                    self.together[event.type] = together
            return handler

        return register


class Inbox:
    """Handles the messages of one service's queue, and retries failed ones when they are due."""

    def __init__(self, database: Database, consumers: Consumers, *, delay_ms: int = 0, deliveries: Deliveries | None = None) -> None:
        self._database = database
        self._consumers = consumers
        self._delay_seconds = delay_ms / 1000
        self._together = Together(database)
        places = max(1, database.pool_size - SPARE_CONNECTIONS)
        half = max(1, places // 2) / places  # the part that one store may hold, even if many of its events wait for a lock
        rules = Rules(places, part=half, alone=half, queue=MAX_WAITING)
        self._slots = Shares(f"{consumers.service}.events", rules, wait_seconds=SLOT_SECONDS, what="events")
        self._locked: dict[str, float] = {}  # stores with locked rows, and until when we assume that
        self._lanes: dict[str, asyncio.Task[None]] = {}
        self.deliveries = deliveries or Deliveries(places=1, standstill_seconds=HANDLER_DEADLINE_SECONDS)
        self.retries = Pulse("retries", every_seconds=RETRY_POLL_SECONDS, hang_seconds=RETRY_HANG_SECONDS)

    async def deliver(self, message: RabbitMessage) -> None:
        """Handle one message up to its ack. If cancelled before the ack, the broker redelivers it."""
        routing_key = message.raw_message.routing_key or ""
        with self.deliveries.one(routing_key) as delivery:
            await self._settled(message.body, routing_key, delivery)
            await self._acked(message, routing_key, delivery)

    async def _settled(self, body: bytes, routing_key: str, delivery: Delivery) -> None:
        """Return once it has taken effect or is recorded as failed; after any error, try again after a pause."""
        patience = len(PAUSES_SECONDS)
        for tries, pause in enumerate(chain(PAUSES_SECONDS, repeat(PAUSES_SECONDS[-1]))):
            try:
                await self.take(body, routing_key, patient=tries < patience)
                return
            except BaseException as error:
                if stopped():
                    raise
                if isinstance(error, Unavailable):
                    log.warning("database_away", type=routing_key, error=error.detail)
                else:
                    log.error("delivery_failed", type=routing_key, error=repr(error), tries=tries + 1, exc_info=None if tries else error)
            delivery.tried()
            await asyncio.sleep(pause)

    async def _acked(self, message: RabbitMessage, name: str, delivery: Delivery) -> None:
        for pause in PAUSES_SECONDS[:ACK_TRIES]:
            try:
                crash_point("ack.before", name)
                await message.ack()
                crash_point("ack.after", name)
                delivery.settle()
                return
            except BaseException as error:
                if stopped():
                    raise
                log.warning("ack_failed", type=name, error=repr(error))
                if message.raw_message.channel.is_closed:
                    delivery.settle()  # the broker redelivers it on the next connection
                    return
            await asyncio.sleep(pause)

    async def take(self, body: bytes, routing_key: str, *, patient: bool = False) -> None:
        """Apply a message, or record why that failed.

        Raises Unavailable if not even the failure could be recorded. With `patient`, raises it whenever the database is down: the
        caller retries in a moment, which saves the row.
        """
        if self._delay_seconds:
            await asyncio.sleep(self._delay_seconds)
        now = datetime.now(UTC)
        try:
            envelope, event = parse(body, routing_key, self._consumers.handlers, now)
        except Malformed as bad:
            await self._record(failed_row(body, routing_key, now=now, reason=bad.reason, detail=bad.detail, delay=None))
            CONSUMED.labels(self._consumers.service, "malformed", "parked").inc()
            log.error("message_parked", routing_key=routing_key[:100], reason=bad.reason, detail=bad.detail, bytes=len(body))
            return
        with consumed(envelope.type, envelope.traceparent, subject=envelope.subject, event_id=str(envelope.id), store_id=envelope.store_id):
            try:
                outcome = await self._apply(envelope, event)
            except BaseException as error:
                if stopped() or (patient and isinstance(error, Unavailable)):
                    raise
                outcome = await self._failed(body, envelope, error, now=now)
        CONSUMED.labels(self._consumers.service, envelope.type, outcome).inc()
        if outcome == "applied":
            lag = (datetime.now(UTC) - envelope.recorded_at).total_seconds()
            LAG_SECONDS.labels(self._consumers.service).observe(max(0.0, lag))  # its sender's clock may be ahead of ours

    async def _apply(self, envelope: Envelope, event: Event) -> str:
        """Apply the effect and write the inbox row in one transaction, within the deadline; with other waiting events if that is safe."""
        handler, together = self._consumers.handlers[envelope.type], self._consumers.together.get(envelope.type)
        first = None
        if together is not None and not self._is_locked(envelope.store_id) and together(event):
            first = await self._together.apply(handler, event, envelope)
        if first is None:
            first = await self._apply_alone(handler, event, envelope)
        log.info("event_applied" if first else "event_repeated", type=envelope.type, sequence=envelope.sequence)
        return "applied" if first else "repeated"

    async def _apply_alone(self, handler: Handler, event: Event, envelope: Envelope) -> bool:
        async with self._transaction(envelope.store_id, f"consume:{envelope.type}") as tx:
            first = bool(await first_times(tx, [envelope]))
            if first:
                await handler(tx, event, envelope)
        return first

    @asynccontextmanager
    async def _transaction(self, store_id: str, name: str) -> AsyncIterator[Transaction]:
        """A transaction for one event of this store, within the store's share of the slots and the deadline."""
        async with self._slots.of(store_id, ""), asyncio.timeout(HANDLER_DEADLINE_SECONDS):
            try:
                async with self._database.transaction(name) as tx:
                    if self._is_locked(store_id):
                        await tx.execute(sa.text(f"set local lock_timeout = '{LOCKED_WAIT}'"))
                    yield tx
            except Transient:
                self._locked[store_id] = monotonic() + LOCKED_SECONDS
                raise

    def _is_locked(self, store_id: str) -> bool:
        until = self._locked.get(store_id)
        if until is not None and until < monotonic():
            del self._locked[store_id]
            return False
        return until is not None

    async def _failed(self, body: bytes, envelope: Envelope, error: BaseException, *, now: datetime) -> str:
        why = verdict(error)
        delay = why.delay(0, now, now=now)
        known = isinstance(error, Failure)
        log.error(
            "event_failed",
            type=envelope.type,
            reason=why.reason,
            detail=why.detail,
            retried=delay is not None,
            exc_info=None if known else error,
        )
        await self._record(failed_row(body, envelope.type, now=now, envelope=envelope, reason=why.reason, detail=why.detail, delay=delay))
        return "waiting" if delay is not None else "parked"

    async def _record(self, row: dict[str, Any]) -> None:
        """Record the failed message; a repeat of one that already waits changes nothing."""
        for values in (row, unrecordable(row)):
            try:
                async with self._database.transaction("consume:failed") as tx:
                    await tx.execute(insert(tx.kernel.parked).values(**values).on_conflict_do_nothing())
                return
            except (Transient, Unavailable):
                raise
            except Exception as error:
                if values is not row:
                    raise
                log.error("failure_not_recorded", type=row["type"], reason=row["reason"], error=repr(error))

    async def run_retries(self) -> None:
        """Until cancelled: retry due messages, each store's one after the other, with no store waiting for another."""
        try:
            while True:
                due: dict[str, list[UUID]] = {}
                try:
                    with self.retries.turn():
                        due = await self._due(now=datetime.now(UTC))
                except Exception as error:
                    log.warning("retries_failed", error=repr(error))
                for store_id, parked_ids in due.items():
                    self._lanes[store_id] = lane = asyncio.create_task(self._lane(store_id, parked_ids))
                    lane.add_done_callback(partial(self._lane_ended, store_id))
                if sum(map(len, due.values())) == RETRY_BATCH:  # there is more
                    await asyncio.wait(list(self._lanes.values()), timeout=RETRY_POLL_SECONDS, return_when=asyncio.FIRST_COMPLETED)
                else:
                    await asyncio.sleep(RETRY_POLL_SECONDS)
        finally:
            await end(*self._lanes.values())

    def _lane_ended(self, store_id: str, _: "asyncio.Task[None]") -> None:
        del self._lanes[store_id]

    async def retry_due(self, *, now: datetime) -> int:
        """Retry every waiting message that is due at `now` once; returns how many were due."""
        due = await self._due(now=now)
        await asyncio.gather(*(self._lane(store_id, parked_ids, now=now) for store_id, parked_ids in due.items()))
        return sum(map(len, due.values()))

    async def _due(self, *, now: datetime) -> dict[str, list[UUID]]:
        """Due messages of the stores that have no lane, taken in turns: the first of each store, the second of each, …"""
        async with self._database.reading() as tx:
            rows = await tx.all(_due(tx.kernel.parked, now=now, busy=list(self._lanes)))
        due: dict[str, list[UUID]] = defaultdict(list)
        for row in rows:
            due[row.store_id].append(row.parked_id)
        return due

    async def _lane(self, store_id: str, parked_ids: list[UUID], *, now: datetime | None = None) -> None:
        """Retry one store's due messages one after the other; an error in one does not stop the next."""
        failed = 0
        for parked_id in parked_ids:
            try:
                failed = 0 if await self._retry(store_id, parked_id, now=now or datetime.now(UTC)) else failed + 1
            except BaseException as error:
                if stopped():
                    raise
                log.error("retry_failed", store_id=store_id, parked_id=str(parked_id), error=repr(error))
                failed += 1
            if failed >= RETRIES_STOPPED_AFTER:
                return

    async def _retry(self, store_id: str, parked_id: UUID, *, now: datetime) -> bool:
        """Try once more: success deletes the row in the effect's transaction, failure reschedules or parks it.

        Returns False if an outside cause prevented it. Raises if not even the rescheduling could be written.
        """
        parked = self._database.kernel.parked
        mine = (parked.c.store_id == store_id) & (parked.c.parked_id == parked_id) & (parked.c.state == "waiting")
        async with self._database.reading() as tx:
            row = await tx.first(sa.select(parked).where(mine))
        if row is None:
            return True
        try:
            await self._try_again(row, mine, now=now)
        except BaseException as error:
            if stopped():
                raise
            return await self._moved_on(row, mine, error, now=now)
        return True

    async def _try_again(self, row: Row[Any], mine: sa.ColumnElement[bool], *, now: datetime) -> None:
        if row.reason == TOO_LARGE:
            raise Malformed(TOO_LARGE, row.detail)
        envelope, event = parse(row.body, row.type, self._consumers.handlers, now)
        parked = self._database.kernel.parked
        with consumed(envelope.type, envelope.traceparent, subject=envelope.subject, event_id=str(envelope.id), store_id=envelope.store_id):
            async with self._transaction(envelope.store_id, f"consume:{envelope.type}") as tx:
                if await tx.first(sa.select(parked.c.parked_id).where(mine).with_for_update(skip_locked=True)) is None:
                    return  # another worker was faster
                await tx.execute(sa.delete(parked).where(mine))
                if await first_times(tx, [envelope]):
                    await self._consumers.handlers[envelope.type](tx, event, envelope)
            log.info("event_applied", type=envelope.type, event_id=str(envelope.id), attempt=row.attempts + 1)

    async def _moved_on(self, row: Row[Any], mine: sa.ColumnElement[bool], error: BaseException, *, now: datetime) -> bool:
        why, parked = verdict(error), self._database.kernel.parked
        delay = why.delay(row.attempts, row.first_failed_at, now=now)
        log.error("event_failed", type=row.type, attempt=row.attempts + 1, reason=why.reason, detail=why.detail, retried=delay is not None)
        change: dict[str, Any] = {
            "state": "parked" if delay is None else "waiting",
            "attempts": row.attempts + (why.action != "wait"),
            "reason": storable(why.reason),
            "detail": storable(why.detail),
            "last_failed_at": now,
            "next_attempt_at": None if delay is None else now + timedelta(seconds=delay),
        }
        same = mine & (parked.c.attempts == row.attempts)  # unless another worker has rescheduled it in the meantime
        try:
            async with self._database.transaction("consume:failed") as tx:
                await tx.execute(sa.update(parked).where(same).values(**change))
        except (Transient, Unavailable):
            raise
        except Exception as unforeseen:  # at least it must not be due again at once, so that those behind it get their turn
            log.error("retry_not_recorded", parked_id=str(row.parked_id), error=repr(unforeseen))
            later = now + timedelta(seconds=OUTSIDE_DELAYS_SECONDS[1])
            async with self._database.transaction("consume:failed") as tx:
                await tx.execute(sa.update(parked).where(same).values(next_attempt_at=later))
        return why.action != "wait"


def _due(parked: sa.Table, *, now: datetime, busy: list[str]) -> sa.Select[Any]:
    turn = sa.func.row_number().over(partition_by=parked.c.store_id, order_by=parked.c.next_attempt_at).label("turn")
    due = (
        sa.select(parked.c.store_id, parked.c.parked_id, parked.c.next_attempt_at, turn)
        .where(parked.c.state == "waiting", parked.c.next_attempt_at <= now, parked.c.store_id.not_in(busy))
        .subquery()
    )
    return sa.select(due.c.store_id, due.c.parked_id).order_by(due.c.turn, due.c.next_attempt_at).limit(RETRY_BATCH)
