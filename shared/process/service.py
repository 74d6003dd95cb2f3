"""Assembling a service and running it as API, as worker, or both; one or several services in one process."""

import asyncio
import gc
import math
import signal
import socket
import sys
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any, Protocol

import structlog
import uvicorn
from fastapi import FastAPI
from starlette.types import ASGIApp

from shared.contracts.errors import Failure
from shared.data.db import Database
from shared.data.sweeping import analyze_new, sweep_answers, sweep_guests
from shared.messaging.broker import Broker
from shared.messaging.deliveries import Deliveries
from shared.messaging.inbox import Inbox
from shared.messaging.outbox import Relay
from shared.messaging.pulse import Pulse, end, stopped
from shared.process import operations
from shared.process.readiness import Readiness, Role, Source
from shared.process.settings import Settings
from shared.process.telemetry import set_up_telemetry
from shared.web.app import create_app, front_of, nowhere
from shared.web.dispatch import Dispatch, Table
from shared.web.door import Door
from shared.web.exports import Exporting
from shared.web.listener import Listener
from shared.web.lobby import Lobby
from shared.web.serving import Described
from shared.web.tokens import Tokens

log = structlog.get_logger()

ROLES: tuple[Role, ...] = ("api", "worker")

HTTP_STOP_SECONDS = 8
SWITCH_SECONDS = 0.0005
"""How long a thread may hold the GIL while the event loop waits for it; an HTTP call returns to the loop some twenty times."""
RESTART_TASK_SECONDS = 1.0
LOOK_SECONDS = 5.0
SWEEP_IDEMPOTENCY_SECONDS = 600
SWEEP_GUESTS_SECONDS = 3600
ANALYZE_NEW_SECONDS = 10
SWEEP_AGAIN_SECONDS = 30.0
SWEEP_HANG_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class Sweeper:
    """Periodic work of the worker role; `run` returns how many things it did."""

    name: str
    every_seconds: float
    run: "Sweep"


class Sweep(Protocol):
    """One turn of a sweeper; returns how many things it did."""

    async def __call__(self, database: Database, settings: Settings, /, *, now: datetime) -> int:
        """Do it."""


class Background(Protocol):
    """Something that runs for the whole life of a process: run() ends only when it is cancelled."""

    pulse: Pulse

    async def run(self) -> None:
        """Run until cancelled."""


@dataclass(frozen=True, slots=True)
class Service(Described):
    """Everything that a service consists of."""

    sweepers: tuple[Sweeper, ...] = ()
    workers: tuple[Callable[[Database, Settings], Background], ...] = ()
    """What runs all the time in the worker role, beside the consumer."""
    settings: type[Settings] = Settings


class Running:
    """A running service in this process."""

    def __init__(self, service: Service, roles: Sequence[Role]) -> None:
        self.service = service
        self.roles = tuple(roles)
        self.settings = service.settings.load(service.name)
        self.database = Database(self.settings, service.metadata)
        self.exporting = Exporting(self.settings)
        self.broker = Broker(self.settings)
        self.tokens = Tokens(self.settings.keys_file, self.settings.token_leeway_seconds, self.settings.token_lifetimes)
        self.stopping = asyncio.Event()  # live streams end when it is set
        self.readiness = Readiness(self)
        self.warnings: list[Source] = []  # further warnings of /health/ready; append to it
        self.app: FastAPI = create_app(self, with_api="api" in roles)
        self.deliveries = Deliveries(places=self.settings.consumer_prefetch, standstill_seconds=self.settings.consumer_standstill_seconds)
        self.pulses: list[Pulse] = []
        self._tasks: list[asyncio.Task[None]] = []

    def add_operations(self, app: FastAPI) -> None:
        """Health, metrics and the generated documents."""
        operations.add_operations(app, self)

    def start(self) -> None:
        """Start the background work; returns at once, whether or not database and broker can be reached."""
        relay = Relay(self.database, self.broker, self.settings)
        self._spawn(relay.pulse, relay.run)
        if "worker" in self.roles:
            for make in self.service.workers:
                one = make(self.database, self.settings)
                self._spawn(one.pulse, one.run)
            settings, deliveries = self.settings, self.deliveries
            inbox = Inbox(self.database, self.service.consumers, delay_ms=settings.consumer_delay_ms, deliveries=deliveries)
            if self.service.consumers.handlers:
                self.broker.consume(inbox.deliver, deliveries)
            self._spawn(inbox.retries, inbox.run_retries)
            for sweeper in (*self.service.sweepers, *_KERNEL_SWEEPERS):
                pulse = Pulse(f"sweeper {sweeper.name}", every_seconds=sweeper.every_seconds, hang_seconds=SWEEP_HANG_SECONDS)
                self._spawn(pulse, partial(self._sweep, sweeper, pulse))
        self.broker.start()

    async def stop(self) -> None:
        """Finish running work, send nothing more, close. Events that the relay has not sent wait in the outbox."""
        self.stopping.set()
        await self.broker.stop()
        await end(*self._tasks)
        await self.database.close()
        log.info("stopped", service=self.service.name)

    def _spawn(self, pulse: Pulse, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self.pulses.append(pulse)
        self._tasks.append(asyncio.create_task(self._kept_alive(pulse, work), name=f"{self.service.name}-{pulse.name}"))

    async def _kept_alive(self, pulse: Pulse, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Restart background work whenever it ends, except when we stop; cancel a turn that hangs."""
        while True:
            task = asyncio.create_task(work())
            try:
                while not task.done():
                    await asyncio.wait({task}, timeout=LOOK_SECONDS)
                    if pulse.hangs and not task.done():
                        log.error("background_work_hangs", service=self.service.name, work=pulse.name)
                        task.cancel()
                        pulse.given_up()
                ended: BaseException | None = None if task.cancelled() else task.exception()
                log.error("background_work_ended", service=self.service.name, work=pulse.name, error=repr(ended), exc_info=ended)
                await asyncio.sleep(RESTART_TASK_SECONDS)
            except BaseException:
                if stopped():
                    await end(task)
                    raise

    async def _sweep(self, sweeper: Sweeper, pulse: Pulse) -> None:
        """Run a sweeper periodically. A failure is logged, with its traceback the first time, and retried soon."""
        pause, told = sweeper.every_seconds, ""
        while True:
            await asyncio.sleep(pause)
            try:
                with pulse.turn():
                    done = await sweeper.run(self.database, self.settings, now=datetime.now(UTC))
            except Exception as error:
                trace = None if isinstance(error, Failure) or told == repr(error) else error
                log.error("sweep_failed", service=self.service.name, what=sweeper.name, error=repr(error), exc_info=trace)
                pause, told = min(sweeper.every_seconds, SWEEP_AGAIN_SECONDS), repr(error)
                continue
            pause, told = sweeper.every_seconds, ""
            if done:
                log.info("swept", service=self.service.name, what=sweeper.name, count=done)


_KERNEL_SWEEPERS = (
    Sweeper("idempotency", SWEEP_IDEMPOTENCY_SECONDS, sweep_answers),
    Sweeper("revoked-guests", SWEEP_GUESTS_SECONDS, sweep_guests),
    Sweeper("new-tables", ANALYZE_NEW_SECONDS, analyze_new),
)


class _Server(uvicorn.Server):
    """A server that leaves signals to run(), because several servers share one process."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Do not capture any."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen. Raises SystemExit if the port is taken, as uvicorn does."""
        config = self.config
        protocol: Any = config.http_protocol_class
        make = partial(protocol, config=config, server_state=self.server_state, app_state={})
        try:
            self.servers = [await Listener.at(config.host, config.port, make)]  # type: ignore[list-item]  # closes like one of asyncio's
        except OSError as error:
            raise SystemExit(str(error)) from error
        self.started = True


async def run(services: Sequence[Service], roles: Sequence[Role] = ROLES) -> None:
    """Run services until SIGTERM or SIGINT, then stop within seconds: streams end, calls and handlers finish."""
    sys.setswitchinterval(SWITCH_SECONDS)
    running = [Running(service, roles) for service in services]
    set_up_telemetry(running[0].settings)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    lobby = Lobby(max(one.settings.max_connections for one in running))
    doors = {one.service.name: front_of(one) for one in running}
    servers = [_server(doors[one.service.name], one.settings, one.settings.http_port, lobby) for one in running]
    if len(running) > 1 and "api" in roles:
        servers.append(_one_address(running, doors, lobby))
    serving = [asyncio.create_task(_serve(server)) for server in servers]
    sweeping = asyncio.create_task(lobby.run(), name="lobby")
    for one in running:
        one.start()
        log.info("started", service=one.service.name, roles=roles, port=one.settings.http_port)
    gc.collect()
    gc.freeze()  # loaded modules live as long as the process; each full collection would scan them again for 100 ms
    stopped = asyncio.create_task(stop.wait())
    await asyncio.wait([stopped, *serving], return_when=asyncio.FIRST_COMPLETED)
    for one in running:
        one.stopping.set()
    for server in servers:
        server.should_exit = True
    stopped.cancel()
    await asyncio.gather(*serving, return_exceptions=True)
    await end(sweeping)
    await asyncio.gather(*(one.stop() for one in running))
    if not stop.is_set():
        raise SystemExit("an API could not listen on its port: see the log above")


async def _serve(server: _Server) -> None:
    """Serve until told to exit. uvicorn raises SystemExit if it cannot listen, which would end the loop for the other servers."""
    try:
        await server.serve()
    except SystemExit:
        log.error("port_taken", host=server.config.host, port=server.config.port)


def _one_address(running: Sequence[Running], doors: Mapping[str, ASGIApp], lobby: Lobby) -> _Server:
    """A server for all services of this process by path, with the same front doors and the same connection limit as their own ports."""
    settings = running[0].settings
    table = Table.of((one.service.name, one.service.nouns) for one in running)
    log.info("started", service="all", port=settings.public_port)
    return _server(Dispatch(table, doors, nowhere(running[0])), settings, settings.public_port, lobby)


def _server(app: ASGIApp, settings: Settings, port: int, lobby: Lobby) -> _Server:
    door: Any = partial(Door, lobby, settings)  # uvicorn calls it with its own arguments for each connection
    config = uvicorn.Config(
        app,
        host=settings.http_host,
        port=port,
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=HTTP_STOP_SECONDS,
        http=door,
        ws="none",  # an upgrade would bypass the front door
        timeout_keep_alive=math.ceil(settings.idle_seconds),
    )
    return _Server(config)
