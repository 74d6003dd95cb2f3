"""PostgreSQL or RabbitMQ away, at the start and in the middle: never a false 2xx, nothing lost, and all catches up by itself."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import httpx2
import pytest

from deploy.local.places import hold_state
from deploy.operator.given import GivenServers
from tests.proxy import COMMITTED, Proxy
from tests.shop import Answer, Shop, eventually, order_p
from tests.stack import PROJECT, Process, Stack, new_stack

RUNNING = ("orders", "notes")
pytestmark = pytest.mark.timeout(1_800)


@dataclass
class Day:
    """A system of its own whose servers can go away, and a store in it."""

    stack: Stack
    database: Proxy
    broker: Proxy
    shop: Shop
    client: httpx2.AsyncClient

    async def place(self, key: str = "") -> Answer:
        return await self.shop.platform.post("/orders/v1/orders", json=order_p(), key=key or uuid.uuid4().hex)

    async def health(self, service: str, what: str) -> tuple[int, Any]:
        answer = await self.client.get(f"{self.stack.urls[service]}/health/{what}")
        return answer.status_code, answer.json()

    async def orders(self) -> set[str]:
        """The orders that are there, asked past the proxy."""
        rows = await self.shop.rows("orders", "select 'order' as kind, order_id::text as id from orders where store_id = {store}")
        return {row["id"] for row in rows}

    async def unsent(self) -> int:
        rows = await self.shop.rows("orders", "select count(*) as n from events where store_id = {store} and published_at is null")
        return int(rows[0]["n"])

    async def until(self, service: str, *, ready: bool) -> dict[str, bool]:
        """Until the service says so; its checks."""

        async def look() -> dict[str, bool]:
            status, told = await self.health(service, "ready")
            assert (status == 200) is ready
            assert told["ready"] is ready
            return dict(told["checks"])

        return await eventually(look)

    async def timeline(self, order_id: str) -> list[str]:
        """The types of what notes knows of an order."""
        items = (await self.shop.staff.get(f"/notes/v1/timeline/{order_id}")).ok()["items"]
        return [item["type"] for item in items]


@pytest.fixture(scope="module")
async def ground(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    """A database and a namespace of its own on the run's servers."""
    state = await asyncio.to_thread(hold_state, PROJECT, "test")
    servers = GivenServers(stack.postgres_url, stack.amqp_url, state)
    made: Stack = await asyncio.to_thread(new_stack, servers, Path(tmp_path_factory.mktemp("bad")), "bad")
    yield made
    await asyncio.to_thread(made.stop)
    servers.stop()


@asynccontextmanager
async def a_day(ground: Stack, client: httpx2.AsyncClient, pools: dict[str, Any], *, broker_away: bool = False) -> AsyncIterator[Day]:
    """The services behind proxies, started while the broker is there or not."""
    async with Proxy.to(ground.postgres_url) as database, Proxy.to(ground.amqp_url) as broker:
        if broker_away:
            await broker.cut()
        behind: dict[str, Any] = {"AFTERSALE_DATABASE_POOL_TIMEOUT_SECONDS": "2"}
        for service in RUNNING:
            behind[f"AFTERSALE_{service.upper()}_DATABASE_URL"] = database.url(ground.database_url(service))
            behind[f"AFTERSALE_{service.upper()}_AMQP_URL"] = broker.url(ground.settings[f"AFTERSALE_{service.upper()}_AMQP_URL"])
        process: Process = ground.run(*RUNNING, **behind)
        ground.urls = process.urls
        day = Day(ground, database, broker, Shop(ground, client, pools), client)
        try:
            await eventually(lambda: _alive(day))
            if not broker_away:
                for service in RUNNING:
                    await day.until(service, ready=True)
            yield day
        finally:
            database.release()
            broker.release()
            await asyncio.to_thread(process.stop)


async def _alive(day: Day) -> bool:
    try:
        return (await day.health(RUNNING[-1], "live"))[0] == 200
    except httpx2.TransportError:
        return False


@pytest.fixture
async def own_pools() -> AsyncIterator[dict[str, Any]]:
    """Looks into the ground's own tables."""
    made: dict[str, Any] = {}
    yield made
    for pool in made.values():
        await pool.close()


async def test_rabbitmq_away_at_start(ground: Stack, client: httpx2.AsyncClient, own_pools: dict[str, Any]) -> None:
    async with a_day(ground, client, own_pools, broker_away=True) as day:
        checks = await day.until("orders", ready=False)
        assert (checks["database"], checks["consumer"]) == (True, False)
        placed = (await day.place()).ok()
        assert placed.status == 201
        assert await day.unsent() == 1
        await day.broker.join()
        for service in RUNNING:
            await day.until(service, ready=True)
        await eventually(lambda: day.timeline(placed["order_id"]))
        assert await day.unsent() == 0


async def test_rabbitmq_away_in_the_middle(ground: Stack, client: httpx2.AsyncClient, own_pools: dict[str, Any]) -> None:
    async with a_day(ground, client, own_pools) as day:
        before = (await day.place()).ok()["order_id"]
        await eventually(lambda: day.timeline(before))
        await day.broker.cut()
        await day.until("orders", ready=False)
        placed = [(await day.place()).ok()["order_id"] for _ in range(5)]
        moved = (await day.shop.staff.post(f"/orders/v1/orders/{before}/transitions", json={"to": "shipped"})).ok()
        assert moved["status"] == "shipped"
        assert await day.unsent() == 6
        assert await day.health("orders", "live") == (200, {"status": "alive"})
        await day.broker.join()
        for order_id in placed:
            await eventually(partial(day.timeline, order_id))

        async def shipped() -> bool:
            return "order.shipped" in await day.timeline(before)

        await eventually(shipped)
        assert await day.unsent() == 0
        for service in RUNNING:
            await day.until(service, ready=True)


async def test_postgresql_away_and_back(ground: Stack, client: httpx2.AsyncClient, own_pools: dict[str, Any]) -> None:
    async with a_day(ground, client, own_pools) as day:
        order_id = (await day.place()).ok()["order_id"]
        there = await day.orders()
        await day.database.cut()
        key = uuid.uuid4().hex
        for answer in (await day.place(key), await day.shop.staff.get(f"/orders/v1/orders/{order_id}"), await day.place()):
            assert answer.status == 503
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.code == "unavailable"
        checks = await day.until("orders", ready=False)
        assert checks["database"] is False
        assert await day.health("orders", "live") == (200, {"status": "alive"})
        assert await day.orders() == there
        await day.database.join()
        for service in RUNNING:
            await day.until(service, ready=True)
        placed = (await day.place(key)).ok()
        assert (placed.status, placed.replayed) == (201, False)
        await eventually(lambda: day.timeline(placed["order_id"]))
        assert len(await day.orders()) == len(there) + 1


async def test_no_2xx_is_false_while_postgresql_comes_and_goes(
    ground: Stack, client: httpx2.AsyncClient, own_pools: dict[str, Any]
) -> None:
    """Writers that meet cuts at any moment: what was acknowledged is there, what was not is done once by its repeated key."""
    async with a_day(ground, client, own_pools) as day:
        keys = [uuid.uuid4().hex for _ in range(60)]
        done: dict[str, str] = {}
        refused: set[int] = set()

        async def writer(mine: list[str]) -> None:
            for key in mine:
                answer = await day.place(key)
                if answer.status == 201:
                    done[key] = answer["order_id"]
                else:
                    refused.add(answer.status)

        async def trouble() -> None:
            for _ in range(4):
                await asyncio.sleep(0.1)
                await day.database.cut()
                await asyncio.sleep(0.1)
                await day.database.join()

        await asyncio.gather(trouble(), *(writer(keys[start::4]) for start in range(4)))
        assert refused <= {503}
        await day.until("orders", ready=True)
        acknowledged = dict(done)
        async with asyncio.timeout(90):
            while left := [key for key in keys if key not in done]:  # a connection that died in the pool may cost one more repeat
                await writer(left)
        assert refused <= {503}
        assert {key: order_id for key, order_id in done.items() if key in acknowledged} == acknowledged
        assert len(await day.orders()) == len(keys) == len(set(done.values()))


async def test_a_lost_answer_to_commit_is_never_a_false_one(ground: Stack, client: httpx2.AsyncClient, own_pools: dict[str, Any]) -> None:
    async with a_day(ground, client, own_pools) as day:
        order_id = (await day.place()).ok()["order_id"]
        path, body, key = f"/orders/v1/orders/{order_id}/transitions", {"to": "confirmed"}, uuid.uuid4().hex
        day.database.lose(COMMITTED)
        first = await day.shop.staff.post(path, json=body, key=key)
        assert day.database.bites > 0
        assert first.status == 503 or first.replayed  # unknown, or looked up anew: what was committed is what is answered
        day.database.release()
        await day.until("orders", ready=True)
        again = (await day.shop.staff.post(path, json=body, key=key)).ok()
        assert (again["status"], again["version"]) == ("confirmed", 2)
        sequences = [event["sequence"] for event in await day.shop.events("orders", order_id)]
        assert sequences == [1, 2]
