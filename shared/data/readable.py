"""Reading values that Python cannot represent: a time before year 1 or after 9999, `infinity`, a number of 100,000 digits in JSON.

For one such value the driver would fail the whole result, and with it every other row of a page, an export or a batch. Here the value
becomes a placeholder, and code that uses it (a rule, a view) fails for that row alone: shared/data/set_aside.py.
"""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Literal

import asyncpg

Kind = Literal["timestamptz", "date"]

_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_INFINITE: dict[Kind, tuple[int, int]] = {"timestamptz": (-(2**63), 2**63 - 1), "date": (-(2**31), 2**31 - 1)}
_RANGE: dict[Kind, tuple[int, int]] = {
    "timestamptz": (-211_813_488_000_000_000, 9_223_371_331_200_000_000),
    "date": (-2_451_545, 2_145_031_949),
}
"""What PostgreSQL accepts (the end excluded), in microseconds or days since 2000."""


@dataclass(frozen=True, slots=True, order=True)
class OutOfRange:
    """A stored time or day that Python's types cannot represent, as the database counts it from the year 2000."""

    kind: Kind
    raw: int

    @property
    def possible(self) -> bool:
        """Whether a column can hold this value at all; comparing a column with one that it cannot hold is an error."""
        first, end = _RANGE[self.kind]
        return first <= self.raw < end or self.raw in _INFINITE[self.kind]


class BrokenJson:
    """A placeholder for a JSON value that Python cannot read. Any use of it fails."""

    def __repr__(self) -> str:
        return "BrokenJson()"


def all_read(values: Iterable[Any]) -> None:
    """Raise ValueError if a value of a row is a placeholder: for code that would pass values on without looking at each."""
    if any(isinstance(value, OutOfRange | BrokenJson) for value in values):
        raise ValueError("a value that cannot be read")


async def read_everything(connection: "asyncpg.Connection[Any]") -> None:
    """Make this connection never fail on a value; for the service's connections and for tools that read its tables."""
    codecs: tuple[tuple[Kind, Callable[[Any], tuple[int]], Callable[[tuple[int]], Any]], ...] = (
        ("timestamptz", _encoded_time, _decoded_time),
        ("date", _encoded_day, _decoded_day),
    )
    for kind, encoder, decoder in codecs:
        await connection.set_type_codec(kind, schema="pg_catalog", encoder=encoder, decoder=decoder, format="tuple")


def read_json(text: str) -> Any:
    """The value of a JSON column; BrokenJson for JSON that only PostgreSQL can read."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return BrokenJson()


def _encoded_time(value: Any) -> tuple[int]:
    if isinstance(value, OutOfRange):
        return (value.raw,)
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise ValueError("a datetime with an offset is needed")
    return ((value - _EPOCH) // _MICROSECOND,)


def _decoded_time(value: tuple[int]) -> datetime | OutOfRange:
    try:
        return _EPOCH + timedelta(microseconds=value[0])
    except OverflowError:
        return OutOfRange("timestamptz", value[0])


def _encoded_day(value: Any) -> tuple[int]:
    if isinstance(value, OutOfRange):
        return (value.raw,)
    if not isinstance(value, date):
        raise ValueError("a date is needed")
    return (value.toordinal() - _EPOCH.toordinal(),)


def _decoded_day(value: tuple[int]) -> date | OutOfRange:
    try:
        return date.fromordinal(_EPOCH.toordinal() + value[0])
    except (ValueError, OverflowError):
        return OutOfRange("date", value[0])
