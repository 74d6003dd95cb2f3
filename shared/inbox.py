"""Consuming: an event takes effect once, for ever, because its id is written in the effect's own transaction.

    message → parse → transaction: inbox row, handler → commit → ack        (shared by those that wait: shared/together.py)

A failure never goes back to the broker (which would redeliver at once, or drop): it becomes a row with its next attempt, or a
parked row with its reason. Only while the database is away does the message stay with the broker, unacked.
"""

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, TypeVar
from uuid import UUID

import sqlalchemy as sa
import structlog
from faststream.rabbit import RabbitMessage
from pydantic import ValidationError, create_model
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.engine import Row

from shared.crash import crash_point
from shared.db import Database
from shared.errors import Failure, OnMessage, Unavailable
from shared.events import EVENTS, Envelope, Event, Part
from shared.ids import new_uuid
from shared.telemetry import CONSUMED, LAG_SECONDS, consumed
from shared.times import read_time
from shared.together import Handler, Together, first_times

log = structlog.get_logger()

HANDLER_DEADLINE_SECONDS = 60.0
RETRY_DELAYS_SECONDS = (1, 5, 15, 60, 300, 900, 3600, 3600)
"""Waits before each further attempt; then the message is parked. At most 5 attempts in any hour after the first minute."""
RETRY_BATCH = 50
RETRY_POLL_SECONDS = 1.0
AWAY_BACKOFF_SECONDS = (0.2, 0.5, 1.0, 2.0)
UNKNOWN_STORE = ""
SPARE_CONNECTIONS = 2
"""Kept connections that events taken alone leave to the relay and to groups: beyond them each event would open one, and close it."""

E = TypeVar("E", bound=Event)


def always(event: Event) -> bool:
    """For `together`: whatever the event says."""
    return True


class Malformed(Exception):  # noqa: N818  (says what the message is)
    """The message cannot be read: `reason` is its stable code. Never retried, always parked."""

    def __init__(self, reason: str, detail: str) -> None:
        self.reason = reason
        self.detail = detail
        super().__init__(f"{reason}: {detail}")


class Consumers:
    """What one service does with which event: one handler per type."""

    def __init__(self, service: str) -> None:
        self.service = service
        self.handlers: dict[str, Handler] = {}
        self.together: dict[str, Callable[[Any], bool]] = {}

    def on(self, *events: type[E], together: Callable[[Any], bool] | None = None) -> Callable[[Handler], Handler]:
        """Register the decorated `async (tx, event, envelope) -> None` for these event types.

        Those for which `together(event)` holds may share a transaction with others: nothing else than rows of the event's own
        subject is locked for them, or two workers with different events would wait for each other in a ring.
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


def parse(body: bytes, handlers: dict[str, Handler], received_at: datetime) -> tuple[Envelope, Event]:
    """A message as envelope and event. Raises Malformed with the reason that it will be parked with."""
    try:
        message = json.loads(body)
        message.pop("data")  # there must be some; what it says is read below
        envelope = Envelope(
            id=UUID(message["id"]),
            type=message["type"],
            source=message["source"],
            subject=message["subject"],
            store_id=message["storeid"],
            sequence=int(message["sequence"]),
            occurred_at=read_time(message["time"]),
            recorded_at=read_time(message["recordedtime"]),
            traceparent=message.get("traceparent"),
            received_at=received_at,
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise Malformed("not_a_cloud_event", f"{type(error).__name__}: {str(error)[:500]}") from error
    if envelope.type not in handlers or envelope.type not in EVENTS:
        raise Malformed("unknown_type", f"{envelope.type} is not a type that this version reads; replay it after an upgrade.")
    try:
        return envelope, _with_data(EVENTS[envelope.type]).model_validate_json(body).data
    except ValidationError as error:
        detail = "; ".join(f"{'/'.join(map(str, item['loc'][1:]))}: {item['msg']}" for item in error.errors(include_input=False)[:5])
        raise Malformed("bad_data", detail) from error


@lru_cache
def _with_data(event: type[Event]) -> Any:
    """A message whose data is this event: strict about what JSON has, dates among it, only when it reads the JSON itself."""
    return create_model("Message", __base__=Part, data=(event, ...))


class Inbox:
    """Takes messages of one service's queue, and again those that failed when they are due."""

    def __init__(self, database: Database, consumers: Consumers, *, delay_ms: int = 0) -> None:
        self._database = database
        self._consumers = consumers
        self._delay_seconds = delay_ms / 1000
        self._together = Together(database)
        self._alone = asyncio.Semaphore(max(1, database.pool_size - SPARE_CONNECTIONS))

    async def deliver(self, message: RabbitMessage) -> None:
        """Handle one message from the broker to its ack. Cancelled before the ack, it is delivered again."""
        name = message.raw_message.type or "unknown"
        for pause in _pauses():
            try:
                await self.take(message.body)
                break
            except Unavailable as away:
                log.warning("database_away", type=name, error=away.detail)
                await asyncio.sleep(pause)
        crash_point("ack.before", name)
        await message.ack()
        crash_point("ack.after", name)

    async def take(self, body: bytes) -> None:
        """Let a message take effect, or record why it could not. Raises Unavailable if not even that was possible."""
        if self._delay_seconds:
            await asyncio.sleep(self._delay_seconds)
        now = datetime.now(UTC)
        try:
            envelope, event = parse(body, self._consumers.handlers, now)
        except Malformed as bad:
            CONSUMED.labels(self._consumers.service, "malformed", "parked").inc()
            await self._record(_failed_row(body, now, reason=bad.reason, detail=bad.detail, delay=None, attempts=1))
            return
        with consumed(envelope.type, envelope.traceparent, subject=envelope.subject, event_id=str(envelope.id), store_id=envelope.store_id):
            try:
                outcome = await self._apply(envelope, event)
            except Unavailable:
                raise
            except Exception as error:
                outcome = await self._failed(body, envelope, error, now)
        CONSUMED.labels(self._consumers.service, envelope.type, outcome).inc()
        if outcome == "applied":
            LAG_SECONDS.labels(self._consumers.service).observe((datetime.now(UTC) - envelope.recorded_at).total_seconds())

    async def _apply(self, envelope: Envelope, event: Event) -> str:
        """The effect and the inbox row in one transaction, within the deadline; with others that wait, where that is safe."""
        handler, together = self._consumers.handlers[envelope.type], self._consumers.together.get(envelope.type)
        first = None
        if together is not None and together(event):
            first = await self._together.apply(handler, event, envelope)
        if first is None:
            first = await self._apply_alone(handler, event, envelope)
        log.info("event_applied" if first else "event_repeated", type=envelope.type, sequence=envelope.sequence)
        return "applied" if first else "repeated"

    async def _apply_alone(self, handler: Handler, event: Event, envelope: Envelope) -> bool:
        name = f"consume:{envelope.type}"
        async with self._alone, asyncio.timeout(HANDLER_DEADLINE_SECONDS), self._database.transaction(name) as tx:
            first = bool(await first_times(tx, [envelope]))
            if first:
                await handler(tx, event, envelope)
        return first

    async def _failed(self, body: bytes, envelope: Envelope, error: Exception, now: datetime) -> str:
        action, reason, detail = _verdict(error)
        delay = RETRY_DELAYS_SECONDS[0] if action == "retry" else None
        log.error("event_failed", type=envelope.type, reason=reason, detail=detail, retried=delay is not None, exc_info=_unexpected(error))
        await self._record(_failed_row(body, now, envelope=envelope, reason=reason, detail=detail, delay=delay, attempts=1))
        return "waiting" if delay is not None else "parked"

    async def _record(self, row: dict[str, Any]) -> None:
        """Write the failed message down; a repeat of one that already waits changes nothing."""
        async with self._database.transaction("consume:failed") as tx:
            await tx.execute(insert(tx.kernel.parked).values(**row).on_conflict_do_nothing())

    async def run_retries(self) -> None:
        """Until cancelled: re-drive what is due, in batches."""
        while True:
            try:
                taken = await self.retry_due(datetime.now(UTC))
            except Exception as error:
                log.warning("retry_failed", error=repr(error))
                taken = 0
            if taken < RETRY_BATCH:
                await asyncio.sleep(RETRY_POLL_SECONDS)

    async def retry_due(self, now: datetime) -> int:
        """Try every waiting message that is due at `now` once more; how many were due."""
        async with self._database.reading() as tx:
            due = await tx.all(_due(tx.kernel.parked, now))
        for row in due:
            await self._retry(row, now)
        return len(due)

    async def _retry(self, row: Row[Any], now: datetime) -> None:
        """One more attempt: success deletes the row in the effect's transaction, failure moves it on or parks it."""
        parked = self._database.kernel.parked
        mine = (parked.c.store_id == row.store_id) & (parked.c.parked_id == row.parked_id)
        try:
            envelope, event = parse(row.body, self._consumers.handlers, now)
            with consumed(
                envelope.type, envelope.traceparent, subject=envelope.subject, event_id=str(envelope.id), store_id=envelope.store_id
            ):
                async with asyncio.timeout(HANDLER_DEADLINE_SECONDS):
                    async with self._database.transaction(f"consume:{envelope.type}") as tx:
                        if (await tx.execute(sa.delete(parked).where(mine, parked.c.state == "waiting"))).rowcount == 0:
                            return  # another worker was quicker
                        if await first_times(tx, [envelope]):
                            await self._consumers.handlers[envelope.type](tx, event, envelope)
            log.info("event_applied", type=envelope.type, event_id=str(envelope.id), attempt=row.attempts + 1)
        except Unavailable:
            raise
        except Exception as error:
            action, reason, detail = _verdict(error)
            more = action == "retry" and row.attempts < len(RETRY_DELAYS_SECONDS)
            next_attempt = now + timedelta(seconds=RETRY_DELAYS_SECONDS[row.attempts]) if more else None
            log.error("event_failed", type=row.type, attempt=row.attempts + 1, reason=reason, detail=detail, retried=more)
            change = {
                "attempts": row.attempts + 1,
                "reason": reason,
                "detail": detail,
                "last_failed_at": now,
                "next_attempt_at": next_attempt,
            }
            async with self._database.transaction("consume:failed") as tx:
                await tx.execute(sa.update(parked).where(mine).values(state="waiting" if more else "parked", **change))


def _pauses() -> Any:
    yield from AWAY_BACKOFF_SECONDS
    while True:
        yield AWAY_BACKOFF_SECONDS[-1]


def _verdict(error: Exception) -> tuple[OnMessage, str, str]:
    """What to do with a message whose handler failed so: an unexpected error is retried, because it may be the day's, not the message's."""
    if isinstance(error, Malformed):
        return "park", error.reason, error.detail
    if isinstance(error, Failure):
        return error.on_message, error.code, error.detail
    if isinstance(error, TimeoutError):
        return "retry", "handler_deadline", f"The handler took more than {HANDLER_DEADLINE_SECONDS:.0f} s."
    return "retry", "handler_failed", f"{type(error).__name__}: {str(error)[:500]}"


def _unexpected(error: Exception) -> Exception | None:
    return None if isinstance(error, Failure) else error


def _failed_row(
    body: bytes, now: datetime, *, envelope: Envelope | None = None, reason: str, detail: str, delay: int | None, attempts: int
) -> dict[str, Any]:
    detail = detail.encode("utf-8", "replace").decode().replace("\x00", "")  # PostgreSQL takes neither lone surrogates nor NUL
    return {
        "store_id": envelope.store_id if envelope else UNKNOWN_STORE,
        "parked_id": new_uuid(),
        "event_id": envelope.id if envelope else None,
        "type": envelope.type if envelope else "unknown",
        "body": body,
        "state": "parked" if delay is None else "waiting",
        "reason": reason,
        "detail": detail,
        "attempts": attempts,
        "next_attempt_at": None if delay is None else now + timedelta(seconds=delay),
        "first_failed_at": now,
        "last_failed_at": now,
    }


def _due(parked: sa.Table, now: datetime) -> sa.Select[Any]:
    return (
        sa.select(parked)
        .where(parked.c.state == "waiting", parked.c.next_attempt_at <= now)
        .order_by(parked.c.next_attempt_at)
        .limit(RETRY_BATCH)
    )
