"""Folding the counts of orders: what happened since the last fold goes into the sums."""

from datetime import datetime

import sqlalchemy as sa

from shared.data.db import Database
from shared.process.settings import Settings

FOLD_BATCH = 20_000

# Rows that nobody else is folding go out of the deltas and into the sums, in the order of the sums' key, so that two folds cannot deadlock.
FOLD = sa.text("""
with taken as (
    delete from orders.count_deltas where (store_id, position) in
        (select store_id, position from orders.count_deltas order by store_id, position limit :batch for update skip locked)
    returning store_id, status, payment, refund_state, delta
), summed as (
    select store_id, status, payment, refund_state, sum(delta) as orders from taken group by 1, 2, 3, 4 order by 1, 2, 3, 4
), folded as (
    insert into orders.counts as c (store_id, status, payment, refund_state, orders) select * from summed
    on conflict (store_id, status, payment, refund_state) do update set orders = c.orders + excluded.orders
)
select count(*) from taken
""")


async def fold_counts(db: Database, settings: Settings, *, now: datetime) -> int:
    """Fold up to 20,000 deltas into the sums; how many."""
    async with db.transaction("orders.fold_counts") as tx:
        return int(await tx.scalar(FOLD, {"batch": FOLD_BATCH}))
