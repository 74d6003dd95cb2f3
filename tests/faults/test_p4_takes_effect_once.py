"""P4. An event takes effect once, for ever: the inbox row is part of the effect's own transaction."""

from functools import partial

import pytest

from deploy.operator.registry import READERS
from tests.faults.grave import Grave
from tests.faults.history import live, quiet, shuffled, state_hash, telling, told
from tests.shop import PATIENCE_SECONDS, Shop, eventually
from tests.stack import Stack

TYPE = "document.issued.v1"
PLACES = (f"commit.before:consume:{TYPE}#2", f"commit.after:consume:{TYPE}#2", f"ack.before:{TYPE}#2", f"ack.after:{TYPE}#2")


@pytest.mark.parametrize("place", PLACES)
async def test_a_consumer_that_dies_neither_loses_nor_doubles_an_effect(grave: Grave, place: str) -> None:
    """Everything was sent before, so that no relay sends it again: what the consumer loses is lost."""
    await grave.send(changes=5)
    await grave.run_until_killed(place, changes=0)
    await grave.settle()
    assert dict(await grave.reactions()) == dict.fromkeys(range(5), 1)
    assert await grave.lab.count("notes.inbox") == 5


@pytest.mark.parametrize("place", PLACES)
async def test_a_group_that_dies_neither_loses_nor_doubles_an_effect(grave: Grave, place: str) -> None:
    """Events that share a transaction: all of them took effect, or none did."""
    await grave.send(changes=5)
    await grave.run_until_killed(place, changes=0, together=True)
    await grave.settle()
    assert dict(await grave.reactions()) == dict.fromkeys(range(5), 1)
    assert await grave.lab.count("notes.inbox") == 5


async def test_the_whole_history_told_three_times_over_and_shuffled_changes_no_row(shop: Shop, stack: Stack) -> None:
    await live(shop)
    history = await quiet(shop)
    before = await state_hash(shop)
    async with telling(stack) as again:
        for reader in READERS:
            await again.tell(reader, shuffled([one for one in history if reader in one.readers], 3, seed=1))
        for reader in READERS:
            await eventually(partial(again.drained, reader), seconds=PATIENCE_SECONDS)
        later = Shop(shop.stack, shop._client, shop._pools)
        await live(later)  # what is told after them is taken after them
        await quiet(later)
    assert len(await told(shop)) == len(history) > 20
    assert await state_hash(shop) == before
