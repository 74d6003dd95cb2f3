"""What a person must look at."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Row

from services.refunds.tables import attention
from shared.contracts.actor import Actor, shop_only
from shared.data.db import Transaction
from shared.web.pages import Key, Walked, walk

OLDEST_FIRST = Key(attention.c.opened_at, attention.c.attention_id)


async def page(tx: Transaction, actor: Actor, *, closed: bool, cursor: str | None, limit: int) -> Walked[Row[Any]]:
    """Open or closed matters of the store, the oldest first. Raises Forbidden `shop_only`, Invalid `bad_cursor`."""
    shop_only(actor, to_read=True).or_raise()
    state = attention.c.closed_at.is_not(None) if closed else attention.c.closed_at.is_(None)
    return await walk(tx, OLDEST_FIRST, sa.select(attention).where(attention.c.store_id == actor.store, state), cursor=cursor, limit=limit)
