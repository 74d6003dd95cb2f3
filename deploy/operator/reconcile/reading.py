"""Reads the services' databases, each in its own read-only snapshot, with a time limit on each query."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime
from itertools import count
from typing import Any

import asyncpg

from deploy.operator import connections
from deploy.operator.reconcile.across import FETCH_ROWS, Found
from deploy.operator.registry import REGISTRY
from shared.data.audit import Check

READERS_FIRST = tuple(one.name for one in sorted(REGISTRY.values(), key=lambda one: -len(one.reads)))
"""The order in which snapshots are taken: services that read from others come first, so that a source never looks older than its copy."""

# Tables that were never analyzed, as after a restore: without statistics the planner took ten minutes for queries that take seconds.
UNKNOWN_TABLES = """
select format('%I.%I', n.nspname, c.relname) from pg_class c join pg_namespace n on n.oid = c.relnamespace
where n.nspname = $1 and c.relkind = 'r' and c.reltuples < 0 and pg_relation_size(c.oid) > 0 order by 1
"""
Connections = Mapping[str, "asyncpg.Connection[Any]"]
Say = Callable[[str], None]


class TooLong(Exception):  # noqa: N818  (not an error: the check was not completed)
    """A query exceeded its time limit."""


class Databases:
    """Runs the queries of checks and comparisons; `seconds` is the time limit of one statement (None: no limit)."""

    def __init__(self, snapshots: Connections, seconds: float | None = None) -> None:
        self._snapshots = snapshots
        self._seconds = seconds
        self._cursors = count(1)

    async def fetch(self, check: Check, settled: datetime) -> list[Found]:
        """The findings of one check. Raises TooLong."""
        try:
            rows = await self.all(check.service, _bound(check.sql, settled))
        except asyncpg.DataError as error:  # a value that cannot even be read, such as a document that is not JSON
            return [Found(check.kind, check.service, "", "", f"cannot be read: {error}")]
        return [Found(check.kind, check.service, row["store_id"], row["id"] or "", row["detail"] or "") for row in rows]

    async def all(self, service: str, sql: str, *arguments: Any) -> list[Any]:
        """Every row of a query, run within a savepoint, so that a failure leaves the snapshot usable. Raises TooLong."""
        async with self._asked(service) as connection:
            return list(await connection.fetch(sql, *arguments))

    async def rows(self, service: str, sql: str, settled: datetime) -> AsyncIterator[Any]:
        """The rows of a query, streamed through a server-side cursor. Raises TooLong."""
        name = f"reconcile_{next(self._cursors)}"  # unique: a pooled connection may hold a prepared FETCH of another cursor
        async with self._asked(service) as connection:
            await connection.execute(f"declare {name} no scroll cursor for {_bound(sql, settled)}")
        while True:
            async with self._asked(service) as connection:
                rows = await connection.fetch(f"fetch forward {FETCH_ROWS} from {name}")
            for row in rows:
                yield row
            if not rows:
                return

    @asynccontextmanager
    async def _asked(self, service: str) -> AsyncIterator["asyncpg.Connection[Any]"]:
        """Wraps each statement, but never a `yield` of rows: two streams are read in parallel, and either may end early."""
        connection = self._snapshots[service]
        try:
            async with connection.transaction():
                if self._seconds is not None:
                    await connection.execute(f"set local statement_timeout = {int(self._seconds * 1000)}")
                yield connection
        except asyncpg.QueryCanceledError as error:
            raise TooLong(f"took longer than {self._seconds or 0:.0f} s") from error


def _bound(sql: str, settled: datetime) -> str:
    """The SQL with the time filled in: neither a cursor declaration nor a pooler without prepared statements takes parameters."""
    return sql.replace("$1", f"timestamptz '{settled.isoformat()}'")


@asynccontextmanager
async def snapshots(urls: Mapping[str, str], say: Say = lambda line: None) -> AsyncIterator[dict[str, "asyncpg.Connection[Any]"]]:
    """Open a read-only snapshot of each service's database. Raises Trouble when one cannot be reached."""
    async with AsyncExitStack() as stack:
        made: dict[str, asyncpg.Connection[Any]] = {}
        for service in READERS_FIRST:
            connection = await connections.reached(service, urls[service])
            stack.push_async_callback(connection.close)
            await analyze(connection, service, say)
            made[service] = connection
        for connection in made.values():
            await stack.enter_async_context(connection.transaction(isolation="repeatable_read", readonly=True))
            await connection.execute("set local statement_timeout = 0; set local jit = off")
            await connection.fetchval("select 1")  # the snapshot is taken now
        yield made


async def analyze(connection: "asyncpg.Connection[Any]", service: str, say: Say) -> None:
    """Analyze tables that have no statistics. If we may not, report it; the checks have a time limit either way."""
    unknown = [str(row[0]) for row in await connection.fetch(UNKNOWN_TABLES, service)]
    if not unknown:
        return
    say(f"{service}: the database has no statistics for {len(unknown)} tables, as after a restore: analyzing them")
    try:
        for table in unknown:
            await connection.execute(f"analyze {table}")
    except asyncpg.PostgresError as error:
        say(f"{service}: that is not possible here ({error}); run ANALYZE as the owner, or checks may take too long")
