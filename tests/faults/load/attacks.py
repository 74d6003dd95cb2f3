"""Attacks of one source among the faults: each is a process of its own (tests/attacks), and bites once enough of it was met."""

import uuid
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from tests.attacks.source import Attacker, attacker
from tests.attacks.target import Target
from tests.faults.load.plan import Fault
from tests.faults.load.world import World

PREPARE_SECONDS = 120.0

Bite = Callable[[], Awaitable[str]]
Met = Callable[[Counter[str]], int]


def attacking(name: str, met: Met, enough: int, what: str) -> Callable[[World, Fault], AbstractAsyncContextManager[Bite]]:
    """A fault: this attack on orders, with tokens of the run's own store, until it is healed. It bit when `met` counts enough."""

    @asynccontextmanager
    async def do(world: World, fault: Fault) -> AsyncIterator[Bite]:
        urls = {service: found[fault.seed % len(found)] for service, found in world.urls.items()}
        async with attacker(name, Target.of(world.stack, urls, await _store(world, name))) as started:
            await started.prepared(PREPARE_SECONDS)
            started.go()
            yield lambda: _bite(started, met, enough, what)

    return do


async def _store(world: World, name: str) -> str:
    """The run's store, which has orders to export; anonymous attackers have none."""
    if name != "unread_listings":
        return f"nobody-{uuid.uuid4().hex[:8]}"
    return str((await world.sql("select store_id from orders.orders limit 1"))[0][0])


async def _bite(started: Attacker, met: Met, enough: int, what: str) -> str:
    told = await started.told()
    counts = Counter[str](told["counts"])
    if told["failed"] or met(counts) < enough:
        return ""
    return f"{met(counts):,} {what} ({', '.join(f'{key} {count:,}' for key, count in sorted(counts.items()))})"


def _answered(counts: Counter[str]) -> int:
    return sum(count for key, count in counts.items() if key.startswith(("answered 4", "closed")))


ATTACKS = {
    "big_bodies": attacking("four_big_bodies", _answered, 1, "anonymous bodies of 3.9 MB refused"),
    "silent_connections": attacking("silent_connections", lambda counts: counts["opened"], 300, "silent connections opened"),
    "half_requests": attacking("half_requests", lambda counts: counts["opened"], 300, "half requests opened"),
    "bad_tokens": attacking("bad_tokens", _answered, 100, "bad tokens refused"),
    "unread_exports": attacking("unread_listings", lambda counts: counts["asked for"], 20, "exports asked for and not read"),
}
