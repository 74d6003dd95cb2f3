"""How many orders stand where: folded sums plus what happened since the last fold."""

from datetime import datetime
from typing import Any, get_args

import sqlalchemy as sa

from services.orders.models import count_deltas, counts
from shared.contracts.actor import Actor
from shared.contracts.errors import Forbidden
from shared.contracts.events import OrderStatus, PaymentState, RefundState
from shared.data.db import Database, Transaction
from shared.process.settings import Settings

AXES = {"status": get_args(OrderStatus), "payment": get_args(PaymentState), "refund_state": get_args(RefundState)}
FOLD_BATCH = 20_000

# Rows that nobody else is folding go out of the deltas and into the sums, in the order of the sums' key (no circle of waits).
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


async def counts_of(tx: Transaction, actor: Actor) -> dict[str, dict[str, int]]:
    """Orders per status, payment and refund state. Raises Forbidden for customers."""
    if not actor.is_shop:
        raise Forbidden("shop_only", "Only the shop's staff or its platform may do this.")
    axes = ("status", "payment", "refund_state")
    parts = [
        sa.select(*(table.c[axis] for axis in axes), number.label("orders")).where(table.c.store_id == actor.store)
        for table, number in ((counts, counts.c.orders), (count_deltas, sa.cast(count_deltas.c.delta, sa.BigInteger)))
    ]
    every = sa.union_all(*parts).subquery()
    rows = await tx.all(sa.select(*(every.c[axis] for axis in axes), sa.func.sum(every.c.orders).label("orders")).group_by(*every.c[:3]))
    return {axis: {value: _sum(rows, axis, value) for value in values} for axis, values in AXES.items()}


def _sum(rows: Any, axis: str, value: str) -> int:
    return int(sum(row.orders for row in rows if row._mapping[axis] == value))


async def fold_counts(db: Database, settings: Settings, now: datetime) -> int:
    """Fold up to 20,000 deltas into the sums; how many."""
    async with db.transaction("orders.fold_counts") as tx:
        return int(await tx.scalar(FOLD, {"batch": FOLD_BATCH}))
