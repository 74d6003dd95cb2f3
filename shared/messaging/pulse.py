"""Background work that must never stand still unseen: when its turns end, since when they fail, who cancelled whom, and its end."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Any

STANDSTILL_SECONDS = 25.0
"""How long something may take or wait before it counts as standing still: with a look every few seconds it is told within 30 s."""


CANCELLED_AGAIN_SECONDS = 5.0


async def end(*tasks: "asyncio.Task[Any]") -> None:
    """Cancel these tasks until each has ended; what they raise is dropped.

    Once is not enough: before Python 3.12, `asyncio.wait_for` (in drivers and in connection pools) swallows a cancellation that comes
    in the same turn as its result, and a loop would go on for ever while its stop waits for it. A caller that is cancelled while it
    waits here (by an end() of its own) waits on, and is cancelled only when all have ended.
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
    """Whether somebody cancelled this very task. A frozen broker once raised a CancelledError that nobody had asked for."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


class Pulse:
    """How one piece of background work goes. `every_seconds`: how long it rests; a turn over `hang_seconds` is given up."""

    def __init__(self, name: str, *, every_seconds: float, hang_seconds: float) -> None:
        self.name = name
        self._every = every_seconds
        self._hang = hang_seconds
        self._began: float | None = None
        self._ended = monotonic()
        self._failure = ""

    @contextmanager
    def turn(self) -> Iterator[None]:
        """One turn; what it raises is remembered until one ends well."""
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
        """Until woken, or until the next turn is due anyway; whether it was woken."""
        try:
            async with asyncio.timeout(self._every):
                return await woken.wait()
        except TimeoutError:
            return False

    def given_up(self) -> None:
        """The turn that hung was cancelled; should it not even end by that, it is not given up again at once."""
        self._began, self._ended, self._failure = None, monotonic(), "it hung"

    @property
    def hangs(self) -> bool:
        """Whether its present turn takes so long that nothing will come of it."""
        return self._began is not None and monotonic() - self._began > self._hang

    @property
    def trouble(self) -> str:
        """What is wrong with it, as a sentence; empty while it does its turns."""
        if self._began is not None and (takes := monotonic() - self._began) > STANDSTILL_SECONDS:
            return f"{self.name}: a turn has been running for {takes:.0f} s."
        if self._failure:
            return f"{self.name}: the last turn failed ({self._failure})."
        if self._began is None and (rests := monotonic() - self._ended) > self._every + STANDSTILL_SECONDS:
            return f"{self.name}: there was no turn for {rests:.0f} s."
        return ""
