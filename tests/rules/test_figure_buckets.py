"""Where hours and days begin, in zones with quarter and half hours, where clocks are put forward and back, and where a day is left out."""

import itertools
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.contracts.errors import Invalid
from shared.web.figures import MAX_DAYS, QUARTER, By, buckets

ZONES = ("UTC", "Asia/Dhaka", "Asia/Kolkata", "Asia/Kathmandu", "Australia/Lord_Howe", "America/Havana", "Africa/Cairo", "Pacific/Apia",
         "America/St_Johns", "Europe/Berlin", "Pacific/Chatham", "America/Santiago")  # fmt: skip


def told(first: str, before: str, by: By, zone: str) -> list[str]:
    begins = buckets(datetime.fromisoformat(first), datetime.fromisoformat(before), by, ZoneInfo(zone))
    return [moment.isoformat() for moment in begins]


@pytest.mark.parametrize(
    ("zone", "by", "first", "before", "expected"),
    [
        ("Asia/Kolkata", "day", "2026-11-26T18:30Z", "2026-11-28T18:30Z",
         ["2026-11-27T00:00:00+05:30", "2026-11-28T00:00:00+05:30", "2026-11-29T00:00:00+05:30"]),
        ("Asia/Kathmandu", "hour", "2026-11-26T18:00Z", "2026-11-26T19:30Z",
         ["2026-11-26T23:45:00+05:45", "2026-11-27T00:00:00+05:45", "2026-11-27T01:00:00+05:45", "2026-11-27T01:15:00+05:45"]),
        ("Europe/Berlin", "day", "2026-10-24T22:00Z", "2026-10-25T23:00Z", ["2026-10-25T00:00:00+02:00", "2026-10-26T00:00:00+01:00"]),
        ("Europe/Berlin", "hour", "2026-10-24T23:00Z", "2026-10-25T03:00Z",
         ["2026-10-25T01:00:00+02:00", "2026-10-25T02:00:00+02:00", "2026-10-25T02:00:00+01:00", "2026-10-25T03:00:00+01:00",
          "2026-10-25T04:00:00+01:00"]),
        ("Europe/Berlin", "hour", "2026-03-29T00:00Z", "2026-03-29T02:00Z",
         ["2026-03-29T01:00:00+01:00", "2026-03-29T03:00:00+02:00", "2026-03-29T04:00:00+02:00"]),
        ("Africa/Cairo", "day", "2026-04-22T22:00Z", "2026-04-24T21:00Z",  # 24 April begins at 01:00
         ["2026-04-23T00:00:00+02:00", "2026-04-24T01:00:00+03:00", "2026-04-25T00:00:00+03:00"]),
        ("Pacific/Apia", "day", "2011-12-29T10:00Z", "2011-12-31T10:00Z",  # there was no 30 December
         ["2011-12-29T00:00:00-10:00", "2011-12-31T00:00:00+14:00", "2012-01-01T00:00:00+14:00"]),
        ("UTC", "day", "2026-01-01T06:15Z", "2026-01-01T06:30Z", ["2026-01-01T06:15:00+00:00", "2026-01-01T06:30:00+00:00"]),
    ],
)  # fmt: skip
def test_where_they_begin(zone: str, by: By, first: str, before: str, expected: list[str]) -> None:
    assert told(first, before, by, zone) == expected


@settings(max_examples=60, deadline=None)
@given(zone=st.sampled_from(ZONES), by=st.sampled_from(["hour", "day"]), start=st.integers(0, 2_000_000), quarters=st.integers(1, 700))
def test_each_quarter_hour_is_in_the_hour_and_day_of_its_clock(zone: str, by: By, start: int, quarters: int) -> None:
    first = datetime(1975, 1, 1, tzinfo=UTC) + start * QUARTER
    begins = buckets(first, first + quarters * QUARTER, by, ZoneInfo(zone))
    assert (begins[0], begins[-1]) == (first, first + quarters * QUARTER)
    assert all(one.astimezone(UTC) < two.astimezone(UTC) for one, two in itertools.pairwise(begins))
    found = {
        at: [first + n * QUARTER for n in range(quarters) if begins[at] <= first + n * QUARTER < begins[at + 1]]
        for at in range(len(begins) - 1)
    }
    assert sum(map(len, found.values())) == quarters
    clocks = []
    for inside in found.values():
        local = [moment.astimezone(ZoneInfo(zone)) for moment in inside]
        clocks.append({one.date() for one in local} if by == "day" else {(one.date(), one.hour, one.utcoffset()) for one in local})
    assert all(len(clock) == 1 for clock in clocks), "a bucket has the quarter hours of one hour or day"
    assert all(one != two for one, two in itertools.pairwise(clocks)), "and all of them"


@pytest.mark.parametrize("by", MAX_DAYS)
def test_the_longest_span(by: By) -> None:
    first = datetime(2026, 1, 1, tzinfo=UTC)
    assert len(buckets(first, first + timedelta(days=MAX_DAYS[by]), by, ZoneInfo("UTC"))) == MAX_DAYS[by] * (24 if by == "hour" else 1) + 1
    for before in (first + timedelta(days=MAX_DAYS[by]) + QUARTER, first, first - QUARTER):
        with pytest.raises(Invalid) as refused:
            buckets(first, before, by, ZoneInfo("UTC"))
        assert (refused.value.code, refused.value.errors[0].pointer) == ("bad_span", "?at.lt")


@pytest.mark.parametrize("off", [timedelta(microseconds=1), timedelta(seconds=1), timedelta(minutes=5)])
def test_only_quarters_of_an_hour(off: timedelta) -> None:
    first = datetime(2026, 1, 1, tzinfo=UTC)
    for name, times in (("?at.gte", (first + off, first + QUARTER)), ("?at.lt", (first, first + QUARTER + off))):
        with pytest.raises(Invalid) as refused:
            buckets(*times, "day", ZoneInfo("UTC"))
        assert (refused.value.code, refused.value.errors[0].pointer) == ("not_a_quarter_hour", name)
