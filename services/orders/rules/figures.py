"""Where the hours and days of a time zone begin, of which figures are told."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from services.orders.requests.figures import By
from shared.contracts.errors import Invalid

QUARTER = timedelta(minutes=15)
DAY = timedelta(days=1)
MAX_DAYS: dict[By, int] = {"hour": 32, "day": 367}
"""A day more than a month and a year have, as their clocks may be put back."""


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
