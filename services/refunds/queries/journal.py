"""The journal: a store's money that went back, in the order in which it was reported."""

from typing import Any

import sqlalchemy as sa

from services.refunds.requests import RefundJournalQuery
from services.refunds.state import RefundJournalEntry
from services.refunds.tables import refunds, settlements
from shared.contracts.actor import Actor
from shared.data.columns import columns_of
from shared.data.db import Transaction
from shared.web.pages import Key, Order, Walked, walk

IN_ORDER = Key(settlements.c.reported_at, settlements.c.refund_id, settlements.c.number)


async def journal_page(
    tx: Transaction, actor: Actor, wanted: RefundJournalQuery, *, cursor: str | None, limit: int
) -> Walked[RefundJournalEntry]:
    """One page of the store's journal, oldest first."""
    source = sa.select(*columns_of(settlements, RefundJournalEntry)).where(
        settlements.c.store_id == actor.store, settlements.c.turn.is_not(None)
    )
    if wanted.occurred_from is not None:
        source = source.where(settlements.c.reported_at >= wanted.occurred_from)
    if wanted.occurred_before is not None:
        source = source.where(settlements.c.reported_at < wanted.occurred_before)

    def left(window: sa.Subquery, order: Order) -> sa.Select[Any]:
        of_refund = (refunds.c.store_id == actor.store) & (refunds.c.refund_id == window.c.refund_id)
        same = []
        if wanted.method is not None:
            same.append(window.c.method == wanted.method)
        if wanted.currency is not None:
            same.append(refunds.c.currency == wanted.currency)
        found = sa.select(window, refunds.c.order_id, refunds.c.order_number, refunds.c.currency).join(refunds, of_refund)
        return found.where(*same).order_by(*order(window.c))

    return await walk(tx, IN_ORDER, RefundJournalEntry, source, cursor=cursor, limit=limit, left=left)
