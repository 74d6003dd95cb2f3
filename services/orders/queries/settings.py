"""A store's settings: the newest version is in force."""

from dataclasses import fields
from functools import partial
from typing import Any

from sqlalchemy.engine import Row

from services.orders.state import SavedSettings, StoreSettings
from services.orders.tables import settings
from shared.data.db import Transaction
from shared.data.settings_versions import newest_version
from shared.web.settings_history import versions

settings_versions = partial(versions, settings, SavedSettings)


async def settings_of(tx: Transaction, store_id: str) -> StoreSettings:
    """The settings in force; the defaults (version 0) if none were ever saved."""
    row = await tx.first(newest_version(settings, store_id))
    return StoreSettings() if row is None else as_settings(row)


def as_settings(row: Row[Any]) -> StoreSettings:
    """`StoreSettings` from a row."""
    return StoreSettings(**{column.name: row._mapping[column.name] for column in fields(StoreSettings)})
