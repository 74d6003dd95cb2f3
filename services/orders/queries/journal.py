"""The journal: a store's payments and reversals, in the order in which they occurred."""

from typing import Any

import sqlalchemy as sa

from services.orders.requests.journal import JournalQuery
from services.orders.state import JournalEntry
from services.orders.tables import alike, orders, payments
from shared.contracts.actor import Actor
from shared.data.columns import columns_of
from shared.data.db import Transaction
from shared.web.pages import Key, Order, Walked, walk

IN_ORDER = Key(payments.c.occurred_at, payments.c.payment_id)


async def journal_page(tx: Transaction, actor: Actor, wanted: JournalQuery, *, cursor: str | None, limit: int) -> Walked[JournalEntry]:
    """One page of the store's journal, oldest first."""
    mine = payments.c.store_id == actor.store
    source = sa.select(*columns_of(payments, JournalEntry)).where(mine)
    if wanted.occurred_from is not None:
        source = source.where(payments.c.occurred_at >= wanted.occurred_from)
    if wanted.occurred_before is not None:
        source = source.where(payments.c.occurred_at < wanted.occurred_before)

    def left(window: sa.Subquery, order: Order) -> sa.Select[Any]:
        of_order = (orders.c.store_id == actor.store) & (orders.c.order_id == window.c.order_id)
        same = []
        if wanted.method is not None:
            same.append(window.c.method == wanted.method)
        if wanted.collected_by is not None:
            same.append(alike(window.c.collected_by) == alike(sa.literal(wanted.collected_by)))
        if wanted.currency is not None:
            same.append(orders.c.currency == wanted.currency)
        found = sa.select(window, orders.c.number, orders.c.external_ref, orders.c.currency).join(orders, of_order)
        return found.where(*same).order_by(*order(window.c))

    return await walk(tx, IN_ORDER, JournalEntry, source, cursor=cursor, limit=limit, left=left)
