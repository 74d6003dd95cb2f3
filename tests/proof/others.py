"""Another store, which has nothing to do with the attack: it calls at a steady pace, and each call is timed from when it was due."""

import asyncio
import json
import math
import time
import uuid
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from shared.contracts.actor import Role
from tests.attacks.dear import MULTIPART, form, one_pixel_wide
from tests.attacks.target import Target
from tests.attacks.wire import GONE, Line, request
from tests.shop import order_p

PER_SECOND = {"read": 12.0, "place": 12.0, "move": 12.0}
BESIDE_PER_SECOND = 4.0
LOOK_SECONDS = 0.02
EFFECT_SECONDS = 30.0
FIRST_ORDERS = 40
ONLY_TOLD = {"effect"}
"""Measurements that are reported but not judged: they are not calls, and an effect in another service may wait for its turn."""


@dataclass
class Heard:
    """The answers that a store got during one phase."""

    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    refusals: Counter[str] = field(default_factory=Counter)

    def figures(self) -> dict[str, dict[str, float]]:
        """By kind of call: how many, p50 and p99 in milliseconds."""
        return {
            kind: {"calls": len(took), "p50_ms": percentile(took, 0.50) * 1000, "p99_ms": percentile(took, 0.99) * 1000}
            for kind, took in self.seconds.items()
        }


def percentile(values: list[float], share: float) -> float:
    """The smallest value that this share of them does not exceed."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


class Others:
    """One store's callers. `beside` names further calls to measure, because an attack competes with them."""

    def __init__(self, target: Target, beside: tuple[str, ...]) -> None:
        self.target = target
        self._free: dict[str, list[Line]] = defaultdict(list)
        self._unmoved: list[str] = []
        self._order = ""
        self._paces = PER_SECOND | dict.fromkeys(beside, BESIDE_PER_SECOND)
        self._picture = form(one_pixel_wide(1))
        self._calls: dict[str, Callable[[], Awaitable[int]]] = {
            "read": self._read, "place": self._place, "move": self._move, "search": self._search, "upload": self._upload,
            "packing_slip": self._slip, "export": self._export, "effect": self._effect,
        }  # fmt: skip

    async def begin(self) -> None:
        """Place the first orders and wait until documents knows one. Raises AssertionError if the system does not accept them."""
        for _ in range(FIRST_ORDERS):
            assert await self._place() == 201
        self._order = self._unmoved.pop()
        deadline = time.monotonic() + EFFECT_SECONDS
        while await self._slip() != 200:
            assert time.monotonic() < deadline, "documents does not know another store's order"
            await asyncio.sleep(LOOK_SECONDS)

    async def listen(self, seconds: float) -> Heard:
        """Call for this many seconds, then wait for every answer."""
        heard, running = Heard(), set[asyncio.Task[None]]()
        began = time.monotonic()
        due = sorted((n / pace, kind) for kind, pace in self._paces.items() for n in range(int(seconds * pace)))
        for at, kind in due:
            await asyncio.sleep(max(0.0, began + at - time.monotonic()))
            task = asyncio.create_task(self._once(kind, began + at, heard))
            running.add(task)
            task.add_done_callback(running.discard)
        await asyncio.gather(*running)
        return heard

    def close(self) -> None:
        """Close every connection."""
        for lines in self._free.values():
            for line in lines:
                line.close()

    async def _once(self, kind: str, due: float, heard: Heard) -> None:
        if kind == "move" and not self._unmoved:
            return  # no order was accepted lately, which the refusals of `place` already show
        status = await self._calls[kind]()
        heard.seconds[kind].append(time.monotonic() - due)
        if not 200 <= status < 300:
            heard.refusals[f"{kind} {'unanswered' if status == GONE else status}"] += 1

    async def _ask(self, service: str, role: Role, method: str, path: str, body: object = None, **headers: str) -> tuple[int, bytes]:
        """Call on an open connection; a customer opens a new one, as browsers do."""
        line = self._free[service].pop() if self._free[service] and role != "customer" else self.target.line(service)
        token = self.target.token(role, "c-1" if role == "customer" else role)
        answer = await line.ask(request(method, path, token, body, headers, key=method == "POST"))
        if role == "customer":
            line.close()
        else:
            self._free[service].append(line)
        return answer

    async def _read(self) -> int:
        return (await self._ask("orders", "customer", "GET", f"/v1/orders/{self._order}"))[0]

    async def _place(self) -> int:
        status, body = await self._ask("orders", "platform", "POST", "/v1/orders", order_p())
        if status == 201:
            self._unmoved.append(json.loads(body)["order_id"])
        return status

    async def _move(self) -> int:
        return (await self._ask("orders", "staff", "POST", f"/v1/orders/{self._unmoved.pop()}/transitions", {"to": "confirmed"}))[0]

    async def _search(self) -> int:
        return (await self._ask("orders", "staff", "GET", "/v1/orders?q=Rahima&limit=10"))[0]

    async def _export(self) -> int:
        return (await self._ask("orders", "staff", "GET", "/v1/orders/export?format=jsonl&customer_id=nobody"))[0]

    async def _upload(self) -> int:
        caller = {**MULTIPART, "On-Behalf-Of": f"calm-{uuid.uuid4().hex[:8]}"}
        return (await self._ask("refunds", "platform", "POST", "/v1/attachments", self._picture, **caller))[0]

    async def _slip(self) -> int:
        return (await self._ask("documents", "staff", "GET", f"/v1/prints/{self._order}/packing-slip"))[0]

    async def _effect(self) -> int:
        """Place an order, and wait until notes shows it."""
        status, body = await self._ask("orders", "platform", "POST", "/v1/orders", order_p())
        if status != 201:
            return status
        path, deadline = f"/v1/timeline/{json.loads(body)['order_id']}", time.monotonic() + EFFECT_SECONDS
        while (status := (await self._ask("notes", "staff", "GET", path))[0]) != 200 and time.monotonic() < deadline:
            await asyncio.sleep(LOOK_SECONDS)
        return status
