"""Loading a store's refund settings."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Row

from services.refunds.rules.policy import DEFAULT_POLICY, in_force
from services.refunds.state import Policy
from services.refunds.tables import policies, stores
from shared.data.db import Transaction

DEFAULT_TIME_ZONE = "UTC"


async def policy_at(tx: Transaction, store_id: str, at: datetime) -> Policy:
    """The version of a store's settings that was in force at `at`."""
    latest = (
        sa.select(policies)
        .where(policies.c.store_id == store_id, policies.c.valid_from <= at)
        .order_by(policies.c.valid_from.desc(), policies.c.version.desc())
        .limit(1)
    )
    return in_force([policy_of(row) for row in await tx.all(latest)], at)


async def newest(tx: Transaction, store_id: str) -> Row[Any] | None:
    """The last saved version, which may be for a later day; None where the store has only the defaults."""
    statement = sa.select(policies).where(policies.c.store_id == store_id).order_by(policies.c.version.desc()).limit(1)
    return await tx.first(statement)


async def versions(tx: Transaction, store_id: str, *, before: int | None, limit: int) -> Sequence[Row[Any]]:
    """Saved versions, newest first, below version `before`."""
    statement = sa.select(policies).where(policies.c.store_id == store_id).order_by(policies.c.version.desc()).limit(limit)
    return await tx.all(statement if before is None else statement.where(policies.c.version < before))


async def time_zone(tx: Transaction, store_id: str) -> str:
    """The store's zone as far as orders has told."""
    return await tx.scalar(sa.select(stores.c.time_zone).where(stores.c.store_id == store_id)) or DEFAULT_TIME_ZONE


def policy_of(row: Row[Any] | None) -> Policy:
    """A saved version as the rules read it; the defaults for None."""
    if row is None:
        return DEFAULT_POLICY
    return Policy(
        version=row.version,
        valid_from=row.valid_from,
        manage_stock=row.manage_stock,
        attachments=row.attachments,
        deduct_shipping=row.deduct_shipping,
        window_days=row.window_days,
        reasons=tuple(row.reasons),
        overdue_after_hours=row.overdue_after_hours,
    )
