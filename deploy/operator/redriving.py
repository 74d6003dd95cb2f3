"""`aftersale redrive`: send again what a reader never heard of."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import aio_pika
from aiormq.exceptions import AMQPError
from rich.console import Console
from rich.table import Table

from deploy.operator import connections, given, running
from deploy.operator.output import Output
from deploy.operator.provision import declare
from deploy.operator.redrive import Counts, Wanted, redrive_some
from deploy.operator.registry import READERS, SERVICES
from deploy.operator.trouble import Trouble
from shared.contracts.events import EVENTS
from shared.messaging.broker import queue_name

CONNECT_SECONDS = 10


def run_redrive(wanted: Wanted, output: Output) -> None:
    """Find what was published and never heard, and mark it unsent (but with `dry_run`). Raises Trouble."""
    running.apply()
    if unknown := [name for name in wanted.types if name not in EVENTS]:
        raise Trouble(f"There is no event type {unknown[0]!r}.", f"one of {', '.join(EVENTS)}")
    urls = {service: connections.database_url(service) for service in SERVICES}
    found = asyncio.run(redrive_some(urls, wanted, _queues(wanted)))
    rows = [{"service": service, "reader": reader, "type": name, "events": count} for (service, reader, name), count in found.items()]
    output.result(
        {"dry_run": wanted.dry_run, "events": found.total(), "of": rows}, lambda console: _show(console, found, dry_run=wanted.dry_run)
    )


def since(text: str | None) -> datetime | None:
    """A moment in RFC 3339; without an offset it is UTC. Raises Trouble."""
    try:
        at = datetime.fromisoformat(text) if text else None
    except ValueError as error:
        raise Trouble(f"{text!r} is not a moment.", "write it as 2026-11-26T18:00:00Z") from error
    return at if at is None or at.tzinfo is not None else at.replace(tzinfo=UTC)


def _queues(wanted: Wanted) -> Callable[[], Awaitable[None]]:
    """See to the queues first: what is sent again must not fall into nothing once more."""
    namespace = running.setting(READERS[0], "AMQP_NAMESPACE", "aftersale")

    async def there() -> None:
        if (administrator := os.environ.get(given.AMQP, "")) and not wanted.dry_run:
            await declare(administrator, namespace)
            return
        for reader in wanted.readers:
            name = queue_name(namespace, reader)
            try:
                async with await aio_pika.connect(running.setting(reader, "AMQP_URL"), timeout=CONNECT_SECONDS) as connection:
                    await (await connection.channel()).declare_queue(name, passive=True)
            except (OSError, TimeoutError, AMQPError) as error:
                fix = "`./aftersale provision` with the administrator's URLs makes it; or restart `make up`"
                raise Trouble(f"The queue {name} is not to be had: {error}", fix) from error

    return there


def _show(console: Console, found: Counts, *, dry_run: bool) -> None:
    if not found:
        console.print("[green]✓[/green] every event that was published has been heard by whoever reads it")
        return
    table = Table(box=None)
    for heading in ("from", "never heard by", "type", "events"):
        table.add_column(heading)
    for (service, reader, name), count in sorted(found.items()):
        table.add_row(service, reader, name, f"{count:,}")
    console.print(table)
    what = "would go again (--dry-run)" if dry_run else "go again as soon as a relay runs; who had them already absorbs the repeat"
    console.print(f"{found.total():,} events {what}")
