"""Loads a store's refund settings."""

from datetime import datetime
from functools import partial

import sqlalchemy as sa

from services.refunds.rules.policy import DEFAULT_POLICY, in_force
from services.refunds.state import Policy
from services.refunds.tables import settings, stores
from shared.data.columns import columns_of
from shared.data.db import Transaction
from shared.data.settings_versions import newest
from shared.web.settings_history import versions

DEFAULT_TIME_ZONE = "UTC"

policy_versions = partial(versions, settings, Policy)


async def policy_at(tx: Transaction, store_id: str, *, at: datetime) -> Policy:
    """The version of a store's settings that was in force at `at`."""
    begun = sa.select(*columns_of(settings, Policy)).where(settings.c.store_id == store_id, settings.c.valid_from <= at)
    latest = begun.order_by(settings.c.valid_from.desc(), settings.c.version.desc()).limit(1)
    return in_force([Policy(**row._mapping) for row in await tx.all(latest)], at)


async def newest_policy(tx: Transaction, store_id: str) -> Policy:
    """The last saved version, which may apply only from a later day; the defaults if none was saved."""
    return await newest(tx, settings, DEFAULT_POLICY, store_id)


async def time_zone(tx: Transaction, store_id: str) -> str:
    """The store's time zone from the order service's latest event; UTC before the first."""
    return await tx.scalar(sa.select(stores.c.time_zone).where(stores.c.store_id == store_id)) or DEFAULT_TIME_ZONE
