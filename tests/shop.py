"""A fresh store to test with, and its callers, each of which calls the running services over HTTP with its own token."""

import asyncio
import json
import os
import time
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import asyncpg
import httpx2

from shared.contracts.actor import Actor, Role
from shared.web.tokens import issue
from tests.stack import Stack

ISSUER = "aftersale-local"
PATIENCE_SECONDS = float(os.environ.get("AFTERSALE_TEST_PATIENCE_SECONDS", "240"))
"""How long a test waits for a condition, even on a busy machine. A mutant's run sets less, because its condition never comes true."""
TOKEN_SECONDS = 3600
BANGLADESH = {"country_code": "BD", "name": "Rahima Begum", "street_address": "House 1, Road 2", "city": "Dhaka", "postal_code": "1205"}

T = TypeVar("T")


@dataclass(frozen=True)
class Answer:
    """An HTTP answer: `answer["total"]` reads its JSON, `answer.code` a problem's code."""

    status: int
    headers: httpx2.Headers
    content: bytes

    @property
    def body(self) -> Any:
        return json.loads(self.content) if self.content else None

    def __getitem__(self, name: str) -> Any:
        return self.body[name]

    @property
    def code(self) -> str | None:
        """The problem's stable code; None for a success."""
        return self.body["code"] if self.status >= 400 else None

    @property
    def etag(self) -> str:
        return self.headers["etag"]

    @property
    def replayed(self) -> bool:
        return self.headers.get("idempotent-replayed") == "true"

    def ok(self) -> "Answer":
        """Return the answer itself. Raises an AssertionError that shows the problem, if it is one."""
        assert self.status < 400, f"{self.status}: {self.content.decode()}"
        return self


class Caller:
    """One actor's HTTP client. Paths start with the service: `await staff.post("/orders/v1/orders", json=…)`."""

    def __init__(self, client: httpx2.AsyncClient, urls: dict[str, str], token: str) -> None:
        self._client = client
        self._urls = urls
        self.token = token

    async def call(self, method: str, path: str, *, key: str | None = "", headers: dict[str, str] | None = None, **content: Any) -> Answer:
        """One call. A POST gets a fresh Idempotency-Key unless `key` is given (None: no header at all)."""
        _, service, rest = path.split("/", 2)
        sent = {"Authorization": f"Bearer {self.token}", **(headers or {})}
        if key or (key == "" and method == "POST"):
            sent["Idempotency-Key"] = key or uuid.uuid4().hex
        answer = await self._client.request(method, f"{self._urls[service]}/{rest}", headers=sent, **content)
        return Answer(answer.status_code, answer.headers, answer.content)

    async def get(self, path: str, **more: Any) -> Answer:
        return await self.call("GET", path, **more)

    async def post(self, path: str, json: Any = None, **more: Any) -> Answer:
        return await self.call("POST", path, json={} if json is None and "content" not in more and "files" not in more else json, **more)

    async def put(self, path: str, json: Any = None, **more: Any) -> Answer:
        return await self.call("PUT", path, json=json, **more)

    async def patch(self, path: str, json: Any = None, **more: Any) -> Answer:
        return await self.call("PATCH", path, json=json, **more)

    async def delete(self, path: str, **more: Any) -> Answer:
        return await self.call("DELETE", path, **more)


class Shop:
    """A store that nobody else uses."""

    def __init__(self, stack: Stack, client: httpx2.AsyncClient, pools: dict[str, asyncpg.Pool]) -> None:
        self.stack = stack
        self.store = f"store-{uuid.uuid4().hex[:12]}"
        self._client = client
        self._pools = pools
        self.platform = self.caller("platform", "platform-1")
        self.staff = self.caller("staff", "staff-1")
        self.reader = self.caller("staff", "reader-1", read_only=True)

    def caller(self, role: Role, actor_id: str, *, read_only: bool = False, store: str | None = None) -> Caller:
        """A caller of this store (or of another, to test access to another store's data)."""
        actor = Actor(store or self.store, role, actor_id, read_only=read_only)
        token = issue(self.stack.secret, issuer=ISSUER, actor=actor, lifetime_seconds=TOKEN_SECONDS, now=time.time())
        return Caller(self._client, self.stack.urls, token)

    def customer(self, customer_id: str = "c-1") -> Caller:
        """A customer of this store."""
        return self.caller("customer", customer_id)

    async def rows(self, service: str, sql: str, *arguments: Any) -> list[dict[str, Any]]:
        """Rows of a service's own tables, read as its role; `{store}` is bound as $1."""
        pool = self._pools.get(service)
        if pool is None:
            pool = self._pools[service] = await asyncpg.create_pool(
                self.stack.database_url(service), min_size=0, max_size=4, server_settings={"search_path": service}
            )
        return [dict(row) for row in await pool.fetch(sql.replace("{store}", "$1"), self.store, *arguments)]

    async def events(self, service: str, subject: str | None = None) -> list[dict[str, Any]]:
        """The events that a service has written, in order: type, subject, sequence, public, data (parsed)."""
        sql = "select type, subject, sequence, public, data from events where store_id = {store} and ($2::text is null or subject = $2)"
        rows = await self.rows(service, f"{sql} order by position", subject)
        return [row | {"data": json.loads(row["data"])} for row in rows]


async def eventually(look: Callable[[], Awaitable[T]], seconds: float = PATIENCE_SECONDS) -> T:
    """The first true value that `look` returns without an AssertionError. After the deadline, raises its last failure.

    A `lambda` condition should return the value itself: an empty list counts as "not yet".
    """
    deadline = time.monotonic() + seconds
    pause = 0.01
    while True:
        try:
            found = await look()
            if found or time.monotonic() > deadline:
                assert found, f"not within {seconds} s: {found!r}"
                return found
        except AssertionError:
            if time.monotonic() > deadline:
                raise
        await asyncio.sleep(pause)
        pause = min(pause * 1.5, 0.25)


def order_p(**changes: Any) -> dict[str, Any]:
    """Order P of product.md section 8: 2 units = 100.00, shipping 10.00, total 110.00; `changes` say whether it is prepaid."""
    return {
        "currency": "BDT",
        "customer": {"id": "c-1", "name": "Rahima Begum", "email": "rahima@example.com", "phone": "+8801712345678"},
        "shipping_address": BANGLADESH,
        "lines": [{"sku": "TEE-1", "name": "T-shirt", "quantity": 2, "unit_price": 5000}],
        "shipping": {"amount": 1000},
        **changes,
    }
