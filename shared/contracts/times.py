"""Times from outside: one strict type for every input, within the range that every part of the product can store and show.

PostgreSQL accepts times from 4713 BC to the year 294276; Python reads only the years 1 to 9999, and fails if an offset leads out of
them. A time that one part accepts and another cannot read breaks every reader
(docs/decisions/0019-times-have-bounds.md).
"""

import re
from datetime import UTC, date, datetime, timedelta
from typing import Annotated

from pydantic import AfterValidator

from shared.contracts.errors import Invalid

EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
LATEST = datetime(2100, 1, 1, tzinfo=UTC)
"""The first moment that is too late, even for a plan. Times that have happened are bounded by the clock as well: see CLOCKS_MAY_DIFFER."""

CLOCKS_MAY_DIFFER = timedelta(seconds=60)
"""How far a caller's clock may be ahead of ours: a time up to this far in the future counts as now."""

_RFC3339 = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2})")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_BOUNDS = f"between {EARLIEST:%Y-%m-%dT%H:%M:%SZ} and {LATEST:%Y-%m-%dT%H:%M:%SZ}"


def read_time(text: str) -> datetime:
    """RFC 3339 text as a moment in UTC, fractions truncated to microseconds. Raises ValueError for anything else, or out of bounds."""
    if not _RFC3339.fullmatch(text):
        raise ValueError("a time must be RFC 3339 text with an offset, such as 2026-01-31T09:30:00Z")
    try:
        moment = datetime.fromisoformat(text.upper())
    except ValueError:
        raise ValueError("a time must have a valid day, hour and offset, such as 2026-01-31T09:30:00Z") from None
    return within(moment)


def within(moment: datetime) -> datetime:
    """`moment` in UTC. Raises ValueError without an offset, or out of bounds; bounds are checked after the conversion to UTC."""
    if moment.tzinfo is None:
        raise ValueError("a time must have an offset, such as 2026-01-31T09:30:00Z")
    try:
        moment = moment.astimezone(UTC)
    except OverflowError:
        raise ValueError(f"a time must be {_BOUNDS}") from None
    if not EARLIEST <= moment < LATEST:
        raise ValueError(f"a time must be {_BOUNDS}")
    return moment


def read_day(text: str) -> date:
    """YYYY-MM-DD as a day. Raises ValueError for anything else, or out of bounds."""
    if not _DAY.fullmatch(text):
        raise ValueError("a day must be written as YYYY-MM-DD")
    day = date.fromisoformat(text)
    if not EARLIEST.date() <= day < LATEST.date():
        raise ValueError(f"a day must be between {EARLIEST:%Y-%m-%d} and {LATEST:%Y-%m-%d}")
    return day


def happened_at(given: datetime | None, *, now: datetime, not_before: datetime | None = None, field: str = "occurred_at") -> datetime:
    """When something happened: the time that the caller gave, otherwise `now` (or `not_before`, if that is later).

    A time up to a minute in the future counts as now. Raises Invalid `in_the_future`, or `before_placing` for a time
    earlier than `not_before`, which is when the order was placed.
    """
    if given is None:
        return now if not_before is None else max(now, not_before)
    if given > now + CLOCKS_MAY_DIFFER:
        raise Invalid("in_the_future", "It cannot have happened later than now.", at=f"/{field}")
    if not_before is not None and given < not_before:
        accepted = f"It cannot have happened before the order was placed, {not_before.isoformat()}."
        raise Invalid("before_placing", accepted, at=f"/{field}")
    return min(given, now)


Instant = Annotated[datetime, AfterValidator(within)]
"""A time in an event."""
