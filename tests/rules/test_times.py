"""One strict type for times: RFC 3339 with an offset, within bounds that every part can hold, checked in UTC."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from shared.contracts.times import EARLIEST, LATEST, Instant, read_time
from shared.web.inputs import Day, Fact, Moment, Plan

INSTANT: TypeAdapter[datetime] = TypeAdapter(Instant)
ASKED: tuple[TypeAdapter[datetime], ...] = (TypeAdapter(Fact), TypeAdapter(Plan), TypeAdapter(Moment))
DAY: TypeAdapter[date] = TypeAdapter(Day)
OFFSETS = st.integers(-23 * 60 - 59, 23 * 60 + 59).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-01-31T09:30:00Z", datetime(2026, 1, 31, 9, 30, tzinfo=UTC)),
        ("2026-01-31t09:30:00.5z", datetime(2026, 1, 31, 9, 30, 0, 500_000, tzinfo=UTC)),
        ("2026-01-31T09:30:00.1234567+06:00", datetime(2026, 1, 31, 3, 30, 0, 123_456, tzinfo=UTC)),
        ("1970-01-01T00:00:00Z", EARLIEST),
        ("1970-01-01T06:00:00+06:00", EARLIEST),
        ("1969-12-31T18:00:00-06:00", EARLIEST),
        ("2099-12-31T23:59:59.999999Z", LATEST - timedelta(microseconds=1)),
    ],
)
def test_a_time_is_read_as_utc(text: str, expected: datetime) -> None:
    assert {(kind.validate_python(text), kind.validate_python(text).tzinfo) for kind in ASKED} == {(expected, UTC)}


@pytest.mark.parametrize(
    "text",
    [
        "0001-01-01T00:00:00+06:00",
        "0001-01-01T00:00:00Z",
        "0001-01-01T00:00:00-14:00",
        "9999-12-31T23:59:59-14:00",
        "9999-12-31T23:59:59Z",
        "1970-01-01T00:00:00+00:01",
        "1969-12-31T23:59:59.999999Z",
        "2099-12-31T23:00:00-01:00",
        "2100-01-01T00:00:00Z",
        "2026-01-31T09:30:00",
        "2026-01-31T09:30Z",
        "2026-01-31 09:30:00Z",
        "2026-01-31",
        "2026-02-30T09:30:00Z",
        "2026-01-31T24:00:00Z",
        "2026-01-31T09:30:00+24:00",
        "2026-01-31T09:30:00+0600",
        "٢٠٢٦-01-31T09:30:00Z",
        "2026-01-31T09:30:00Z ",
        "infinity",
        "0044-03-15T00:00:00Z BC",
        "0",
        "",
    ],
)
def test_anything_else_is_refused_at_every_door(text: str) -> None:
    for read in (ASKED[0].validate_python, ASKED[1].validate_python, ASKED[2].validate_python, read_time):
        with pytest.raises(ValueError, match=r"a time must (be|have)"):
            read(text)


@pytest.mark.parametrize("value", [0, 1.5, True, None, [], 1_700_000_000])
def test_only_text_is_a_time(value: object) -> None:
    for kind in ASKED:
        with pytest.raises(ValidationError):
            kind.validate_python(value)


@given(st.datetimes(), OFFSETS)
def test_what_is_taken_can_be_held_and_shown_anywhere(naive: datetime, offset: timezone) -> None:
    """Nothing that passes can leave the years that Python and PostgreSQL both know, whatever zone it is shown in."""
    try:
        moment = INSTANT.validate_python(naive.replace(tzinfo=offset))
    except ValidationError:
        return
    assert EARLIEST <= moment < LATEST
    assert moment.astimezone(timezone(timedelta(hours=14))).year in range(1970, 2101)


@pytest.mark.parametrize("text", ["0001-01-01", "1969-12-31", "2100-01-01", "9999-12-31", "2026-02-30", "2026-1-1", "20260101", "infinity"])
def test_a_day_has_the_same_bounds(text: str) -> None:
    with pytest.raises(ValidationError):
        DAY.validate_python(text)
    assert DAY.validate_python("2026-01-31") == date(2026, 1, 31)
