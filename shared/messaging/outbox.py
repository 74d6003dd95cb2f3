"""The events table as outbox: emit() writes an event in the transaction of its change, and the relay publishes unsent events."""

import asyncio
import json
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

import sqlalchemy as sa
import structlog
from sqlalchemy.engine import Row

from shared.contracts.errors import Refused
from shared.contracts.events import EVENTS, MAX_EVENT_BYTES, SOURCES, Event, event_bytes
from shared.contracts.ids import new_uuid
from shared.contracts.times import EARLIEST, LATEST
from shared.data.crash import crash_point
from shared.data.db import Database, Transaction
from shared.data.set_aside import OUTBOX, Unusable, note, unusable
from shared.data.traces import current_traceparent, relayed
from shared.messaging.broker import Broker
from shared.messaging.pulse import Pulse
from shared.messaging.settings import MessagingSettings

log = structlog.get_logger()

PUBLISH_DEADLINE_SECONDS = 10.0  # the library's own publish timeout does not fire during a memory alarm
BACKOFF_SECONDS = 1.0
MAX_DATA_BYTES = 2 * MAX_EVENT_BYTES
"""Limit of an event's data when it is published, in bytes of JSON as PostgreSQL writes it: twice what emit() accepts."""
HANG_SECONDS = 90.0  # longer than the statement and publish deadlines together


async def emit(tx: Transaction, event: Event, *, store_id: str, sequence: int, recorded_at: datetime) -> None:
    """Write `event` into the service's own history, in the transaction of the change that it reports.

    `sequence` counts the events of (this service, store, event.subject); using a number twice violates a constraint.
    Raises Refused `event_too_large` above 4.3 MB.
    """
    await emit_rows(tx, [event_row(event, store_id=store_id, sequence=sequence, recorded_at=recorded_at)])


async def emit_rows(tx: Transaction, rows: Sequence[dict[str, Any]]) -> None:
    """emit() for events whose rows were made before, in one round trip."""
    await tx.execute(sa.insert(tx.kernel.events), rows)
    tx.emitted = True


def event_row(event: Event, *, store_id: str, sequence: int, recorded_at: datetime) -> dict[str, Any]:
    """The row of an event, for emit_rows() and for statements that insert it beside the change (see orders' placing).

    Raises Refused `event_too_large` above 4.3 MB.
    """
    data = event.model_dump(mode="json")
    size = event_bytes(data)
    if size > MAX_EVENT_BYTES:
        raise Refused("event_too_large", f"The event would have {size} bytes; at most {MAX_EVENT_BYTES} are allowed.")
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
    """The message for the broker: CloudEvents 1.0 in structured mode. The same row always gives the same bytes.

    `row.data` is JSON text as PostgreSQL writes it, and is inserted verbatim.
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
        "sequence": f"{row.sequence:020d}",  # CloudEvents requires it to sort as text
        "partitionkey": row.subject,
        "datacontenttype": "application/json",
    }
    if row.traceparent:
        attributes["traceparent"] = row.traceparent
    opened = json.dumps(attributes, ensure_ascii=False)[:-1]
    return f'{opened}, "data": {row.data}}}'.encode()


class Relay:
    """Publishes committed events: leases unsent rows, publishes them concurrently, marks those that the broker confirmed.

    Any number of relays can run at once: a lease is a row lock, which other relays skip. No state about events is kept between
    batches (a high-water mark would skip rows that commit late). Stores take turns, and no batch holds more than `store_batch`
    events of one store, so that a store with 20,000 waiting events delays no other. If a publish fails or times out, its outcome is
    unknown: the row stays unsent and is sent again with the same id; consumers' inboxes ignore the repeat. A row that cannot be
    published at all is set aside with its reason, and the others are published.
    """

    def __init__(self, database: Database, broker: Broker, settings: MessagingSettings, *, source: str | None = None) -> None:
        """`source` is the service that publishes the events; it differs from the database's own only in tests."""
        self._database = database
        self._source = source or database.service
        self._broker = broker
        self._batch = settings.relay_batch
        self._store_batch = settings.relay_store_batch
        self._from_store = ""  # the store whose turn is next, if one batch has no room for all of them
        self._woken = database.woken_by_events()
        self._claiming = _claim_statement(str(database.kernel.events.schema))
        self.more = False  # whether more events may be waiting than the last batch took
        self.pulse = Pulse("relay", every_seconds=settings.relay_poll_seconds, hang_seconds=HANG_SECONDS)

    async def run(self) -> None:
        """Run until cancelled. A frozen broker once caused a CancelledError without a cancel(), which must not end the relay."""
        task = asyncio.current_task()
        while True:
            try:
                self._woken.clear()
                with self.pulse.turn():
                    if self._broker.connected:
                        await self.send_batch()
                if not (self._broker.connected and self.more):
                    await self.pulse.rest(self._woken)
            except asyncio.CancelledError:
                if task is not None and task.cancelling():
                    raise
                log.warning("relay_stray_cancellation")
            except Exception as error:
                log.warning("relay_failed", error=repr(error))
                await asyncio.sleep(BACKOFF_SECONDS)

    async def send_batch(self) -> int:
        """Lease, publish and mark one batch; returns how many events were confirmed."""
        async with self._database.transaction("relay") as tx:
            good, bad = self._messages(await self._claim(tx))
            confirmed = await self._publish(good)
            if confirmed:
                await tx.execute(_mark(tx.kernel.events, confirmed, "published_at"))
            if bad:
                await tx.execute(_mark(tx.kernel.events, [row for row, _ in bad], "set_aside_at"))
                await note(tx, OUTBOX, [why for _, why in bad], now=datetime.now(UTC))
        if len(confirmed) < len(good):
            log.warning("relay_unconfirmed", events=len(good) - len(confirmed))
            await asyncio.sleep(BACKOFF_SECONDS)
        return len(confirmed)

    async def _claim(self, tx: Transaction) -> Sequence[Row[Any]]:
        """Lock a batch of unsent rows: the oldest of each store whose turn it is, up to its share. Returns them in the order of turns."""
        bounds = {"from_store": self._from_store, "batch": self._batch, "store_batch": self._store_batch}
        rows = await tx.all(self._claiming, bounds)
        started, self._from_store = self._from_store, (rows[0].next_store or "") if rows else ""
        full = any(count >= rows[0].share for count in Counter(row.store_id for row in rows).values())
        self.more = full or started != self._from_store
        return _by_turns(rows)

    def _messages(self, rows: Sequence[Row[Any]]) -> tuple[list[tuple[Row[Any], bytes]], list[tuple[Row[Any], Unusable]]]:
        """The rows with their messages, and the rows that cannot be published with the reasons."""
        good, bad = [], []
        for row in rows:
            try:
                reason = _unpublishable(self._source, row)
                if reason is None:
                    good.append((row, cloud_event(self._source, row)))
                    continue
                why = Unusable(row.store_id, str(row.position), *reason)
            except Exception as error:  # any error concerns this row alone
                why = unusable(row.store_id, str(row.position), error)
            bad.append((row, why))
        return good, bad

    async def _publish(self, messages: Sequence[tuple[Row[Any], bytes]]) -> list[Row[Any]]:
        """Send all at once; returns the rows that the broker confirmed within the deadline."""
        if not messages:
            return []
        tasks = {asyncio.create_task(self._send(row, body)): row for row, body in messages}
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

    async def _send(self, row: Row[Any], body: bytes) -> None:
        with relayed(row.type, row.traceparent):
            crash_point("publish.before", row.type)
            await self._broker.publish(body, event_type=row.type, event_id=str(row.event_id))
            crash_point("confirm.after", row.type)


def _reason(task: asyncio.Task[None]) -> str:
    return "cancelled" if task.cancelled() else repr(task.exception())


def _unpublishable(service: str, row: Row[Any]) -> tuple[str, str] | None:
    """Why this row can never be published (a code and a sentence), or None."""
    if row.type not in EVENTS:
        return "unknown_type", "This version does not publish events of this type."
    if row.type.split(".")[0] not in SOURCES.get(service, ()):
        return "not_ours", f"{row.type} is not a type that {service} may publish: the broker would close the channel."
    if row.occurred_at is None or row.recorded_at is None:
        return "time_out_of_range", f"occurred_at or recorded_at is before {EARLIEST:%Y} or not before {LATEST:%Y}."
    if row.data is None:
        return "too_large", f"Its data has {row.bytes} bytes; at most {MAX_DATA_BYTES} are published."
    if row.sequence < 1:
        return "bad_sequence", f"Its sequence is {row.sequence}; it counts from 1."
    return None


def _by_turns(rows: Sequence[Row[Any]]) -> list[Row[Any]]:
    """The first row of each store, then the second of each, and so on."""
    ordered = sorted(rows, key=lambda row: (row.store_id, row.position))
    turns = [(turn, row) for _, mine in groupby(ordered, key=lambda row: row.store_id) for turn, row in enumerate(mine)]
    return [row for _, row in sorted(turns, key=lambda one: one[0])]


_UNSENT = "published_at is null and set_aside_at is null"
_IN_RANGE = f"case when {{0}} >= '{EARLIEST:%F %T%z}' and {{0}} < '{LATEST:%F %T%z}' then {{0}} end as {{0}}"

# `store`: steps through the index from store to store that has unsent events, beginning with the one whose turn it is. `turn`: the
# stores that get a share of this batch. `mine`: each one's oldest events, locked, without those that another relay has locked. Python
# can read every value of the result: a time out of range, data that is too large and a malformed traceparent become null.
_CLAIM = f"""
with recursive store(id) as (
    (select store_id from SCHEMA.events where {_UNSENT} and store_id >= :from_store order by store_id, published_at, position limit 1)
    union all
    select (select e.store_id from SCHEMA.events e where {_UNSENT} and e.store_id > store.id
            order by e.store_id, e.published_at, e.position limit 1)
    from store where store.id is not null
), waiting as materialized (
    select id from store where id is not null limit :batch + 1
), turn as materialized (
    select id from waiting order by id limit :batch
), share as materialized (
    select least(:store_batch, greatest(1, :batch / greatest(1, (select count(*) from turn)))) as most
), mine as (
    select e.* from turn cross join lateral (
        select store_id, position, event_id, type, subject, sequence, occurred_at, recorded_at, data, traceparent from SCHEMA.events
        where {_UNSENT} and store_id = turn.id order by published_at, position
        limit (select most from share) for update skip locked
    ) e
)
select store_id, position, event_id, left(type, 200) as type, subject, sequence,
       {_IN_RANGE.format("occurred_at")}, {_IN_RANGE.format("recorded_at")},
       case when octet_length(said.data) <= {MAX_DATA_BYTES} then said.data end as data, octet_length(said.data) as bytes,
       case when traceparent ~ '^[0-9a-f]{{2}}-[0-9a-f]{{32}}-[0-9a-f]{{16}}-[0-9a-f]{{2}}$' then traceparent end as traceparent,
       (select most from share) as share,
       (select id from waiting order by id offset :batch) as next_store
from mine cross join lateral (select cast(mine.data as text) as data offset 0) said
"""  # noqa: S608  (nothing in it comes from outside)


def _claim_statement(schema: str) -> sa.TextClause:
    numbers = (sa.bindparam(name, type_=sa.Integer) for name in ("batch", "store_batch"))
    return sa.text(_CLAIM.replace("SCHEMA", schema)).bindparams(sa.bindparam("from_store", type_=sa.Text), *numbers)


def _mark(events: sa.Table, rows: Sequence[Row[Any]], column: str) -> sa.Update:
    """Write the current time into `column` of these rows, which this relay has locked."""
    stores = sa.bindparam("stores", [row.store_id for row in rows], type_=sa.ARRAY(sa.Text))
    positions = sa.bindparam("positions", [row.position for row in rows], type_=sa.ARRAY(sa.BigInteger))
    columns = sa.column("store_id", sa.Text), sa.column("position", sa.BigInteger)
    these = sa.func.unnest(stores, positions).table_valued(*columns, name="these").render_derived()
    mine = (events.c.store_id == these.c.store_id) & (events.c.position == these.c.position)
    return sa.update(events).where(mine, events.c.published_at.is_(None)).values({column: sa.func.now()})
