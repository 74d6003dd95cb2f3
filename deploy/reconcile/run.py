"""Running every check: four read-only transactions, what comes out of them, and how many of each kind."""

import asyncio
import os
from collections import Counter
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg

from deploy import running
from deploy.reconcile import documents, kernel, notes, orders, refunds
from deploy.reconcile.across import COMPARISONS, FETCH_ROWS, Found, compare
from deploy.reconcile.checks import Check
from deploy.reconcile.shares import ABOUT, KIND, shares
from deploy.trouble import Trouble

SERVICES = running.SERVICES
READERS_FIRST = ("notes", "documents", "refunds", "orders")
"""The order in which snapshots are taken: what follows others first, so that a source never looks older than its copy."""
CHECKS: tuple[Check, ...] = (
    *orders.CHECKS, *refunds.CHECKS, *notes.CHECKS, *documents.CHECKS, *(check for service in SERVICES for check in kernel.checks(service)),
)  # fmt: skip
ABOUTS: Mapping[str, str] = {
    **{check.kind: check.about for check in CHECKS}, **{one.kind: one.about for one in COMPARISONS}, KIND: ABOUT,
}  # fmt: skip
SHOWN_OF_A_KIND = 1_000
DEFAULT_GRACE_SECONDS = 30.0

Connections = Mapping[str, asyncpg.Connection]


@dataclass(slots=True)
class Report:
    """What a reconciliation found."""

    settled: datetime
    found: list[Found] = field(default_factory=list)
    counted: Counter[str] = field(default_factory=Counter)
    looked_at: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0

    def add(self, one: Found) -> None:
        """Count it; keep the first thousand of a kind."""
        self.counted[one.kind] += 1
        if self.counted[one.kind] <= SHOWN_OF_A_KIND:
            self.found.append(one)

    @property
    def discrepancies(self) -> int:
        """How many things cannot be explained."""
        return self.counted.total()


class Databases:
    """The four services' databases, each within its own read-only snapshot."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    async def fetch(self, check: Check, settled: datetime) -> list[Found]:
        """What one check finds."""
        arguments = (settled,) if "$1" in check.sql else ()
        try:
            rows = await self._connections[check.service].fetch(check.sql, *arguments)
        except asyncpg.DataError as error:  # a value that cannot even be read, such as a document that is no JSON
            return [Found(check.kind, check.service, "", "", f"cannot be read: {error}")]
        return [Found(check.kind, check.service, row["store_id"], row["id"] or "", row["detail"] or "") for row in rows]

    async def rows(self, service: str, sql: str, settled: datetime) -> AsyncIterator[Any]:
        """Rows of a query, streamed."""
        arguments = (settled,) if "$1" in sql else ()
        async for row in self._connections[service].cursor(sql, *arguments, prefetch=FETCH_ROWS):
            yield row


async def reconcile(connections: Connections, *, grace_seconds: float = 0.0, about: Collection[str] = SERVICES) -> Report:
    """Run every check that has to do with `about` on open transactions.

    What is younger than the grace may still be on its way, and is left for the next time.
    """
    began = datetime.now(UTC)
    report = Report(began - timedelta(seconds=grace_seconds))
    databases = Databases(connections)
    for check in (check for check in CHECKS if check.service in about):
        for one in await databases.fetch(check, report.settled):
            report.add(one)
    for comparison in (one for one in COMPARISONS if not one.services.isdisjoint(about)):
        async for one in compare(databases, comparison, report.settled):
            report.add(one)
    if "refunds" in about:
        async for one in shares(databases, report.settled):
            report.add(one)
    for table in ("orders.orders", "orders.events", "refunds.refunds", "notes.timeline", "documents.documents"):
        report.looked_at[table] = await connections[table.split(".")[0]].fetchval(f"select count(*) from {table}")  # noqa: S608  (our own names)
    report.seconds = (datetime.now(UTC) - began).total_seconds()
    return report


@asynccontextmanager
async def snapshots(urls: Mapping[str, str]) -> AsyncIterator[dict[str, asyncpg.Connection]]:
    """A read-only snapshot of each service's database. Raises Trouble when one cannot be reached."""
    async with AsyncExitStack() as stack:
        made: dict[str, asyncpg.Connection] = {}
        for service in READERS_FIRST:
            try:
                connection = await asyncpg.connect(urls[service], timeout=10, server_settings={"statement_timeout": "0", "jit": "off"})
            except (OSError, TimeoutError, asyncpg.PostgresError) as error:
                raise Trouble(f"The database of {service} cannot be reached: {error}", "is it running? see `aftersale doctor`") from error
            stack.push_async_callback(connection.close)
            await stack.enter_async_context(connection.transaction(isolation="repeatable_read", readonly=True))
            await connection.fetchval("select 1")  # the snapshot is taken now
            made[service] = connection
        yield made


def urls() -> dict[str, str]:
    """Where each service's database is: AFTERSALE_RECONCILE_DATABASE_URL for all, else each service's own setting. Raises Trouble."""
    everywhere = os.environ.get("AFTERSALE_RECONCILE_DATABASE_URL", "")
    found = {service: everywhere or running.setting(service, "DATABASE_URL") for service in SERVICES}
    if missing := [service for service, url in found.items() if not url]:
        raise Trouble(f"It is not known where the database of {missing[0]} is.", f"set AFTERSALE_{missing[0].upper()}_DATABASE_URL")
    return found


async def reconcile_once(grace_seconds: float) -> Report:
    """One reconciliation of the system that runs here, or that the environment names."""
    async with snapshots(urls()) as connections:
        return await reconcile(connections, grace_seconds=grace_seconds)


def reconcile_now(grace_seconds: float) -> Report:
    """reconcile_once() for callers without a loop."""
    return asyncio.run(reconcile_once(grace_seconds))
