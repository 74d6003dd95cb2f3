"""One run: build the world, put it under load, let the faults come, heal, drain, judge."""

import asyncio
import time
import uuid
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

import aio_pika
import asyncpg

from deploy.local.servers.private import PrivateServers
from deploy.operator.registry import READERS, SERVICES
from deploy.operator.trouble import Trouble
from tests.faults.load.clients import CLOSING_LIMIT, SKUS, Client, Load
from tests.faults.load.journal import Journal
from tests.faults.load.kinds import KINDS, Bite, possible, said
from tests.faults.load.oracle import Verdict, judge
from tests.faults.load.plan import Fault, draw
from tests.faults.load.strangers import Strangers, strangers
from tests.faults.load.world import AWAY, GROUPS, Groups, NotBack, World, world_of

LATE_SECONDS = 30.0
"""P3: every event takes effect within this time after the last failed part is back."""
MAX_BACKLOG = 400
"""Above it clients pause: a queue that only grows would say nothing about recovery."""
TRACKED = SKUS[:4]
"""The other SKUs have no level: untracked."""
BITE_SECONDS = 15.0
UNKNOWN_SECONDS = 60.0
DRAIN_SECONDS = 300.0
PACE_SECONDS = 1.0

Tasks = tuple[asyncio.Task[None], ...]


@dataclass
class Happened:
    """A fault that was done."""

    fault: Fault
    began: float
    healed: float = 0.0
    back_after: float = 0.0
    bite: str = ""
    trouble: str = ""


@dataclass
class Run:
    """What is wanted of a run, and what came of it."""

    seed: int
    faults: int
    writes: int
    clients: int
    kinds: tuple[str, ...] = ()
    minutes: float = float("inf")
    stores: int = 3
    groups: Groups = field(default_factory=lambda: GROUPS)
    happened: list[Happened] = field(default_factory=list)
    ends_at: float = float("inf")
    left_out: list[str] = field(default_factory=list)
    seconds: float = 0.0
    drain_seconds: float = 0.0
    verdict: Verdict = field(default_factory=Verdict)


async def play(run: Run, servers: PrivateServers, small_disk: Path | None, folder: Path, say: Callable[[str], None]) -> Journal:
    """All of it; `run` holds the outcome. Raises NotBack when the system does not even start."""
    journal = Journal(folder / "journal.jsonl")
    try:
        async with world_of(servers, small_disk, folder, run.groups) as world:
            stores = tuple(f"faults-{uuid.uuid4().hex[:8]}" for _ in range(run.stores))
            load = Load(world.stack.secret, world.urls, stores, journal)
            began = time.time()
            async with strangers(world, load, folder, run.seed) as others:
                for place in range(run.stores):
                    await _open_shop(Client(load, place, 0))
                healed_at = await _under_load(run, world, load, say)
                say(_line(journal, "draining"))
                others.calm()
                run.verdict = await _judged(run, world, journal, others, healed_at)
                run.seconds = time.time() - began
    finally:
        journal.close()
    return journal


async def _judged(run: Run, world: World, journal: Journal, others: Strangers, healed_at: float) -> Verdict:
    """What the oracle says, and what the strangers got, once there is nothing left to do."""
    never = []
    try:
        run.drain_seconds = await world.until("everything is drained", lambda: _drained(world), DRAIN_SECONDS)
        await world.until("the strangers have everything", lambda: others.at_rest(world), DRAIN_SECONDS)
    except NotBack as trouble:
        never.append(str(trouble))
    verdict = await judge(world, journal, healed_at=healed_at, late_seconds=LATE_SECONDS)
    await others.judge(world, verdict)
    verdict.breaks("at rest: nothing is left to do", never)
    return verdict


async def _under_load(run: Run, world: World, load: Load, say: Callable[[str], None]) -> float:
    """Clients at work while the faults come; when all was healed, by the clock."""
    load.open_road.set()
    run.ends_at = time.monotonic() + run.minutes * 60
    clients = [asyncio.create_task(Client(load, number, run.seed * 1000 + number).run()) for number in range(run.clients)]
    pace = asyncio.create_task(_pace(world, load))
    try:
        await _faults(run, world, load.journal, (pace, *clients), say)
        say(_line(load.journal, "all faults done, the load goes on"))
        await _load_of(run, load.journal, (pace, *clients), 1.0)
        if pace.done():
            pace.result()  # raises: a load without its pace proves nothing
        world.revive()
        healed_at = time.time()
        load.stopping.set()
        load.open_road.set()
        load.give_up_at = time.monotonic() + UNKNOWN_SECONDS
        await asyncio.gather(*clients)
    finally:
        for task in (pace, *clients):
            task.cancel()
        await asyncio.gather(pace, *clients, return_exceptions=True)
    return healed_at


async def _open_shop(owner: Client) -> None:
    """Stock on, more on the shelf than is ever sold."""
    settings = {
        "cancel_preset": "cancellation-control",
        "customer_cancel_until": "delivered",
        "stock": True,
        "number_prefix": "",
        "time_zone": "UTC",
        "closing_limit": CLOSING_LIMIT,
    }
    wishes = [
        ("/v1/orders-settings", {"If-Match": '"v0"'}, settings),
        *((f"/v1/stock/{sku}", {}, {"on_hand": 10_000_000}) for sku in TRACKED),
    ]
    answers = [await owner.attempt("platform", "orders", "PUT", path, headers=headers, body=body) for path, headers, body in wishes]
    for answer in answers:
        assert answer is not None, "the shop did not answer"
        assert answer.status_code < 300, f"{answer.status_code}: {answer.text}"
    await owner.http.aclose()


async def _pace(world: World, load: Load) -> None:
    """Hold the load while too much is under way."""
    while True:
        try:
            clear = await world.backlog() < MAX_BACKLOG
        except AWAY:
            clear = True  # a part is away: clients find out for themselves
        (load.open_road.set if clear or load.stopping.is_set() else load.open_road.clear)()
        await asyncio.sleep(PACE_SECONDS)


async def _faults(run: Run, world: World, journal: Journal, at_work: Tasks, say: Callable[[str], None]) -> None:
    kinds = [kind for kind in possible(world) if not run.kinds or kind in run.kinds]
    run.left_out = [kind for kind in KINDS if kind not in kinds]
    planned = draw(run.seed, run.faults, kinds)
    for fault in planned:
        if time.monotonic() > run.ends_at:
            say(_line(journal, f"the time is up after {len(run.happened)} faults"))
            break
        if fault.paired:
            continue  # done with the one before
        follower = planned[fault.number] if fault.number < len(planned) and planned[fault.number].paired else None
        await _load_of(run, journal, at_work, (fault.number - 1) / run.faults)
        await asyncio.sleep(fault.after)
        together = [Happened(one, time.time()) for one in (fault, follower) if one is not None]
        run.happened += together
        await _do(world, together)
        for one in together:
            came = f"{one.fault.number}/{run.faults} {one.fault.kind}: {one.bite or 'DID NOT BITE'}; back after {one.back_after:.1f} s"
            say(_line(journal, f"{came} {one.trouble}"))


async def _load_of(run: Run, journal: Journal, at_work: Tasks, share: float) -> None:
    """Until this share of the writes is acknowledged: faults are spread over the whole load. Ends when a client has died."""
    while journal.count("acknowledged") < share * run.writes and time.monotonic() < run.ends_at:
        if any(task.done() for task in at_work):
            return
        await asyncio.sleep(PACE_SECONDS / 10)


async def _do(world: World, together: list[Happened]) -> None:
    """One fault, or two at once: do, prove, heal, and wait until an order that is placed now is known everywhere."""
    async with AsyncExitStack() as stack:
        bites: list[Bite] = []
        for one in together:
            try:
                bites.append(await stack.enter_async_context(KINDS[one.fault.kind](world, one.fault)))
            except (Trouble, OSError, TimeoutError, asyncpg.PostgresError, aio_pika.exceptions.AMQPError) as error:
                one.trouble = f"could not be done: {error}"[:300]  # it then has no bite, which fails the run
                bites.append(said(""))
            one.bite = await bites[-1]()
        await asyncio.sleep(max(one.fault.seconds for one in together))
        deadline = time.monotonic() + BITE_SECONDS
        for one, bite in zip(together, bites, strict=True):
            one.bite = await bite() or one.bite
            while not one.bite and time.monotonic() < deadline:
                await asyncio.sleep(0.1)
                one.bite = await bite()
    world.revive()
    healed = time.time()
    for one in together:
        one.healed = healed
    try:
        back_after = await world.until("the system is back", lambda: _back(world, healed))
    except NotBack as trouble:
        back_after = time.time() - healed
        for one in together:
            one.trouble = str(trouble)
    for one in together:
        one.back_after = back_after


async def _back(world: World, healed: float) -> bool:
    """Everything is ready, and an event of after the healing has taken effect in each of its readers."""
    if not await world.all_ready():
        return False
    known = " and ".join(
        f"exists (select from {reader}.inbox i where i.store_id = e.store_id and i.event_id = e.event_id)"
        for reader in READERS
        if reader != "orders"
    )
    rows = await world.sql(
        f"select exists (select from orders.events e where position > (select coalesce(max(position), 0) - 3000 from orders.events)"
        f" and type = 'order.placed.v1' and recorded_at > to_timestamp($1) and recorded_at < clock_timestamp() and {known})",
        healed,  # an order from the future was placed by a clock that had jumped, perhaps before the healing
    )
    return bool(rows[0][0])


async def _drained(world: World) -> bool:
    waiting = " + ".join(f"(select count(*) from {schema}.parked where state = 'waiting')" for schema in SERVICES)
    return await world.backlog() == 0 and not (await world.sql(f"select {waiting}"))[0][0] and await _nothing_missing(world)


async def _nothing_missing(world: World) -> bool:
    """A last message may be in a consumer's hands: delivered, not yet acked, so in no count of the queue."""
    rows = await world.sql(
        "select exists (select from orders.events e where position > (select max(position) - 1000 from orders.events)"
        " and type like 'order.%'"
        " and not exists (select from documents.inbox i where i.event_id = e.event_id and i.store_id = e.store_id))"
    )
    return not rows[0][0]


def _line(journal: Journal, text: str) -> str:
    return f"{journal.count('acknowledged'):>7,} acknowledged  {text}"
