"""What a store sold and collected in each hour or day, and what is still to be collected."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from services.orders.queries.settings import settings_of
from services.orders.requests.figures import FiguresQuery
from services.orders.rules.figures import buckets
from services.orders.state import Bucket, CurrencyFigures, Figures
from services.orders.tables import cash_out, cash_out_deltas, figure_deltas, figures
from shared.contracts.actor import Actor, shop_only
from shared.data.counts import summed
from shared.data.db import Transaction
from shared.data.schema import TIME


async def figures_of(tx: Transaction, actor: Actor, wanted: FiguresQuery) -> Figures:
    """The store's figures by currency. Raises Forbidden for customers, Invalid (see rules.figures)."""
    shop_only(actor, to_read=True).or_raise()
    zone = (await settings_of(tx, actor.store)).time_zone
    bounds = buckets(wanted.at_from, wanted.at_before, wanted.by, ZoneInfo(zone))
    sold: defaultdict[str, list[Bucket]] = defaultdict(list)
    for row in await tx.all(_sums(actor, wanted, bounds)):
        sold[row.currency].append(Bucket(bounds[row.bucket - 1], bounds[row.bucket], int(row.placed), int(row.sold), int(row.collected)))
    due = {row.currency: int(row.due) for row in await tx.all(_due(actor, wanted)) if row.due}
    currencies = tuple(CurrencyFigures(one, due.get(one, 0), tuple(sold.get(one, ()))) for one in sorted({*sold, *due}))
    return Figures(wanted.by, zone, bounds[0], bounds[-1], currencies)


def _sums(actor: Actor, wanted: FiguresQuery, bounds: Sequence[datetime]) -> sa.Select[tuple[str, int, int, int, int]]:
    """Each bucket in which something happened: at most all quarter hours of the time are read."""

    def where(table: sa.Table) -> sa.ColumnElement[bool]:
        between = (table.c.quarter >= wanted.at_from) & (table.c.quarter < wanted.at_before)
        return (table.c.store_id == actor.store) & between & _of_currency(table, wanted)

    every = summed(figures, figure_deltas, where)
    amounts = [every.c[name] for name in ("placed", "sold", "collected")]
    bucket = sa.func.width_bucket(every.c.quarter, sa.cast(sa.literal(bounds, ARRAY(TIME)), ARRAY(TIME)), type_=sa.Integer).label("bucket")
    by_bucket = sa.select(every.c.currency, bucket, *(sa.func.sum(one).label(one.name) for one in amounts)).group_by(
        every.c.currency, bucket
    )
    something = sa.or_(*(sa.func.sum(one) != 0 for one in amounts))
    return by_bucket.having(something).order_by(every.c.currency, bucket)


def _due(actor: Actor, wanted: FiguresQuery) -> sa.Select[tuple[str, int]]:
    every = summed(cash_out, cash_out_deltas, lambda table: (table.c.store_id == actor.store) & _of_currency(table, wanted))
    return sa.select(every.c.currency, sa.func.sum(every.c.due).label("due")).group_by(every.c.currency)


def _of_currency(table: sa.Table, wanted: FiguresQuery) -> sa.ColumnElement[bool]:
    return sa.true() if wanted.currency is None else table.c.currency == wanted.currency
