"""An upgrade of what was released, with rows in it, ends where a fresh install does; and what was released never changes again."""

import asyncio
import hashlib
import importlib
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
import sqlalchemy as sa
from alembic import command
from alembic.script import ScriptDirectory

from deploy.operator.registry import SERVICES
from shared.contracts.times import EARLIEST
from shared.data.kernel_versions import VERSIONS, v1
from shared.data.migrate import config
from shared.data.schema import KernelTables
from tests.services.kernel.catalog import catalog, counted
from tests.stack import Stack

KERNEL = {field.name for field in fields(KernelTables)}
RELEASED = Path(__file__).parent / "released"
"""Rows as commit e4d49c8 wrote them, by service: its revision 0001, with `aftersale demo` and some calls more."""
UPGRADED = tuple(service for service in SERVICES if (RELEASED / f"{service}.sql").exists())
"""Services that had a release with another schema."""
V1 = "74966d4119021733966fd2abe490918a3a20e8a86ffc16d48225d5e804b669b6"


def revisions(service: str) -> list[str]:
    """Every revision of a service, oldest first."""
    return [one.revision for one in ScriptDirectory.from_config(config(service, "")).walk_revisions()][::-1]


def applied(service: str) -> Iterator[str]:
    """The kernel's versions in the order in which a service's migrations apply them."""
    for one in reversed(list(ScriptDirectory.from_config(config(service, "")).walk_revisions())):
        yield from re.findall(r"\b(v\d+)\b(?=\.apply\(|\.migration\(|, \")", Path(one.path).read_text())


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_applies_every_version_of_the_kernel_in_order(service: str) -> None:
    assert list(applied(service)) == [version.__name__.rpartition(".")[2] for version in VERSIONS]


def test_what_was_released_is_frozen() -> None:
    assert hashlib.sha256("\n".join(v1.STATEMENTS).encode()).hexdigest() == V1


def test_no_migration_reads_the_present() -> None:
    files = [path for service in SERVICES for path in Path(f"services/{service}/migrations/versions").glob("*.py")]
    assert len(files) >= len(SERVICES)
    assert [str(path) for path in files if re.search(r"shared\.data\.schema|\.(?:models|tables)\b", path.read_text())] == []


@asynccontextmanager
async def database(stack: Stack, service: str) -> AsyncIterator[tuple[str, "asyncpg.Connection[Any]"]]:
    """A database of its own with this service's empty schema: its URL, and a connection to it."""
    name = f"history_{uuid4().hex[:12]}"
    admin = await asyncpg.connect(stack.postgres_url)
    try:
        await admin.execute(f"create database {name}")
        url = sa.make_url(stack.postgres_url).set(database=name).render_as_string(hide_password=False)
        connection = await asyncpg.connect(url)
        try:
            await connection.execute(f"create schema {service}")
            yield url, connection
        finally:
            await connection.close()
    finally:
        await admin.execute(f"drop database if exists {name} with (force)")
        await admin.close()


async def upgrade(service: str, url: str, revision: str) -> None:
    await asyncio.to_thread(command.upgrade, config(service, url), revision)


@pytest.mark.parametrize("service", UPGRADED)
async def test_an_upgrade_with_rows_ends_where_a_fresh_install_does(stack: Stack, service: str) -> None:
    first, *later = revisions(service)
    async with database(stack, service) as (fresh_url, fresh), database(stack, service) as (old_url, old):
        await upgrade(service, fresh_url, "head")
        await upgrade(service, old_url, first)
        async with old.transaction():
            await old.execute("set local session_replication_role = replica")  # rows as they were: no trigger adds to them
            await old.execute((RELEASED / f"{service}.sql").read_text())
        before = await counted(old, service)
        assert {"events", "inbox", "parked"} <= {table for table, rows in before.items() if rows > 0}

        for revision in later:
            await upgrade(service, old_url, revision)

        assert await catalog(old, service) == await catalog(fresh, service)
        after = await counted(old, service)
        assert {table: after[RENAMED.get(table, table)] for table in before} == before
        assert await old.fetchval(f"select count(*) from {service}.idempotency where cardinality(subjects) = 0 and body ~ 'order_'") == 0

        await asyncio.to_thread(command.downgrade, config(service, old_url), "base")
        assert await catalog(old, service) == [line for line in await catalog(fresh, service) if "alembic_version" in line]


RENAMED = {"policies": "settings"}  # of refunds, since 0007
BAD_TIMES = {"orders": ("payments", "occurred_at"), "refunds": ("refunds", "requested_at"), "notes": ("timeline", "occurred_at"),
             "documents": ("documents", "issued_at")}  # fmt: skip


@pytest.mark.parametrize("service", UPGRADED)
async def test_an_upgrade_mends_times_that_nobody_can_read_and_lets_in_no_more(stack: Stack, service: str) -> None:
    table, column = BAD_TIMES[service]
    async with database(stack, service) as (url, old):
        await upgrade(service, url, revisions(service)[0])
        async with old.transaction():
            await old.execute("set local session_replication_role = replica")
            await old.execute((RELEASED / f"{service}.sql").read_text())
            await old.execute(f"update {service}.{table} set {column} = '0001-01-01 00:00:00+06'")
            await old.execute(f"update {service}.events set occurred_at = 'infinity'")
        before = await counted(old, service)
        await upgrade(service, url, "head")
        after = await counted(old, service)
        assert {table: after[RENAMED.get(table, table)] for table in before} == before
        assert await old.fetchval(f"select max({column}) from {service}.{table}") == EARLIEST
        assert await old.fetchval(f"select min(extract(year from occurred_at)) from {service}.events") == 2199
        for name, bound in (("events", "occurred_at"), (table, column)):
            await old.execute("set session_replication_role = replica")
            for value in ("infinity", "-infinity", "0044-03-15 BC", "1969-12-31 23:59:59+00", "2200-01-01 00:00:00+00"):
                with pytest.raises(asyncpg.CheckViolationError, match=f"ck_{name}_times"):
                    await old.execute(f"update {service}.{name} set {bound} = '{value}'")


@pytest.mark.parametrize("service", SERVICES)
async def test_every_time_and_day_of_a_service_is_bounded(stack: Stack, service: str) -> None:
    """The models say so of each of their columns, and the database has what they say."""
    async with database(stack, service) as (url, fresh):
        await upgrade(service, url, "head")
        rows = await fresh.fetch(
            "select t.relname, pg_get_constraintdef(c.oid) as said from pg_constraint c join pg_class t on t.oid = c.conrelid "
            "where c.contype = 'c' and c.conname = 'ck_' || t.relname || '_times' and t.relnamespace = $1::regnamespace",
            service,
        )
        said = {row["relname"]: set(re.findall(r"(\w+) >= ", row["said"])) for row in rows}
    models = importlib.import_module(f"services.{service}.app").SERVICE.metadata
    own = [one for one in models.tables.values() if one.name not in KERNEL]
    times = {one.name: {column.name for column in one.c if isinstance(column.type, sa.TIMESTAMP | sa.Date)} for one in own}
    assert said == {name: columns for name, columns in times.items() if columns} | {"events": {"occurred_at", "recorded_at"}}
