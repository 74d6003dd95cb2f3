"""Which deliveries this process received and which of them it settled, for the watchdog to compare.

A message that is neither settled nor retried occupies one prefetch slot until the connection closes. Once all slots are occupied,
the broker delivers nothing more, while connection and consumer look fine.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

SILENT_SECONDS = 75.0
"""A delivery that shows no progress for longer than a handler may take hangs somewhere that has no deadline."""


@dataclass(eq=False, slots=True)
class Delivery:
    """One message, from its delivery to its ack."""

    name: str
    task: "asyncio.Task[Any] | None"
    began: float = field(default_factory=monotonic)
    sign: float = field(default_factory=monotonic)  # when an attempt last ended, successfully or not
    ended: bool = False

    def tried(self) -> None:
        """An attempt has ended, so the delivery is making progress."""
        self.sign = monotonic()

    def settle(self) -> None:
        """It was acked, or its connection is gone and the broker redelivers it."""
        self.ended = True


class Deliveries:
    """Tracks one consumer's deliveries. `standstill_seconds` is how long none may be settled while some are pending."""

    def __init__(self, *, places: int, standstill_seconds: float) -> None:
        self.in_flight: set[Delivery] = set()
        self.lost = 0  # deliveries that ended without an ack: the broker still waits for it
        self._places = places
        self._standstill = standstill_seconds
        self._arrived = self._settled = monotonic()
        self._waiting_since: float | None = None

    @contextmanager
    def one(self, name: str) -> Iterator[Delivery]:
        """Track a delivery for the length of the block."""
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
        """Note how many undelivered messages the broker has just reported for the queue."""
        if not ready:
            self._waiting_since = None
        elif self._waiting_since is None:
            self._waiting_since = monotonic()

    @property
    def oldest_seconds(self) -> float:
        """Age of the oldest unsettled delivery; 0 if there is none."""
        return max((monotonic() - one.began for one in self.in_flight), default=0.0)

    @property
    def standstill(self) -> str:
        """Why this consumer counts as stuck; empty while it makes progress."""
        if self.lost:
            return f"{self.lost} deliveries ended without being settled."
        if self._nothing_comes:
            return f"Messages wait in the queue, and none was delivered for {self._standstill:.0f} s."
        if self.oldest_seconds > self._standstill and monotonic() - self._settled > self._standstill:
            return f"{len(self.in_flight)} deliveries run, the oldest for {self.oldest_seconds:.0f} s, and none was settled."
        return ""

    @property
    def needs_a_new_connection(self) -> bool:
        """Whether only redelivery of unsettled messages can help, because nothing in this process will recover by itself."""
        silent = all(monotonic() - one.sign > max(SILENT_SECONDS, self._standstill) for one in self.in_flight)
        if self.in_flight and silent:
            return True
        return bool(self.lost) or (self._nothing_comes and len(self.in_flight) < self._places)

    @property
    def _nothing_comes(self) -> bool:
        since = self._waiting_since
        return since is not None and monotonic() - max(since, self._arrived, self._settled) > self._standstill

    def give_up(self) -> None:
        """Cancel what is in flight and start counting again: its connection is closed, and the broker redelivers all of it."""
        for one in self.in_flight:
            if one.task is not None:
                one.task.cancel()
        self.in_flight.clear()
        self.lost = 0
        self._waiting_since = None
        self._arrived = self._settled = monotonic()
