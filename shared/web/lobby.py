"""The connections of this process to all its services: how many there may be, which one is closed for a new one, which are overdue."""

import asyncio
import resource
from collections import OrderedDict
from typing import Protocol

SWEEP_SECONDS = 0.5
MAX_LINGERING = 32
KEPT_BACK = 200
"""Descriptors for databases, brokers, files and child processes."""


class Guest(Protocol):
    """A connection, as the lobby sees it."""

    known: bool

    @property
    def lingers(self) -> bool:
        """Whether it was answered and only waits for the client to read the answer."""

    @property
    def transport(self) -> asyncio.Transport:
        """The transport, which can be aborted."""

    def overdue(self, now: float) -> None:
        """End the connection if its time is over."""


def places() -> int:
    """How many connections the process may hold: half of its descriptors, since a burst is accepted before any can be closed."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return max(64, min(10_000, (soft - KEPT_BACK) // 2))


class Lobby:
    """The open connections; one lobby per process."""

    def __init__(self, max_connections: int = 0) -> None:
        self.max_connections = max_connections or places()
        self.max_lingering = MAX_LINGERING
        self.lingering = 0
        self._guests: set[Guest] = set()
        self._idle: tuple[OrderedDict[Guest, None], OrderedDict[Guest, None]] = (OrderedDict(), OrderedDict())  # strangers, known callers

    @property
    def count(self) -> int:
        """How many connections are open."""
        return len(self._guests)

    def enter(self, guest: Guest) -> bool:
        """Admit it; if the process is full, close the longest idle stranger, else the longest idle caller. False if nobody is idle."""
        if len(self._guests) >= self.max_connections:
            leaving = next((oldest for idle in self._idle for oldest in idle), None)
            if leaving is None:
                return False
            leaving.transport.abort()
            self._forget(leaving)
        self._guests.add(guest)
        self._idle[0][guest] = None
        return True

    def busy(self, guest: Guest) -> None:
        """A call began: the connection keeps its place until the call is answered."""
        for idle in self._idle:
            idle.pop(guest, None)

    def idle(self, guest: Guest) -> None:
        """The call was answered: the connection is idle."""
        if guest in self._guests:
            self._idle[guest.known][guest] = None

    def leave(self, guest: Guest) -> None:
        """The connection is closed."""
        if guest.lingers:
            self.lingering -= 1
        self._forget(guest)

    def _forget(self, guest: Guest) -> None:
        self._guests.discard(guest)
        self.busy(guest)

    async def run(self) -> None:
        """Check every connection's deadlines until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            now = loop.time()
            for guest in list(self._guests):
                guest.overdue(now)
