"""How often a token and a store may call, and how much of either may be under way: counted in this process, without a clock of its own.

Token buckets: a pause earns what it did not use, up to a burst. The `limits` library says what a limit is; its memory storage starts a
timer thread at nearly every hit and has no bucket, so the counting is ours (docs/decisions/0014-limits-at-the-front-door.md).
"""

import math
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from limits import RateLimitItemPerSecond
from limits.util import WindowStats

BURST_SECONDS = 5
"""What a bucket holds at most, in seconds of its rate: a page that loads twenty things at once is not a flood."""
BUCKETS_KEPT = 20_000
"""Buckets in memory. One that nobody used for BURST_SECONDS is full, so that forgetting the oldest forgives nobody anything else."""


@dataclass(slots=True)
class _Level:
    tokens: float
    at: float


class Buckets:
    """Token buckets of one kind, one per key. A rate of 0 refuses nobody."""

    def __init__(self, name: str, per_second: int, clock: Callable[[], float]) -> None:
        self.name = name
        self.limit = RateLimitItemPerSecond(per_second, namespace=name) if per_second else None
        self._rate = float(per_second)
        self._burst = float(per_second * BURST_SECONDS)
        self._clock = clock
        self._levels: OrderedDict[str, _Level] = OrderedDict()
        self.policy = f'"{name}";q={int(self._burst)};w={BURST_SECONDS}'

    def wait_seconds(self, key: str) -> int:
        """Take one token: 0 if there was one, else the whole seconds until there is."""
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
    """How many of one kind a key has under way, and all keys together. A limit of 0 is none."""

    def __init__(self, per_key: int, in_all: int = 0) -> None:
        self._per_key = per_key
        self._in_all = in_all
        self._counts: dict[str, int] = {}
        self.total = 0

    def enter(self, key: str) -> bool:
        """Count one more, unless that is one too many: then False. After True, call leave()."""
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
        """How many of this key are under way."""
        return self._counts.get(key, 0)
