"""Scaling apart: several APIs and several workers of one service at once lose nothing, double nothing, and share the work."""

import asyncio

import asyncpg
import pytest

from tests.services.conftest import place
from tests.shop import PATIENCE_SECONDS, eventually
from tests.stack import Stack

ORDERS = 160
SLOW = {"AFTERSALE_CONSUMER_DELAY_MS": "50", "AFTERSALE_CONSUMER_PREFETCH": "1", "AFTERSALE_LOG_LEVEL": "warning"}
"""Each message waits 50 ms, and a worker holds one at a time: a worker's pace is the waiting's, whatever the machine."""
WARM, WINDOW = 5, 40


@pytest.mark.proof
@pytest.mark.timeout(1_800)
async def test_two_apis_and_two_workers_share_the_work_and_double_nothing(alone: Stack) -> None:
    """Notes has one worker and refunds has two, over the same events in the same window: so the machine's mood does not count."""
    apis = [alone.run("orders", roles=("api",), ports=None, AFTERSALE_LOG_LEVEL="warning") for _ in range(2)]
    await asyncio.gather(*(asyncio.to_thread(api.wait_until_ready) for api in apis))
    placed = await place(alone, [api.urls["orders"] for api in apis], ORDERS)  # each order goes to both, under one key
    assert len(placed) == ORDERS
    connection = await asyncpg.connect(alone.postgres_url, database=alone.name)

    async def count(what: str) -> int:
        return int(await connection.fetchval(f"select count(*) from {what}"))

    async def at_least(what: str, number: int) -> bool:
        return await count(what) >= number

    try:
        await eventually(lambda: at_least("orders.events where published_at is not null", ORDERS), PATIENCE_SECONDS)
        for service in ("notes", "refunds", "refunds"):
            alone.run(service, roles=("worker",), ports=None, **SLOW)
        await eventually(lambda: at_least("notes.inbox", WARM), PATIENCE_SECONDS)
        await eventually(lambda: at_least("refunds.inbox", WARM), PATIENCE_SECONDS)
        one, two = await count("notes.inbox"), await count("refunds.inbox")
        await eventually(lambda: at_least("notes.inbox", one + WINDOW), PATIENCE_SECONDS)
        by_one, by_two = await count("notes.inbox") - one, await count("refunds.inbox") - two
        # 1.7 is measured by `make bench`; here the second worker must plainly add, or all that there was must be done.
        assert by_two >= 1.4 * by_one or two + by_two == ORDERS
        await eventually(lambda: at_least("notes.inbox", ORDERS), PATIENCE_SECONDS)
        await eventually(lambda: at_least("refunds.inbox", ORDERS), PATIENCE_SECONDS)
        tables = ("orders.orders", "orders.events", "notes.inbox", "notes.timeline", "refunds.inbox", "refunds.orders")
        assert {table: await count(table) for table in tables} == dict.fromkeys(tables, ORDERS)
        assert (await count("notes.parked"), await count("refunds.parked")) == (0, 0)
    finally:
        await connection.close()
