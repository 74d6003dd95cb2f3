"""64 clients on one order of 1,000 units: units cancelled, asked back, withdrawn, approved with fees, and goodwill, all at once."""

import asyncio
import random
from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import httpx2

from tests.services.refunds import patience
from tests.services.refunds.scenes import approve, ask, everything, move, order, prepaid
from tests.shop import Answer, Caller, Shop, eventually

CLIENTS = 64
ACTIONS = 3
FEW = 5
"""So many part cancellations come before the delivery."""
TURN_SECONDS = 200.0
"""How long one of them may wait for its turn: the order's lock takes them one by one."""
ONCE = "every minor unit is credited once"
LINES = [{"sku": "A", "name": "A", "quantity": 601, "total": 1_234_567}, {"sku": "B", "name": "B", "quantity": 399, "total": 98_765}]
SHIPPING, TOTAL = 4_321, 1_234_567 + 98_765 + 4_321


insist = partial(patience.insist, seconds=TURN_SECONDS)


@dataclass
class Crowd:
    """64 clients who cancel units, request, withdraw, approve in part, with fees, and give goodwill at random, on one order.

    Units can be cancelled until the delivery, which happens in the midst of that; everything else begins with it.
    """

    shop: Shop
    order_id: str
    random: random.Random
    open: list[str] = field(default_factory=list)
    done: Counter[str] = field(default_factory=Counter)
    cancelling: asyncio.Event = field(default_factory=asyncio.Event)

    async def play(self) -> None:
        """All clients, and whoever delivers the order."""
        await asyncio.gather(self.deliver(), *(self.client(number) for number in range(CLIENTS)))

    async def client(self, number: int) -> None:
        """One client's life."""
        if number % 4 == 0:
            await self.cancel_units()
        for _ in range(ACTIONS):
            await self.random.choice([self.request, self.request, self.withdraw, self.approve, self.approve, self.goodwill])()

    async def cancel_units(self) -> None:
        """Cancel a few units that have not left."""
        line = {"line": self.random.randint(1, 2), "quantity": self.random.randint(1, 9)}
        body = {"lines": [line], "reason": "not on the shelf", "shipping": self.random.choice(["keep", "refund"])}
        answer = await insist(self.shop.staff, f"/orders/v1/orders/{self.order_id}/part-cancellations", body)
        self.told("part cancellations", answer, "delivered")
        if self.done["part cancellations"] >= FEW:
            self.cancelling.set()

    async def deliver(self) -> None:
        """Once a few units were cancelled."""
        await self.cancelling.wait()
        (await insist(self.shop.staff, f"/orders/v1/orders/{self.order_id}/transitions", {"to": "delivered"})).ok()

    async def delivered(self, caller: Caller, path: str, body: Any) -> Answer:
        """The answer once the service has seen the delivery."""

        async def seen() -> Answer | None:
            answer = await insist(caller, path, body)
            return None if answer.code == "delivery_not_seen_yet" else answer

        answer = await eventually(seen, TURN_SECONDS)
        assert answer is not None
        return answer

    def told(self, what: str, answer: Answer, *codes: str) -> bool:
        """Whether it was done; if not, the refusal is one of these."""
        assert answer.status in (200, 201) or answer.code in codes, f"{ONCE}: {answer.content!r}"
        self.done[what] += answer.status in (200, 201)
        return answer.status in (200, 201)

    async def request(self) -> None:
        """Ask for a few units of one line."""
        line, quantity = self.random.randint(1, 2), self.random.randint(1, 9)
        body = {"order_id": self.order_id, "lines": [{"line": line, "quantity": quantity}], "reason": "other"}
        answer = await self.delivered(self.shop.customer(), "/refunds/v1/refunds", body)
        if self.told("requests", answer, "units_not_free"):
            self.open.append(answer["refund_id"])

    async def withdraw(self) -> None:
        """Take some request back."""
        if self.open:
            refund_id = self.open.pop(self.random.randrange(len(self.open)))
            (await insist(self.shop.customer(), f"/refunds/v1/refunds/{refund_id}/withdraw", {})).ok()

    async def approve(self) -> None:
        """Approve some request, often for fewer units, or with a fee."""
        if self.open:
            refund_id = self.open.pop(self.random.randrange(len(self.open)))
            [line] = (await self.settled_read(refund_id))["lines"]
            some = [{"line": line["line"], "quantity": self.random.randint(1, line["quantity"])}]
            body: dict[str, Any] = {"lines": some} if self.random.random() < 0.7 else {}
            body |= {"fees": [{"name": "Handling", "amount": self.random.randint(1, 200)}]} if self.random.random() < 0.4 else {}
            answer = await insist(self.shop.staff, f"/refunds/v1/refunds/{refund_id}/approve", body)
            self.told("approvals", answer, "fee_too_large")

    async def goodwill(self) -> None:
        """Give something back without units: on a line, on the whole order, or of the shipping."""
        kind, line = self.random.choice([("goodwill", 1), ("goodwill", 2), ("goodwill", None), ("shipping", None)])
        amount = self.random.randint(1, 900 if kind == "shipping" else 9_000)
        body = {"order_id": self.order_id, "kind": kind, "line": line, "amount": amount}
        answer = await self.delivered(self.shop.staff, "/refunds/v1/refunds/adjustments", body)
        self.told("goodwill", answer, "more_than_left")

    async def settled_read(self, refund_id: str) -> dict[str, Any]:
        """A refund, read again until the service answers."""

        async def read() -> dict[str, Any]:
            try:
                answer = await self.shop.staff.get(f"/refunds/v1/refunds/{refund_id}")
            except httpx2.TransportError:  # killed meanwhile
                return {}
            return dict(answer.body) if answer.status == 200 else {}

        return await eventually(read, TURN_SECONDS)

    async def sweep(self) -> None:
        """Ask for all that is free, approve all that is open, then give back what was kept as fees or of the shipping."""
        free = (await self.shop.customer().get(f"/refunds/v1/refunds/refundable/{self.order_id}")).ok()
        lines = [(line["line"], line["free"]) for line in free["lines"] if line["free"]]
        if lines:
            (await ask(self.shop.customer(), self.order_id, *lines)).ok()
        for refund in await self.all_refunds("processing"):
            (await approve(self.shop, refund)).ok()
        left = TOTAL - sum(row["amount"] for row in (await everything(self.shop, self.order_id))["credits"])
        assert left >= 0, ONCE
        too_much = {"order_id": self.order_id, "kind": "goodwill", "amount": left + 1}
        assert (await self.shop.staff.post("/refunds/v1/refunds/adjustments", json=too_much)).code == "more_than_left", ONCE
        if left:
            (await self.shop.staff.post("/refunds/v1/refunds/adjustments", json=too_much | {"amount": left})).ok()

    async def all_refunds(self, status: str) -> list[str]:
        """Ids, over all pages."""
        ids, query = [], {"order_id": self.order_id, "status": status, "limit": "200"}
        while True:
            page = (await self.shop.staff.get("/refunds/v1/refunds", params=query)).ok()
            ids += [item["refund_id"] for item in page["items"]]
            if page["next_cursor"] is None:
                return ids
            query["cursor"] = page["next_cursor"]


async def an_order_of_1000(shop: Shop) -> str:
    order_id = await order(shop, lines=LINES, shipping={"amount": SHIPPING}, **prepaid(TOTAL))
    await move(shop, order_id, "confirmed")
    return order_id


async def assert_all_accounted(crowd: Crowd) -> None:
    """Exactly 0 unclaimed, no unit twice, and every minor unit in its place."""
    held = await everything(crowd.shop, crowd.order_id)
    approved = {row["refund_id"]: row for row in held["refunds"] if row["status"] == "approved"}
    for number, line in enumerate(LINES, start=1):
        units = [unit for c in held["claims"] if c["line"] == number for unit in range(c["first"], c["last"] + 1)]
        assert sorted(units) == list(range(1, int(str(line["quantity"])) + 1))
        assert sum(row["goods"] for row in held["refund_lines"] if row["line"] == number and row["refund_id"] in approved) == line["total"]
        assert sum(row["amount"] for row in held["credits"] if row["part"] == number) == line["total"], ONCE
    causes = Counter(row["cause"] for row in approved.values())
    assert set(causes) == {"request", "adjustment", "part_cancellation"}
    assert causes["part_cancellation"] == crowd.done["part cancellations"] >= FEW
    assert {claim["refund_id"] for claim in held["claims"]} == {key for key, row in approved.items() if row["cause"] != "adjustment"}
    assert sum(row["amount"] for row in approved.values()) == sum(row["credit"] for row in approved.values()) == TOTAL, ONCE
    assert sum(row["shipping"] for row in approved.values()) == SHIPPING, ONCE
    assert sum(row["amount"] for row in held["approvals"]) == TOTAL, ONCE
    assert sum(row["amount"] for row in held["credits"] if row["part"] == 0) == SHIPPING, ONCE
    assert {row["status"] for row in held["refunds"]} <= {"approved", "cancelled"}
    assert [event["sequence"] for event in held["events"]] == list(range(1, len(held["events"]) + 1))
