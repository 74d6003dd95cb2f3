"""Items that need a person's attention."""

import sqlalchemy as sa

from services.refunds.state import Attention
from services.refunds.tables import attention
from shared.contracts.actor import Actor, shop_only
from shared.data.columns import columns_of
from shared.data.db import Transaction
from shared.web.pages import Key, Walked, walk

OLDEST_FIRST = Key(attention.c.opened_at, attention.c.attention_id)


async def page(tx: Transaction, actor: Actor, *, closed: bool, cursor: str | None, limit: int) -> Walked[Attention]:
    """Open or closed items of the store, oldest first. Raises Forbidden `shop_only`, Invalid `bad_cursor`."""
    shop_only(actor, to_read=True).or_raise()
    state = attention.c.closed_at.is_not(None) if closed else attention.c.closed_at.is_(None)
    source = sa.select(*columns_of(attention, Attention)).where(attention.c.store_id == actor.store, state)
    return await walk(tx, OLDEST_FIRST, Attention, source, cursor=cursor, limit=limit)
