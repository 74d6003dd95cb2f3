"""Folding the deltas of the counts, which a trigger writes, into their sums."""

from datetime import datetime

import sqlalchemy as sa

from shared.data.db import Database
from shared.process.settings import Settings

FOLD_BATCH = 20_000

# Moves rows that nobody else is folding from the deltas into the sums, in the order of the sums' key, so that two folds cannot deadlock.
FOLD = sa.text("""
with taken as (
    delete from refunds.count_deltas where (store_id, position) in
        (select store_id, position from refunds.count_deltas order by store_id, position limit :batch for update skip locked)
    returning store_id, status, delta
), summed as (
    select store_id, status, sum(delta) as refunds from taken group by 1, 2 order by 1, 2
), folded as (
    insert into refunds.counts as c (store_id, status, refunds) select * from summed
    on conflict (store_id, status) do update set refunds = c.refunds + excluded.refunds
)
select count(*) from taken
""")


async def fold_counts(db: Database, settings: Settings, *, now: datetime) -> int:
    """Fold up to 20,000 deltas into the sums; how many."""
    async with db.transaction("refunds.fold_counts") as tx:
        return int(await tx.scalar(FOLD, {"batch": FOLD_BATCH}))
