"""An upgrade of what was released, with rows in it, ends where a fresh install does; and what was released never changes again."""

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
import sqlalchemy as sa
from alembic import command
from alembic.script import ScriptDirectory

from shared.kernel_versions import VERSIONS, v1
from shared.migrate import config
from tests.services.kernel.catalog import catalog, counted
from tests.stack import Stack

SERVICES = ("orders", "refunds", "notes", "documents")
RELEASED = Path(__file__).parent / "released"
"""Rows as commit e4d49c8 wrote them, by service: its revision 0001, with `aftersale demo` and some calls more."""
V1 = "74966d4119021733966fd2abe490918a3a20e8a86ffc16d48225d5e804b669b6"


def revisions(service: str) -> list[str]:
    """Every revision of a service, oldest first."""
    return [one.revision for one in ScriptDirectory.from_config(config(service, "")).walk_revisions()][::-1]


def applied(service: str) -> Iterator[str]:
    """The kernel's versions in the order in which a service's migrations apply them."""
    for one in reversed(list(ScriptDirectory.from_config(config(service, "")).walk_revisions())):
        yield from re.findall(r"\b(v\d+)\.apply\(", Path(one.path).read_text())


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_applies_every_version_of_the_kernel_in_order(service: str) -> None:
    assert list(applied(service)) == [version.__name__.rpartition(".")[2] for version in VERSIONS]


def test_what_was_released_is_frozen() -> None:
    assert hashlib.sha256("\n".join(v1.STATEMENTS).encode()).hexdigest() == V1


def test_no_migration_reads_the_present() -> None:
    files = [path for service in SERVICES for path in Path(f"services/{service}/migrations/versions").glob("*.py")]
    assert len(files) >= len(SERVICES)
    assert [str(path) for path in files if re.search(r"shared\.schema|\.models\b", path.read_text())] == []


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


@pytest.mark.parametrize("service", SERVICES)
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
        assert {table: after[table] for table in before} == before
        assert await old.fetchval(f"select count(*) from {service}.idempotency where cardinality(subjects) = 0 and body ~ 'order_'") == 0

        await asyncio.to_thread(command.downgrade, config(service, old_url), "base")
        assert await catalog(old, service) == [line for line in await catalog(fresh, service) if "alembic_version" in line]
