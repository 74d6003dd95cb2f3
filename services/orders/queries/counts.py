"""Counts the orders per status, payment and refund state."""

from typing import get_args

from services.orders.tables import count_deltas, counts
from shared.contracts.actor import Actor, shop_only
from shared.contracts.events import OrderStatus, PaymentState, RefundState
from shared.data.counts import counted
from shared.data.db import Transaction

AXES = {"status": get_args(OrderStatus), "payment": get_args(PaymentState), "refund_state": get_args(RefundState)}


async def counts_of(tx: Transaction, actor: Actor) -> dict[str, dict[str, int]]:
    """Orders per status, payment and refund state. Raises Forbidden for customers."""
    shop_only(actor, to_read=True).or_raise()
    rows = await tx.all(counted(counts, count_deltas, actor.store))
    return {
        axis: {value: int(sum(row.number for row in rows if row._mapping[axis] == value)) for value in values}
        for axis, values in AXES.items()
    }
