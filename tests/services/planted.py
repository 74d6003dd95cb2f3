"""Rows that cannot be read, planted past every constraint and trigger into a store's own tables, and taken out again."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import sqlalchemy as sa

from tests.stack import Stack

NO_TIMES = ("0044-03-15 12:00:00+00 BC", "infinity", "-infinity", "12000-01-01 00:00:00+00")
NO_DAYS = ("0044-03-15 BC", "infinity", "12000-01-01")
NO_JSON = ("[" * 3_000 + "]" * 3_000, "1e5000")
"""For each column type what PostgreSQL keeps and Python does not hold."""

_CHECKS = """
select c.conname, pg_get_constraintdef(c.oid) as said, c.convalidated as valid
from pg_constraint c join pg_attribute a on a.attrelid = c.conrelid and a.attnum = any(c.conkey)
where c.contype = 'c' and c.conrelid = $1::regclass and a.attname = $2
"""


async def admin_of(stack: Stack) -> "asyncpg.Connection[Any]":
    """A connection for which no trigger fires."""
    url = sa.make_url(stack.postgres_url).set(database=stack.name).render_as_string(hide_password=False)
    connection = await asyncpg.connect(url)
    await connection.execute("set session_replication_role = replica")
    return connection


@asynccontextmanager
async def planted(admin: "asyncpg.Connection[Any]", table: str, column: str, value: str, where: str, *key: Any) -> AsyncIterator[None]:
    """While the block runs `column` of the one row of `schema.table` that `where` names ($1…) holds `value`."""
    before = await admin.fetchval(f"select {column}::text from {table} where {where}", *key)
    await _write(admin, table, column, value, where, *key)
    try:
        yield
    finally:
        await _write(admin, table, column, before, where, *key)


async def _write(admin: "asyncpg.Connection[Any]", table: str, column: str, value: str | None, where: str, *key: Any) -> None:
    """In one transaction without the column's checks; they are there again for the next row."""
    async with admin.transaction():
        kind = await admin.fetchval(
            "select format_type(atttypid, atttypmod) from pg_attribute where attrelid = $1::regclass and attname = $2", table, column
        )
        checks = await admin.fetch(_CHECKS, table, column)
        for check in checks:
            await admin.execute(f'alter table {table} drop constraint "{check["conname"]}"')
        done = await admin.execute(f"update {table} set {column} = ${len(key) + 1}::text::{kind} where {where}", *key, value)
        assert done == "UPDATE 1", (table, column, done)
        for check in checks:
            said = check["said"].removesuffix(" NOT VALID")
            await admin.execute(f'alter table {table} add constraint "{check["conname"]}" {said} not valid')
