"""How each kind of fault is done, how it proves that it bit, and how it is undone.

Each is a context: what it does, it has done when it yields; leaving it heals. It yields a function that says how it bit, asked just
before healing; an empty answer means that it did nothing yet.
"""

import asyncio
import os
import random
import signal
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from glob import glob
from pathlib import Path

import aio_pika
import asyncpg
import httpx2

from deploy.operator.registry import READERS, SERVICES
from deploy.operator.trouble import Trouble
from shared.messaging.broker import exchange_name, queue_name
from shared.messaging.outbox import cloud_event
from tests.faults.load.attacks import ATTACKS
from tests.faults.load.plan import Fault
from tests.faults.load.world import NotBack, World
from tests.proxy import COMMITTED, CONFIRMED, Proxy
from tests.stack import redriven

Bite = Callable[[], Awaitable[str]]
FAKETIME = next(iter(glob("/usr/lib/*/faketime/libfaketime.so.1")), "")
HOLDERS = {"database": "postgres", "broker": "rabbitmq"}
REPEATED_EVENTS = 150
CONTROL_ATTEMPTS = 3


def said(text: str) -> Bite:
    """A bite that is known from the start."""

    async def bite() -> str:
        return text

    return bite


@asynccontextmanager
async def kill_service(world: World, fault: Fault) -> AsyncIterator[Bite]:
    """SIGKILL one to three processes of services."""
    rng = random.Random(fault.seed)
    killed = rng.sample(sorted(world.groups), min(rng.choice((1, 1, 1, 2, 3)), len(world.groups)))
    codes = [f"{group}: {world.kill(group)}" for group in killed]
    yield said(f"exit codes {', '.join(codes)}")
    world.revive()


@asynccontextmanager
async def kill_all_services(world: World, fault: Fault) -> AsyncIterator[Bite]:
    """SIGKILL every process of every service."""
    codes = {world.kill(group) for group in world.groups}
    yield said(f"exit codes {codes} of {len(world.groups)}")
    world.revive()


@asynccontextmanager
async def freeze_service(world: World, fault: Fault) -> AsyncIterator[Bite]:
    """SIGSTOP one process: its connections stay open and answer nothing."""
    group = random.Random(fault.seed).choice(sorted(world.groups))
    pid = world.running[group].child.pid
    with Frozen([pid]):
        yield said(f"{group} in state {_states([pid])}")


@asynccontextmanager
async def kill_postgres(world: World, fault: Fault) -> AsyncIterator[Bite]:
    """SIGKILL the database's postmaster, and start it again."""
    await asyncio.to_thread(world.servers.kill, "postgres")
    yield said(_refuses(world.servers.postgres.port))
    await asyncio.to_thread(world.servers.start_again, "postgres")


@asynccontextmanager
async def freeze_postgres(world: World, fault: Fault) -> AsyncIterator[Bite]:
    """SIGSTOP the database with all its backends."""
    process = world.servers.postgres.process
    assert process is not None
    pids = [process.pid, *_descendants(process.pid)]
    with Frozen(pids):
        yield said(f"{len(pids)} processes in state {_states(pids)}")


@asynccontextmanager
async def kill_rabbitmq(world: World, fault: Fault) -> AsyncIterator[Bite]:
    """SIGKILL the broker, and start it again."""
    await asyncio.to_thread(world.servers.kill, "rabbitmq")
    yield said(_refuses(world.servers.rabbitmq.port))
    await asyncio.to_thread(world.servers.start_again, "rabbitmq")


@asynccontextmanager
async def freeze_rabbitmq(world: World, fault: Fault) -> AsyncIterator[Bite]:
    """SIGSTOP the broker."""
    process = world.servers.rabbitmq.process
    assert process is not None
    pids = [process.pid, *_descendants(process.pid)]
    with Frozen(pids):
        yield said(f"{len(pids)} processes in state {_states(pids)}")


@asynccontextmanager
async def kill_everything(world: World, fault: Fault) -> AsyncIterator[Bite]:
    """Services, broker and database at once, as when the power goes."""
    codes = {world.kill(group) for group in world.groups}
    for which in ("postgres", "rabbitmq"):
        await asyncio.to_thread(world.servers.kill, which)
    yield said(f"exit codes {codes}; {_refuses(world.servers.postgres.port)}; {_refuses(world.servers.rabbitmq.port)}")
    await asyncio.gather(asyncio.to_thread(world.servers.start_again, "postgres"), asyncio.to_thread(world.servers.start_again, "rabbitmq"))
    world.revive()


def proxied(spoil: Callable[[Proxy, random.Random], Awaitable[None]], which: str, what: str) -> "Do":
    """A fault of the network between all services and one server."""

    @asynccontextmanager
    async def do(world: World, fault: Fault) -> AsyncIterator[Bite]:
        proxy: Proxy = getattr(world, which)
        before = proxy.bites

        async def bite() -> str:
            return f"{proxy.bites - before} {what}" if proxy.bites > before else ""

        await spoil(proxy, random.Random(fault.seed))
        yield bite
        proxy.release()
        if what.startswith("connections cut"):
            await proxy.join()

    return do


async def _cut(proxy: Proxy, rng: random.Random) -> None:
    await proxy.cut()


async def _slow(proxy: Proxy, rng: random.Random) -> None:
    proxy.delay(rng.uniform(0.005, 0.08))


async def _sliced(proxy: Proxy, rng: random.Random) -> None:
    proxy.slice(rng.choice((7, 64, 500)))


async def _half_open(proxy: Proxy, rng: random.Random) -> None:
    proxy.half_open()


async def _commit_lost(proxy: Proxy, rng: random.Random) -> None:
    proxy.lose(COMMITTED)


async def _confirm_lost(proxy: Proxy, rng: random.Random) -> None:
    proxy.lose(CONFIRMED)


@asynccontextmanager
async def backends_terminated(world: World, fault: Fault) -> AsyncIterator[Bite]:
    """pg_terminate_backend on about half of the services' connections."""
    rows = await world.sql(
        "select pg_terminate_backend(pid) as done from pg_stat_activity where application_name like 'aftersale-%' and pid % 2 = $1",
        fault.seed % 2,
    )
    yield said(f"{sum(row['done'] for row in rows)} backends terminated" if rows else "")


@asynccontextmanager
async def memory_alarm(world: World, fault: Fault) -> AsyncIterator[Bite]:
    """The broker believes that its memory is full, and stops reading from publishers."""
    await _control(world, "set_vm_memory_high_watermark", "absolute", "1MB")

    async def bite() -> str:
        return (await _control(world, "eval", "rabbit_alarm:get_alarms().")).strip().replace("\n", " ")

    yield bite
    await _control(world, "set_vm_memory_high_watermark", "absolute", "768MB")


@asynccontextmanager
async def queue_deleted(world: World, fault: Fault) -> AsyncIterator[Bite]:
    """Somebody deletes a service's queue with what is in it; it is made again, and what it lost is sent again."""
    reader = random.Random(fault.seed).choice(READERS)
    name = queue_name(world.stack.name, reader)
    async with await world.amqp() as connection:
        lost = await (await connection.channel()).queue_delete(name)
    yield said(f"{name} deleted with {lost.message_count} messages")
    again = await redriven(world.servers.amqp_url, world.servers.postgres_url, world.stack.name)
    assert again >= 0


@asynccontextmanager
async def disk_full(world: World, fault: Fault) -> AsyncIterator[Bite]:
    """Not one free block is left where the database writes."""
    assert world.small_disk is not None
    ballast = world.small_disk / "ballast"
    refused: list[str] = []

    async def fill() -> None:
        with suppress(OSError):
            while True:
                free = os.statvfs(world.small_disk or "/")
                size = ballast.stat().st_size if ballast.exists() else 0
                with ballast.open("ab") as file:
                    os.posix_fallocate(file.fileno(), size, max(free.f_bavail * free.f_bsize, 4096))

    async def bite() -> str:
        await fill()
        try:
            await world.sql(
                "create table if not exists public.ballast as select repeat(md5(n::text), 1000) from generate_series(1, 2000) n"
            )
        except (asyncpg.PostgresError, OSError, asyncpg.InterfaceError) as error:
            refused.append(f"{type(error).__name__}: {error}".splitlines()[0][:120])
        return refused[-1] if refused else ""

    await fill()
    try:
        yield bite
    finally:
        ballast.unlink()
        process = world.servers.postgres.process
        if process is None or not process.alive:  # it panics when its log cannot grow: somebody starts it again
            await asyncio.to_thread(world.servers.start_again, "postgres")
    await world.until("the database takes statements", lambda: _answers(world))


@asynccontextmanager
async def events_repeated(world: World, fault: Fault) -> AsyncIterator[Bite]:
    """Events of the past come again, three times each, in any order."""
    rng = random.Random(fault.seed)
    columns = "event_id, type, subject, sequence, occurred_at, recorded_at, store_id, traceparent, data::text as data"
    bodies: list[tuple[str, bytes]] = []
    for service in SERVICES:
        rows = await world.sql(
            f"select {columns} from {service}.events where published_at is not null and position % 7 = $1 order by position desc limit $2",
            fault.seed % 7,
            REPEATED_EVENTS,
        )
        bodies += [(row["type"], cloud_event(service, _Row(row))) for row in rows] * 3  # type: ignore[arg-type]  # reads as a row does
    rng.shuffle(bodies)
    async with await world.amqp() as connection:
        exchange = await (await connection.channel()).get_exchange(exchange_name(world.stack.name))
        for event_type, body in bodies:
            await exchange.publish(aio_pika.Message(body, type=event_type, delivery_mode=2), routing_key=event_type, mandatory=False)
    yield said(f"{len(bodies)} repeats published" if bodies else "")


@asynccontextmanager
async def clock_jump(world: World, fault: Fault) -> AsyncIterator[Bite]:
    """One process lives up to half an hour in the past or in the future (libfaketime)."""
    rng = random.Random(fault.seed)
    group, minutes = rng.choice(sorted(world.groups)), rng.choice((-30, -5, 5, 30))
    world.kill(group)
    world.start(group, LD_PRELOAD=FAKETIME, FAKETIME=f"{minutes:+d}m", FAKETIME_DONT_FAKE_MONOTONIC="1")
    told: list[str] = []

    async def says() -> bool:
        async with httpx2.AsyncClient(timeout=5) as client:
            told.append((await client.get(f"{world.url(group, world.groups[group][0][0])}/health/live")).headers["date"])
        return True

    with suppress(NotBack):
        await world.until(f"{group} lives in another time", says)

    async def bite() -> str:
        return f"{group} answers at {told[-1]}, {minutes:+d} minutes" if told else ""

    yield bite
    world.kill(group)
    world.revive()


Do = Callable[[World, Fault], AbstractAsyncContextManager[Bite]]

KINDS: dict[str, Do] = {
    "kill_service": kill_service,
    "kill_all_services": kill_all_services,
    "freeze_service": freeze_service,
    "kill_postgres": kill_postgres,
    "freeze_postgres": freeze_postgres,
    "kill_rabbitmq": kill_rabbitmq,
    "freeze_rabbitmq": freeze_rabbitmq,
    "kill_everything": kill_everything,
    "cut_database": proxied(_cut, "database", "connections cut"),
    "cut_broker": proxied(_cut, "broker", "connections cut"),
    "slow_database": proxied(_slow, "database", "chunks delayed"),
    "slow_broker": proxied(_slow, "broker", "chunks delayed"),
    "sliced_database": proxied(_sliced, "database", "chunks sliced"),
    "sliced_broker": proxied(_sliced, "broker", "chunks sliced"),
    "half_open_database": proxied(_half_open, "database", "chunks swallowed"),
    "half_open_broker": proxied(_half_open, "broker", "chunks swallowed"),
    "commit_answer_lost": proxied(_commit_lost, "database", "answers to COMMIT lost"),
    "confirm_lost": proxied(_confirm_lost, "broker", "confirms lost"),
    "backends_terminated": backends_terminated,
    "memory_alarm": memory_alarm,
    "queue_deleted": queue_deleted,
    "disk_full": disk_full,
    "events_repeated": events_repeated,
    "clock_jump": clock_jump,
    **ATTACKS,
}


def possible(world: World) -> list[str]:
    """The kinds that can be done here."""
    missing = ({"disk_full"} if world.small_disk is None else set()) | (set() if FAKETIME else {"clock_jump"})
    return [kind for kind in KINDS if kind not in missing]


class _Row:
    """A record whose columns are read as attributes."""

    def __init__(self, record: asyncpg.Record) -> None:
        self.__dict__.update(record)


async def _control(world: World, *words: str) -> str:
    """rabbitmqctl, which is a slow starter: on a busy machine it is asked again."""
    for attempt in range(CONTROL_ATTEMPTS):
        try:
            return await asyncio.to_thread(world.servers.rabbitmq.control, *words)
        except Trouble:
            if attempt == CONTROL_ATTEMPTS - 1:
                raise
    raise AssertionError("not reached")


class Frozen:
    """Processes that stand still until the block is left."""

    def __init__(self, pids: Iterable[int]) -> None:
        self._pids = list(pids)

    def __enter__(self) -> None:
        for pid in self._pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)
        deadline = time.monotonic() + 5
        while set(_states(self._pids)) - set("TZ?") and time.monotonic() < deadline:
            time.sleep(0.01)

    def __exit__(self, *_: object) -> None:
        for pid in self._pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


def _states(pids: Iterable[int]) -> str:
    """Their states as the kernel tells them, one letter each: T is stopped."""
    return "".join(sorted({_stat(pid)[0] for pid in pids}))


def _stat(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ["?", "0"]


def _descendants(pid: int) -> list[int]:
    children = [int(path.name) for path in Path("/proc").glob("[0-9]*") if int(_stat(int(path.name))[1]) == pid]
    return [*children, *(grandchild for child in children for grandchild in _descendants(child))]


def _refuses(port: int) -> str:
    with socket.socket() as probe:
        probe.settimeout(2)
        code = probe.connect_ex(("127.0.0.1", port))
    return f"port refuses ({os.strerror(code)})" if code else ""


async def _answers(world: World) -> bool:
    await world.sql("drop table if exists public.ballast")
    return True
