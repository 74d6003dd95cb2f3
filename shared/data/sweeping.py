"""Upkeep of a schema's tables: rows that are no longer needed are deleted, a bounded number at a time; new tables are analyzed."""

from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from shared.data.db import Database
from shared.data.settings import DataSettings

SWEEP_BATCH = 5_000
NEVER_ANALYZED = sa.text("""
    select format('%I.%I', n.nspname, c.relname) as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname = :schema and c.relkind = 'r' and c.reltuples < 0 and pg_relation_size(c.oid) > 0
      and pg_has_role(c.relowner, 'usage') order by 1""")


async def forget_rows(database: Database, name: str, table: sa.Table, old: sa.ColumnElement[bool]) -> int:
    """Delete up to 5,000 rows of `table` that are `old`, in one transaction called `name`; returns how many."""
    some: sa.Select[Any] = sa.select(sa.literal_column("ctid")).select_from(table).where(old).limit(SWEEP_BATCH)
    async with database.transaction(name) as tx:
        return (await tx.execute(sa.delete(table).where(sa.literal_column("ctid").in_(some)))).rowcount


async def sweep_answers(database: Database, settings: DataSettings, /, *, now: datetime) -> int:
    """Delete stored responses that are older than `idempotency_days`."""
    table = database.kernel.idempotency
    return await forget_rows(database, "idempotency.sweep", table, table.c.recorded_at < now - timedelta(days=settings.idempotency_days))


async def sweep_guests(database: Database, settings: DataSettings, /, *, now: datetime) -> int:
    """Delete revoked links whose tokens have expired."""
    table = database.kernel.revoked_guests
    return await forget_rows(database, "guests.sweep", table, table.c.expires_at < now)


async def analyze_new(database: Database, settings: DataSettings, /, *, now: datetime) -> int:
    """Analyze this schema's tables that have rows and no statistics; returns how many.

    PostgreSQL's own autovacuum comes a minute later at the earliest. Until then foreign keys are checked by whichever index comes first,
    which reads all of a store's rows for each check: a fresh install became slower with each order.
    """
    async with database.reading() as tx:
        new = [row.name for row in await tx.all(NEVER_ANALYZED, {"schema": database.service})]
        for name in new:
            await tx.execute(sa.text(f"analyze (skip_locked) {name}"))  # whoever holds a lock on it is analyzing or changing it
    return len(new)
