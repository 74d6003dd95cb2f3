"""How many orders there are of each status, payment and refund state: folded sums, and what happened since the last fold."""

from typing import Any, get_args

import sqlalchemy as sa

from services.orders.tables import count_deltas, counts
from shared.contracts.actor import Actor, shop_only
from shared.contracts.events import OrderStatus, PaymentState, RefundState
from shared.data.db import Transaction

AXES = {"status": get_args(OrderStatus), "payment": get_args(PaymentState), "refund_state": get_args(RefundState)}


async def counts_of(tx: Transaction, actor: Actor) -> dict[str, dict[str, int]]:
    """Orders per status, payment and refund state. Raises Forbidden for customers."""
    shop_only(actor, to_read=True).or_raise()
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
