"""When a delivery is attempted, what an answer means, and when an endpoint that keeps failing is given up.

Nothing is ever dropped: after the last attempt a delivery is parked, and a disabled endpoint's deliveries wait for its return.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Literal

WAITS = (
    timedelta(0),
    timedelta(seconds=5),
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=15),
    timedelta(hours=1),
    timedelta(hours=3),
    timedelta(hours=6),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=18),
    timedelta(hours=20),
    *(timedelta(hours=24),) * 4,
)
"""The wait before each of the 16 attempts: 168 h 21 m 5 s in all. A replay begins anew."""

JITTER = 0.1
"""At most this part of a wait is added to it, so that deliveries that failed together do not return together."""

RETRY_AFTER_AT_MOST = timedelta(hours=24)
"""A longer Retry-After counts as this: no endpoint can put a delivery off for good."""

PAUSE = timedelta(seconds=10)
"""How long an endpoint that asks for less gets nothing at all, unless it says for how long."""

NOTICE_AFTER = timedelta(hours=24)
DISABLE_AFTER = timedelta(days=7)
DISABLE_AFTER_FAILURES = 20

GONE = 410
THROTTLES = frozenset((429, 502, 503, 504))

Meaning = Literal["delivered", "failed", "throttled", "gone"]


@dataclass(frozen=True, slots=True)
class Next:
    """What follows an attempt.

    `at` is when the delivery is attempted again; None if it was delivered, if the endpoint is gone, or if this was the last attempt
    (`parked`). Until `paused_until` the endpoint gets no delivery at all.
    """

    meaning: Meaning
    at: datetime | None = None
    parked: bool = False
    paused_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Failing:
    """An endpoint's failures since its last success: when the first was, how many there were, and whether its owner was told."""

    since: datetime
    failures: int
    noticed: bool = False


def meaning_of(status: int | None) -> Meaning:
    """What an answer means, by its status; None is no answer. Every redirect is a failure."""
    if status is None:
        return "failed"
    if 200 <= status <= 299:
        return "delivered"
    if status == GONE:
        return "gone"
    return "throttled" if status in THROTTLES else "failed"


def after_attempt(
    attempts: int, status: int | None, retry_after: str | None, *, jitter: float, now: datetime, confirmed: bool = False
) -> Next:
    """What follows the attempt that ended `now` and was number `attempts`, from 1. `jitter` is a random number from 0 to 1.

    `confirmed` says that a broker has the event, which answers without a status.
    """
    meaning = "delivered" if confirmed else meaning_of(status)
    if meaning in {"delivered", "gone"}:
        return Next(meaning)
    asked = asked_to_wait_until(retry_after, now=now)
    paused_until = (asked or now + PAUSE) if meaning == "throttled" else None
    if attempts >= len(WAITS):
        return Next(meaning, parked=True, paused_until=paused_until)
    wait = max(WAITS[attempts], (asked or now) - now)
    return Next(meaning, at=now + wait * (1 + JITTER * jitter), paused_until=paused_until)


def asked_to_wait_until(retry_after: str | None, *, now: datetime) -> datetime | None:
    """The time that a Retry-After asks for: seconds or an HTTP date, at most RETRY_AFTER_AT_MOST ahead.

    None if there is none, if it is past, or if it cannot be read.
    """
    text = (retry_after or "").strip()
    latest = now + RETRY_AFTER_AT_MOST
    if text.isascii() and text.isdecimal():
        seconds = text.lstrip("0")
        asked = latest if len(seconds) > 9 else now + timedelta(seconds=int(seconds or 0))
    else:
        try:
            asked = parsedate_to_datetime(text)
        except (ValueError, TypeError, OverflowError):
            return None
        asked = asked if asked.tzinfo else asked.replace(tzinfo=UTC)
    return min(asked, latest).astimezone(UTC) if asked > now else None


def due_step(failing: Failing, *, now: datetime) -> Literal["none", "notice", "disable"]:
    """Whether an endpoint's owner is to be told that it fails, or the endpoint is to be disabled."""
    lasted = now - failing.since
    if lasted >= DISABLE_AFTER and failing.failures >= DISABLE_AFTER_FAILURES:
        return "disable"
    return "notice" if lasted >= NOTICE_AFTER and not failing.noticed else "none"
