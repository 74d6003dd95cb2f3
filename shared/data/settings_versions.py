"""A store's settings: append-only versions, of which the highest is in force. Version 0 means the defaults and is in no table.

Every service that has settings stores them in one table of this shape, with further columns of its own. A caller who saves names the
version that they read. If two save at once, the primary key rejects the later one; nothing is merged.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB, insert

from shared.contracts.actor import Actor
from shared.contracts.errors import VersionConflict, expect_version
from shared.data.columns import columns_of
from shared.data.db import Transaction
from shared.data.schema import TIME, store_table

S = TypeVar("S")

DEFAULT_VERSION = 0


def settings_table(metadata: sa.MetaData, *own: sa.schema.SchemaItem) -> sa.Table:
    """The table `settings` of a service; `own` are the columns and constraints of its settings."""
    return store_table(
        metadata,
        "settings",
        sa.Column("version", sa.BigInteger, nullable=False),
        *own,
        sa.Column("saved_at", TIME, nullable=False),
        sa.Column("saved_by", JSONB, nullable=False),
        sa.PrimaryKeyConstraint("store_id", "version"),
        sa.CheckConstraint("version >= 1", name="version"),
        comment="Every version of a store's settings; the highest is in force, none means the defaults.",
    )


def newest_version(table: sa.Table, store_id: str) -> sa.Select[Any]:
    """The statement that finds a store's settings in force; returns no row if the store has only the defaults."""
    return sa.select(table).where(table.c.store_id == store_id).order_by(table.c.version.desc()).limit(1)


async def newest(tx: Transaction, table: sa.Table, defaults: S, store_id: str) -> S:
    """A store's newest version, as the dataclass of its `defaults`, whose fields are columns of `table`."""
    row = await tx.first(newest_version(table, store_id).with_only_columns(*columns_of(table, type(defaults))))
    return defaults if row is None else type(defaults)(**row._mapping)


async def save_version(
    tx: Transaction, table: sa.Table, kind: type[S], actor: Actor, values: Mapping[str, Any], *, expected_version: int, now: datetime
) -> S:
    """The next version as a `kind`, whose fields are columns of `table`. It is in force from the commit on.

    Raises VersionConflict if `expected_version` is no longer in force, also if somebody else saves at the same moment.
    """
    current = await _current(tx, table, actor.store)
    expect_version(current, expected_version)
    saved_by = {"role": actor.role, "id": actor.id, "via": actor.via}
    row = {"store_id": actor.store, "version": current + 1, "saved_at": now, "saved_by": saved_by, **values}
    saved = await tx.first(insert(table).values(**row).on_conflict_do_nothing().returning(*columns_of(table, kind)))
    if saved is None:
        raise VersionConflict(await _current(tx, table, actor.store))
    return kind(**saved._mapping)


async def _current(tx: Transaction, table: sa.Table, store_id: str) -> int:
    row = await tx.first(newest_version(table, store_id))
    return DEFAULT_VERSION if row is None else int(row.version)
