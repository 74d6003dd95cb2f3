"""Times from outside: one strict type for every door, within what every part of the product can hold and show.

PostgreSQL takes times from 4713 BC to the year 294276; Python reads those of the years 1 to 9999, and only where no offset leads out
of them. A time that one part takes and another cannot read stops whoever reads it
(docs/decisions/0019-times-have-bounds.md).
"""

import re
from datetime import UTC, date, datetime, timedelta
from typing import Annotated

from pydantic import AfterValidator

from shared.contracts.errors import FieldError, Invalid

EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
LATEST = datetime(2100, 1, 1, tzinfo=UTC)
"""The first moment that is too late, also for a plan. What has happened is bounded by the clock beside that: see CLOCKS_MAY_DIFFER."""

CLOCKS_MAY_DIFFER = timedelta(seconds=60)
"""How far ahead of ours the clock of a caller may run: what it says happened in this minute is taken as happening now."""

_RFC3339 = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2})")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_BOUNDS = f"between {EARLIEST:%Y-%m-%dT%H:%M:%SZ} and {LATEST:%Y-%m-%dT%H:%M:%SZ}"


def read_time(text: str) -> datetime:
    """RFC 3339 text as a moment in UTC, fractions cut to microseconds. Raises ValueError for anything else, or out of bounds."""
    if not _RFC3339.fullmatch(text):
        raise ValueError("a time is RFC 3339 text with an offset, such as 2026-01-31T09:30:00Z")
    try:
        moment = datetime.fromisoformat(text.upper())
    except ValueError:
        raise ValueError("a time names a day, an hour and an offset that exist, such as 2026-01-31T09:30:00Z") from None
    return within(moment)


def within(moment: datetime) -> datetime:
    """`moment` in UTC. Raises ValueError without an offset, or out of bounds: checked after the conversion, which may lead there."""
    if moment.tzinfo is None:
        raise ValueError("a time has an offset, such as 2026-01-31T09:30:00Z")
    try:
        moment = moment.astimezone(UTC)
    except OverflowError:
        raise ValueError(f"a time lies {_BOUNDS}") from None
    if not EARLIEST <= moment < LATEST:
        raise ValueError(f"a time lies {_BOUNDS}")
    return moment


def read_day(text: str) -> date:
    """YYYY-MM-DD as a day. Raises ValueError for anything else, or out of bounds."""
    if not _DAY.fullmatch(text):
        raise ValueError("a day is written as YYYY-MM-DD")
    day = date.fromisoformat(text)
    if not EARLIEST.date() <= day < LATEST.date():
        raise ValueError(f"a day lies between {EARLIEST:%Y-%m-%d} and {LATEST:%Y-%m-%d}")
    return day


def happened_at(given: datetime | None, *, now: datetime, not_before: datetime | None = None, field: str = "occurred_at") -> datetime:
    """When something happened: as the caller gave it, else `now` (or `not_before`, if that is later).

    A clock that runs up to a minute ahead of ours is taken as now. Raises Invalid `in_the_future`, or `before_placing` for a time
    earlier than `not_before`, the placing of the order.
    """
    if given is None:
        return now if not_before is None else max(now, not_before)
    if given > now + CLOCKS_MAY_DIFFER:
        raise _invalid("in_the_future", field, "It cannot have happened later than now.")
    if not_before is not None and given < not_before:
        raise _invalid("before_placing", field, f"It cannot have happened before the order was placed, {not_before.isoformat()}.")
    return min(given, now)


def _invalid(code: str, field: str, message: str) -> Invalid:
    return Invalid(code, message, errors=(FieldError(f"/{field}", code, message),))


Instant = Annotated[datetime, AfterValidator(within)]
"""A time in an event."""
