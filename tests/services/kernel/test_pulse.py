"""Background work ends when it is told to, even where a library swallows the first word."""

import asyncio
from contextlib import suppress

import pytest

from shared.messaging import pulse


async def test_work_that_swallows_a_cancellation_ends_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pulse, "CANCELLED_AGAIN_SECONDS", 0.05)
    swallowed = 0

    async def works() -> None:
        nonlocal swallowed
        with suppress(asyncio.CancelledError):  # as wait_for does before Python 3.12, when result and cancellation come together
            await asyncio.Event().wait()
        swallowed += 1
        await asyncio.Event().wait()

    async def fails() -> None:
        raise ZeroDivisionError

    tasks = [asyncio.create_task(works()), asyncio.create_task(fails())]
    await asyncio.sleep(0)
    ending = asyncio.create_task(pulse.end(*tasks))
    await asyncio.wait(tasks, timeout=10)
    assert tasks[0].done(), "it ended"
    await ending
    assert (swallowed, tasks[0].cancelled(), type(tasks[1].exception())) == (1, True, ZeroDivisionError)
    await pulse.end()


async def test_an_end_that_is_cancelled_itself_leaves_nothing_running(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a process stops: it ends the keeper of some work, whose own end() of the work takes longer."""
    monkeypatch.setattr(pulse, "CANCELLED_AGAIN_SECONDS", 0.02)
    ended, at_work = False, asyncio.Event()

    async def works() -> None:
        nonlocal ended
        at_work.set()
        try:
            await asyncio.Event().wait()
        finally:
            for _ in range(5):
                with suppress(asyncio.CancelledError):
                    await asyncio.sleep(0.05)  # longer than end() waits before it cancels again
            ended = True

    async def keeps() -> None:
        work = asyncio.create_task(works())
        try:
            await asyncio.Event().wait()
        finally:
            await pulse.end(work)

    keeper = asyncio.create_task(keeps())
    await at_work.wait()
    await pulse.end(keeper)
    assert (ended, keeper.cancelled()) == (True, True)
