"""Expensive work: pictures to decode, long documents to render, thousands of events, a locked row."""

import asyncio
import random
import struct
import uuid
import zlib
from typing import ClassVar

import asyncpg

from tests.attacks.target import MAX_REQUESTS_PER_SECOND, Attack, both, greedy_order
from tests.attacks.wire import request

UPLOADERS = 100
INVOICES = 20
INVOICE_LINES = 2_000
BURST_ORDERS = 20_000
LOCKED_PER_SECOND = 10
LOCKED_SENDERS = 120


def one_pixel_wide(height: int) -> bytes:
    """A PNG that is one pixel wide, with one bit per pixel: 48 kB for 25 million rows."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    pack = zlib.compressobj(9)
    rows = b"".join(pack.compress(b"\0\0" * min(1_000_000, height - done)) for done in range(0, height, 1_000_000)) + pack.flush()
    header = struct.pack(">IIBBBBB", 1, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def form(content: bytes, name: str = "a.png") -> bytes:
    """The content as a multipart form with the boundary X."""
    head = f'--X\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
    return head.encode() + content + b"\r\n--X--\r\n"


MULTIPART = {"Content-Type": "multipart/form-data; boundary=X"}


class PictureBombs(Attack):
    """Small files that are large once decoded."""

    what = "one customer: 100 senders of 48 kB pictures of 25 million pixels"
    beside = ("upload",)
    unguarded: ClassVar[dict[str, str]] = {"AFTERSALE_TOKEN_CALLS_AT_ONCE": "0", "AFTERSALE_TOKEN_CALLS_PER_SECOND": "0"}
    broken = ("p19_pictures_in_one_queue", "p19_uploads_take_no_turns")

    async def run(self) -> None:
        """Each sender sends its next picture as soon as it is answered."""
        content, token = form(one_pixel_wide(25_000_000)), self.target.token("customer")

        def upload() -> bytes:
            return request("POST", "/v1/attachments", token, content, MULTIPART, key=True)

        each = MAX_REQUESTS_PER_SECOND / UPLOADERS
        await both(*(self.repeat(self.target.line("refunds"), upload, each) for _ in range(UPLOADERS)))


class LongInvoices(Attack):
    """Documents of 2,000 lines; no two are the same, so that no stored document can be reused."""

    what = "one store: 20 packing slips of 2,000 lines at once, again and again"
    beside = ("packing_slip",)
    broken = ("p19_oldest_documents_first", "p19_pictures_in_one_queue")

    async def prepare(self) -> None:
        """Place the long orders and wait until documents knows them."""
        rng = random.Random(3)
        orders = []
        for number in range(INVOICES):
            lines = [
                {"sku": f"S-{n}", "name": f"Thing {number} {rng.random()}", "quantity": 1, "unit_price": 100} for n in range(INVOICE_LINES)
            ]
            orders.append(greedy_order(lines=lines))
        self.ids = await self.place(orders, each=5)
        line = self.target.line("documents")
        for order_id in self.ids:
            await self.insist(line, "GET", f"/v1/documents/orders/{order_id}", self.target.token("staff"))
        line.close()

    async def run(self) -> None:
        """One sender for each document."""
        token = self.target.token("staff")
        paths = [f"/v1/prints/{order_id}/packing-slip" for order_id in self.ids]
        await both(*(self.repeat(self.target.line("documents"), lambda p=path: request("GET", p, token), 5) for path in paths))  # type: ignore[misc]  # mypy infers no default


class EventBacklog(Attack):
    """A shop imports its data: 20,000 orders as fast as they are accepted, each with events for three readers.

    Its guard protects the order of effects (tests/mutants/p19_one_store_fills_the_relay.patch); for calls P19 holds without it.
    """

    what = "one store: 20,000 orders in batches of 500, two senders"
    beside = ("effect",)

    async def run(self) -> None:
        """Two senders."""
        token = self.target.token("platform")
        body = {"orders": [greedy_order()] * 500}
        await both(
            *(
                self.repeat(self.target.line("orders"), lambda: request("POST", "/v1/orders/batch", token, body, key=True), 5)
                for _ in range(2)
            )
        )


class LockedRow(Attack):
    """Somebody left a transaction open that locks one article's row; the store's orders for it wait."""

    what = "one store: a locked stock row, and 10 orders a second that wait for it"
    unguarded: ClassVar[dict[str, str]] = {"AFTERSALE_SHARE_PART_PERCENT": "100", "AFTERSALE_SHARE_HEADROOM": "0"}
    broken = ("p19_one_store_takes_every_connection",)

    async def prepare(self) -> None:
        """Create the article with tracked stock."""
        token, line, self.sku = self.target.token("staff"), self.target.line("orders"), f"LOCKED-{uuid.uuid4().hex[:6]}"
        found = await self.insist(line, "GET", "/v1/orders-settings", token)
        kept = {name: found[name] for name in ("cancel_preset", "customer_cancel_until", "number_prefix", "time_zone")}
        await self.insist(line, "PUT", "/v1/orders-settings", token, kept | {"stock": True}, **{"If-Match": f'"v{found["version"]}"'})
        await self.insist(line, "PUT", f"/v1/stock/{self.sku}", token, {"on_hand": 100_000, "reason": "counted"})
        line.close()

    async def run(self) -> None:
        """Hold the lock until cancelled."""
        admin = await asyncpg.connect(self.target.admin_url)
        try:
            async with admin.transaction():
                assert await admin.fetch("select from orders.stock_levels where sku = $1 for update", self.sku)
                each = LOCKED_PER_SECOND / LOCKED_SENDERS
                await both(*(self._order(number / LOCKED_PER_SECOND, each) for number in range(LOCKED_SENDERS)))
        finally:
            admin.terminate()

    async def _order(self, after: float, per_second: float) -> None:
        await asyncio.sleep(after)
        token = self.target.token("platform")
        order = greedy_order(lines=[{"sku": self.sku, "name": "Locked", "quantity": 1, "unit_price": 1000}])
        await self.repeat(self.target.line("orders"), lambda: request("POST", "/v1/orders", token, order, key=True), per_second)
