"""A store's settings: the newest version is in force."""

from dataclasses import fields
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Row

from services.orders.state import SavedSettings, StoreSettings
from services.orders.tables import settings
from shared.data.db import Transaction
from shared.data.settings_versions import newest_version
from shared.web.pages import Key, Walked, walk

VERSIONS = Key(settings.c.version, newest_first=True)


async def settings_of(tx: Transaction, store_id: str) -> StoreSettings:
    """The settings in force; the defaults (version 0) where nothing was ever saved."""
    row = await tx.first(newest_version(settings, store_id))
    return StoreSettings() if row is None else as_settings(row)


async def settings_versions(tx: Transaction, store_id: str, *, cursor: str | None, limit: int) -> Walked[SavedSettings]:
    """A page of the versions that were saved, newest first. Raises Invalid `bad_cursor`."""
    page = await walk(tx, VERSIONS, sa.select(settings).where(settings.c.store_id == store_id), cursor=cursor, limit=limit)
    saved = [SavedSettings(as_settings(row), row.saved_at, row.saved_by) for row in page.items]
    return Walked(saved, page.next_cursor, page.previous_cursor)


def as_settings(row: Row[Any]) -> StoreSettings:
    """A row in memory."""
    return StoreSettings(**{column.name: row._mapping[column.name] for column in fields(StoreSettings)})
