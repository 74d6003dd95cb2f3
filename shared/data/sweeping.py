"""Deleting rows that are no longer needed, a bounded number at a time."""

from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from shared.data.db import Database
from shared.data.settings import DataSettings

SWEEP_BATCH = 5_000


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
