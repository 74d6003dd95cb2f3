"""Confined processes by turns: one store's (or customer's) pictures and renderings do not hold up another's."""

import asyncio
import io
import os
import signal
from dataclasses import replace

import pytest
from PIL import Image

from shared.data.shares import Rules
from shared.process.settings import Settings
from shared.web import confined as confined_module
from shared.web.confined import Confined, Confines, Died, Slow, Starved
from shared.web.images import BadImage, Wanted, drawn_anew
from tests.shop import eventually

SLOW = Confines(
    name="test.confined",
    module="tests.services.kernel.slow_child",
    what="answers",
    rules=Rules(2, headroom=1, part=0.4, queue=15),
    deadline_seconds=60,
    memory_mb=512,
    recycle_mb=10_000,
    wait_seconds=60,
)


async def test_one_store_leaves_a_process_to_others_and_one_caller_a_turn() -> None:
    """Who gets a process when, counted and not timed: six calls of a greedy customer, one of a calm one, one of another store."""
    confined, order = Confined(SLOW), list[str]()

    async def asks(store: str, caller: str) -> None:
        def question() -> bytes:  # made at its turn
            order.append(f"{store}.{caller}")
            return b"0.05"

        await confined.ask(question, store, caller)

    greedy = [asyncio.create_task(asks("shop", "greedy")) for _ in range(6)]
    await asyncio.sleep(0)
    calm = [asyncio.create_task(asks("shop", "calm")), asyncio.create_task(asks("other", "one"))]
    await asyncio.wait([*greedy, *calm])
    await confined.close()
    assert "other.one" in order[:2], "another store has a process of its own at once"
    assert "shop.calm" in order[:3], "another customer of the store comes after one picture, not after all"
    assert [task.exception() for task in (*greedy, *calm)] == [None] * 8
    assert confined.shares.used == 0


async def test_a_process_that_has_grown_is_replaced() -> None:
    confined = Confined(replace(SLOW, recycle_mb=1))
    first, second = await confined.ask(b"pid"), await confined.ask(b"pid")
    assert first != second
    await confined.close()
    confined = Confined(SLOW)
    assert await confined.ask(b"pid") == await confined.ask(b"pid")
    await confined.close()


async def test_the_next_process_is_started_before_somebody_needs_it() -> None:
    confined = Confined(replace(SLOW, recycle_mb=1))
    await confined.ask(b"pid")
    await eventually(lambda: _ready(confined, 1))
    (spare,) = confined._free
    assert int(await confined.ask(b"pid")) == spare._process.pid
    await confined.close()
    assert confined._free == []


async def test_those_that_are_replaced_never_become_more() -> None:
    """Whoever comes while the next one starts takes that one."""
    confined = Confined(replace(SLOW, recycle_mb=1))
    pids = [await confined.ask(b"pid") for _ in range(8)]
    assert len(set(pids)) == 8
    await eventually(lambda: _ready(confined, 1))
    assert len(confined._starting) == 0
    await confined.close()


async def test_a_used_process_that_dies_means_one_fresh_try() -> None:
    """300 MB fit into a new process of 512 MB, not into one that kept 300 MB of another's; 600 MB fit into none."""
    confined = Confined(SLOW)

    async def outcome(question: bytes) -> bytes | BaseException:
        return (await asyncio.gather(confined.ask(question), return_exceptions=True))[0]

    outcomes = [await outcome(b"hoard 300") for _ in range(4)]
    assert [one for one in outcomes if isinstance(one, Died)] == [], "none dies of what others left in the memory"
    assert len(set(outcomes)) == 4
    assert isinstance(await outcome(b"hoard 600"), Died)
    assert (confined.shares.used, confined._free) == (0, [])
    await confined.close()


async def test_a_process_that_was_killed_while_idle_costs_nobody_an_answer() -> None:
    confined = Confined(SLOW)
    pid = int(await confined.ask(b"pid"))
    os.kill(pid, signal.SIGKILL)
    assert int(await confined.ask(b"pid")) != pid
    await confined.close()


async def _ready(confined: Confined, count: int) -> bool:
    return len(confined._free) == count


async def test_a_cancelled_caller_leaves_neither_slot_nor_process() -> None:
    confined = Confined(SLOW)
    pid = int(await confined.ask(b"pid"))
    asking = asyncio.create_task(confined.ask(b"60"))
    await asyncio.sleep(0.05)
    asking.cancel()
    await asyncio.wait([asking])
    assert confined.shares.used == 0
    assert int(await confined.ask(b"pid")) != pid
    await confined.close()


async def test_what_is_slow_by_itself_is_told_from_what_a_busy_machine_starves(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that has used up its deadline was slow; one that had no processor may succeed later. Either is ended."""
    confined = Confined(SLOW)
    await confined.ask(b"0")  # so that the time it takes to start does not count
    confined.deadline_seconds = 0.2
    [starved] = await asyncio.gather(confined.ask(b"60"), return_exceptions=True)
    assert isinstance(starved, Starved)
    assert (starved.status, starved.code, starved.retry_after_seconds) == (503, "unavailable", 5)
    monkeypatch.setattr(confined_module, "PATIENCE", 1_000)  # a test on a busy machine gets little
    [slow] = await asyncio.gather(confined.ask(b"burn"), return_exceptions=True)
    assert isinstance(slow, Slow)
    assert (confined.shares.used, confined._free) == (0, [])
    await confined.close()


async def test_a_small_picture_of_many_pixels_costs_little() -> None:
    """5,000 x 5,000 of one bit: 3 kB. Drawn as it is, it needs a byte a pixel, in a process of 128 MB."""
    out = io.BytesIO()
    Image.new("1", (5_000, 5_000)).save(out, "PNG")
    settings = Settings.model_construct(service="test", image_memory_mb=128)
    wanted = Wanted("PNG", "PNG", 20_000, 25_000_000, 25_000_000, 40_000_000)
    assert Image.open(io.BytesIO(await drawn_anew(settings, out.getvalue(), wanted))).size == (5_000, 5_000)
    with pytest.raises(BadImage) as bad:
        await drawn_anew(settings, out.getvalue(), Wanted("PNG", "PNG", 20_000, 24_000_000, 24_000_000, 40_000_000))
    assert (bad.value.reason, bad.value.sides) == ("too_large", {"width": 5_000, "height": 5_000})
