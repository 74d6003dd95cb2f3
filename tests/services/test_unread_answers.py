"""A reader that stops reading holds its own export's slot and no database connection; the store's further exports are refused, not others'.

The services' apps run in the test, so that it can say which byte is the last that a reader takes, and count what is held meanwhile.
"""

import asyncio
import importlib
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from shared.contracts.actor import Actor
from shared.data.shares import SYSTEM, current_store
from shared.process.service import Running
from shared.web.app import front_of
from shared.web.tokens import issue
from tests.services.orders.test_changes import placed
from tests.shop import ISSUER, Shop, eventually, order_p
from tests.stack import Stack

STALLED = [
    ("orders", "/v1/orders/export"),
    ("orders", "/v1/orders/export?format=jsonl"),
    ("orders", "/v1/orders/export?rows=lines"),
    ("orders", "/v1/orders/journal"),
    ("refunds", "/v1/refunds/journal"),
    ("refunds", "/v1/refunds/export"),
    ("refunds", "/v1/refunds/export?format=jsonl"),
    ("documents", "/v1/documents/archive"),
]
STREAMED = [("webhooks", "/v1/events/stream"), ("orders", "/v1/orders/{order_id}/stream"), ("notes", "/v1/timeline/{order_id}/stream")]


class Reader:
    """One HTTP call to an app in this process. It takes so many pieces of the body and then reads no further."""

    def __init__(self, app: Any, url: str, token: str, pieces: int) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self.body = b""
        self.stopped = asyncio.Event()
        self._left = pieces
        path, _, query = url.partition("?")
        head = [(b"authorization", f"Bearer {token}".encode()), (b"host", b"here")]
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "http",
            "path": path, "root_path": "", "raw_path": path.encode(), "query_string": query.encode(), "headers": head,
            "server": ("here", 80), "client": ("there", 1),
        }  # fmt: skip
        self._asked = False
        self.task = asyncio.create_task(app(scope, self._receive, self._send))

    async def _receive(self) -> dict[str, Any]:
        if self._asked:
            await asyncio.Event().wait()
        self._asked = True
        return {"type": "http.request", "body": b"", "more_body": False}

    async def _send(self, message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {name.decode(): value.decode() for name, value in message["headers"]}
            return
        self.body += message.get("body", b"")
        self._left -= 1
        if self._left == 0 and self.status == 200:
            self.stopped.set()
            await asyncio.Event().wait()

    async def leave(self) -> None:
        """Close the connection."""
        self.task.cancel()
        await asyncio.wait([self.task])


@asynccontextmanager
async def running(service: str, stack: Stack, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Running]:
    for name, value in stack.settings.items():
        monkeypatch.setenv(name, value)
    one = Running(importlib.import_module(f"services.{service}.app").SERVICE, ["api"])
    try:
        yield one
    finally:
        one.stopping.set()
        await one.database.close()


def token(shop: Shop, *, store: str | None = None) -> str:
    actor = Actor(store or shop.store, "staff", "staff-1")
    return issue(shop.stack.secret, issuer=ISSUER, actor=actor, lifetime_seconds=600, now=time.time())


async def something_of(shop: Shop, service: str) -> str:
    """An order that the services know; for documents, with a rendered document."""
    order_id = await placed(shop)
    if service == "documents":
        await eventually(lambda: _documents(shop))
    elif service == "notes":
        await eventually(lambda: shop.rows("notes", "select order_id from orders where store_id = {store}"))
    return order_id


async def _documents(shop: Shop) -> Any:
    return (await shop.staff.get("/documents/v1/documents")).ok()["items"]


@pytest.mark.parametrize(("service", "url"), STALLED)
async def test_an_export_that_nobody_reads_holds_no_connection(
    service: str, url: str, shop: Shop, stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    await something_of(shop, "orders")
    async with running(service, stack, monkeypatch) as one:
        part = one.exporting.running._turns._beside_others()
        stalled = [Reader(front_of(one), url, token(shop), pieces=1) for _ in range(part)]
        for reader in stalled:
            await asyncio.wait_for(reader.stopped.wait(), 60)
        assert one.database.shares.used == 0, "an export holds a connection while nobody reads it"
        assert one.database.connections_in_use == 0
        assert one.exporting.running.used == part
        assert one.exporting.making.used == 0

        refused = Reader(front_of(one), url, token(shop), pieces=1)
        await refused.task
        assert (refused.status, json.loads(refused.body)["code"], refused.headers["retry-after"]) == (429, "store_busy", "1")
        other = Reader(front_of(one), url, token(shop, store=f"{shop.store}-2"), pieces=-1)
        await other.task
        assert other.status == 200, "another store's export is not refused"

        for reader in stalled:
            await reader.leave()
        assert one.exporting.running.used == 0
        again = Reader(front_of(one), url, token(shop), pieces=-1)
        await again.task
        assert again.status == 200


@pytest.mark.parametrize(("service", "url"), STREAMED)
async def test_a_stream_that_nobody_reads_holds_no_connection(
    service: str, url: str, shop: Shop, stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What looks for everybody's streams was started by the first reader's call, and is nevertheless nobody's share."""
    order_id = await something_of(shop, service)
    async with running(service, stack, monkeypatch) as one:
        charged: set[str] = set()
        take = one.database.shares.take

        async def noted(store: str | None = None, caller: str | None = None) -> Callable[[], None]:
            charged.add(current_store.get())
            return await take(store, caller)

        monkeypatch.setattr(one.database.shares, "take", noted)
        readers = [Reader(front_of(one), url.replace("{order_id}", order_id), token(shop), pieces=1) for _ in range(5)]
        for reader in readers:
            await asyncio.wait_for(reader.stopped.wait(), 60)
        await eventually(lambda: _idle(one))
        await eventually(lambda: _charged(charged, SYSTEM))
        for reader in readers:
            await reader.leave()


async def _charged(charged: set[str], store: str) -> bool:
    return store in charged


async def _idle(one: Running) -> bool:
    return one.database.shares.used == 0


async def test_an_export_has_every_order_once_though_more_come(shop: Shop, stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """450 orders are three pages; those that are placed while it is read are newer than its first page, and in none."""
    for _ in range(3):
        (await shop.platform.post("/orders/v1/orders/batch", json={"orders": [order_p()] * 150})).ok()
    async with running("orders", stack, monkeypatch) as one:
        reader = Reader(front_of(one), "/v1/orders/export?format=jsonl", token(shop), pieces=-1)
        while not reader.body:
            await asyncio.sleep(0)
        (await shop.platform.post("/orders/v1/orders/batch", json={"orders": [order_p()] * 10})).ok()
        await reader.task
    numbers = [int(json.loads(line)["number"]) for line in reader.body.splitlines()]
    assert numbers == sorted(set(numbers), reverse=True)
    assert set(range(1001, 1451)) <= set(numbers)
    assert len(numbers) in (450, 460)


async def test_what_fails_before_the_first_byte_is_a_problem(shop: Shop, stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    async with running("orders", stack, monkeypatch) as one:
        give = [await one.exporting.making.take(f"store-{number}") for number in range(4)]
        one.exporting.making._wait_seconds = 0.01
        reader = Reader(front_of(one), "/v1/orders/export", token(shop), pieces=-1)
        await reader.task
        for back in give:
            back()
    assert (reader.status, json.loads(reader.body)["code"]) == (503, "unavailable")
    assert reader.headers["content-type"] == "application/problem+json"
