"""What a store credited, approved to pay back and sent in each hour or day, and what is still to send."""

from collections import defaultdict
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from services.refunds.queries.policies import time_zone
from services.refunds.tables import figure_deltas, figures, to_send, to_send_deltas
from shared.contracts.actor import Actor, shop_only
from shared.data.counts import summed
from shared.data.db import Transaction
from shared.web.figures import FiguresQuery, Sums, SumsByCurrency, buckets, of_currency, sums_by_bucket


async def figures_of(tx: Transaction, actor: Actor, wanted: FiguresQuery) -> SumsByCurrency:
    """The store's figures by currency. Raises Forbidden for customers, Invalid (see shared.web.figures)."""
    shop_only(actor, to_read=True).or_raise()
    zone = await time_zone(tx, actor.store)
    bounds = buckets(wanted.at_from, wanted.at_before, wanted.by, ZoneInfo(zone))
    found: defaultdict[str, list[Sums]] = defaultdict(list)
    for row in await tx.all(sums_by_bucket(figures, figure_deltas, actor.store, wanted, bounds)):
        sums = {name: int(row._mapping[name]) for name in ("requested", "credited", "paid_back", "sent")}
        found[row.currency].append(Sums(bounds[row.bucket - 1], bounds[row.bucket], sums))
    due = {row.currency: int(row.due) for row in await tx.all(_due(actor, wanted)) if row.due}
    by_currency = {one: (due.get(one, 0), tuple(found.get(one, ()))) for one in sorted({*found, *due})}
    return SumsByCurrency(wanted.by, zone, bounds[0], bounds[-1], by_currency)


def _due(actor: Actor, wanted: FiguresQuery) -> sa.Select[tuple[str, int]]:
    every = summed(to_send, to_send_deltas, lambda table: (table.c.store_id == actor.store) & of_currency(table, wanted))
    return sa.select(every.c.currency, sa.func.sum(every.c.due).label("due")).group_by(every.c.currency)
