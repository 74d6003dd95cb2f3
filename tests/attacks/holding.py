"""Answers that are requested but not read, and streams that are kept open."""

import asyncio
import itertools
import socket
from typing import ClassVar

from tests.attacks.heads import LOOK_SECONDS
from tests.attacks.target import Attack, both, greedy_order
from tests.attacks.wire import ended, opened, request

EXPORTS = 40
EXPORTED_ORDERS = 7_000
STREAMS = 900
SMALL_BUFFER_BYTES = 4_096
GRINNING = "\N{GRINNING FACE}"
AT_ONCE = 10
TURN_SECONDS = 0.001
ASKED_PER_SECOND = 200
"""How fast they are requested, and again once the service ends them: floods and a thousand connections at once are other attacks."""


class UnreadExports(Attack):
    """More unread exports of 8 MB than there are connections to the database."""

    what = "one store: 40 exports of 8 MB that are not read"
    beside: ClassVar[tuple[str, ...]] = ("export",)
    broken: ClassVar[tuple[str, ...]] = (
        "p19_export_holds_its_connection", "p19_exports_without_slots", "p19_one_store_takes_every_connection",
    )  # fmt: skip
    unguarded: ClassVar[dict[str, str]] = {"AFTERSALE_SHARE_PART_PERCENT": "100", "AFTERSALE_SHARE_HEADROOM": "0"}
    wanted = EXPORTS
    receive_buffer = SMALL_BUFFER_BYTES

    async def prepare(self) -> None:
        """Place orders that are long in an export."""
        order = greedy_order()
        order["customer"] = {"id": "export-customer", "name": GRINNING * 190}
        await self.place([order] * EXPORTED_ORDERS)

    def asked(self) -> bytes:
        """The call whose answer is not read."""
        return request("GET", "/v1/orders/export?format=jsonl&customer_id=export-customer", self.target.token("staff"))

    async def run(self) -> None:
        """Hold the answers; request each again that the service ended."""
        await both(*(self._hold(self.wanted // AT_ONCE) for _ in range(AT_ONCE)))

    async def _hold(self, count: int) -> None:
        held: list[socket.socket] = []
        began, asked = asyncio.get_running_loop().time(), 0
        call, address = self.asked(), self.target.address("orders")
        try:
            while True:
                alive = [peer for peer in held if not self.over(peer)]
                self.counts["ended by the service"] += len(held) - len(alive)
                for peer in set(held) - set(alive):
                    peer.close()
                held = alive
                if len(held) < count and asked <= (asyncio.get_running_loop().time() - began) * ASKED_PER_SECOND / AT_ONCE:
                    asked += 1
                    new = await opened(address, call, self.receive_buffer)
                    self.counts["asked for" if new else "refused"] += 1
                    held += [new] if new else []
                await asyncio.sleep(LOOK_SECONDS if len(held) == count else TURN_SECONDS)
                self.counts["most held at once"] = max(self.counts["most held at once"], len(held) * AT_ONCE)
        finally:
            for peer in held:
                peer.close()

    def over(self, peer: socket.socket) -> bool:
        """Whether it was closed, or refused with an answer that fits into a buffer; found out without reading an export's data."""
        try:
            head = peer.recv(15, socket.MSG_PEEK)
        except BlockingIOError:
            return False
        except OSError:
            return True
        return not head.startswith(b"HTTP/1.1 200")


class UnreadListings(UnreadExports):
    """Exports of a store that already has its orders, as in `make faults`."""

    what = "one store: 40 exports of all its orders that are not read"

    async def prepare(self) -> None:
        """Nothing to prepare."""

    def asked(self) -> bytes:
        """An export of all orders."""
        return request("GET", "/v1/orders/export?format=jsonl", self.target.token("staff"))


class ManyStreams(UnreadExports):
    """As many live streams as one token can open, of an order that keeps changing."""

    what = "one token: 900 live streams of one order, which changes 20 times a second"
    beside = ()
    broken = ()
    unguarded: ClassVar[dict[str, str]] = {"AFTERSALE_TOKEN_STREAMS": "0", "AFTERSALE_STREAMS_PER_PROCESS": "0"}
    wanted = STREAMS
    receive_buffer = 0
    order_id = ""

    async def prepare(self) -> None:
        """Place the order."""
        [self.order_id] = await self.place([greedy_order()])

    def asked(self) -> bytes:
        """A stream of the order."""
        return request("GET", f"/v1/orders/{self.order_id}/stream", self.target.token("staff"))

    def over(self, peer: socket.socket) -> bool:
        """Streams are read: they are expensive because every event is sent to all of them."""
        return ended(peer, reads=True)

    async def run(self) -> None:
        """Hold the streams, and make changes that are sent to them."""
        numbers = itertools.count()

        def change() -> bytes:
            edit = {"reason": "typo", "customer": {"name": f"Rahima {next(numbers)}"}}
            return request("PATCH", f"/v1/orders/{self.order_id}", self.target.token("platform"), edit)

        await both(super().run(), *(self.repeat(self.target.line("orders"), change, 10) for _ in range(2)))
