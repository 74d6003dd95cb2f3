"""P2. No acknowledged write is lost: what a client was told is done is there, and all that follows from it happens."""

import random

import pytest

from tests.faults.grave import Grave

ROUNDS = 5


@pytest.mark.parametrize("seed", [1])
async def test_killed_at_random_moments_under_load(grave: Grave, seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(ROUNDS):
        await grave.run_and_kill_after(chance.randint(1, 60))
    await grave.settle()
    changes = await grave.changes()
    assert grave.acknowledged <= changes
    assert dict(await grave.events()) == dict.fromkeys(changes, 1)
    assert dict(await grave.reactions()) == dict.fromkeys(changes, 1)
