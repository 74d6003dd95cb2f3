"""The light form of `make faults`: a fixed seed, half a dozen faults, every promise counted afterwards. The long run is by hand."""

from itertools import pairwise
from pathlib import Path

import pytest

from tests.faults.load.plan import WEIGHTS, draw
from tests.faults.load.report import summary
from tests.faults.load.run import Run, play
from tests.faults.load.world import servers, why_not

QUICK = ("kill_service", "kill_postgres", "cut_broker", "commit_answer_lost", "confirm_lost", "events_repeated", "half_requests")
"""Those that take a few seconds each; the broker's own deaths and alarms take longer and are the long run's."""


def test_the_same_seed_draws_the_same_faults_and_every_kind_comes() -> None:
    planned = draw(7, 60, tuple(WEIGHTS))
    assert planned == draw(7, 60, tuple(WEIGHTS))
    assert planned != draw(8, 60, tuple(WEIGHTS))
    assert {fault.kind for fault in planned[: len(WEIGHTS)]} == set(WEIGHTS)
    assert not any(first.paired and second.paired for first, second in pairwise(planned))


@pytest.mark.timeout(1_800)
@pytest.mark.skipif(why_not() is not None, reason="needs private servers that may be killed")
async def test_nothing_is_lost_or_doubled_whatever_breaks(tmp_path: Path) -> None:
    run = Run(seed=3, faults=len(QUICK), writes=300, clients=2, kinds=QUICK, stores=2)
    said: list[str] = []
    with servers(said.append) as (started, small):
        journal = await play(run, started, small, tmp_path, said.append)
    account = "\n".join([*said, *summary(run, journal)])
    assert all(one.bite for one in run.happened), account
    assert run.verdict.good, account
    assert journal.count("acknowledged") >= run.writes
    assert run.verdict.reader_kills, account
    assert run.verdict.receiver_failures, account
