"""Loading a store's refund settings."""

from datetime import datetime

import sqlalchemy as sa

from services.refunds.queries.columns import columns_of
from services.refunds.rules.policy import DEFAULT_POLICY, in_force
from services.refunds.state import Policy
from services.refunds.tables import settings, stores
from shared.data.db import Transaction

DEFAULT_TIME_ZONE = "UTC"
_VERSIONS = sa.select(*columns_of(settings, Policy))


async def policy_at(tx: Transaction, store_id: str, *, at: datetime) -> Policy:
    """The version of a store's settings that was in force at `at`."""
    begun = _VERSIONS.where(settings.c.store_id == store_id, settings.c.valid_from <= at)
    latest = begun.order_by(settings.c.valid_from.desc(), settings.c.version.desc()).limit(1)
    return in_force([Policy(**row._mapping) for row in await tx.all(latest)], at)


async def newest(tx: Transaction, store_id: str) -> Policy:
    """The last saved version, which may be for a later day; the defaults where none was saved."""
    found = await versions(tx, store_id, before=None, limit=1)
    return found[0] if found else DEFAULT_POLICY


async def versions(tx: Transaction, store_id: str, *, before: int | None, limit: int) -> list[Policy]:
    """Saved versions, newest first, below version `before`."""
    statement = _VERSIONS.where(settings.c.store_id == store_id).order_by(settings.c.version.desc()).limit(limit)
    rows = await tx.all(statement if before is None else statement.where(settings.c.version < before))
    return [Policy(**row._mapping) for row in rows]


async def time_zone(tx: Transaction, store_id: str) -> str:
    """The store's zone as far as orders has published it."""
    return await tx.scalar(sa.select(stores.c.time_zone).where(stores.c.store_id == store_id)) or DEFAULT_TIME_ZONE
