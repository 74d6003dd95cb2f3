"""`aftersale parked`: messages that failed and rows that were set aside, in every service's database."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from rich.console import Console
from rich.table import Table
from sqlalchemy.engine import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool

from deploy.operator import connections, running
from deploy.operator.output import Output
from deploy.operator.registry import SERVICES
from deploy.operator.trouble import Trouble
from shared.data.schema import KernelTables, kernel_tables, service_metadata
from shared.data.set_aside import OUTBOX

KERNEL = {service: kernel_tables(service_metadata(service)) for service in SERVICES}
SEE = "see `aftersale parked list`"
MAX_REASON = 500

Row = dict[str, Any]


def list_parked(output: Output) -> None:
    """Print the waiting and parked messages and the rows set aside in every service, newest first; discarded ones are not shown."""

    async def both(connection: AsyncConnection, service: str) -> list[Row]:
        parked, aside = KERNEL[service].parked, KERNEL[service].set_aside
        messages = await connection.execute(_select(parked).where(parked.c.state != "discarded"))
        rows = await connection.execute(_select(aside).where(aside.c.discarded.is_(None)))
        return [_row(row, service) for row in (*messages.mappings(), *rows.mappings())]

    found = asyncio.run(_in_every_service(both))
    messages = sorted((row for row in found if "parked_id" in row), key=lambda row: row["last_failed_at"], reverse=True)
    aside = sorted((row for row in found if "set_aside_id" in row), key=lambda row: row["last_seen_at"], reverse=True)

    def render(console: Console) -> None:
        if not found:
            console.print("[green]✓[/green] no message waits or is parked, and no row is set aside")
        if messages:
            _print(
                console,
                ("parked_id", "service", "store_id", "state", "type", "reason", "attempts", "last_failed_at", "next_attempt_at"),
                messages,
            )
        if aside:
            console.print("[bold]Set aside[/bold]: rows that cannot be read or published")
            _print(console, ("set_aside_id", "service", "store_id", "place", "row_key", "reason", "detail", "times", "last_seen_at"), aside)

    output.result({"parked": messages, "set_aside": aside}, render)


def show_parked(parked_id: str, output: Output) -> None:
    """Print one message, or one row that was set aside, in full. Raises Trouble when there is none with this id."""
    wanted = _uuid(parked_id)

    async def one(connection: AsyncConnection, service: str) -> list[Row]:
        kernel = KERNEL[service]
        messages = (await connection.execute(_select(kernel.parked).where(kernel.parked.c.parked_id == wanted))).mappings().all()
        rows = (await connection.execute(_select(kernel.set_aside).where(kernel.set_aside.c.set_aside_id == wanted))).mappings().all()
        shown = [_row(row, service) | {"body": _readable(row["body"])} for row in messages]
        return shown + [_row(row, service) | await _event(connection, kernel, row) for row in rows]

    rows = asyncio.run(_in_every_service(one))
    if not rows:
        raise Trouble(f"No message or row has the id {parked_id}.", SEE)

    def render(console: Console) -> None:
        for name, value in rows[0].items():
            text = json.dumps(value, indent=2, ensure_ascii=False) if name == "body" and not isinstance(value, str) else str(value)
            console.print(f"[bold]{name}[/bold]: ", end="")
            console.print(text, markup=False)

    output.result(rows[0], render)


def retry_parked(parked_id: str, output: Output) -> None:
    """Retry one (or `all`): a message becomes due now, and a row is no longer set aside. Raises Trouble when there is none."""
    wanted = None if parked_id == "all" else _uuid(parked_id)

    async def due_now(connection: AsyncConnection, service: str) -> list[Row]:
        parked = KERNEL[service].parked
        which = parked.c.state == "parked" if wanted is None else parked.c.parked_id == wanted
        due = {"state": "waiting", "next_attempt_at": datetime.now(UTC), "discarded": None}
        messages = await connection.execute(sa.update(parked).where(which).values(due).returning(*_select(parked).selected_columns))
        return [_row(row, service) for row in messages.mappings()] + await _back(connection, service, wanted)

    rows = asyncio.run(_in_every_service(due_now))
    if not rows and wanted is not None:
        raise Trouble(f"No message or row {parked_id} can be retried.", "fix its cause first; see `aftersale parked show`")
    said = f"[green]✓[/green] {len(rows)} due now; the running processes pick them up within a second"
    output.result({"retried": rows}, lambda console: console.print(said))


def discard_parked(parked_id: str, reason: str, output: Output) -> None:
    """Give up on a parked message, or on a row that was set aside: it is no longer counted, and its row stays with the reason.

    Raises Trouble when there is none with this id, or when the reason is missing.
    """
    wanted, reason = _uuid(parked_id), reason.strip()
    if not 1 <= len(reason) <= MAX_REASON:
        raise Trouble(f"A reason must have 1 to {MAX_REASON} characters.", "say why it can be discarded: --reason '…'")

    async def discard(connection: AsyncConnection, service: str) -> list[Row]:
        kernel = KERNEL[service]
        message = {"state": "discarded", "discarded": reason, "next_attempt_at": None}
        found: list[Row] = []
        for table, which, change in (
            (kernel.parked, kernel.parked.c.parked_id, message),
            (kernel.set_aside, kernel.set_aside.c.set_aside_id, {"discarded": reason}),
        ):
            statement = sa.update(table).where(which == wanted).values(change).returning(*_select(table).selected_columns)
            found += [_row(row, service) for row in (await connection.execute(statement)).mappings()]
        return found

    rows = asyncio.run(_in_every_service(discard))
    if not rows:
        raise Trouble(f"No message or row has the id {parked_id}.", SEE)
    output.result({"discarded": rows}, lambda console: console.print(f"[green]✓[/green] {parked_id} is discarded"))


async def _back(connection: AsyncConnection, service: str, wanted: UUID | None) -> list[Row]:
    """Unmark rows that were set aside, so that their readers try them again; a row that is still unusable is set aside again.

    A row that the database itself would refuse as an event (its time is still out of bounds) stays set aside.
    """
    aside, events = KERNEL[service].set_aside, KERNEL[service].events
    which = aside.c.discarded.is_(None) if wanted is None else aside.c.set_aside_id == wanted
    rows = (await connection.execute(_select(aside).where(which).with_for_update())).mappings().all()
    back = []
    for row in rows:
        try:
            async with connection.begin_nested():
                if row["place"] == OUTBOX:
                    mine = (events.c.store_id == row["store_id"]) & (events.c.position == int(row["row_key"]))
                    await connection.execute(sa.update(events).where(mine).values(set_aside_at=None))
                await connection.execute(sa.delete(aside).where(aside.c.set_aside_id == row["set_aside_id"]))
        except sa.exc.IntegrityError:
            continue
        back.append(_row(row, service))
    return back


async def _event(connection: AsyncConnection, kernel: KernelTables, row: RowMapping) -> Row:
    """The event that could not be published, with each column as text, which can always be read."""
    if row["place"] != OUTBOX:
        return {}
    events = kernel.events
    columns = [sa.func.left(sa.cast(column, sa.Text), 10_000).label(column.name) for column in events.c]
    mine = (events.c.store_id == row["store_id"]) & (events.c.position == int(row["row_key"]))
    found = (await connection.execute(sa.select(*columns).where(mine))).mappings().first()
    return {"event": dict(found) if found else None}


def _select(table: sa.Table) -> sa.Select[Any]:
    """All columns, times as text: the driver cannot read every time that PostgreSQL can store."""
    return sa.select(
        *(sa.cast(column, sa.Text).label(column.name) if isinstance(column.type, sa.TIMESTAMP) else column for column in table.c)
    )


def _print(console: Console, columns: tuple[str, ...], rows: list[Row]) -> None:
    table = Table(box=None)
    for name in columns:
        table.add_column(
            name.removesuffix("_at").replace("parked_id", "id").replace("set_aside_id", "id").replace("_", " "), overflow="fold"
        )
    for row in rows:
        table.add_row(*(_cell(name, row[name]) for name in columns))
    console.print(table)


def _cell(name: str, value: Any) -> str:
    return "" if value is None else str(value)[:19] if name.endswith("_at") else str(value)


async def _in_every_service(work: Callable[[AsyncConnection, str], Awaitable[list[Row]]]) -> list[Row]:
    """Run `work` in a transaction on each service's own database and concatenate the rows. Raises Trouble."""
    running.apply()
    rows: list[Row] = []
    for service in SERVICES:
        url = sa.make_url(running.setting(service, "DATABASE_URL")).set(drivername="postgresql+asyncpg")
        cache = connections.statement_cache(service)
        arguments = {"timeout": connections.CONNECT_SECONDS, "statement_cache_size": cache, "prepared_statement_cache_size": cache}
        engine = create_async_engine(url, poolclass=NullPool, connect_args=arguments)
        try:
            async with engine.begin() as connection:
                await connection.execute(sa.text("set local timezone = 'UTC'"))  # no startup parameter: a pooler would refuse it
                rows += await work(connection, service)
        except (OSError, sa.exc.SQLAlchemyError) as error:
            raise Trouble(f"The database of {service} does not answer: {error}", "see `aftersale doctor`") from error
        finally:
            await engine.dispose()
    return rows


def _row(row: RowMapping, service: str) -> Row:
    kept = {name: str(value) if isinstance(value, UUID) else value for name, value in row.items() if name != "body"}
    return {"service": service} | kept


def _readable(body: bytes) -> Any:
    """The message body as JSON if it is JSON, else as text."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return body.decode(errors="replace")


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise Trouble(f"{text!r} is not the id of a message or row.", SEE) from None
