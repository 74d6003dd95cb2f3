"""The operator's order book: what is due, and what became of it."""

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from services.webhooks.state import Queue
from services.webhooks.tables import operators, queues
from shared.data.columns import columns_of
from shared.data.db import Transaction

AGAIN_AFTER = timedelta(seconds=5)
"""The pause after which an order that failed is tried again."""
MAX_DUE = 200
NO_STORE = ""
MAX_ERROR_CHARACTERS = 500


async def due_orders(tx: Transaction, *, now: datetime) -> list[Queue]:
    """Orders that are not carried out yet, without those that failed a moment ago."""
    rested = queues.c.tried_at.is_(None) | (queues.c.tried_at <= now - AGAIN_AFTER)
    due = sa.select(*columns_of(queues, Queue)).where(queues.c.applied < queues.c.generation, rested)
    return [Queue(**row._mapping) for row in await tx.all(due.order_by(queues.c.changed_at).limit(MAX_DUE))]


async def wanted_queues(tx: Transaction) -> list[Queue]:
    """Every queue that is to exist."""
    rows = await tx.all(sa.select(*columns_of(queues, Queue)).where(queues.c.wanted))
    return [Queue(**row._mapping) for row in rows]


async def carried_out(tx: Transaction, order: Queue, *, now: datetime) -> None:
    """Note that this order was carried out. A later one of the same queue stays due; the row of a queue that has gone goes too."""
    if order.wanted:
        values = {"applied": order.generation, "applied_at": now, "tried_at": None, "error": ""}
        await tx.execute(sa.update(queues).where(_this(order), queues.c.applied <= order.generation).values(**values))
    else:
        await tx.execute(sa.delete(queues).where(_this(order), ~queues.c.wanted))


async def failed(tx: Transaction, order: Queue, why: str, *, now: datetime) -> None:
    """Note why this order could not be carried out."""
    await tx.execute(sa.update(queues).where(_this(order)).values(error=why[:MAX_ERROR_CHARACTERS], tried_at=now))


async def seen(tx: Transaction, name: str, *, now: datetime) -> None:
    """Note that the operator of this name is at work."""
    row = insert(operators).values(store_id=NO_STORE, name=name, seen_at=now)
    await tx.execute(row.on_conflict_do_update(index_elements=["store_id", "name"], set_={"seen_at": now}))


def _this(order: Queue) -> sa.ColumnElement[bool]:
    return (queues.c.store_id == order.store_id) & (queues.c.endpoint_id == order.endpoint_id)
