"""What the broker gave this process and what of it was settled: the difference is what a watchdog looks at.

A message that is neither settled nor tried again holds one place of the prefetch for ever, and after as many of them as there are
places the broker gives nothing more, while connection and consumer look fine.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

SILENT_SECONDS = 75.0
"""A delivery without any sign of life for longer than a handler may take hangs where no deadline reaches it."""


@dataclass(eq=False, slots=True)
class Delivery:
    """One message on its way from the broker to its ack."""

    name: str
    task: "asyncio.Task[Any] | None"
    began: float = field(default_factory=monotonic)
    sign: float = field(default_factory=monotonic)  # when an attempt last ended, well or not
    ended: bool = False

    def tried(self) -> None:
        """An attempt has ended: it lives."""
        self.sign = monotonic()

    def settle(self) -> None:
        """It was acked, or its connection is gone and the broker gives it again."""
        self.ended = True


class Deliveries:
    """Counts them for one consumer. `standstill_seconds`: how long nothing may be settled while there is something to settle."""

    def __init__(self, *, places: int, standstill_seconds: float) -> None:
        self.in_flight: set[Delivery] = set()
        self.lost = 0  # ended without an ack: the broker waits for it
        self._places = places
        self._standstill = standstill_seconds
        self._arrived = self._settled = monotonic()
        self._waiting_since: float | None = None

    @contextmanager
    def one(self, name: str) -> Iterator[Delivery]:
        """A delivery for the length of the block."""
        delivery = Delivery(name, asyncio.current_task())
        self.in_flight.add(delivery)
        self._arrived = monotonic()
        self._waiting_since = None
        try:
            yield delivery
        finally:
            if delivery in self.in_flight:
                self.in_flight.discard(delivery)
                if delivery.ended:
                    self._settled = monotonic()
                else:
                    self.lost += 1

    def queue_has(self, ready: int) -> None:
        """What the broker said of the queue just now: messages that wait for whoever has a place free."""
        if not ready:
            self._waiting_since = None
        elif self._waiting_since is None:
            self._waiting_since = monotonic()

    @property
    def oldest_seconds(self) -> float:
        """Age of the oldest delivery that is not settled; 0 without one."""
        return max((monotonic() - one.began for one in self.in_flight), default=0.0)

    @property
    def standstill(self) -> str:
        """Why this consumer counts as standing still; empty while it goes on."""
        if self.lost:
            return f"{self.lost} deliveries ended without being settled."
        if self._nothing_comes:
            return f"Messages wait in the queue, and none was delivered for {self._standstill:.0f} s."
        if self.oldest_seconds > self._standstill and monotonic() - self._settled > self._standstill:
            return f"{len(self.in_flight)} deliveries run, the oldest for {self.oldest_seconds:.0f} s, and none was settled."
        return ""

    @property
    def needs_a_new_connection(self) -> bool:
        """Whether only the broker can heal it, by giving again what is not settled: nothing here will go on by itself."""
        silent = all(monotonic() - one.sign > max(SILENT_SECONDS, self._standstill) for one in self.in_flight)
        if self.in_flight and silent:
            return True
        return bool(self.lost) or (self._nothing_comes and len(self.in_flight) < self._places)

    @property
    def _nothing_comes(self) -> bool:
        since = self._waiting_since
        return since is not None and monotonic() - max(since, self._arrived, self._settled) > self._standstill

    def give_up(self) -> None:
        """End what is in flight and count from anew: its connection is closed, and the broker gives all of it again."""
        for one in self.in_flight:
            if one.task is not None:
                one.task.cancel()
        self.in_flight.clear()
        self.lost = 0
        self._waiting_since = None
        self._arrived = self._settled = monotonic()
