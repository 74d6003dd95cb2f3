"""P21. Readers of the feed and of a queue, killed and started again at random beside faults of everything, know what the databases hold.

A seed that fails is run again with: pytest -m proof -k 'whatever_the_seed and [SEED]' with this file.
"""

from pathlib import Path

import pytest

from tests.faults.load.report import summary
from tests.faults.load.run import Run, play
from tests.faults.load.world import TWO_GROUPS, servers, why_not

KINDS = ("kill_service", "kill_postgres", "kill_rabbitmq")
SHORT = 42
"""A seed whose first three faults are short: broker and a process at once, then the database."""
pytestmark = [
    pytest.mark.timeout(1_800),
    pytest.mark.skipif(why_not() is not None, reason="needs private servers that may be killed"),
]


async def knows_the_same(seed: int, faults: int, writes: int, kinds: tuple[str, ...], folder: Path) -> None:
    run = Run(seed=seed, faults=faults, writes=writes, clients=3, kinds=kinds, stores=1, groups=TWO_GROUPS)
    said: list[str] = []
    with servers(said.append) as (started, small):
        journal = await play(run, started, small, folder, said.append)
    account = "\n".join([*summary(run, journal), *said])
    assert run.verdict.good, account
    assert all(one.bite for one in run.happened), account
    assert run.verdict.reader_kills >= len(run.happened), account


@pytest.mark.proof  # the light faults of `make drills` have the same readers
async def test_a_killed_reader_knows_the_same_orders_refunds_and_documents(tmp_path: Path) -> None:
    await knows_the_same(SHORT, 3, 100, KINDS, tmp_path)


@pytest.mark.proof
@pytest.mark.parametrize("seed", range(1, 21))
async def test_a_killed_reader_knows_the_same_whatever_the_seed(tmp_path: Path, seed: int) -> None:
    await knows_the_same(seed, 4, 200, (*KINDS, "kill_all_services"), tmp_path)
