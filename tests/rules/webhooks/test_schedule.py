"""P11: 16 attempts over seven days, what an answer means, and when an endpoint is given up."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.webhooks.rules.schedule import (
    RETRY_AFTER_AT_MOST,
    WAITS,
    Failing,
    Meaning,
    Next,
    after_attempt,
    asked_to_wait_until,
    due_step,
    meaning_of,
)

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
FRACTIONS = st.floats(0, 1)
STATUSES = st.none() | st.integers(100, 599)
ASKED = st.none() | st.text(max_size=40) | st.integers(0, 10**12).map(str) | st.datetimes().map(lambda at: format_datetime(at))


def seconds(number: float) -> datetime:
    return NOW + timedelta(seconds=number)


def test_the_whole_schedule() -> None:
    """The time of each attempt after the first, without jitter."""
    at, times = NOW, []
    for attempts in range(1, 16):
        following = after_attempt(attempts, 500, None, jitter=0, now=at)
        assert following.at is not None
        at = following.at
        times.append(str(at - NOW))
    assert times == [
        "0:00:05", "0:01:05", "0:06:05", "0:21:05", "1:21:05", "4:21:05", "10:21:05", "20:21:05",
        "1 day, 10:21:05", "2 days, 4:21:05", "3 days, 0:21:05", "4 days, 0:21:05", "5 days, 0:21:05", "6 days, 0:21:05", "7 days, 0:21:05",
    ]  # fmt: skip
    assert (len(WAITS), sum(WAITS, timedelta())) == (16, timedelta(hours=168, minutes=21, seconds=5))
    assert after_attempt(16, 500, None, jitter=0, now=at) == Next("failed", parked=True)


@pytest.mark.parametrize(
    ("status", "meaning"),
    [
        (None, "failed"),
        (101, "failed"),
        (199, "failed"),
        (200, "delivered"),
        (202, "delivered"),
        (204, "delivered"),
        (299, "delivered"),
        (300, "failed"),
        (301, "failed"),
        (302, "failed"),
        (304, "failed"),
        (307, "failed"),
        (400, "failed"),
        (401, "failed"),
        (404, "failed"),
        (409, "failed"),
        (410, "gone"),
        (429, "throttled"),
        (500, "failed"),
        (501, "failed"),
        (502, "throttled"),
        (503, "throttled"),
        (504, "throttled"),
        (505, "failed"),
        (999, "failed"),
    ],
)
def test_what_an_answer_means(status: int | None, meaning: Meaning) -> None:
    assert meaning_of(status) == meaning


@pytest.mark.parametrize(
    ("attempts", "status", "retry_after", "jitter", "expected"),
    [
        (1, 200, None, 0.5, Next("delivered")),
        (1, 200, "60", 0.5, Next("delivered")),
        (16, 204, None, 0.5, Next("delivered")),
        (1, 410, None, 0.5, Next("gone")),
        (16, 410, "60", 0.5, Next("gone")),
        (1, None, None, 0, Next("failed", seconds(5))),
        (1, None, None, 1, Next("failed", seconds(5.5))),
        (2, 500, None, 0.5, Next("failed", seconds(63))),
        (15, 500, None, 1, Next("failed", seconds(95_040))),
        (16, None, None, 1, Next("failed", parked=True)),
        (17, None, None, 1, Next("failed", parked=True)),
        (1, 500, "60", 0, Next("failed", seconds(60))),
        (1, 500, "60", 1, Next("failed", seconds(66))),
        (1, 301, "60", 0, Next("failed", seconds(60))),
        (4, 500, "60", 0, Next("failed", seconds(900))),
        (1, 503, None, 0, Next("throttled", seconds(5), paused_until=seconds(10))),
        (1, 429, "60", 0.5, Next("throttled", seconds(63), paused_until=seconds(60))),
        (4, 429, "60", 0, Next("throttled", seconds(900), paused_until=seconds(60))),
        (1, 502, "0", 0, Next("throttled", seconds(5), paused_until=seconds(10))),
        (1, 504, "soon", 0, Next("throttled", seconds(5), paused_until=seconds(10))),
        (1, 503, "31536000", 0, Next("throttled", seconds(86_400), paused_until=seconds(86_400))),
        (16, 429, "60", 0, Next("throttled", parked=True, paused_until=seconds(60))),
    ],
)
def test_what_follows_an_attempt(attempts: int, status: int | None, retry_after: str | None, jitter: float, expected: Next) -> None:
    assert after_attempt(attempts, status, retry_after, jitter=jitter, now=NOW) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, None),
        ("", None),
        ("0", None),
        ("1", seconds(1)),
        (" 120 ", seconds(120)),
        ("000120", seconds(120)),
        ("86400", seconds(86_400)),
        ("86401", seconds(86_400)),
        ("9" * 10, seconds(86_400)),
        ("9" * 5_000, seconds(86_400)),
        ("0" * 5_000, None),
        ("-5", None),
        ("+5", None),
        ("1.5", None),
        ("1e3", None),
        ("٦٠", None),
        ("²", None),
        ("soon", None),
        ("Sun, 01 Mar 2026 12:02:00 GMT", seconds(120)),
        ("Sunday, 01-Mar-26 12:02:00 GMT", seconds(120)),
        ("Sun Mar  1 12:02:00 2026", seconds(120)),
        ("Sun, 01 Mar 2026 12:00:00 GMT", None),
        ("Sun, 01 Mar 2026 11:59:59 GMT", None),
        ("Sun, 01 Mar 2026 18:02:00 +0600", seconds(120)),
        ("Sun, 01 Mar 2026 12:02:00 -0000", seconds(120)),
        ("Mon, 02 Mar 2026 12:00:01 GMT", seconds(86_400)),
        ("Fri, 31 Dec 9999 23:59:59 GMT", seconds(86_400)),
        ("Fri, 31 Dec 9999 23:59:59 -2359", seconds(86_400)),
        ("Sat, 01 Jan 0001 00:00:00 +2359", None),
        ("Sun, 31 Feb 2026 12:02:00 GMT", None),
        ("Sun, 01 Mar 2026 12:02:00 +9999", None),
    ],
)
def test_retry_after_is_seconds_or_a_date_within_a_bound(text: str | None, expected: datetime | None) -> None:
    assert asked_to_wait_until(text, now=NOW) == expected


@given(st.integers(1, 15), STATUSES, ASKED, FRACTIONS)
def test_never_earlier_than_planned_or_asked(attempts: int, status: int | None, asked: str | None, jitter: float) -> None:
    following = after_attempt(attempts, status, asked, jitter=jitter, now=NOW)
    until = asked_to_wait_until(asked, now=NOW)
    if following.meaning in {"delivered", "gone"}:
        assert following == Next(following.meaning)
        return
    assert following.at is not None
    assert following.at >= max(NOW + WAITS[attempts], until or NOW)
    assert following.at <= NOW + max(WAITS[attempts], RETRY_AFTER_AT_MOST) * 1.1
    assert (following.paused_until is not None) == (following.meaning == "throttled")
    assert until is None or NOW < until <= NOW + RETRY_AFTER_AT_MOST


@given(st.integers(1, 15), FRACTIONS, FRACTIONS)
def test_more_jitter_is_never_earlier(attempts: int, one: float, other: float) -> None:
    earlier, later = (after_attempt(attempts, 500, None, jitter=jitter, now=NOW).at for jitter in sorted((one, other)))
    assert earlier is not None
    assert later is not None
    assert earlier <= later


@given(st.lists(FRACTIONS, min_size=15, max_size=15))
def test_the_attempts_never_come_closer_together_and_end_in_time(jitters: list[float]) -> None:
    at, times = NOW, [NOW]
    for attempts, jitter in enumerate(jitters, 1):
        following = after_attempt(attempts, None, None, jitter=jitter, now=at)
        assert following.at is not None
        at = following.at
        times.append(at)
    planned = sum(WAITS, timedelta())
    assert planned <= at - NOW <= planned * 1.1 + timedelta(microseconds=15)
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert all(longer >= shorter for shorter, longer in pairwise(gaps[:12]))


@pytest.mark.parametrize(
    ("lasted", "failures", "noticed", "expected"),
    [
        (timedelta(0), 1, False, "none"),
        (timedelta(hours=24) - timedelta(microseconds=1), 500, False, "none"),
        (timedelta(hours=24), 1, False, "notice"),
        (timedelta(hours=24), 1, True, "none"),
        (timedelta(days=7) - timedelta(microseconds=1), 500, True, "none"),
        (timedelta(days=7), 19, True, "none"),
        (timedelta(days=7), 19, False, "notice"),
        (timedelta(days=7), 20, False, "disable"),
        (timedelta(days=7), 20, True, "disable"),
        (timedelta(days=30), 19, True, "none"),
    ],
)
def test_when_an_endpoint_is_given_up(lasted: timedelta, failures: int, noticed: bool, expected: str) -> None:
    assert due_step(Failing(NOW - lasted, failures, noticed), now=NOW) == expected
