"""Events: how long from commit to effect, how many a relay sends and a worker takes, and what a second worker adds."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from urllib.parse import urlsplit

import aio_pika
import asyncpg
import httpx2

from shared.contracts.events import OrderPlaced
from shared.messaging.broker import queue_name
from tests.bench.measures import Bench, order
from tests.stack import Process

READERS = OrderPlaced.readers
RATE_PER_SECOND = 100
DEADLINE_SECONDS = 240.0
INJECTED_MS = 50
PREFETCH_WHEN_WAITING = 2

# Both ends by the database's own clock: the commit that made the event, and the commit of its effect (track_commit_timestamp).
# An event's row is written again by the relay; the change of the same commit is not.
LATENCIES = """
select 1000 * extract(epoch from pg_xact_commit_timestamp(i.xmin) - pg_xact_commit_timestamp(c.xmin))::float8
from {reader}.inbox i
join orders.events e using (store_id, event_id)
join orders.changes c on c.store_id = e.store_id and c.recorded_at = e.recorded_at and c.version = e.sequence
where e.store_id = $1 order by 1"""


@dataclass(frozen=True)
class Lag:
    """Milliseconds from commit to the effect's commit, in one reader."""

    reader: str
    events: int
    p50_ms: float
    p99_ms: float


@dataclass(frozen=True)
class Rate:
    """How many per second."""

    what: str
    per_second: float
    limit: float | None = None


async def lags(bench: Bench, seconds: float) -> tuple[float, list[Lag]]:
    """Place orders at 100 a second, and see when each reader had them; the rate that was reached, and the lags."""
    store, bench.store = bench.store, f"{bench.store}-lag"
    admin = await connected(bench)
    try:
        placed, rate = await placed_at_a_pace(bench, int(RATE_PER_SECOND * seconds))
        found = []
        for reader in READERS:
            sql = f"select count(*) > $2 from {reader}.inbox where store_id = $1"
            await until(partial(holds, admin, sql, bench.store, placed))
            found.append(lag(reader, [row[0] for row in await admin.fetch(LATENCIES.format(reader=reader), bench.store)]))
    finally:
        await admin.close()
        bench.store = store
    return rate, found


def lag(reader: str, milliseconds: list[float]) -> Lag:
    """Sorted milliseconds, in two figures."""
    count = len(milliseconds)
    return Lag(reader, count, round(milliseconds[count // 2], 2), round(milliseconds[int(count * 0.99)], 2))


async def placed_at_a_pace(bench: Bench, count: int) -> tuple[int, float]:
    """Place one order, with which the store's number series is made, and then so many at 100 a second; how many, and the rate."""
    token, url = bench.token("platform", "p"), bench.urls["orders"][0]
    async with httpx2.AsyncClient(timeout=30) as client:

        async def place(number: int) -> bool:
            headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": f"lag-{number}"}
            return (await client.post(f"{url}/v1/orders", json=order(), headers=headers)).status_code == 201

        assert await place(-1)
        began, tasks = time.perf_counter(), []
        for number in range(count):
            await asyncio.sleep(max(0.0, began + number / RATE_PER_SECOND - time.perf_counter()))
            tasks.append(asyncio.create_task(place(number)))
        placed = sum(await asyncio.gather(*tasks))
        return placed, round(placed / (time.perf_counter() - began), 1)


def without_broker(bench: Bench) -> dict[str, str]:
    """Settings of an API that commits events which nobody sends."""
    url = bench.stack.settings["AFTERSALE_ORDERS_AMQP_URL"]
    return {"AFTERSALE_ORDERS_AMQP_URL": url.replace(f":{urlsplit(url).port}", ":9")}


async def backlog(bench: Bench, count: int) -> None:
    """`count` orders whose events nobody has sent yet."""
    process = bench.stack.run("orders", roles=("api",), ports=None, **without_broker(bench))
    try:
        async with httpx2.AsyncClient(timeout=120) as client:
            url = process.urls["orders"]
            await until(lambda: _alive(client, url))
            token, step = bench.token("platform", "p"), 500
            for first in range(0, count, step):
                headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": f"backlog-{time.time_ns()}"}
                body = {"orders": [order() for _ in range(min(step, count - first))]}
                (await client.post(f"{url}/v1/orders/batch", json=body, headers=headers)).raise_for_status()
    finally:
        await asyncio.to_thread(process.stop)


async def at_rest(bench: Bench) -> None:
    """Until every message was taken and every document rendered."""
    async with await aio_pika.connect(bench.stack.amqp_url) as connection:
        channel = await connection.channel()

        async def taken() -> bool:
            queues = [await channel.declare_queue(queue_name(bench.stack.name, reader), passive=True) for reader in READERS]
            return not sum(queue.declaration_result.message_count or 0 for queue in queues)

        await until(taken)
    admin = await connected(bench)
    try:
        await until(partial(holds, admin, "select not exists (select from documents.renderings where ahead and rendered_at is null)"))
    finally:
        await admin.close()


async def emptied(bench: Bench) -> None:
    """Queues without messages, as if nothing had been measured before."""
    async with await aio_pika.connect(bench.stack.amqp_url) as connection:
        channel = await connection.channel()
        for reader in ("orders", *READERS):
            await (await channel.get_queue(queue_name(bench.stack.name, reader))).purge()


async def relayed(bench: Bench, count: int, limit: float) -> Rate:
    """A backlog of events, sent by the relay of one process; its first batch starts the clock."""
    admin = await connected(bench)
    process = bench.stack.run("orders", roles=("worker",))
    try:
        await until(lambda: holds(admin, "select not exists (select from orders.events where published_at is null)"))
        [(sent, seconds)] = await admin.fetch(
            "select count(*) filter (where published_at > first), extract(epoch from max(published_at) - min(first))::float8 from"
            " (select published_at, min(published_at) over () as first from orders.events where type = 'order.placed.v1'"
            " order by position desc limit $1) last",
            count,
        )
    finally:
        await admin.close()
        await asyncio.to_thread(process.stop)
    return Rate("events sent by one relay", round(sent / max(seconds, 0.001), 1), limit)


async def consumed(bench: Bench, reader: str, count: int, limit: float | None, *, workers: int = 1, **settings: str) -> Rate:
    """`count` messages that wait in the reader's queue, taken by so many workers: from the first effect's commit to the last one's."""
    admin = await connected(bench)
    before = await admin.fetchval(f"select count(*) from {reader}.inbox")
    began = await admin.fetchval("select clock_timestamp()")
    processes: list[Process] = []
    try:
        processes = [bench.stack.run(reader, roles=("worker",), ports=None, **settings) for _ in range(workers)]
        await until(lambda: holds(admin, f"select count(*) >= $1 from {reader}.inbox", before + count))
        seconds = await admin.fetchval(
            f"select extract(epoch from max(at) - min(at))::float8 from (select pg_xact_commit_timestamp(xmin) at from {reader}.inbox) i"
            " where at > $1",
            began,
        )
    finally:
        await admin.close()
        await asyncio.gather(*(asyncio.to_thread(process.stop) for process in processes))
    return Rate(f"events taken by {workers} worker{'s' if workers > 1 else ''} of {reader}", round(count / max(seconds, 0.001), 1), limit)


async def second_worker(bench: Bench, count: int) -> tuple[Rate, Rate]:
    """The same number of messages with 50 ms of waiting in each, by one worker and by two."""
    waiting = {"AFTERSALE_CONSUMER_DELAY_MS": str(INJECTED_MS), "AFTERSALE_CONSUMER_PREFETCH": str(PREFETCH_WHEN_WAITING)}
    rates = []
    for workers in (1, 2):
        await backlog(bench, count)
        await relayed(bench, count, 0)
        rates.append(await consumed(bench, "notes", count, None, workers=workers, **waiting))
    return rates[0], rates[1]


async def connected(bench: Bench) -> "asyncpg.Connection[asyncpg.Record]":
    """A connection that sees all schemas."""
    return await asyncpg.connect(bench.stack.postgres_url, database=urlsplit(bench.stack.database_url("orders")).path[1:])


async def holds(admin: "asyncpg.Connection[asyncpg.Record]", sql: str, *arguments: object) -> bool:
    return bool(await admin.fetchval(sql, *arguments))


async def _alive(client: httpx2.AsyncClient, url: str) -> bool:
    try:
        return (await client.get(f"{url}/health/live")).status_code == 200
    except httpx2.HTTPError:
        return False


async def until(look: Callable[[], Awaitable[bool]]) -> None:
    """Until `look` says so. Raises TimeoutError."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not await look():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {DEADLINE_SECONDS} s")
        await asyncio.sleep(0.05)
