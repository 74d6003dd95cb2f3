"""What an attacker knows about the system, and what every attack declares."""

import asyncio
import json
import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

from shared.contracts.actor import Actor, Role
from shared.web.tokens import issue
from tests.attacks.wire import Address, Line, request
from tests.shop import ISSUER, order_p
from tests.stack import Stack

TOKEN_SECONDS = 4 * 3600
MAX_CONNECTIONS = 1_000
MAX_REQUESTS_PER_SECOND = 1_000
PATIENCE_SECONDS = 180.0
LOOK_SECONDS = 0.2
BATCH_ORDERS = 500


@dataclass(frozen=True)
class Target:
    """The addresses, and the store whose tokens the attacker has."""

    urls: dict[str, str]
    secret: str
    store: str
    admin_url: str
    """PostgreSQL as administrator, for what an operator does by hand (leaving a lock open)."""

    @classmethod
    def of(cls, stack: Stack, urls: dict[str, str], store: str) -> "Target":
        """A running stack, as seen by a caller with tokens of `store`."""
        database = stack.database_url("orders").rpartition("/")[2]
        return cls(urls, stack.secret, store, f"{stack.postgres_url.rpartition('/')[0]}/{database}")

    def told(self) -> str:
        """The target as one line of JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def heard(cls, line: str) -> "Target":
        """The target from a line that told() made."""
        return cls(**json.loads(line))

    def token(self, role: Role, actor_id: str = "greedy", *, read_only: bool = False) -> str:
        """A valid bearer token of the store."""
        actor = Actor(self.store, role, actor_id, read_only=read_only)
        return issue(self.secret, issuer=ISSUER, actor=actor, lifetime_seconds=TOKEN_SECONDS, now=time.time())

    def address(self, service: str) -> Address:
        """The address that a service listens on."""
        return Address.of(self.urls[service])

    def line(self, service: str) -> Line:
        """A connection to a service."""
        return Line(self.address(service))


class Attack(ABC):
    """One kind of attack. `counts` has its results: statuses, connections held, connections that were closed."""

    what: ClassVar[str]
    """One line: who does what."""
    beside: ClassVar[tuple[str, ...]] = ()
    """Further calls of the other store to measure, because this attack competes with them: tests/proof/others.py."""
    unguarded: ClassVar[dict[str, str]] = {}
    """Settings that take the guard out."""
    broken: ClassVar[tuple[str, ...]] = ()
    """Patches in tests/mutants that take the guard out, if no setting does."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.counts: Counter[str] = Counter()

    async def prepare(self) -> None:  # noqa: B027  (most need nothing)
        """Create what the attacker's store needs first, such as many orders."""

    @abstractmethod
    async def run(self) -> None:
        """Attack until cancelled."""

    async def repeat(self, line: Line, made: Callable[[], bytes], per_second: float) -> None:
        """One sender: repeat the same call as fast as it is answered, but at most `per_second` times a second."""
        try:
            while True:
                began = time.monotonic()
                status, _ = await line.ask(made(), PATIENCE_SECONDS)
                self.counts[f"answered {status}" if status else "closed unanswered"] += 1
                await asyncio.sleep(max(0.0, began + 1 / per_second - time.monotonic()))
        finally:
            line.close()

    async def place(self, orders: list[dict[str, Any]], each: int = BATCH_ORDERS) -> list[str]:
        """Place orders in the attacker's store through the API; returns their ids. Retries while it is asked to wait."""
        placed: list[str] = []
        line = self.target.line("orders")
        for start in range(0, len(orders), each):
            wanted = {"orders": orders[start : start + each]}
            answer = await self.insist(line, "POST", "/v1/orders/batch", self.target.token("platform"), wanted)
            placed += [item["order"]["order_id"] for item in answer["items"]]
        line.close()
        return placed

    async def insist(self, line: Line, method: str, path: str, token: str, body: object = None, **headers: str) -> Any:
        """The JSON of a successful answer; retries temporary refusals. Raises AssertionError if it never succeeds."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        sent = request(method, path, token, body, headers, key=method == "POST")
        while True:
            status, content = await line.ask(sent, PATIENCE_SECONDS)
            if 200 <= status < 300:
                return json.loads(content) if content else None
            assert time.monotonic() < deadline, f"{method} {path}: {status} {content[:300]!r}"
            assert status in {0, 404, 409, 429, 503}, f"{method} {path}: {status} {content[:300]!r}"
            await asyncio.sleep(LOOK_SECONDS)


async def both(*runs: Awaitable[None]) -> None:
    """Run all of them until cancelled; if one fails, all end."""
    async with asyncio.TaskGroup() as group:
        for run in runs:
            group.create_task(_of(run))


async def _of(run: Awaitable[None]) -> None:
    await run


def greedy_order(**changes: Any) -> dict[str, Any]:
    """An order for the attacker's store."""
    return order_p(**changes)
