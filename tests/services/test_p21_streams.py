"""P21: who comes back with their last id sees every event at least once, each order's in order, whatever was late, paused or killed."""

import asyncio
import json
import random
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import httpx2
import pytest

from services.notes import queries
from services.notes.tables import metadata as notes_metadata
from shared.contracts.actor import Actor
from shared.data.db import Database
from shared.process.settings import Settings
from shared.web.tokens import issue
from tests.services.orders.test_changes import act, placed
from tests.shop import ISSUER, PATIENCE_SECONDS, Caller, Shop, eventually
from tests.stack import Process, Stack

STREAM = "/v1/events/stream"
BACKLOG = 2_600  # more than five pages
PLANT = """
with counted as (update webhooks.counters set last = last + $3 where store_id = $1 returning last)
insert into webhooks.feed (store_id, position, event_id, type, source, subject, sequence, occurred_at, recorded_at, received_at, body)
select store_id, counted.last - $3 + n, gen_random_uuid(), type, source, subject || $2 || n, 1, occurred_at, recorded_at, now(),
    jsonb_set(body::jsonb, '{data,order,number}', to_jsonb($2 || n))::text
from (select * from webhooks.feed where store_id = $1 order by position limit 1) e, counted, generate_series(1, $3) n
"""
"""Records more events as the service does: the counter first, whose lock lasts until the commit."""
SPOIL = """
insert into orders.events (store_id, event_id, type, subject, sequence, public, occurred_at, recorded_at, data, published_at)
select store_id, gen_random_uuid(), type, subject, $2::bigint, public, occurred_at, recorded_at,
    jsonb_set(data, '{order,number}', to_jsonb($2::bigint::text)), now() from orders.events where store_id = $1 and sequence = 1
"""


class Follower:
    """A reader of a stream that can be cut off and come back with its last id. What it saw stays over all connections."""

    def __init__(self, caller: Caller, url: str, last: str | None = None) -> None:
        self._caller = caller
        self.url = url
        self.last = last
        self.frames: list[dict[str, str]] = []
        self.seen: list[dict[str, Any]] = []  # the events' data, as they came

    @property
    def numbers(self) -> list[str]:
        """The orders' numbers, from the feed or from an order's own stream."""
        return [event["number"] if "number" in event else event["data"]["order"]["number"] for event in self.seen]

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[None]:
        """Reading for as long as the block runs."""
        headers = {"Authorization": f"Bearer {self._caller.token}"} | ({} if self.last is None else {"Last-Event-ID": self.last})
        opened = asyncio.Event()

        async def read() -> None:
            async with httpx2.AsyncClient(timeout=60) as client, client.stream("GET", self.url, headers=headers) as answer:
                assert answer.status_code == 200
                frame: dict[str, str] = {}
                async for line in answer.aiter_lines():
                    if line:
                        name, _, value = line.partition(": ")
                        frame[name] = value
                        continue
                    self.frames.append(frame)
                    if "data" in frame:
                        self.seen.append(json.loads(frame["data"]))
                    self.last = frame.get("id", self.last)
                    frame = {}
                    opened.set()

        reading = asyncio.create_task(read())
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await asyncio.wait((asyncio.create_task(opened.wait()), reading), return_when=asyncio.FIRST_COMPLETED)
            yield
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)

    async def has(self, number: str) -> bool:
        return number in self.numbers


@asynccontextmanager
async def database(shop: Shop, service: str = "webhooks") -> AsyncIterator["asyncpg.Connection[Any]"]:
    """A connection of a test's own, as this service."""
    connection = await asyncpg.connect(shop.stack.database_url(service))
    try:
        yield connection
    finally:
        await connection.close()


def staff(shop: Shop, last: str | None = None) -> Follower:
    return Follower(shop.staff, shop.stack.urls["webhooks"] + STREAM, last)


async def test_what_commits_late_is_told_to_who_was_there_and_to_who_comes_back(shop: Shop) -> None:
    """Whoever comes after it waits for it, so that nothing appears behind a reader."""
    await placed(shop)
    await eventually(lambda: _recorded(shop, 1))
    there, back = staff(shop), staff(shop)
    async with database(shop) as late, database(shop) as early, there.connected():
        async with late.transaction():
            await late.execute(PLANT, shop.store, "late-", 1)
            async with back.connected():
                waiting = asyncio.create_task(early.execute(PLANT, shop.store, "early-", 3))
                await eventually(lambda: _waits(late))
            assert there.numbers == back.numbers == []
        await waiting
        await late.execute(PLANT, shop.store, "last-", 1)
        await eventually(lambda: there.has("last-1"))
    async with back.connected():
        await eventually(lambda: back.has("last-1"))
    assert there.numbers == back.numbers == ["late-1", "early-1", "early-2", "early-3", "last-1"]


async def test_a_backlog_comes_page_after_page(shop: Shop) -> None:
    await placed(shop)
    await eventually(lambda: _recorded(shop, 1))
    await plant(shop, "b-", BACKLOG)
    follower = staff(shop, "0")
    async with follower.connected():
        await eventually(lambda: follower.has(f"b-{BACKLOG}"), 20)
    assert follower.numbers[1:] == [f"b-{number}" for number in range(1, BACKLOG + 1)]


async def test_the_first_frame_has_an_id_to_resume_from(shop: Shop) -> None:
    order_id = await placed(shop)
    await eventually(lambda: _recorded(shop, 1))
    store = staff(shop)
    order = Follower(shop.customer(), f"{shop.stack.urls['orders']}/v1/orders/{order_id}/stream")
    notes = Follower(shop.customer(), f"{shop.stack.urls['notes']}/v1/timeline/{order_id}/stream", "1")
    for follower in (store, order, notes):
        async with follower.connected():
            pass
        assert "id" in follower.frames[0]
        assert "data" not in follower.frames[0]
    store.seen.clear()
    (await act(shop.staff, order_id, "transitions", {"to": "confirmed"})).ok()
    async with store.connected():
        await eventually(lambda: _told(store, "order.confirmed.v1"))
    assert [event["data"]["order"]["version"] for event in store.seen if event["source"] == "orders"] == [2]


async def test_a_stream_ends_when_its_token_does(shop: Shop) -> None:
    order_id = await placed(shop)
    await eventually(lambda: _noted(shop, order_id))
    actor = Actor(shop.store, "staff", "staff-1")
    ending = issue(shop.stack.secret, issuer=ISSUER, actor=actor, lifetime_seconds=1, now=time.time() - 8)  # within the leeway
    paths = [("webhooks", STREAM), ("orders", f"/v1/orders/{order_id}/stream"), ("notes", f"/v1/timeline/{order_id}/stream")]

    async def ends(service: str, path: str) -> int:
        async with httpx2.AsyncClient(timeout=60) as client:
            url = f"{shop.stack.urls[service]}{path}"
            async with client.stream("GET", url, headers={"Authorization": f"Bearer {ending}"}) as answer:
                async for _ in answer.aiter_bytes():
                    pass
                return answer.status_code

    async with asyncio.timeout(PATIENCE_SECONDS):
        assert await asyncio.gather(*(ends(*path) for path in paths)) == [200, 200, 200]


async def test_one_stores_stuck_transaction_stops_no_other_stores_stream(shop: Shop, stack: Stack, client: httpx2.AsyncClient) -> None:
    other = Shop(stack, client, shop._pools)
    for one in (shop, other):
        await placed(one)
        await eventually(lambda one=one: _recorded(one, 1))  # type: ignore[misc]  # (mypy cannot infer a lambda with a default)
    stuck, free = staff(shop), staff(other)
    async with database(shop) as keeper, stuck.connected(), free.connected():
        async with keeper.transaction():
            await keeper.execute("select from webhooks.counters where store_id = $1 for update", shop.store)
            await placed(shop)
            await placed(other)
            await eventually(lambda: _length(free, 1))
            assert stuck.seen == []
        await eventually(lambda: _length(stuck, 1))


@pytest.mark.parametrize(
    "change",
    [
        "data = '{}'",
        "data = '[1]'",
        "data = jsonb_set(data, '{order,version}', repeat('9', 5000)::jsonb)",
        "type = E'order.forged\\ndata: x'",
    ],
)
async def test_a_row_that_cannot_be_read_is_set_aside_and_passed_by(shop: Shop, change: str) -> None:
    order_id = await placed(shop)
    follower = Follower(shop.staff, f"{shop.stack.urls['orders']}/v1/orders/{order_id}/stream", "0")
    async with database(shop, "orders") as planter:
        for sequence in (2, 3):
            await planter.execute(SPOIL, shop.store, sequence)
        column, value = change.split(" = ", 1)
        await planter.execute(f"update orders.events set {column} = {value} where store_id = $1 and sequence = 2", shop.store)
        try:
            async with follower.connected():
                await eventually(lambda: follower.has("3"))
            assert [frame["id"] for frame in follower.frames if "data" in frame] == ["1", "3"]
            await eventually(lambda: _set_aside(shop, 1))
        finally:
            await planter.execute("delete from orders.events where store_id = $1", shop.store)
            await planter.execute("delete from orders.set_aside where store_id = $1", shop.store)


async def test_an_entry_that_came_in_between_does_not_overtake_a_note(shop: Shop) -> None:
    """A page of notes' stream is read in several looks: none goes beyond where the order stood at the first."""
    order_id = await placed(shop)
    await eventually(lambda: _noted(shop, order_id))
    settings = Settings(service="notes", database_url=shop.stack.database_url("notes"), amqp_url="amqp://none", keys_file="none")
    notes = Database(settings, notes_metadata)
    actor = Actor(shop.store, "staff", "staff-1")
    async with notes.reading() as tx:
        order = await queries.order_for(tx, actor, order_id)
        (await shop.staff.post("/notes/v1/notes", {"order_id": order_id, "audience": "private", "text": "between"})).ok()
        later = await queries.order_for(tx, actor, order_id)
        assert later.shop_position == order.shop_position + 1
        assert await queries.notes_changed(tx, actor, order, after=0, limit=10) == []
        assert [note.text for note in await queries.notes_changed(tx, actor, later, after=0, limit=10)] == ["between"]
    await notes.close()


async def test_readers_cut_at_random_beside_a_paused_and_a_killed_process(shop: Shop) -> None:
    await _stormy(shop, paused_seconds=2.0, rounds=2, clients=3)


@pytest.mark.proof
@pytest.mark.timeout(600)
async def test_readers_cut_at_random_beside_a_process_paused_for_half_a_minute(shop: Shop) -> None:
    await _stormy(shop, paused_seconds=30.0, rounds=2, clients=6, burst=10_000)


async def _stormy(shop: Shop, *, paused_seconds: float, rounds: int, clients: int, burst: int = 0) -> None:
    """Clients change orders through two processes, one of which is paused again and again and then killed; a reader is cut at random."""
    replica = await asyncio.to_thread(lambda: shop.stack.run("orders", roles=("api",)).wait_until_ready())
    through = Caller(shop._client, {"orders": replica.urls["orders"]}, shop.staff.token)
    reader, busy = staff(shop, "0"), asyncio.Event()
    await placed(shop)

    async def change(caller: Caller) -> None:
        while not busy.is_set():
            order_id = await placed(shop)
            for to in ("confirmed", "picked_up", "shipped", "delivered"):
                with_luck = await asyncio.gather(act(caller, order_id, "transitions", {"to": to}), return_exceptions=True)
                if isinstance(with_luck[0], BaseException):
                    return  # its process was killed

    async def read() -> None:
        while not busy.is_set():
            async with reader.connected():
                await asyncio.wait((asyncio.create_task(busy.wait()),), timeout=random.uniform(0.1, 1.0))

    work = [asyncio.create_task(change(caller)) for caller in [shop.staff, through] * clients]
    reading = asyncio.create_task(read())
    try:
        await _disturbed(replica, paused_seconds, rounds)
        if burst:
            await plant(shop, "burst-", burst)
    finally:
        busy.set()
        await asyncio.gather(*work, reading, return_exceptions=True)
        await asyncio.to_thread(replica.stop)
    told = await shop.rows("orders", "select event_id from events where store_id = {store} and public")

    async def all_recorded() -> list[dict[str, Any]]:
        found = await shop.rows("webhooks", "select event_id from feed where store_id = {store}")
        assert {row["event_id"] for row in told} <= {row["event_id"] for row in found}
        return found

    rows = await eventually(all_recorded)
    async with reader.connected():
        await eventually(lambda: _has_seen(reader, rows))
    recorded = await shop.rows("webhooks", "select event_id from feed where store_id = {store}")  # documents may still be coming
    assert {event["id"] for event in reader.seen} <= {str(row["event_id"]) for row in recorded}


async def _disturbed(replica: Process, paused_seconds: float, rounds: int) -> None:
    for _ in range(rounds):
        await asyncio.sleep(random.uniform(0.3, 0.8))  # somewhere in the middle of its work
        replica.child.send_signal(signal.SIGSTOP)
        await asyncio.sleep(paused_seconds)
        replica.child.send_signal(signal.SIGCONT)
    await asyncio.sleep(0.3)
    replica.kill()


async def plant(shop: Shop, prefix: str, events: int) -> None:
    """Record so many more events."""
    async with database(shop) as planter:
        await planter.execute(PLANT, shop.store, prefix, events)


async def _length(follower: Follower, events: int) -> bool:
    return len({event["id"] for event in follower.seen}) >= events


async def _has_seen(follower: Follower, rows: list[dict[str, Any]]) -> bool:
    return {str(row["event_id"]) for row in rows} <= {event["id"] for event in follower.seen}


async def _told(follower: Follower, event_type: str) -> bool:
    return event_type in [event["type"] for event in follower.seen]


async def _recorded(shop: Shop, events: int) -> bool:
    return len(await shop.rows("webhooks", "select 1 from feed where store_id = {store}")) >= events


async def _noted(shop: Shop, order_id: str) -> bool:
    return (await shop.staff.get(f"/notes/v1/timeline/{order_id}")).status == 200


async def _set_aside(shop: Shop, rows: int) -> bool:
    sql = "select 1 from set_aside where store_id = {store} and place = 'orders.stream'"
    return len(await shop.rows("orders", sql)) == rows


async def _waits(watcher: "asyncpg.Connection[Any]") -> bool:
    """Whether somebody waits for the watcher's own locks."""
    return bool(await watcher.fetchval("select exists (select from pg_locks where pg_backend_pid() = any (pg_blocking_pids(pid)))"))
