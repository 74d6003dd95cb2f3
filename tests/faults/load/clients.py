"""The load: clients that place, amend, move, pack, pay, close, cancel, refund, write notes and read, and repeat what got no answer.

An answer that did not come says nothing: the same call goes again under the same Idempotency-Key until it is answered, as a careful
integrator does. What is told (acknowledged, refused, unknown) goes into the journal; the oracle later counts the effects by name.
"""

import asyncio
import random
import time
import uuid
from dataclasses import dataclass, field
from typing import Any

import httpx2

from shared.contracts.actor import Actor, Role
from shared.web.tokens import issue
from tests.faults.load.journal import Journal, Kind
from tests.shop import BANGLADESH, ISSUER

CALL_SECONDS = 12.0
PAUSES_SECONDS = (0.05, 0.2, 0.5, 1.0)
BATCH_ORDERS = 60
BATCH_SHARE = 0.1
PAST_SHARE = 0.1
"""Of what clients begin: the rest is lives of single orders, where most can go wrong."""
PAY_AHEAD = 0.6
SKUS = tuple(f"SKU-{n}" for n in range(8))
STEPS = ("confirmed", "picked_up", "shipped", "delivered")
CLOSING_LIMIT = 100
TAX = 133
"""Of each unit, and of the shipping."""
DELIVERED_LONG_AGO = {
    "status": "delivered", "confirmed_at": "2024-03-01T10:00:00Z", "shipped_at": "2024-03-02T10:00:00Z",
    "delivered_at": "2024-03-03T10:00:00Z",
}  # fmt: skip
COME_AGAIN = {401, 408, 409, 425, 429}
"""Answers that may differ later: a clock that jumped, a key at work, a copy that is not there yet. Nothing was written."""
NOT_YET = {"delivery_not_seen_yet", "in_progress", "not_found", "order_not_here_yet"}
NOT_YET_ATTEMPTS = 90
TOKEN_SECONDS = 3 * 86_400
ISSUED_AGO_SECONDS = 86_400
"""Tokens hold a day backwards and two forwards: the clocks of services are made to jump."""


@dataclass
class Load:
    """What all clients of a run share."""

    secret: str
    urls: dict[str, list[str]]
    stores: tuple[str, ...]
    journal: Journal
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    open_road: asyncio.Event = field(default_factory=asyncio.Event)
    give_up_at: float = float("inf")

    def token(self, store: str, role: Role, actor_id: str) -> str:
        """A bearer token of one of the run's stores."""
        actor = Actor(store, role, actor_id)
        return issue(self.secret, issuer=ISSUER, actor=actor, lifetime_seconds=TOKEN_SECONDS, now=time.time() - ISSUED_AGO_SECONDS)


class Client:
    """One client, one wish after the other, by its own seed. Clients take turns among the stores."""

    def __init__(self, load: Load, number: int, seed: int) -> None:
        self.load = load
        self.rng = random.Random(seed)
        self.customer = f"c-{number}"
        self.store = load.stores[number % len(load.stores)]
        self.names = (f"{number}-{count}" for count in range(1_000_000_000))
        self.tokens = {
            "platform": load.token(self.store, "platform", "p"),
            "staff": load.token(self.store, "staff", "s"),
            "customer": load.token(self.store, "customer", self.customer),
        }
        self.http = httpx2.AsyncClient(timeout=CALL_SECONDS)

    async def run(self) -> None:
        """Until the load is stopping; a wish that was begun is brought to its end."""
        try:
            while not self.load.stopping.is_set():
                await self.load.open_road.wait()
                chance = self.rng.random()
                if chance < BATCH_SHARE:
                    await self.batch()
                elif chance < BATCH_SHARE + PAST_SHARE:
                    await self.past()
                else:
                    await self.life()
        finally:
            await self.http.aclose()

    async def batch(self) -> None:
        """Many orders at once; each is a write of its own."""
        names = [next(self.names) for _ in range(BATCH_ORDERS)]
        for name in names:
            self.load.journal.wants(name, "place")
        body = {"orders": [self.order(name, prepaid=False) for name in names]}
        key = uuid.uuid4().hex
        while True:
            answer = await self.answered("platform", "orders", "/v1/orders/batch", key, body)
            if answer is None:
                return
            missing = []
            for name, item in zip(names, answer.json()["items"], strict=True):
                if item["status"] == 201:
                    self._told(name, "acknowledged")
                elif item["status"] >= 500:
                    missing.append(name)
                else:
                    self._told(name, "refused")
            if not missing:
                return
            for name in missing:
                self._told(name, "unknown")
            if not await self._pause(2):
                return

    async def life(self) -> None:
        """One order from placing to where chance takes it, with notes and reads on the way."""
        name, prepaid = next(self.names), self.rng.random() < PAY_AHEAD
        order = await self.write("place", "platform", "orders", "/v1/orders", self.order(name, prepaid=prepaid), name=name)
        if order is None:
            return
        path = f"/v1/orders/{order['order_id']}"
        if self.rng.random() < 0.3:
            order = await self.write("amend", "staff", "orders", f"{path}/amendments", self.amendment(order), version=1) or order
        for step in STEPS[: self.rng.choice((0, 1, 2, 3, 4, 4, 4))]:
            moved = await self.write("step", "staff", "orders", f"{path}/transitions", {"to": step, "message": "{name}"})
            if moved is None:
                return
            order = await self.between_steps(path, moved)
        if not prepaid and self.rng.random() < 0.5:
            amount = order["total"]["amount"] + self.rng.choice((-10, 0, 10))
            body = {"amount": amount, "method": "cod", "reference": "{name}"}
            order = await self.write("pay", "staff", "orders", f"{path}/payments", body) or order
        if order["status"] != "pending" and self.rng.random() < 0.5:
            await self.close(path, order)
        if order["status"] == "delivered":
            await self.refund(order["order_id"])
        elif self.rng.random() < 0.7:
            await self.write("cancel", "platform", "orders", f"{path}/cancel", {"reason": "{name}", "message": "{name}"})

    async def between_steps(self, path: str, order: dict[str, Any]) -> dict[str, Any]:
        """A note, a parcel, a unit that never leaves, a read: the order after them. Some are refused: the units are packed, or the last."""
        if self.rng.random() < 0.3:
            await self.note(order["order_id"])
        if self.rng.random() < 0.3:
            body = {"carrier": "Pathao", "number": "{name}", "lines": [{"line": 1, "quantity": self.rng.randint(1, 2)}]}
            order = await self.write("parcel", "staff", "orders", f"{path}/parcels", body) or order
        if self.rng.random() < 0.2:
            line = {"line": 1, "quantity": 1, "release_stock": self.rng.random() < 0.7}
            body = {"lines": [line], "reason": "not on the shelf", "message": "{name}"}
            order = await self.write("part_cancel", "staff", "orders", f"{path}/part-cancellations", body) or order
        if self.rng.random() < 0.4:
            await self.read(path, order["version"])
        return order

    async def close(self, path: str, order: dict[str, Any]) -> None:
        """Let be what is due or paid too much of the order, as far as staff may."""
        kind = "written_off" if order["due"]["amount"] else "kept"
        amount = min(order["due"]["amount"] or order["overpaid"]["amount"], CLOSING_LIMIT)
        if amount:
            body = {"kind": kind, "amount": amount, "reason": "other", "note": "{name}"}
            await self.write("close", "staff", "orders", f"{path}/closings", body)

    async def past(self) -> None:
        """An order of the past, told as it stands: it was paid elsewhere, its goods left long ago, and some had come back."""
        name = next(self.names)
        body = self.order(name, prepaid=True) | {"placed_at": "2024-03-01T09:00:00Z", "history": DELIVERED_LONG_AGO}
        if self.rng.random() < 0.5:
            body["history"] = DELIVERED_LONG_AGO | {"refunded": {"lines": [{"line": 1, "quantity": 1, "amount": 1000}]}}
        order = await self.write("import", "platform", "orders", "/v1/orders", body, name=name)
        if order is not None:
            await self.note(order["order_id"])
            await self.refund(order["order_id"])

    async def note(self, order_id: str) -> None:
        """A note of staff about the order."""
        body = {"order_id": order_id, "audience": self.rng.choice(("customer", "private")), "text": "{name}"}
        await self.write("note", "staff", "notes", "/v1/notes", body)

    async def refund(self, order: str) -> None:
        """Ask for one unit, and let staff decide; something is given back without units before or after, and money is sent in parts."""
        if self.rng.random() < 0.3:
            await self.adjust(order)
        body: dict[str, Any] = {"order_id": order, "lines": [{"line": 1, "quantity": 1}], "reason": "damaged", "description": "{name}"}
        asked = await self.write("request", "customer", "refunds", "/v1/refunds", body)
        if asked is None:
            return
        path = f"/v1/refunds/{asked['refund_id']}"
        if self.rng.random() < 0.8:
            body = {"message": "{name}"} | ({"fees": [{"name": "Handling", "amount": 77}]} if self.rng.random() < 0.3 else {})
            approved = await self.write("approve", "staff", "refunds", f"{path}/approve", body)
            if approved is not None and approved["amount"]["amount"] > 200 and self.rng.random() < 0.5:
                for amount in (200, None):
                    body = {"outcome": "succeeded", "method": "card", "reference": "{name}", "amount": amount}
                    await self.write("settle", "platform", "refunds", f"{path}/settlements", body)
        else:
            await self.write("decline", "staff", "refunds", f"{path}/decline", {"internal_reason": "no", "message": "{name}"})
        if self.rng.random() < 0.3:
            await self.adjust(order)

    async def adjust(self, order: str) -> None:
        """Give back what may be more than is left, or was never paid."""
        kind, line = self.rng.choice((("goodwill", 1), ("goodwill", None), ("shipping", None), ("overpaid", None)))
        amount = {"overpaid": 10, "shipping": 300}.get(kind, self.rng.choice((7, 333, 2_500)))
        body = {"order_id": order, "kind": kind, "line": line, "amount": amount, "message": "{name}"}
        await self.write("adjust", "staff", "refunds", "/v1/refunds/adjustments", body)

    def order(self, name: str, *, prepaid: bool) -> dict[str, Any]:
        """An order of one or two lines that carries its name where it can be counted: a second one would show."""
        skus = self.rng.sample(SKUS, self.rng.choice((1, 1, 2)))
        units = [self.rng.randint(2, 4) for _ in skus]
        lines = [{"sku": sku, "name": sku, "quantity": n, "unit_price": 1000, "tax": TAX * n} for sku, n in zip(skus, units, strict=True)]
        body = {
            "currency": "BDT", "customer": {"id": self.customer, "name": "Rahima Begum"}, "shipping_address": BANGLADESH, "lines": lines,
            "shipping": {"amount": 500, "tax": TAX}, "metadata": {"name": name},
        }  # fmt: skip
        if prepaid:
            total = 500 + 1000 * sum(units)
            body["payments"] = [{"amount": total, "method": "card", "reference": f"pre-{name}"}]
        return body

    def amendment(self, order: dict[str, Any]) -> dict[str, Any]:
        """Another quantity of the first line, perhaps as before, and another second line or none."""
        sku = self.rng.choice([sku for sku in SKUS if sku not in [line["sku"] for line in order["lines"]]])
        units, new = self.rng.randint(2, 4), {"sku": sku, "name": sku, "quantity": 1, "unit_price": 1000, "tax": TAX}
        kept = {"line": 1, "quantity": units, "tax": TAX * units}
        return {"lines": self.rng.choice(([kept], [kept, new])), "reason": "by phone", "message": "{name}"}

    async def write(
        self, kind: Kind, role: str, service: str, path: str, body: dict[str, Any], *, name: str | None = None, version: int | None = None
    ) -> dict[str, Any] | None:
        """One wish until it is answered; its JSON, or None when it was refused or nobody answered until the end.

        `version` is the only one of the order that it may change.
        """
        name = name or next(self.names)
        named = {key: name if value == "{name}" else value for key, value in body.items()}
        self.load.journal.wants(name, kind)
        match = {} if version is None else {"If-Match": f'"v{version}"'}
        answer = await self.answered(role, service, path, uuid.uuid4().hex, named, name=name, match=match)
        if answer is None:
            return None
        self._told(name, "acknowledged" if answer.status_code < 300 else "refused")
        return answer.json() if answer.status_code < 300 else None

    async def answered(
        self, role: str, service: str, path: str, key: str, body: Any, *, name: str | None = None, match: dict[str, str] | None = None
    ) -> httpx2.Response | None:
        """The first answer that is one, however often it must be asked for; None at the very end."""
        attempt = 0
        while True:
            answer = await self.attempt(role, service, "POST", path, headers={"Idempotency-Key": key, **(match or {})}, body=body)
            if answer is not None and answer.status_code < 500 and not self._come_again(answer, attempt):
                return answer
            if name is not None and (answer is None or answer.status_code >= 500):
                self._told(name, "unknown")
            attempt += 1
            if not await self._pause(attempt):
                return None

    async def attempt(
        self, role: str, service: str, method: str, path: str, *, headers: dict[str, str] | None = None, body: Any = None
    ) -> httpx2.Response | None:
        """One call; None where no answer came."""
        self.load.journal.attempts += 1
        url = self.rng.choice(self.load.urls[service])
        try:
            sent = {"Authorization": f"Bearer {self.tokens[role]}", **(headers or {})}
            return await self.http.request(method, url + path, headers=sent, json=body)
        except (httpx2.HTTPError, OSError):
            return None

    async def read(self, path: str, version: int) -> None:
        """What was acknowledged must be seen by the next reader, on whichever replica."""
        answer = await self.attempt("staff", "orders", "GET", path)
        if answer is not None and answer.status_code == 200:
            self.load.journal.reads += 1
            if answer.json()["version"] < version:
                self.load.journal.stale_reads.append(path)

    def _come_again(self, answer: httpx2.Response, attempt: int) -> bool:
        if answer.status_code == 404 or answer.status_code in COME_AGAIN:
            code = answer.json().get("code")
            return attempt < NOT_YET_ATTEMPTS and (answer.status_code in (401, 408, 425, 429) or code in NOT_YET)
        return False

    async def _pause(self, attempt: int) -> bool:
        """Wait before the next attempt; False when the run gives up on what is still unknown."""
        if time.monotonic() > self.load.give_up_at:
            return False
        await asyncio.sleep(PAUSES_SECONDS[min(attempt, len(PAUSES_SECONDS)) - 1] * self.rng.uniform(0.5, 1.5))
        return True

    def _told(self, name: str, state: Any) -> None:
        if self.load.journal.writes[name].state != "acknowledged":
            self.load.journal.told(name, state)
