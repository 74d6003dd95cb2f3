"""Resends events that the broker lost: deleting or purging a queue destroys events that the broker had confirmed.

Only a comparison can find them: the outbox holds the confirmation, and the consumer holds nothing. Every event that is neither in a
reader's inbox nor among its waiting and parked messages is marked unsent, and the relays send it again; a reader that already has it
ignores the repeat. It is safe to run at any time and any number of times.

    missing queues declared → batches under way end → events that were not received are marked unsent

Each database is queried as its own service's role, and none is joined with another.
"""

import asyncio
import os
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import asyncpg
from aiormq.exceptions import AMQPError
from rich.console import Console
from rich.table import Table

from deploy.operator import connections, given, running
from deploy.operator.output import Output
from deploy.operator.provision import declare
from deploy.operator.queues import queue_of, waiting
from deploy.operator.registry import READERS, SERVICES
from deploy.operator.trouble import Trouble
from shared.contracts.events import EVENTS, owner_of, read_by

SENT = """
select store_id, position, event_id, type from {service}.events
where published_at is not null and type = any($1::text[]) and ($2::timestamptz is null or recorded_at >= $2)
  and (store_id, position) > ($3, $4) order by store_id, position limit $5
"""
HEARD = """
select u.event_id from unnest($1::text[], $2::uuid[]) as u(store_id, event_id)
where exists (select from {reader}.inbox i where i.store_id = u.store_id and i.event_id = u.event_id)
   or exists (select from {reader}.parked p where p.store_id = u.store_id and p.event_id = u.event_id)
"""
# An event that is still under way is sent twice; its inbox row makes the second delivery a repeat.
AGAIN = """
update {service}.events e set published_at = null from unnest($1::text[], $2::bigint[]) as u(store_id, position)
where e.store_id = u.store_id and e.position = u.position and e.published_at is not null
"""
EVENTS_AT_ONCE = 5_000

# A relay holds the rows of its batch locked from before it publishes until it has marked them as sent.
SENDING = """
select virtualtransaction from pg_locks where locktype = 'relation' and mode = 'RowShareLock'
  and database = (select oid from pg_database where datname = current_database()) and relation = any($1::regclass[])
"""
SENDING_DEADLINE_SECONDS = 60.0
LOOK_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which events to examine: all of them by default. With `dry_run` they are counted but not sent again."""

    services: tuple[str, ...] = SERVICES
    readers: tuple[str, ...] = READERS
    types: tuple[str, ...] = ()
    since: datetime | None = None
    dry_run: bool = False


Counts = Counter[tuple[str, str, str]]
"""Events by service, reader and type."""


async def redrive(urls: Mapping[str, str], wanted: Wanted, queues: Callable[[], Any]) -> Counts:
    """Mark wanted events that were not received as unsent, after `queues()` has ensured that the readers' queues exist. Raises Trouble."""
    await queues()
    opened: dict[str, asyncpg.Connection[Any]] = {}
    try:
        for service in {*wanted.services, *wanted.readers}:
            opened[service] = await connections.reached(service, urls[service])
        if not wanted.dry_run:
            for service in wanted.services:
                await _sent(opened[service], service)
        found: Counts = Counter()
        for service in wanted.services:
            for reader in wanted.readers:
                found += await _mark(opened, service, reader, wanted)
        return found
    finally:
        for connection in opened.values():
            await connection.close()


async def _sent(connection: "asyncpg.Connection[Any]", service: str) -> None:
    """Wait until every batch that may have been published before the queues existed is marked; later batches find the queues."""
    tables = [f"{service}.events"]
    under_way = {row[0] for row in await connection.fetch(SENDING, tables)}
    deadline = time.monotonic() + SENDING_DEADLINE_SECONDS
    while under_way & {row[0] for row in await connection.fetch(SENDING, tables)}:
        if time.monotonic() > deadline:
            raise Trouble(
                f"A relay's batch did not end within {SENDING_DEADLINE_SECONDS:.0f} s.", "find out what blocks it, then run redrive again"
            )
        await asyncio.sleep(LOOK_SECONDS)


async def _mark(opened: Mapping[str, "asyncpg.Connection[Any]"], service: str, reader: str, wanted: Wanted) -> Counts:
    """The events of `service` that `reader` never received, in their order, EVENTS_AT_ONCE at a time."""
    types = [name for name in read_by(reader) if owner_of(name) == service and name in (wanted.types or EVENTS)]
    found: Counts = Counter()
    after: tuple[str, int] = ("", 0)
    while types:
        source = opened[service]
        rows = await source.fetch(SENT.format(service=service), types, wanted.since, *after, EVENTS_AT_ONCE)
        if not rows:
            break
        after = (rows[-1]["store_id"], rows[-1]["position"])
        asked = [row["store_id"] for row in rows], [row["event_id"] for row in rows]
        heard = {row[0] for row in await opened[reader].fetch(HEARD.format(reader=reader), *asked)}
        unheard = [row for row in rows if row["event_id"] not in heard]
        found.update((service, reader, row["type"]) for row in unheard)
        if unheard and not wanted.dry_run:
            again = [row["store_id"] for row in unheard], [row["position"] for row in unheard]
            await source.execute(AGAIN.format(service=service), *again)
    return found


def run_redrive(wanted: Wanted, output: Output) -> None:
    """Find published events that were never received and, unless `dry_run`, mark them unsent. Raises Trouble."""
    running.apply()
    if unknown := [name for name in wanted.types if name not in EVENTS]:
        raise Trouble(f"Unknown event type {unknown[0]!r}.", f"use one of {', '.join(EVENTS)}")
    urls = {service: connections.database_url(service) for service in SERVICES}
    found = asyncio.run(redrive(urls, wanted, lambda: _queues(wanted)))
    rows = [{"service": service, "reader": reader, "type": name, "events": count} for (service, reader, name), count in found.items()]
    output.result(
        {"dry_run": wanted.dry_run, "events": found.total(), "of": rows}, lambda console: _show(console, found, dry_run=wanted.dry_run)
    )


def since_when(text: str | None) -> datetime | None:
    """A time in RFC 3339; without an offset it is UTC. Raises Trouble."""
    try:
        at = datetime.fromisoformat(text) if text else None
    except ValueError as error:
        raise Trouble(f"{text!r} is not a time.", "write it like 2026-11-26T18:00:00Z") from error
    return at if at is None or at.tzinfo is not None else at.replace(tzinfo=UTC)


async def _queues(wanted: Wanted) -> None:
    """Ensure that the queues exist: an event sent to a queue that does not exist is lost again."""
    if wanted.dry_run:
        return
    if administrator := os.environ.get(given.AMQP, ""):
        await declare(administrator, running.setting(READERS[0], "AMQP_NAMESPACE", "aftersale"))
        return
    for reader in wanted.readers:
        try:
            found = await waiting(running.setting(reader, "AMQP_URL"), queue_of(reader))
        except (OSError, TimeoutError, AMQPError) as error:
            raise Trouble(f"RabbitMQ does not answer: {error}", "start it, or check AFTERSALE_…_AMQP_URL") from error
        if found is None:
            fix = "`./aftersale provision` with the administrator's URLs creates it; or restart `make up`"
            raise Trouble(f"The queue {queue_of(reader)} does not exist.", fix)


def _show(console: Console, found: Counts, *, dry_run: bool) -> None:
    if not found:
        console.print("[green]✓[/green] every published event was received by all of its readers")
        return
    table = Table(box=None)
    for heading in ("from", "not received by", "type", "events"):
        table.add_column(heading)
    for (service, reader, name), count in sorted(found.items()):
        table.add_row(service, reader, name, f"{count:,}")
    console.print(table)
    what = (
        "would be sent again (--dry-run)"
        if dry_run
        else "are sent again as soon as a relay runs; readers that have them already absorb the repeat"
    )
    console.print(f"{found.total():,} events {what}")
