"""The system under test: private servers behind proxies, each service in a process of its own, orders and notes twice."""

import asyncio
import os
import shutil
import subprocess
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import aio_pika
import asyncpg
import httpx2
from aio_pika.abc import AbstractConnection

from deploy.local import processes
from deploy.local.places import hold_state
from deploy.local.servers import postgres
from deploy.local.servers.private import PrivateServers
from deploy.operator.registry import READERS, SERVICES
from deploy.operator.state import PROJECT
from deploy.operator.trouble import Trouble
from deploy.operator.users import server_user
from shared.messaging.broker import queue_name
from tests.proxy import Proxy
from tests.stack import Process, Stack, new_stack

Groups = dict[str, tuple[tuple[str, ...], tuple[str, ...]]]
"""The processes, by name: the services and the roles of each."""
GROUPS: Groups = {
    "orders": (("orders",), ("api", "worker")),
    "orders-2": (("orders",), ("api",)),
    "refunds": (("refunds",), ("api", "worker")),
    "notes": (("notes",), ("api", "worker")),
    "notes-2": (("notes",), ("worker",)),
    "documents": (("documents",), ("api", "worker")),
    "webhooks": (("webhooks",), ("api", "worker")),
}
TWO_GROUPS: Groups = {"apis": (SERVICES, ("api",)), "workers": (SERVICES, ("worker",))}
"""Soon started: for runs that are many or short."""
SETTINGS = {
    "AFTERSALE_LOG_LEVEL": "warning", "AFTERSALE_DATABASE_POOL_SIZE": "6", "AFTERSALE_DATABASE_POOL_OVERFLOW": "4",
    "AFTERSALE_DELIVERY_TIMEOUT_SECONDS": "2",
}  # fmt: skip
START_SECONDS = 300.0  # a machine that is busy with something else needs its time for six interpreters
PATIENCE_SECONDS = 120.0
LOOK_DEADLINE_SECONDS = 30.0
LOOK_SECONDS = 0.25


AWAY = (
    OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, httpx2.HTTPError,
    aio_pika.exceptions.AMQPError,
)  # fmt: skip
"""What a look meets while something is broken. A connection that dies in the midst of an answer is an InternalClientError."""


class NotBack(Exception):  # noqa: N818  (says what happened)
    """The system did not come back by itself within the longest time that we wait."""


@dataclass
class World:
    """Everything that faults can be done to."""

    servers: PrivateServers
    stack: Stack
    database: Proxy
    broker: Proxy
    small_disk: Path | None
    groups: Groups
    ports: dict[tuple[str, str], int]
    running: dict[str, Process] = field(default_factory=dict)
    died_by_themselves: list[str] = field(default_factory=list)
    _admin: "asyncpg.Connection[asyncpg.Record] | None" = None
    _asking: asyncio.Lock = field(default_factory=asyncio.Lock)
    _watching: AbstractConnection | None = None
    _http: httpx2.AsyncClient = field(default_factory=lambda: httpx2.AsyncClient(timeout=8))

    @property
    def urls(self) -> dict[str, list[str]]:
        """Base addresses of each service's APIs."""
        found: dict[str, list[str]] = {}
        for group, (services, roles) in self.groups.items():
            for service in services if "api" in roles else ():
                found.setdefault(service, []).append(self.url(group, service))
        return found

    def url(self, group: str, service: str) -> str:
        """Where a service of this process listens; a worker only answers about its health."""
        return f"http://127.0.0.1:{self.ports[group, service]}"

    def start(self, group: str, **environment: str) -> None:
        """Start one process (again), on the ports that it always has."""
        services, roles = self.groups[group]
        ports = {service: self.ports[group, service] for service in services}
        public = str(self.servers.state.port(f"{group}-public"))  # what another process may take is no fault of ours
        self.running[group] = self.stack.run(*services, roles=roles, ports=ports, AFTERSALE_PUBLIC_PORT=public, **SETTINGS, **environment)

    def kill(self, group: str) -> int:
        """SIGKILL one process; its exit code, which shows that it was that."""
        self.running[group].kill()
        return int(self.running[group].child.returncode)

    def revive(self) -> None:
        """Start whatever is dead. What nobody killed is noted down: it is a bug."""
        for group, process in self.running.items():
            if process.child.poll() is not None:
                if process.child.returncode != -9:
                    self.died_by_themselves.append(f"{group} (exit code {process.child.returncode})")
                self.start(group)

    async def sql(self, statement: str, *arguments: object) -> list[asyncpg.Record]:
        """Rows, asked as the administrator, past the proxy: schemas of all services can be compared."""
        async with self._asking:
            return await self._asked(statement, arguments)

    async def _asked(self, statement: str, arguments: tuple[object, ...]) -> list[asyncpg.Record]:
        for attempt in range(2):
            try:
                if self._admin is None or self._admin.is_closed():
                    name = urlsplit(self.stack.database_url("orders")).path[1:]
                    self._admin = await asyncpg.connect(self.servers.postgres_url, database=name, timeout=5, command_timeout=120)
                return list(await self._admin.fetch(statement, *arguments))
            except (OSError, asyncpg.PostgresConnectionError, asyncpg.InterfaceError, asyncpg.InternalClientError):
                self._admin = None
                if attempt:
                    raise
        raise AssertionError("not reached")

    async def amqp(self) -> AbstractConnection:
        """A fresh connection to the broker as its administrator, past the proxy."""
        return await aio_pika.connect(self.servers.amqp_url, timeout=5)

    async def backlog(self) -> int:
        """Events that are not sent yet and messages that are not consumed yet."""
        counts = " + ".join(f"(select count(*) from {service}.events where published_at is null)" for service in SERVICES)
        unsent = (await self.sql(f"select {counts}"))[0][0]
        async with asyncio.timeout(5):
            return int(unsent) + await self._queued()

    async def _queued(self) -> int:
        """Messages in the readers' queues. Raises ConnectionError while the broker is away: a dead connection says RuntimeError."""
        try:
            if self._watching is None or self._watching.is_closed:
                self._watching = await self.amqp()
            channel = await self._watching.channel()  # a queue that is not there closes it
            queues = [await channel.declare_queue(queue_name(self.stack.name, reader), passive=True) for reader in READERS]
            await channel.close()
        except RuntimeError as error:
            self._watching = None
            raise ConnectionError(str(error)) from error
        return sum(int(queue.declaration_result.message_count or 0) for queue in queues)

    async def until(self, what: str, look: Callable[[], Awaitable[bool]], seconds: float = PATIENCE_SECONDS) -> float:
        """Seconds until `look` is true. Raises NotBack."""
        began, met = time.monotonic(), ""
        while True:
            try:
                async with asyncio.timeout(LOOK_DEADLINE_SECONDS):
                    if await look():
                        return time.monotonic() - began
            except AWAY as error:
                met = f", last {error!r}"
            if time.monotonic() - began > seconds:
                raise NotBack(f"{what}: not within {seconds:.0f} s{met}{self._ends()}")
            await asyncio.sleep(LOOK_SECONDS)

    def _ends(self) -> str:
        codes = {group: process.child.poll() for group, process in self.running.items()}
        return "".join(f", {group} has ended with {code}" for group, code in codes.items() if code is not None)

    async def all_ready(self) -> bool:
        """Whether every process says that it can do its work."""
        for group, service in self.ports:
            if (await self._http.get(f"{self.url(group, service)}/health/ready")).status_code != 200:
                return False
        return True

    async def stop(self) -> None:
        """Stop what runs; the servers are stopped by who opened the world."""
        if self._admin is not None:
            self._admin.terminate()
        if self._watching is not None:
            await self._watching.close()
        await self._http.aclose()
        await asyncio.gather(*(asyncio.to_thread(process.stop) for process in self.running.values()))


@contextmanager
def servers(say: Callable[[str], None], disk_megabytes: int = 0) -> Iterator[tuple[PrivateServers, Path | None]]:
    """Private servers for one run. With `disk_megabytes`, PostgreSQL's data lies on a tmpfs of that size, where we may mount one."""
    state = hold_state(PROJECT, "test")
    postgres.SETTINGS["track_commit_timestamp"] = "on"  # the services' own clocks jump
    started = PrivateServers(state, say)
    small = state.folder / "postgres" if disk_megabytes and _mounted(state.folder / "postgres", disk_megabytes) else None
    try:
        started.start()
        yield started, small
    finally:
        started.stop()
        if small is not None:
            subprocess.run(["umount", "--lazy", str(small)], check=False)
            shutil.rmtree(state.folder, ignore_errors=True)


def _mounted(folder: Path, megabytes: int) -> bool:
    if os.geteuid() != 0 or shutil.which("mount") is None:
        return False
    folder.mkdir(mode=0o700, parents=True)
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=0700", "aftersale-faults", str(folder)], check=False)
    if done.returncode == 0:
        processes.give(server_user(), folder)
    return done.returncode == 0


@asynccontextmanager
async def world_of(started: PrivateServers, small_disk: Path | None, folder: Path, groups: Groups) -> AsyncIterator[World]:
    """Database, queues, proxies and running services; all of it but the servers is gone afterwards. Raises NotBack."""
    stack = await asyncio.to_thread(new_stack, started, folder, "faults")
    async with Proxy.to(started.postgres_url) as database, Proxy.to(started.amqp_url) as broker:
        for service in SERVICES:
            prefix = f"AFTERSALE_{service.upper()}"
            stack.settings[f"{prefix}_DATABASE_URL"] = database.url(stack.settings[f"{prefix}_DATABASE_URL"])
            stack.settings[f"{prefix}_AMQP_URL"] = broker.url(stack.settings[f"{prefix}_AMQP_URL"])
        ports = {
            (group, service): started.state.port(f"{group}-{service}") for group, (services, _) in groups.items() for service in services
        }
        world = World(started, stack, database, broker, small_disk, groups, ports)
        try:
            for group in groups:
                world.start(group)
            await world.until("the system is ready", world.all_ready, START_SECONDS)
            yield world
        finally:
            await world.stop()


def why_not() -> str | None:
    """Why private servers cannot be had here; None where they can."""
    from deploy.local.servers import rabbitmq  # noqa: PLC0415  (only to ask)

    try:
        postgres.find_binaries()
    except Trouble as trouble:
        return str(trouble)
    return None if rabbitmq.installed() else "RabbitMQ is not installed"
