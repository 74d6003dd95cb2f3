"""One endpoint, or another store's flood, never delays others: from commit to received, quiet and beside it, judged as P19 is.

A store with 98 endpoints places an order a second, of which every endpoint is told. Beside it there is an endpoint where nobody
listens and one that answers nothing in time, each with a backlog; or another store whose deliveries all became due at once. A second
run without its guard must break the promise. (Counts, without times: tests/services/webhooks/test_one_endpoint_never_delays_another.py)
"""

import asyncio
import json
import time
import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import asyncpg

from shared.contracts.ids import uuid_of
from tests.attacks.target import Target
from tests.attacks.wire import Line, request
from tests.bench.receiver import WAITS, Receiver, receiver
from tests.bench.webhooks import backlog
from tests.proof.others import percentile
from tests.proof.p19 import Beside
from tests.shop import order_p
from tests.stack import Stack, free_port

OTHERS = 98
EVERY_SECONDS = 1.0
WARM_EVENTS, EVENTS = 3, 20
PATIENCE_SECONDS = 60.0
LOOK_SECONDS = 0.2
TYPE = "order.placed.v1"
NEVER_IN_TIME = f"{WAITS}30"
LATE = f"{WAITS}2"
FLOODED = 10
"""Endpoints of the other store that answer at once, and as many that answer late."""
BODY = json.dumps({"specversion": "1.0", "type": TYPE, "source": "orders", "data": {"note": "x" * 2_000}})


@dataclass(frozen=True)
class Trouble:
    """What is beside the 98 endpoints, and the mutant that takes the guard against it out."""

    guard: str
    of_another_store: bool
    backlog: int


TROUBLES = {
    "98 endpoints beside a dead and a slow one": Trouble("p19_one_endpoint_takes_every_call", of_another_store=False, backlog=400),
    "98 endpoints beside another store's flood": Trouble("p19_one_store_takes_every_call", of_another_store=True, backlog=8_000),
}


async def beside(name: str, stack: Stack, *, guarded: bool = True) -> Beside:
    """Measure the 98 endpoints before and beside the trouble, on a stack that runs nothing else."""
    trouble = TROUBLES[name]
    process = await asyncio.to_thread(lambda: stack.run("orders", "webhooks").wait_until_ready())
    admin = await asyncpg.connect(stack.postgres_url, database=stack.name)
    try:
        async with receiver() as there:
            store = _Store(Target.of(stack, process.urls, f"calm-{uuid.uuid4().hex[:8]}"), there)
            await store.endpoints([there.url(f"/{number}") for number in range(OTHERS)])
            await store.received(WARM_EVENTS, admin)
            quiet = await store.received(EVENTS, admin)
            other = _Store(Target.of(stack, process.urls, f"loud-{uuid.uuid4().hex[:8]}"), there) if trouble.of_another_store else store
            await other.trouble(trouble, admin)
            during = await store.received(EVENTS, admin)
            counts = await _counted(admin, other.target.store)
            store.close()
            other.close()
    finally:
        await admin.close()
        await asyncio.to_thread(process.stop)
    refusals = {f"received {status}": count for status, count in store.missing.items()}
    return Beside(name, guarded, {"received": _figures(quiet)}, {"received": _figures(during)}, refusals, counts)


class _Store:
    """A store that is told of its orders at many endpoints."""

    def __init__(self, target: Target, there: Receiver) -> None:
        self.target, self._there = target, there
        self._orders, self._webhooks = target.line("orders"), target.line("webhooks")
        self.missing: Counter[str] = Counter()

    async def endpoints(self, urls: Sequence[str], **more: object) -> list[UUID]:
        """An endpoint for each URL, told of placed orders."""
        path = "/v1/webhooks/endpoints"
        return [
            uuid_of("endpoint", (await self._post(self._webhooks, path, {"url": url, "types": [TYPE], **more}))["endpoint_id"])
            for url in urls
        ]

    async def trouble(self, trouble: Trouble, admin: "asyncpg.Connection[asyncpg.Record]") -> None:
        """What is beside the others, all of it due now."""
        if trouble.of_another_store:
            paths = [f"/flood/{number}" for number in range(FLOODED)] + [f"{LATE}/{number}" for number in range(FLOODED)]
            urls = [self._there.url(path) for path in paths]
            made = await self.endpoints(urls, calls_at_once=50, calls_per_second=1_000)
        else:
            made = await self.endpoints([f"http://127.0.0.1:{free_port()}/", self._there.url(NEVER_IN_TIME)])
        await backlog(admin, self.target.store, trouble.backlog, BODY, made)

    async def received(self, events: int, admin: "asyncpg.Connection[asyncpg.Record]") -> list[float]:
        """Place orders at a steady pace; the seconds until each endpoint had each event, of those that it had."""
        began, placed = time.monotonic(), list[str]()
        for number in range(events):
            await asyncio.sleep(max(0.0, began + number * EVERY_SECONDS - time.monotonic()))
            placed.append((await self._post(self._orders, "/v1/orders", order_p()))["order_id"])
        sql = "select event_id::text, extract(epoch from recorded_at)::float8 from orders.events where store_id = $1 and subject = any($2)"
        recorded = {row[0]: row[1] for row in await admin.fetch(sql, self.target.store, placed)}
        arrived, deadline = dict[tuple[str, str], float](), time.monotonic() + PATIENCE_SECONDS
        while len(arrived) < len(recorded) * OTHERS and time.monotonic() < deadline:
            for one in await self._there.heard():
                if one.event_id in recorded and not one.path.startswith(WAITS):
                    arrived.setdefault((one.path, one.event_id), one.at - recorded[one.event_id])
            await asyncio.sleep(LOOK_SECONDS)
        if late := len(recorded) * OTHERS - len(arrived):
            self.missing[f"not within {PATIENCE_SECONDS:.0f} s"] += late
        return list(arrived.values())

    def close(self) -> None:
        """Close its connections."""
        self._orders.close()
        self._webhooks.close()

    async def _post(self, line: Line, path: str, body: object) -> dict[str, str]:
        status, content = await line.ask(request("POST", path, self.target.token("platform"), body, key=True))
        assert status == 201, content
        answer: dict[str, str] = json.loads(content)
        return answer


def _figures(seconds: list[float]) -> dict[str, float]:
    return {"calls": len(seconds), "p50_ms": percentile(seconds, 0.50) * 1000, "p99_ms": percentile(seconds, 0.99) * 1000}


async def _counted(admin: "asyncpg.Connection[asyncpg.Record]", store: str) -> dict[str, int]:
    """What became of the deliveries of the store in trouble, for the record."""
    sql = "select state, count(*) from webhooks.deliveries where store_id = $1 group by state"
    return {row[0]: row[1] for row in await admin.fetch(sql, store)}
