"""Sums for dashboards, by the hours or days of a store's time zone: what is asked, where hours and days begin, and how it is read.

Sums are kept per quarter of an hour, of UTC: a quarter begins where an hour or day of any time zone does.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.dialects.postgresql import ARRAY

from shared.contracts.errors import Invalid
from shared.data.counts import summed
from shared.data.db import Transaction
from shared.data.schema import TIME
from shared.web.inputs import Moment

By = Literal["hour", "day"]
Currency = Annotated[str | None, Field(pattern="^[A-Z]{3}$")]

QUARTER = timedelta(minutes=15)
DAY = timedelta(days=1)
MAX_DAYS: dict[By, int] = {"hour": 32, "day": 367}
"""A day more than a month and a year have, as their clocks may be put back."""


@dataclass(frozen=True, slots=True)
class Sums:
    """The sums of an hour or day, by name: numbers, or amounts in minor units."""

    begins_at: datetime
    ends_at: datetime
    sums: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class SumsByCurrency:
    """A store's sums between two times, in its time zone; by currency what is outstanding now, and the hours or days."""

    by: By
    time_zone: str
    begins_at: datetime
    ends_at: datetime
    currencies: Mapping[str, tuple[int, Sequence[Sums]]]


class FiguresQuery(BaseModel):
    """From when to when, by the hour or by the day of the store's time zone."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True, frozen=True)

    at_from: Annotated[Moment, Field(alias="at.gte", description="On a quarter of an hour; other times are refused")]
    at_before: Annotated[Moment, Field(alias="at.lt", description="At most 32 days later by the hour, 367 by the day")]
    by: Annotated[By, Field(description="Sums of each hour, or of each day, in the store's time zone")] = "day"
    currency: Currency = None


def buckets(first: datetime, before: datetime, by: By, zone: ZoneInfo) -> list[datetime]:
    """When each hour or day between two times begins, in `zone`: the first is `first`, and the end of the last, `before`, comes last.

    Raises Invalid for times between quarters of an hour, of which no sums are kept, and for too long a time or none.
    """
    for name, moment in (("at.gte", first), ("at.lt", before)):
        if moment.timestamp() % QUARTER.total_seconds():
            accepted = "A time on a quarter of an hour, such as 09:00, 09:15, 09:30 or 09:45."
            raise Invalid("not_a_quarter_hour", "Figures are sums of quarters of an hour.", at=f"?{name}", accepted=accepted)
    if not timedelta(0) < before - first <= timedelta(days=MAX_DAYS[by]):
        detail = f"at.lt must be after at.gte, by at most {MAX_DAYS[by]} days for figures by the {by}."
        raise Invalid("bad_span", detail, at="?at.lt")
    start, end = first.astimezone(UTC), before.astimezone(UTC)
    begins = _days(start, end, zone) if by == "day" else _hours(start, end, zone)
    return [moment.astimezone(zone) for moment in sorted({start, *begins, end})]


def _days(start: datetime, end: datetime, zone: ZoneInfo) -> Iterator[datetime]:
    """A midnight that a clock skips is the moment at which it skips it."""
    midnight = start.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
    while (moment := midnight.replace(tzinfo=zone).astimezone(UTC)) < end:
        if moment > start:
            yield moment
        midnight += DAY


def _hours(start: datetime, end: datetime, zone: ZoneInfo) -> Iterator[datetime]:
    """An hour that a clock repeats is two, and one in which it is changed begins anew at the change."""
    moment, hour = start, None
    while moment < end:
        local = moment.astimezone(zone)
        if hour != (hour := (local.date(), local.hour, local.utcoffset())):
            yield moment
        moment += QUARTER


async def sums_by_currency(
    tx: Transaction, store_id: str, time_zone: str, wanted: FiguresQuery, *, sums: tuple[sa.Table, sa.Table],
    outstanding: tuple[sa.Table, sa.Table],
) -> SumsByCurrency:  # fmt: skip
    """A store's figures. `sums` and `outstanding` are tables of sums with their deltas (see shared.data.counts), these with a column `due`.

    Raises Invalid (see buckets()).
    """
    bounds = buckets(wanted.at_from, wanted.at_before, wanted.by, ZoneInfo(time_zone))
    found: defaultdict[str, list[Sums]] = defaultdict(list)
    for row in await tx.all(_by_bucket(*sums, store_id, wanted, bounds)):
        said = {name: int(value) for name, value in row._mapping.items() if name not in ("currency", "bucket")}
        found[row.currency].append(Sums(bounds[row.bucket - 1], bounds[row.bucket], said))
    every = summed(*outstanding, lambda table: (table.c.store_id == store_id) & _of_currency(table, wanted))
    rows = await tx.all(sa.select(every.c.currency, sa.func.sum(every.c.due).label("due")).group_by(every.c.currency))
    due = {row.currency: int(row.due) for row in rows if row.due}
    by_currency = {one: (due.get(one, 0), tuple(found.get(one, ()))) for one in sorted({*found, *due})}
    return SumsByCurrency(wanted.by, time_zone, bounds[0], bounds[-1], by_currency)


def _by_bucket(sums: sa.Table, deltas: sa.Table, store_id: str, wanted: FiguresQuery, bounds: Sequence[datetime]) -> sa.Select[Any]:
    """The sums of each bucket (from 1) in which something happened, by currency: at most all quarter hours of the time are read."""

    def where(table: sa.Table) -> sa.ColumnElement[bool]:
        between = (table.c.quarter >= wanted.at_from) & (table.c.quarter < wanted.at_before)
        return (table.c.store_id == store_id) & between & _of_currency(table, wanted)

    every = summed(sums, deltas, where)
    amounts = [column for column in every.c if column.name not in ("quarter", "currency")]
    bucket = sa.func.width_bucket(every.c.quarter, sa.cast(sa.literal(bounds, ARRAY(TIME)), ARRAY(TIME)), type_=sa.Integer).label("bucket")
    by_bucket = sa.select(every.c.currency, bucket, *(sa.func.sum(one).label(one.name) for one in amounts)).group_by(
        every.c.currency, bucket
    )
    something = sa.or_(*(sa.func.sum(one) != 0 for one in amounts))
    return by_bucket.having(something).order_by(every.c.currency, bucket)


def _of_currency(table: sa.Table, wanted: FiguresQuery) -> sa.ColumnElement[bool]:
    """The rows of the wanted currency, or of all."""
    return sa.true() if wanted.currency is None else table.c.currency == wanted.currency
