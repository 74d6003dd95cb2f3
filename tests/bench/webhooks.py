"""Webhooks: deliveries of one worker beside a bare aiohttp loop, how soon an event is received, and pages of a long feed."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import asyncpg
import httpx2

from services.webhooks.api.events import MAX_EVENTS
from services.webhooks.queries import events_after
from shared.contracts.actor import Actor
from shared.contracts.ids import uuid_of
from tests.bench.events import Lag, connected, emptied, lag, placed_at_a_pace, until
from tests.bench.generator import drive, request
from tests.bench.measures import Bench
from tests.bench.pages import explaining
from tests.bench.receiver import Receiver, posted, receiver
from tests.bench.system import cost

FEW, MANY = 1, 50
"""Endpoints that a backlog is for."""
CALLS_AT_ONCE, CALLS_PER_SECOND = 50, 1_000
STORE_AT_ONCE = 80
"""Calls in progress that a worker allows one store, so that the bare loop may have as many."""
PLACES = 100
"""Places of the feed from which pages are read, one after another."""

NEXT = """
insert into webhooks.counters as known (store_id, last) values ($1, $2)
on conflict (store_id) do update set last = known.last + $2 returning last - $2"""
FEED = """
insert into webhooks.feed (store_id, position, event_id, type, source, subject, sequence, occurred_at, recorded_at, received_at, body)
select $1, n, md5($1 || n)::uuid, 'order.placed.v1', 'orders', 'order-' || n, 1, now(), now(), now(), $4
from generate_series($2::bigint + 1, $2::bigint + $3::bigint) n"""
DUE = """
insert into webhooks.deliveries (store_id, delivery_id, endpoint_id, position, event_id, type, subject, state, personal, attempts, tries,
    due_at, created_at)
select store_id, gen_random_uuid(), ($4::uuid[])[1 + position % cardinality($4::uuid[])], position, event_id, type, subject, 'waiting',
    false, 0, 0, received_at, received_at
from webhooks.feed where store_id = $1 and position > $2 and position <= $2 + $3::bigint"""

# An event's row is written again by the relay; the change of the same commit is not.
COMMITS = """
select e.event_id::text, extract(epoch from pg_xact_commit_timestamp(c.xmin))::float8
from orders.events e join orders.changes c on c.store_id = e.store_id and c.recorded_at = e.recorded_at and c.version = e.sequence
where e.store_id = $1"""


@dataclass(frozen=True)
class Delivered:
    """A backlog delivered by one worker, and the same bodies posted by a bare aiohttp loop to the same receiver."""

    endpoints: int
    deliveries: int
    per_second: float
    worker_cpu_ms: float
    postgres_cpu_ms: float
    bare_per_second: float
    bare_cpu_ms: float

    @property
    def ratio(self) -> float:
        """Share of the bare loop's rate that was reached."""
        return self.per_second / self.bare_per_second


@dataclass(frozen=True)
class FeedCost:
    """Pages of a feed of so many events, and the rows that the database looked at for one of them."""

    events: int
    page: int
    kilobytes: float
    p50_ms: float
    p99_ms: float
    per_second: float
    service_cpu_ms: float
    examined: int
    buffers: int


async def received(bench: Bench, seconds: float) -> tuple[Lag, str]:
    """Place orders at 100 a second, of which an endpoint is told: from each commit to its arrival there. Also a body as it is sent.

    Orders and webhooks are a process each. The commit's time is the database's, the arrival's the receiver's: one machine, one clock.
    """
    await emptied(bench)
    store, bench.store = bench.store, f"{bench.store}-received"
    processes = [bench.stack.run(service) for service in ("orders", "webhooks")]
    admin = await connected(bench)
    try:
        for process in processes:
            await asyncio.to_thread(process.wait_until_ready)
            bench.urls |= {service: [url] for service, url in process.urls.items()}
        async with receiver() as there:
            await endpoints(bench, [there.url("/in")], types=["order.placed.v1"])
            placed, _ = await placed_at_a_pace(bench, int(100 * seconds))
            arrived: dict[str, float] = {}

            async def all_there() -> bool:
                for one in await there.heard():
                    arrived.setdefault(one.event_id, one.at)
                return len(arrived) > placed

            await until(all_there)
        committed = {row[0]: row[1] for row in await admin.fetch(COMMITS, bench.store)}
        body = await admin.fetchval("select coalesce(sent, body) from webhooks.feed where store_id = $1 limit 1", bench.store)
    finally:
        await admin.close()
        bench.store = store
        await asyncio.gather(*(asyncio.to_thread(process.stop) for process in processes))
    return lag("an endpoint", sorted(1000 * (at - committed[event_id]) for event_id, at in arrived.items())), body


async def delivered(bench: Bench, body: str, count: int) -> list[Delivered]:
    """A backlog for one endpoint, then one for many."""
    process = bench.stack.run("webhooks", AFTERSALE_LOG_LEVEL="info")  # as in production: each attempt is a line of the log
    try:
        await asyncio.to_thread(process.wait_until_ready)
        bench.urls, bench.service_pid = {"webhooks": [process.urls["webhooks"]]}, process.child.pid
        async with receiver() as there:
            return [await _delivered(bench, there, body, count, many) for many in (FEW, MANY)]
    finally:
        await asyncio.to_thread(process.stop)


async def _delivered(bench: Bench, there: Receiver, body: str, count: int, many: int) -> Delivered:
    store, bench.store = bench.store, f"{bench.store}-to-{many}"
    admin = await connected(bench)
    try:
        limits = {"calls_at_once": CALLS_AT_ONCE, "calls_per_second": CALLS_PER_SECOND}
        made = await endpoints(bench, [there.url(f"/{number}") for number in range(many)], types=["order.placed.v1"], **limits)
        await backlog(admin, bench.store, count, body, made)
        pids = (bench.service_pid, bench.postgres_pid)
        before, arrived = [cost("", pid).cpu_seconds for pid in pids], list[float]()

        async def all_there() -> bool:
            arrived.extend(one.at for one in await there.heard())
            waiting = "select exists (select from webhooks.deliveries where store_id = $1 and state = 'waiting')"
            return len(arrived) >= count and not await admin.fetchval(waiting, bench.store)

        await until(all_there)
        worker, postgres = (1000 * (cost("", pid).cpu_seconds - was) / count for pid, was in zip(pids, before, strict=True))
    finally:
        await admin.close()
        bench.store = store
    bare = await posted(there.url("/bare"), body, count=count, at_once=min(many * CALLS_AT_ONCE, STORE_AT_ONCE))
    await there.heard()
    per_second = len(arrived) / (max(arrived) - min(arrived))
    return Delivered(many, count, round(per_second, 1), round(worker, 3), round(postgres, 3), bare.per_second, bare.cpu_ms)


async def feed_pages(bench: Bench, body: str, count: int) -> FeedCost:
    """Fill a feed, then read pages of it over HTTP and explain the service's own query."""
    store = f"{bench.store}-feed"
    admin = await connected(bench)
    try:
        await backlog(admin, store, count, body, timeout=None)
        await admin.execute("vacuum analyze webhooks.feed")
    finally:
        await admin.close()
    process = bench.stack.run("webhooks", roles=("api",), AFTERSALE_LOG_LEVEL="warning")
    try:
        await asyncio.to_thread(process.wait_until_ready)
        url, kept, bench.store = process.urls["webhooks"], bench.store, store
        token, bench.store = bench.token("platform", "p"), kept
        afters = [count * place // PLACES for place in range(PLACES)]
        calls = [request(url, "GET", f"/v1/events?limit={MAX_EVENTS}&after={after}", token) for after in afters]
        before = cost("", process.child.pid).cpu_seconds
        figures = await drive([url], [calls], seconds=max(2.0, bench.seconds), folder=bench.folder)
        spent = cost("", process.child.pid).cpu_seconds - before
    finally:
        await asyncio.to_thread(process.stop)
    actor = Actor(store, "platform", "p")
    async with explaining(bench, "webhooks") as tx:
        page = await events_after(tx, actor, count // 2, types=None, subject=None, limit=MAX_EVENTS)
    return FeedCost(
        count,
        len(page.items),
        round(sum(len(one.body) for one in page.items) / 1024, 1),
        round(figures.percentile(0.5), 2),
        round(figures.percentile(0.99), 2),
        round(figures.per_second, 1),
        round(1000 * spent / max(figures.units, 1), 2),
        tx.examined,
        tx.buffers,
    )


async def endpoints(bench: Bench, urls: Sequence[str], **more: object) -> list[UUID]:
    """An endpoint of the bench's store for each URL."""
    token = bench.token("platform", "p")
    found = []
    async with httpx2.AsyncClient(timeout=30) as client:
        for url in urls:
            headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": f"endpoint-{time.time_ns()}"}
            address = f"{bench.urls['webhooks'][0]}/v1/webhooks/endpoints"
            answer = await client.post(address, json={"url": url, **more}, headers=headers)
            assert answer.status_code == 201, answer.text
            found.append(uuid_of("endpoint", answer.json()["endpoint_id"]))
    return found


async def backlog(
    admin: "asyncpg.Connection[asyncpg.Record]",
    store: str,
    count: int,
    body: str,
    due_at: Sequence[UUID] = (),
    *,
    timeout: float | None = 60.0,
) -> None:
    """So many events of the store with this body, each of them due at one of these endpoints, which take turns."""
    async with admin.transaction():
        after = await admin.fetchval(NEXT, store, count)
        await admin.execute(FEED, store, after, count, body, timeout=timeout)
        if due_at:
            await admin.execute(DUE, store, after, count, list(due_at), timeout=timeout)
