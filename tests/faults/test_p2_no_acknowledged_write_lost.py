"""P2. No acknowledged write is lost: what a client was told is done is there, and all that follows from it happens."""

import asyncio
import random
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from deploy.local.servers import resolve
from deploy.local.servers.private import PrivateServers
from deploy.operator import given
from deploy.operator.trouble import Trouble
from tests.faults.grave import Grave, a_grave
from tests.stack import PROJECT, Stack

ROUNDS = 5
YOUNG_QUEUE_SECONDS = 3.0  # RabbitMQ 3.10 forgets a quorum queue that is killed within half a second of its birth: decision 0503


@pytest.fixture
async def servers(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[PrivateServers]:
    """A PostgreSQL and a RabbitMQ of this test's own, to be killed."""
    for name in (given.POSTGRES, given.AMQP):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AFTERSALE_SERVERS", "private")
    try:
        made = await asyncio.to_thread(resolve, PROJECT, "test", lambda line: None)
    except Trouble as none:
        pytest.skip(f"this machine has no servers to kill: {none}")
    assert isinstance(made, PrivateServers)
    try:
        yield made
    finally:
        await asyncio.to_thread(made.stop)


@pytest.mark.parametrize("seed", [1])
async def test_killed_at_random_moments_under_load(grave: Grave, seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(ROUNDS):
        await grave.run_and_kill_after(chance.randint(1, 60))
    await grave.settle()
    await nothing_lost_or_doubled(grave)


@pytest.mark.timeout(1_800)
async def test_broker_and_database_killed_under_load(stack: Stack, servers: PrivateServers) -> None:
    """Broker away: changes are still acknowledged. Database away: none is. Both come back, and all catches up by itself."""
    async with a_grave(replace(stack, postgres_url=servers.postgres_url, amqp_url=servers.amqp_url)) as grave:
        await asyncio.sleep(YOUNG_QUEUE_SECONDS)
        busy = grave.start(changes=100_000)
        await grave.hears(20)
        await asyncio.to_thread(servers.kill, "rabbitmq")
        await grave.hears(20)
        await asyncio.to_thread(servers.start_again, "rabbitmq")
        await grave.hears(20)
        await asyncio.to_thread(servers.kill, "postgres")
        heard = len(grave.acknowledged)
        await asyncio.to_thread(servers.start_again, "postgres")
        await grave.lab.database.close()  # its connections died with it
        await grave.hears(heard + 20 - len(grave.acknowledged))
        await grave.bury(busy)
        await grave.settle()
        await nothing_lost_or_doubled(grave)


async def nothing_lost_or_doubled(grave: Grave) -> None:
    changes = await grave.changes()
    assert grave.acknowledged <= changes
    assert dict(await grave.events()) == dict.fromkeys(changes, 1)
    assert dict(await grave.reactions()) == dict.fromkeys(changes, 1)
