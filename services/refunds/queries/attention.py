"""What a person must look at."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Row

from services.refunds.tables import attention
from shared.contracts.actor import Actor
from shared.contracts.errors import Forbidden
from shared.data.db import Transaction


async def page(tx: Transaction, actor: Actor, *, closed: bool, after: tuple[datetime, str] | None, limit: int) -> Sequence[Row[Any]]:
    """Open or closed matters of the store, the oldest first. Raises Forbidden `staff_only`."""
    if not actor.is_shop:
        raise Forbidden("staff_only", "Only the shop may do this.")
    place = (attention.c.opened_at, attention.c.attention_id)
    state = attention.c.closed_at.is_not(None) if closed else attention.c.closed_at.is_(None)
    statement = sa.select(attention).where(attention.c.store_id == actor.store, state).order_by(*place).limit(limit)
    if after is not None:
        values = (sa.literal(value, column.type) for value, column in zip(after, place, strict=True))
        statement = statement.where(sa.tuple_(*place) > sa.tuple_(*values))
    return await tx.all(statement)
