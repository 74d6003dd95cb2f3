"""How many refunds have each status."""

from datetime import datetime

import sqlalchemy as sa

from services.refunds.tables import count_deltas, counts, refunds
from shared.contracts.actor import Actor
from shared.data.columns import own_rows
from shared.data.counts import counted
from shared.data.db import Transaction

STATUSES = ("processing", "approved", "cancelled")
MAX_OVERDUE = 5_000


async def counts_of(tx: Transaction, actor: Actor, *, now: datetime) -> dict[str, int]:
    """How many refunds have each status. `overdue` counts open ones that should have been decided by `now`, up to 5,000."""
    r = refunds.c
    own = sa.select(r.status, sa.func.count().label("number")).where(own_rows(actor, refunds)).group_by(r.status)
    rows = await tx.all(counted(counts, count_deltas, actor.store) if actor.is_shop else own)
    found = {row.status: int(row.number) for row in rows}
    late = sa.select(sa.literal(1)).where(own_rows(actor, refunds), r.status == "processing", r.overdue_at <= now).limit(MAX_OVERDUE)
    overdue = await tx.scalar(sa.select(sa.func.count()).select_from(late.subquery()))
    return {status: found.get(status, 0) for status in STATUSES} | {"overdue": overdue}
