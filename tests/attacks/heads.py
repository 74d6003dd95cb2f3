"""Request heads that never end, and connections that send nothing."""

import asyncio
import contextlib
import socket
import time
from typing import ClassVar

from tests.attacks.target import MAX_CONNECTIONS, Attack, both
from tests.attacks.wire import Address, ended, opened, request

HUGE_HEAD_BYTES = 128_000_000
MANY_HEADERS = 100_000
LOOK_SECONDS = 0.25
DRIP_SECONDS = 4.0
OPENED_AT_ONCE = 20
"""How many tasks open connections, each one at a time: together they open a few hundred a second."""


class HugeHeads(Attack):
    """One header of 128 MB, and heads with 100,000 headers."""

    what = "anonymous: a header of 128 MB, and heads of 100,000 headers"
    broken = ("p19_heads_without_limit",)

    async def run(self) -> None:
        """One sender of each."""
        huge = request("GET", "/health/live", headers={"X-Long": "x" * HUGE_HEAD_BYTES})
        many = request("GET", "/health/live", headers={f"X-{n}": "1" for n in range(MANY_HEADERS)})
        await both(
            self.repeat(self.target.line("orders"), lambda: huge, 10),
            self.repeat(self.target.line("notes"), lambda: many, 10),
        )


class Silent(Attack):
    """As many connections as one source may have, all to one service; closed ones are opened again."""

    what = "anonymous: 1,000 connections that say nothing (the process may open 1,024 files)"
    unguarded: ClassVar[dict[str, str]] = {"AFTERSALE_MAX_CONNECTIONS": "100000"}
    broken: ClassVar[tuple[str, ...]] = ("p19_heads_without_deadline",)

    def begun(self, number: int) -> bytes:
        """The bytes that a connection sends when it is opened."""
        return b""

    async def run(self) -> None:
        """Hold the connections; count how many are held, and how many the other side closed."""
        address = self.target.address("orders")
        share = MAX_CONNECTIONS // OPENED_AT_ONCE
        await both(*(self._hold(address, number, share) for number in range(OPENED_AT_ONCE)))

    async def _hold(self, address: Address, first: int, count: int) -> None:
        held: list[socket.socket] = []
        number, dripped = first, time.monotonic()
        try:
            while True:
                alive = [peer for peer in held if not ended(peer, reads=True)]
                self.counts["closed by the service"] += len(held) - len(alive)
                for peer in set(held) - set(alive):
                    peer.close()
                held = alive
                if len(held) < count:
                    new = await opened(address, self.begun(number))
                    number += OPENED_AT_ONCE
                    self.counts["opened" if new else "refused"] += 1
                    held += [new] if new else []
                if len(held) == count or (held and len(held) % 10 == 0):
                    await asyncio.sleep(LOOK_SECONDS)
                if time.monotonic() - dripped > DRIP_SECONDS:
                    dripped = time.monotonic()
                    self.drip(held)
                self.counts["most held at once"] = max(self.counts["most held at once"], len(held) * OPENED_AT_ONCE)
        finally:
            for peer in held:
                peer.close()

    def drip(self, held: list[socket.socket]) -> None:
        """Called from time to time for the held connections; these send nothing."""


class HalfRequests(Silent):
    """Heads and bodies that never end, sent a byte at a time."""

    what = "anonymous: 1,000 connections with half a head or half a body, a byte every 4 s"
    broken = ("p19_heads_without_deadline", "p19_bodies_may_pause")

    def begun(self, number: int) -> bytes:
        """A head without its end, or one that announces a body."""
        return b"GET /health/live HTTP/1.1\r\nHost: x\r\nX: " if number % 2 else request("POST", "/v1/orders", "", b"[" * 10)[:-9]

    def drip(self, held: list[socket.socket]) -> None:
        """Send one more byte on each."""
        for peer in held:
            with contextlib.suppress(OSError):
                peer.send(b"x")
