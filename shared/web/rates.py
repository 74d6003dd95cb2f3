"""How often a token and a store may call, and how many calls may be in progress: counted in this process; the clock is passed in.

Token buckets: calls that are not made during a pause are saved, up to a burst. The `limits` library defines the limits; its memory
storage starts a timer thread at nearly every hit and has no bucket, so we count ourselves
(docs/decisions/0014-limits-at-the-front-door.md).
"""

import math
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from limits import RateLimitItemPerSecond
from limits.util import WindowStats

BURST_SECONDS = 5
"""The most that a bucket holds, in seconds of its rate: a page that loads twenty things at once is not a flood."""
BUCKETS_KEPT = 20_000
"""Buckets in memory. A bucket that was not used for BURST_SECONDS is full again, so forgetting the oldest usually changes nothing."""


@dataclass(slots=True)
class _Level:
    tokens: float
    at: float


class Buckets:
    """Token buckets of one kind, one per key. A rate of 0 means no limit."""

    def __init__(self, name: str, per_second: int, clock: Callable[[], float]) -> None:
        self.name = name
        self.limit = RateLimitItemPerSecond(per_second, namespace=name) if per_second else None
        self._rate = float(per_second)
        self._burst = float(per_second * BURST_SECONDS)
        self._clock = clock
        self._levels: OrderedDict[str, _Level] = OrderedDict()
        self.policy = f'"{name}";q={int(self._burst)};w={BURST_SECONDS}'

    def wait_seconds(self, key: str) -> int:
        """Take one token: 0 if there was one, otherwise the whole seconds until there is one."""
        if self.limit is None:
            return 0
        level = self._filled(key)
        if level.tokens < 1:
            return max(1, math.ceil((1 - level.tokens) / self._rate))
        level.tokens -= 1
        return 0

    def stats(self, key: str) -> WindowStats:
        """How many are left, and when (by the clock) the bucket is full again."""
        level = self._filled(key)
        return WindowStats(level.at + (self._burst - level.tokens) / self._rate, int(level.tokens))

    def told(self, key: str) -> str:
        """What is left, as a member of the `RateLimit` header (draft-ietf-httpapi-ratelimit-headers)."""
        left = self.stats(key)
        return f'"{self.name}";r={left.remaining};t={math.ceil(left.reset_time - self._clock())}'

    def _filled(self, key: str) -> _Level:
        now = self._clock()
        level = self._levels.get(key)
        if level is None:
            level = self._levels[key] = _Level(self._burst, now)
            if len(self._levels) > BUCKETS_KEPT:
                self._levels.popitem(last=False)
            return level
        level.tokens = min(self._burst, level.tokens + (now - level.at) * self._rate)
        level.at = now
        self._levels.move_to_end(key)
        return level


class UnderWay:
    """How many calls of one kind are in progress, for each key and for all together. A limit of 0 means no limit."""

    def __init__(self, per_key: int, in_all: int = 0) -> None:
        self._per_key = per_key
        self._in_all = in_all
        self._counts: dict[str, int] = {}
        self.total = 0

    def enter(self, key: str) -> bool:
        """Count one more and return True, or False if that would exceed a limit. After True, call leave()."""
        count = self._counts.get(key, 0)
        if (self._per_key and count >= self._per_key) or (self._in_all and self.total >= self._in_all):
            return False
        self._counts[key] = count + 1
        self.total += 1
        return True

    def leave(self, key: str) -> None:
        """One less."""
        self.total -= 1
        left = self._counts[key] - 1
        if left:
            self._counts[key] = left
        else:
            del self._counts[key]

    def of(self, key: str) -> int:
        """How many of this key are in progress."""
        return self._counts.get(key, 0)
