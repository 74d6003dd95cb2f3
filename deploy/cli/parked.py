"""`aftersale parked`: messages that failed, in every service's database."""

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

from deploy import running
from deploy.cli.output import Output
from deploy.trouble import Trouble
from shared.schema import kernel_tables, service_metadata

PARKED = {service: kernel_tables(service_metadata(service)).parked for service in running.SERVICES}


def list_parked(output: Output) -> None:
    """Print the messages of every service that wait or are parked, newest failure first."""
    rows = sorted(asyncio.run(_in_every_service(_all)), key=lambda row: row["last_failed_at"], reverse=True)

    def render(console: Console) -> None:
        if not rows:
            console.print("[green]✓[/green] nothing waits and nothing is parked")
            return
        table = Table(box=None)
        for heading in ("id", "service", "store", "state", "type", "reason", "attempts", "last failed", "next attempt"):
            table.add_column(heading, overflow="fold")
        for row in rows:
            table.add_row(
                row["parked_id"], row["service"], row["store_id"], row["state"], row["type"], row["reason"], str(row["attempts"]),
                f"{row['last_failed_at']:%Y-%m-%d %H:%M:%S}", f"{row['next_attempt_at']:%H:%M:%S}" if row["next_attempt_at"] else "",
            )  # fmt: skip
        console.print(table)

    output.result({"parked": rows}, render)


def show_parked(parked_id: str, output: Output) -> None:
    """Print one message whole. Raises Trouble when there is none with this id."""
    wanted = _uuid(parked_id)

    async def one(connection: AsyncConnection, service: str) -> list[dict[str, Any]]:
        table = PARKED[service]
        found = await connection.execute(sa.select(table).where(table.c.parked_id == wanted))
        return [_row(row, service) | {"body": _readable(row["body"])} for row in found.mappings()]

    rows = asyncio.run(_in_every_service(one))
    if not rows:
        raise Trouble(f"There is no message {parked_id}.", "see `aftersale parked list`")

    def render(console: Console) -> None:
        for name, value in rows[0].items():
            text = json.dumps(value, indent=2, ensure_ascii=False) if name == "body" and not isinstance(value, str) else str(value)
            console.print(f"[bold]{name}[/bold]: ", end="")
            console.print(text, markup=False)

    output.result(rows[0], render)


def retry_parked(parked_id: str, output: Output) -> None:
    """Make one (or `all`) due now; the running workers take it from there. Raises Trouble when there is none."""
    wanted = None if parked_id == "all" else _uuid(parked_id)

    async def due_now(connection: AsyncConnection, service: str) -> list[dict[str, Any]]:
        table = PARKED[service]
        statement = sa.update(table).values(state="waiting", next_attempt_at=datetime.now(UTC)).returning(table)
        statement = statement.where(table.c.state == "parked") if wanted is None else statement.where(table.c.parked_id == wanted)
        return [_row(row, service) for row in (await connection.execute(statement)).mappings()]

    rows = asyncio.run(_in_every_service(due_now))
    if not rows and wanted is not None:
        raise Trouble(f"There is no message {parked_id}.", "see `aftersale parked list`")
    output.result(
        {"retried": rows}, lambda console: console.print(f"[green]✓[/green] {len(rows)} due now; the workers take them within a second")
    )


async def _in_every_service(work: Callable[[AsyncConnection, str], Awaitable[list[dict[str, Any]]]]) -> list[dict[str, Any]]:
    """Do `work` in a transaction of each service's own database and put the answers together. Raises Trouble."""
    running.apply()
    rows: list[dict[str, Any]] = []
    for service in running.SERVICES:
        url = sa.make_url(running.setting(service, "DATABASE_URL")).set(drivername="postgresql+asyncpg")
        engine = create_async_engine(url, poolclass=NullPool)
        try:
            async with engine.begin() as connection:
                rows += await work(connection, service)
        except (OSError, sa.exc.SQLAlchemyError) as error:
            raise Trouble(f"The database of {service} does not answer: {error}", "see `aftersale doctor`") from error
        finally:
            await engine.dispose()
    return rows


async def _all(connection: AsyncConnection, service: str) -> list[dict[str, Any]]:
    return [_row(row, service) for row in (await connection.execute(sa.select(PARKED[service]))).mappings()]


def _row(row: RowMapping, service: str) -> dict[str, Any]:
    kept = {name: str(value) if isinstance(value, UUID) else value for name, value in row.items() if name != "body"}
    return {"service": service} | kept


def _readable(body: bytes) -> Any:
    """The message as JSON where it is JSON, else as text."""
    try:
        return json.loads(body)
    except ValueError:
        return body.decode(errors="replace")


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise Trouble(f"{text!r} is not an id of a message.", "see `aftersale parked list`") from None
