"""The events table as outbox: emit() writes an event in the change's own transaction, the relay publishes what is unsent."""

import asyncio
import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
import structlog
from sqlalchemy.engine import Row

from shared.broker import Broker
from shared.crash import crash_point
from shared.db import Database, Transaction
from shared.errors import Refused
from shared.events import MAX_EVENT_BYTES, Event
from shared.ids import new_uuid
from shared.telemetry import current_traceparent, relayed

log = structlog.get_logger()

PUBLISH_DEADLINE_SECONDS = 10.0  # the library's own publish timeout did not fire during a memory alarm
BACKOFF_SECONDS = 1.0


async def emit(tx: Transaction, event: Event, *, store_id: str, sequence: int, recorded_at: datetime) -> None:
    """Write `event` into the service's own history, in the transaction of the change that it tells of.

    `sequence` counts the events of (this service, store, event.subject); giving one twice violates a constraint.
    Raises Refused `event_too_large` above 1 MB.
    """
    row = event_row(event, store_id=store_id, sequence=sequence, recorded_at=recorded_at)
    await tx.execute(sa.insert(tx.kernel.events), row)
    tx.emitted = True


def event_row(event: Event, *, store_id: str, sequence: int, recorded_at: datetime) -> dict[str, Any]:
    """The row of an event, for emit() and for statements that insert it beside the change (see orders' placing)."""
    data = event.model_dump(mode="json")
    size = len(json.dumps(data, separators=(",", ":")))
    if size > MAX_EVENT_BYTES:
        raise Refused("event_too_large", f"The event would have {size} bytes; at most {MAX_EVENT_BYTES} are possible.")
    return {
        "store_id": store_id,
        "event_id": new_uuid(),
        "type": event.type,
        "subject": event.subject,
        "sequence": sequence,
        "public": event.public,
        "occurred_at": event.occurred_at,
        "recorded_at": recorded_at,
        "data": data,
        "traceparent": current_traceparent(),
    }


def cloud_event(service: str, row: Row[Any]) -> bytes:
    """The event as it crosses the broker: CloudEvents 1.0 in structured mode. The same row gives the same bytes for ever.

    `row.data` is the JSON text as PostgreSQL keeps it, put in verbatim.
    """
    attributes = {
        "specversion": "1.0",
        "id": str(row.event_id),
        "source": service,
        "type": row.type,
        "subject": row.subject,
        "time": row.occurred_at.isoformat(),
        "recordedtime": row.recorded_at.isoformat(),
        "storeid": row.store_id,
        "sequence": f"{row.sequence:020d}",  # CloudEvents wants it sortable as text
        "partitionkey": row.subject,
        "datacontenttype": "application/json",
    }
    if row.traceparent:
        attributes["traceparent"] = row.traceparent
    opened = json.dumps(attributes, ensure_ascii=False)[:-1]
    return f'{opened}, "data": {row.data}}}'.encode()


class Relay:
    """Publishes committed events: claims unsent rows, sends them all in flight, marks those that the broker confirmed.

    Any number of relays may run beside each other: a claim is a row lock that others skip. It remembers nothing between
    batches (a high-water mark would skip rows that commit late). A publish that fails or times out has an unknown outcome:
    the row stays unsent and goes again with the same id; consumers' inboxes absorb the repeat.
    """

    def __init__(self, database: Database, broker: Broker, *, batch: int, poll_seconds: float) -> None:
        self._database = database
        self._broker = broker
        self._batch = batch
        self._poll_seconds = poll_seconds
        self._sends: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Until cancelled. A frozen broker once raised a CancelledError that nobody asked for: it must not end the relay."""
        task = asyncio.current_task()
        while True:
            try:
                self._database.events_committed.clear()
                sent = await self.send_batch() if self._broker.connected else 0
                if sent < self._batch:
                    await self._woken()
            except asyncio.CancelledError:
                if task is not None and task.cancelling():
                    raise
                log.warning("relay_stray_cancellation")
            except Exception as error:
                log.warning("relay_failed", error=repr(error))
                await asyncio.sleep(BACKOFF_SECONDS)

    async def _woken(self) -> None:
        try:
            async with asyncio.timeout(self._poll_seconds):
                await self._database.events_committed.wait()
        except TimeoutError:
            pass

    async def send_batch(self) -> int:
        """Claim, publish and mark one batch; how many were confirmed."""
        async with self._database.transaction("relay") as tx:
            rows = await tx.all(_claim(tx.kernel.events, self._batch))
            confirmed = await self._publish(rows)
            if confirmed:
                await tx.execute(_mark(tx.kernel.events, confirmed))
        if len(confirmed) < len(rows):
            log.warning("relay_unconfirmed", events=len(rows) - len(confirmed))
            await asyncio.sleep(BACKOFF_SECONDS)
        return len(confirmed)

    async def _publish(self, rows: Sequence[Row[Any]]) -> list[Row[Any]]:
        """Send all rows at once; those that the broker confirmed within the deadline."""
        if not rows:
            return []
        tasks = {asyncio.create_task(self._send(row)): row for row in rows}
        done, late = await asyncio.wait(tasks, timeout=PUBLISH_DEADLINE_SECONDS)
        for task in late:
            task.cancel()
        confirmed = []
        for task in done:
            if task.cancelled() or task.exception() is not None:
                log.warning("publish_failed", type=tasks[task].type, subject=tasks[task].subject, error=_reason(task))
            else:
                confirmed.append(tasks[task])
        return confirmed

    async def _send(self, row: Row[Any]) -> None:
        with relayed(row.type, row.traceparent):
            crash_point("publish.before", row.type)
            await self._broker.publish(cloud_event(self._database.service, row), event_type=row.type, event_id=str(row.event_id))
            crash_point("confirm.after", row.type)


def _reason(task: asyncio.Task[None]) -> str:
    return "cancelled" if task.cancelled() else repr(task.exception())


def _claim(events: sa.Table, limit: int) -> sa.Select[Any]:
    columns = [column for column in events.c if column.name not in ("data", "public", "published_at")]
    return (
        sa.select(*columns, sa.cast(events.c.data, sa.Text).label("data"))
        .where(events.c.published_at.is_(None))
        .order_by(events.c.position)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )


def _mark(events: sa.Table, rows: Sequence[Row[Any]]) -> sa.Update:
    positions = sa.bindparam("positions", [row.position for row in rows], type_=sa.ARRAY(sa.BigInteger))
    # position is an identity of the whole table, so it names the row; the partial index finds it among the unsent
    return (
        sa.update(events).where(events.c.position == sa.any_(positions), events.c.published_at.is_(None)).values(published_at=sa.func.now())
    )
