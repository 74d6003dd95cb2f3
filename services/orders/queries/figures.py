"""What a store sold and collected in each hour or day, and what is still to be collected."""

from collections import defaultdict
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from services.orders.queries.settings import settings_of
from services.orders.state import Bucket, CurrencyFigures, Figures
from services.orders.tables import cash_out, cash_out_deltas, figure_deltas, figures
from shared.contracts.actor import Actor, shop_only
from shared.data.counts import summed
from shared.data.db import Transaction
from shared.web.figures import FiguresQuery, buckets, of_currency, sums_by_bucket


async def figures_of(tx: Transaction, actor: Actor, wanted: FiguresQuery) -> Figures:
    """The store's figures by currency. Raises Forbidden for customers, Invalid (see shared.web.figures)."""
    shop_only(actor, to_read=True).or_raise()
    zone = (await settings_of(tx, actor.store)).time_zone
    bounds = buckets(wanted.at_from, wanted.at_before, wanted.by, ZoneInfo(zone))
    sold: defaultdict[str, list[Bucket]] = defaultdict(list)
    for row in await tx.all(sums_by_bucket(figures, figure_deltas, actor.store, wanted, bounds)):
        sold[row.currency].append(Bucket(bounds[row.bucket - 1], bounds[row.bucket], int(row.placed), int(row.sold), int(row.collected)))
    due = {row.currency: int(row.due) for row in await tx.all(_due(actor, wanted)) if row.due}
    currencies = tuple(CurrencyFigures(one, due.get(one, 0), tuple(sold.get(one, ()))) for one in sorted({*sold, *due}))
    return Figures(wanted.by, zone, bounds[0], bounds[-1], currencies)


def _due(actor: Actor, wanted: FiguresQuery) -> sa.Select[tuple[str, int]]:
    every = summed(cash_out, cash_out_deltas, lambda table: (table.c.store_id == actor.store) & of_currency(table, wanted))
    return sa.select(every.c.currency, sa.func.sum(every.c.due).label("due")).group_by(every.c.currency)
