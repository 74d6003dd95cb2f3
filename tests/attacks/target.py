"""What an attacker knows of the system, and what it says about itself."""

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
    """PostgreSQL as administrator, for what a shop's own operator does by hand (a lock that is forgotten)."""

    @classmethod
    def of(cls, stack: Stack, urls: dict[str, str], store: str) -> "Target":
        """A running stack, seen by who has a token of `store`."""
        database = stack.database_url("orders").rpartition("/")[2]
        return cls(urls, stack.secret, store, f"{stack.postgres_url.rpartition('/')[0]}/{database}")

    def told(self) -> str:
        """As one line of JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def heard(cls, line: str) -> "Target":
        """What told() told."""
        return cls(**json.loads(line))

    def token(self, role: Role, actor_id: str = "greedy", *, read_only: bool = False) -> str:
        """A good bearer token of the store."""
        actor = Actor(self.store, role, actor_id, read_only=read_only)
        return issue(self.secret, issuer=ISSUER, actor=actor, lifetime_seconds=TOKEN_SECONDS, now=time.time())

    def address(self, service: str) -> Address:
        """Where a service listens."""
        return Address.of(self.urls[service])

    def line(self, service: str) -> Line:
        """A connection to it."""
        return Line(self.address(service))


class Attack(ABC):
    """One kind of attack. `counts` says what became of it: statuses, connections held, connections that were closed."""

    what: ClassVar[str]
    """One line: who does what."""
    beside: ClassVar[tuple[str, ...]] = ()
    """What else of another store is measured, because this attack competes for it: tests/proof/others.py."""
    unguarded: ClassVar[dict[str, str]] = {}
    """Settings that take the guard out."""
    broken: ClassVar[tuple[str, ...]] = ()
    """Patches of tests/mutants that take the guard out, where no setting does."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.counts: Counter[str] = Counter()

    async def prepare(self) -> None:  # noqa: B027  (most need nothing)
        """What the attacker's store needs to have first, such as many orders."""

    @abstractmethod
    async def run(self) -> None:
        """Attack until cancelled."""

    async def repeat(self, line: Line, made: Callable[[], bytes], per_second: float) -> None:
        """One sender: the same call again and again, as fast as it is answered but no faster than that."""
        try:
            while True:
                began = time.monotonic()
                status, _ = await line.ask(made(), PATIENCE_SECONDS)
                self.counts[f"answered {status}" if status else "closed unanswered"] += 1
                await asyncio.sleep(max(0.0, began + 1 / per_second - time.monotonic()))
        finally:
            line.close()

    async def place(self, orders: list[dict[str, Any]], each: int = BATCH_ORDERS) -> list[str]:
        """Orders of the attacker's store, through the front door; their ids. Waits where it is told to."""
        placed: list[str] = []
        line = self.target.line("orders")
        for start in range(0, len(orders), each):
            wanted = {"orders": orders[start : start + each]}
            answer = await self.insist(line, "POST", "/v1/orders/batch", self.target.token("platform"), wanted)
            placed += [item["order"]["order_id"] for item in answer["items"]]
        line.close()
        return placed

    async def insist(self, line: Line, method: str, path: str, token: str, body: object = None, **headers: str) -> Any:
        """The JSON of a successful answer; asked again while it is refused for now. Raises AssertionError in the end."""
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
    """All of them until cancelled; one that fails ends them all."""
    async with asyncio.TaskGroup() as group:
        for run in runs:
            group.create_task(_of(run))


async def _of(run: Awaitable[None]) -> None:
    await run


def greedy_order(**changes: Any) -> dict[str, Any]:
    """An order of the attacker's."""
    return order_p(**changes)
