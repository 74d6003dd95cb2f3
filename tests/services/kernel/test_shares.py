"""Slots that tasks wait for: none leaks, a store over its share is refused, nobody else is."""

import asyncio
import random

import pytest

from shared.contracts.errors import StoreBusy, Unavailable
from shared.data.shares import Rules, Shares

FOUR = Rules(slots=4, headroom=1, part=0.5, queue=5)


async def holding(shares: Shares, store: str, release: asyncio.Event) -> str:
    async with shares.of(store, "one"):
        await release.wait()
    return store


async def turns_of_the_loop() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_the_store_over_its_share_is_refused_and_nobody_else() -> None:
    shares, release = Shares("test.refused", FOUR, wait_seconds=60), asyncio.Event()
    greedy = [asyncio.create_task(holding(shares, "greedy", release)) for _ in range(10)]
    await turns_of_the_loop()
    assert (shares.held("greedy"), shares.waiting) == (3, 3)
    refused = [task.exception() for task in greedy if task.done()]
    assert [(type(error), error.retry_after_seconds) for error in refused if isinstance(error, StoreBusy)] == [(StoreBusy, 1)] * 4
    calm = [asyncio.create_task(holding(shares, "calm", release)) for _ in range(3)]
    await turns_of_the_loop()
    assert (shares.held("calm"), shares.waiting) == (1, 5)
    release.set()
    assert await asyncio.gather(*calm) == ["calm"] * 3
    assert sum(task.exception() is None for task in await _ended(greedy)) == 6
    assert (shares.used, shares.waiting) == (0, 0)


async def test_a_wait_ends_at_its_deadline() -> None:
    shares, release = Shares("test.deadline", FOUR, wait_seconds=0.01), asyncio.Event()
    held = [asyncio.create_task(holding(shares, store, release)) for store in ("greedy", "greedy", "greedy", "second")]
    await turns_of_the_loop()
    with pytest.raises(StoreBusy):
        await shares.take("greedy", "one")
    with pytest.raises(Unavailable) as late:
        await shares.take("third", "one")
    assert late.value.code == "unavailable"
    assert (shares.used, shares.waiting) == (4, 0)
    release.set()
    await asyncio.gather(*held)
    assert shares.used == 0


@pytest.mark.parametrize("seed", range(10))
async def test_cancelled_waiters_leak_no_slot(seed: int) -> None:
    """A thousand callers of four stores, half of them cancelled wherever they are: waiting, holding, just served."""
    dice, shares, served = random.Random(seed), Shares("test.cancelled", Rules(slots=5, headroom=1, part=0.4), wait_seconds=60), 0

    async def call(store: str) -> None:
        nonlocal served
        async with shares.of(store, dice.choice(("one", "two"))):
            for _ in range(dice.randint(0, 3)):
                await asyncio.sleep(0)
            served += 1

    calls = []
    for _ in range(1000):
        calls.append(asyncio.create_task(call(dice.choice("aaab"))))
        if dice.random() < 0.5:
            dice.choice(calls).cancel()
        if dice.random() < 0.2:
            await asyncio.sleep(0)
    await asyncio.gather(*calls, return_exceptions=True)
    assert (shares.used, shares.waiting) == (0, 0)
    assert served >= 300
    async with shares.of("a"):
        assert shares.used == 1


async def _ended(tasks: list["asyncio.Task[str]"]) -> list["asyncio.Task[str]"]:
    await asyncio.wait(tasks)
    return tasks
