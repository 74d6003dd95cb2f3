"""A store's settings: the newest version is in force."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Row

from services.orders.rules.settings import StoreSettings
from services.orders.tables import settings
from shared.data.db import Transaction


async def settings_of(tx: Transaction, store_id: str) -> StoreSettings:
    """The settings in force; the defaults (version 0) where nothing was ever saved."""
    row = await tx.first(sa.select(settings).where(settings.c.store_id == store_id).order_by(settings.c.version.desc()).limit(1))
    return StoreSettings() if row is None else as_settings(row)


async def history(tx: Transaction, store_id: str, limit: int) -> list[Row[Any]]:
    """The newest `limit` versions with who saved them, newest first."""
    query = sa.select(settings).where(settings.c.store_id == store_id).order_by(settings.c.version.desc()).limit(limit)
    return list(await tx.all(query))


def as_settings(row: Row[Any]) -> StoreSettings:
    """A row in memory."""
    return StoreSettings(
        version=row.version,
        cancel_preset=row.cancel_preset,
        customer_cancel_until=row.customer_cancel_until,
        stock=row.stock,
        number_prefix=row.number_prefix,
        time_zone=row.time_zone,
    )
