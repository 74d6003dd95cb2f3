"""Monitoring background work, so that none stops unnoticed: when its turns end, whether they fail, and how it is cancelled."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Any

STANDSTILL_SECONDS = 25.0
"""How long something may take or wait before it counts as stuck: with a check every few seconds it is reported within 30 s."""
CANCELLED_AGAIN_SECONDS = 5.0
"""How long end() waits before it cancels again: longer than a usual clean-up, which a second cancellation would interrupt."""


async def end(*tasks: "asyncio.Task[Any]") -> None:
    """Cancel these tasks, repeatedly, until each has ended; their exceptions are dropped.

    Once is not enough: before Python 3.12, `asyncio.wait_for` (in drivers and in connection pools) swallows a cancellation that arrives
    in the same turn as its result, and the task would run forever while we wait for it to stop. If the caller is cancelled while it
    waits here (by another end()), it goes on waiting, and is cancelled only once all tasks have ended.
    """
    running, cancelled = set(tasks), None
    while running:
        for task in running:
            task.cancel()
        try:
            _, running = await asyncio.wait(running, timeout=CANCELLED_AGAIN_SECONDS)
        except asyncio.CancelledError as error:
            running, cancelled = {task for task in running if not task.done()}, error
    await asyncio.gather(*tasks, return_exceptions=True)
    if cancelled is not None:
        raise cancelled


def stopped() -> bool:
    """Whether this task was really cancelled. A frozen broker once caused a CancelledError without a cancel()."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


class Pulse:
    """The state of one background task. It rests for `every_seconds`; a turn that takes longer than `hang_seconds` is cancelled."""

    def __init__(self, name: str, *, every_seconds: float, hang_seconds: float) -> None:
        self.name = name
        self._every = every_seconds
        self._hang = hang_seconds
        self._began: float | None = None
        self._ended = monotonic()
        self._failure = ""

    @contextmanager
    def turn(self) -> Iterator[None]:
        """One turn; its exception is remembered until a turn succeeds."""
        self._began = monotonic()
        try:
            yield
        except Exception as error:
            self._failure = type(error).__name__
            raise
        else:
            self._failure = ""
        finally:
            self._began, self._ended = None, monotonic()

    async def rest(self, woken: asyncio.Event) -> bool:
        """Wait until woken or until the next turn is due; returns whether it was woken."""
        try:
            async with asyncio.timeout(self._every):
                return await woken.wait()
        except TimeoutError:
            return False

    def given_up(self) -> None:
        """The hanging turn was cancelled. If it does not end, it is not cancelled again at once."""
        self._began, self._ended, self._failure = None, monotonic(), "it hung"

    @property
    def hangs(self) -> bool:
        """Whether its current turn has taken so long that it will not finish."""
        return self._began is not None and monotonic() - self._began > self._hang

    @property
    def trouble(self) -> str:
        """What is wrong with it, as a sentence; empty while all is well."""
        if self._began is not None and (takes := monotonic() - self._began) > STANDSTILL_SECONDS:
            return f"{self.name}: a turn has been running for {takes:.0f} s."
        if self._failure:
            return f"{self.name}: the last turn failed ({self._failure})."
        if self._began is None and (rests := monotonic() - self._ended) > self._every + STANDSTILL_SECONDS:
            return f"{self.name}: there was no turn for {rests:.0f} s."
        return ""
