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
    with suppress(TimeoutError):
        async with asyncio.timeout(10):
            await pulse.end(*tasks)
    assert tasks[0].done(), "it ended"
    assert (swallowed, tasks[0].cancelled(), type(tasks[1].exception())) == (1, True, ZeroDivisionError)
    await pulse.end()
