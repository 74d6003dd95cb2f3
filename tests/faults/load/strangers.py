"""The programs of others beside a run: readers of the feed and of a queue that are killed (reading.py, queue_reading.py), and receivers
that fail (receiving.py).
"""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.faults.load.clients import Client, Load
from tests.faults.load.oracle import Verdict
from tests.faults.load.queue_reading import QueueReading
from tests.faults.load.reading import Reading
from tests.faults.load.receiving import Receiving
from tests.faults.load.world import World


@dataclass
class Strangers:
    """All of them; the readers' store is the first."""

    reading: list[Reading]
    receiving: list[Receiving]

    def calm(self) -> None:
        """From now on none is killed and none fails."""
        for reader in self.reading:
            reader.left_alone = True
        for one in self.receiving:
            one.failing = False

    async def at_rest(self, world: World) -> bool:
        """Whether each has got all that there is for it."""
        if not all([await one.has_everything(world) for one in self.receiving]):
            return False
        return all([await one.has_read_everything(world) for one in self.reading])

    async def judge(self, world: World, verdict: Verdict) -> None:
        """Add what they got to the verdict."""
        every: tuple[Reading | Receiving, ...] = (*self.reading, *self.receiving)
        for one in every:
            for law, examples in (await one.differences(world)).items():
                verdict.breaks(law, examples)
            verdict.strangers.append(one.account())
        verdict.reader_kills = min(one.kills for one in self.reading)
        verdict.receiver_failures = sum(one.failures() for one in self.receiving)


@asynccontextmanager
async def strangers(world: World, load: Load, folder: Path, seed: int) -> AsyncIterator[Strangers]:
    """All of them, at work until the block is left. The last of several stores has no endpoint: what arrives of it is foreign."""
    store = load.stores[0]
    of_feed = Reading(store, load.urls["webhooks"][0], load.token(store, "platform", "reader"), folder, random.Random(seed))
    of_queue = QueueReading(Client(load, 0, 0), folder, random.Random(seed + 1_000))
    owners = [Client(load, place, 0) for place in range(max(1, len(load.stores) - 1))]
    receiving = [Receiving(owner, random.Random(seed + place)) for place, owner in enumerate(owners, 1)]
    async with AsyncExitStack() as stack:
        for one in receiving:
            stack.push_async_callback(one.owner.http.aclose)
            await stack.enter_async_context(one.listening())
        stack.push_async_callback(of_queue.owner.http.aclose)
        await stack.enter_async_context(of_queue.opened(world))
        reads = [asyncio.create_task(one.run()) for one in (of_feed, of_queue)]
        try:
            yield Strangers([of_feed, of_queue], receiving)
        finally:
            for task in reads:
                task.cancel()
            await asyncio.gather(*reads, return_exceptions=True)
