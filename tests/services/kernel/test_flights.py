"""Who asks the same at the same moment shares one answer; nobody is given an older one than they know of."""

import asyncio

import pytest

from shared.web.streams import Flights


class Made:
    """Counts how often it was made; waits to be let go."""

    def __init__(self) -> None:
        self.times = 0
        self.go = asyncio.Event()

    async def __call__(self) -> int:
        self.times += 1
        number = self.times
        await self.go.wait()
        return number


async def turns_of_the_loop() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_a_hundred_who_ask_at_once_share_one_answer() -> None:
    flights, made = Flights[int](fresh_seconds=60), Made()
    asking = [asyncio.create_task(flights.get("a", made)) for _ in range(100)]
    await turns_of_the_loop()
    asking[0].cancel()  # the one who began it
    await turns_of_the_loop()
    made.go.set()
    assert await asyncio.gather(*asking[1:]) == [1] * 99
    assert (await flights.get("a", made), made.times) == (1, 1)


async def test_another_key_is_another_answer() -> None:
    flights, made = Flights[int](fresh_seconds=60), Made()
    made.go.set()
    assert [await flights.get(("a", wake), made) for wake in (0, 1, 1, 0)] == [1, 2, 2, 1]


async def test_an_answer_is_forgotten_when_it_is_not_fresh() -> None:
    flights, made = Flights[int](fresh_seconds=0), Made()
    made.go.set()
    assert await flights.get("a", made) == 1
    await turns_of_the_loop()
    assert await flights.get("a", made) == 2


async def test_a_failure_reaches_all_and_is_not_kept() -> None:
    flights, fails = Flights[int](fresh_seconds=60), [OSError("away")]

    async def sometimes() -> int:
        await asyncio.sleep(0)
        if fails:
            raise fails.pop()
        return 1

    asking = [asyncio.create_task(flights.get("a", sometimes)) for _ in range(3)]
    assert [type(one) for one in await asyncio.gather(*asking, return_exceptions=True)] == [OSError] * 3
    assert await flights.get("a", sometimes) == 1


@pytest.mark.parametrize("askers", [1, 3])
async def test_nothing_is_left_over_when_all_have_gone(askers: int) -> None:
    flights, made = Flights[int](fresh_seconds=0), Made()
    asking = [asyncio.create_task(flights.get("a", made)) for _ in range(askers)]
    await turns_of_the_loop()
    for one in asking:
        one.cancel()
    made.go.set()
    await turns_of_the_loop()
    assert flights._flying == {}
