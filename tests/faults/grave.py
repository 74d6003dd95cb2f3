"""Where victims live and die: a database and a namespace of their own, and what is found there afterwards."""

import asyncio
import multiprocessing
import os
import signal
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess

from sqlalchemy.schema import CreateTable

from shared.data.crash import VARIABLE
from tests.faults import victim
from tests.faults.victim import CHANGES, REACTIONS, SERVICE, TOGETHER
from tests.services.kernel.lab import Lab, running_lab
from tests.shop import PATIENCE_SECONDS, eventually
from tests.stack import Stack

# Imports take longer than a victim lives: a server that has them forks each one.
_victims = multiprocessing.get_context("forkserver")
_victims.set_forkserver_preload([victim.__name__])


@dataclass
class Victim:
    """One process, and the end of the pipe that its acknowledgements come out of."""

    process: ForkServerProcess
    said: Connection
    hearing: "asyncio.Task[None] | None" = None


@dataclass
class Grave:
    """One place of victims: starts them, kills them, and counts what they left."""

    lab: Lab
    acknowledged: set[int] = field(default_factory=set)
    victims: list[Victim] = field(default_factory=list)
    _next: int = 0

    def start(self, changes: int, crash_at: str = "", *, consumes: bool = True, together: bool = False) -> Victim:
        """A victim that makes `changes` more changes; dies by itself at `crash_at`. `together`: it consumes in groups."""
        settings = self.lab.settings
        prefix = f"AFTERSALE_{SERVICE.upper()}_"
        environment = {
            f"{prefix}DATABASE_URL": settings.database_url.get_secret_value(),
            f"{prefix}AMQP_URL": settings.amqp_url.get_secret_value(),
            f"{prefix}AMQP_NAMESPACE": settings.amqp_namespace,
            f"{prefix}KEYS_FILE": os.devnull,
            f"{prefix}RELAY_POLL_SECONDS": "0.1",
            VARIABLE: crash_at,
            TOGETHER: "1" if together else "",
        }
        hears, says = _victims.Pipe(duplex=False)
        process = _victims.Process(target=victim.live, args=(environment, self._next, changes, says, consumes), daemon=True)
        process.start()
        says.close()
        self._next += changes
        started = Victim(process, hears, asyncio.create_task(asyncio.to_thread(self._hear, hears)))
        self.victims.append(started)
        return started

    def _hear(self, said: Connection) -> None:
        """Note down what a victim acknowledges, until it is gone. Blocks."""
        while True:
            try:
                self.acknowledged.add(said.recv())
            except (EOFError, OSError):
                return

    async def run_until_killed(self, crash_at: str, changes: int = 5, *, together: bool = False) -> None:
        """A victim that must die by itself at `crash_at`."""
        started = self.start(changes, crash_at, together=together)
        assert started.hearing is not None
        await asyncio.wait([started.hearing], timeout=PATIENCE_SECONDS)
        died_by_itself = started.hearing.done()
        code = await self.bury(started)
        assert died_by_itself, f"nothing passed {crash_at}"
        assert code == -signal.SIGKILL

    async def send(self, changes: int = 5) -> None:
        """A victim that makes changes and sends them, consumes none, and is killed when all are sent and marked so."""
        sender = self.start(changes, consumes=False)
        await eventually(lambda: self._has(changes), seconds=PATIENCE_SECONDS)
        await eventually(self._all_sent, seconds=PATIENCE_SECONDS)
        await self.bury(sender)

    async def _all_sent(self) -> bool:
        return await self.lab.count(f"{SERVICE}.events where published_at is null") == 0

    async def run_and_kill_after(self, acknowledgements: int, changes: int = 5_000) -> None:
        """A busy victim, killed from outside once it has acknowledged this many changes."""
        started = self.start(changes)
        await self.hears(acknowledgements)
        await self.bury(started)

    async def hears(self, more: int) -> None:
        """Wait until this many more changes were acknowledged."""
        enough = len(self.acknowledged) + more
        await eventually(lambda: self._has(enough), seconds=PATIENCE_SECONDS)

    async def _has(self, acknowledgements: int) -> bool:
        return len(self.acknowledged) >= acknowledgements

    async def bury(self, started: Victim) -> int | None:
        """Make sure that it is dead and that all it said was heard; its exit code."""
        started.process.kill()
        await asyncio.to_thread(started.process.join)
        if started.hearing is not None:
            await started.hearing
        return started.process.exitcode

    async def settle(self) -> None:
        """One more victim, with nothing of its own to do, until every change has been reacted to. Raises AssertionError."""
        heir = self.start(0)
        try:
            await eventually(self._at_rest, seconds=PATIENCE_SECONDS)
        finally:
            await self.bury(heir)

    async def _at_rest(self) -> bool:
        changes, reactions = await self.changes(), await self.reactions()
        assert (changes - set(reactions), await self._all_sent()) == (set(), True)
        return True

    async def changes(self) -> set[int]:
        """Numbers of the changes that are durable."""
        async with self.lab.database.reading() as tx:
            return {row.number for row in await tx.all(CHANGES.select())}

    async def events(self) -> Counter[int]:
        """How many events each change has."""
        events = self.lab.database.kernel.events
        async with self.lab.database.reading() as tx:
            return Counter(int(row.data["number"]) for row in await tx.all(events.select()))

    async def reactions(self) -> Counter[int]:
        """How often each event took effect."""
        async with self.lab.database.reading() as tx:
            return Counter(row.number for row in await tx.all(REACTIONS.select()))


@asynccontextmanager
async def a_grave(stack: Stack) -> AsyncIterator[Grave]:
    """A fresh one on the stack's servers."""
    async with running_lab(stack) as lab:
        async with lab.database.transaction("grave") as tx:
            for table in (CHANGES, REACTIONS):
                await tx.execute(CreateTable(table))
        grave = Grave(lab)
        try:
            yield grave
        finally:
            for one in grave.victims:
                await grave.bury(one)
