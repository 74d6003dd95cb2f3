"""Orders live random lives over HTTP, beside a small reference model of the product page; after every step both must agree."""

import asyncio
import itertools
from dataclasses import dataclass, field
from typing import Any

import httpx2
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from tests.services.orders.test_placing import SETTINGS
from tests.shop import Caller, Shop, order_p

STATUSES = ("pending", "confirmed", "picked_up", "shipped", "delivered")
TOTAL, START = 11000, 12


@dataclass
class Model:
    """One order as the product page says: nothing of the service's code is used."""

    status: str = "pending"
    version: int = 1
    paid: dict[str, int] = field(default_factory=dict)
    reversed: set[str] = field(default_factory=set)
    failed: bool = False
    types: list[str] = field(default_factory=lambda: ["placed"])

    @property
    def collected(self) -> int:
        return sum(amount for reference, amount in self.paid.items() if reference not in self.reversed)

    def happened(self, kind: str) -> None:
        self.version += 1
        self.types.append(kind)

    def move(self, to: str) -> str | None:
        if self.status == "cancelled":
            return "already_cancelled"
        here, there = STATUSES.index(self.status), STATUSES.index(to)
        if there <= here:
            return "already_there" if there == here else "not_forward"
        self.status = to
        self.happened(to)
        return None

    def cancel(self, who: str, preset: str, stop: str) -> str | None:
        paid = self.collected >= TOTAL
        if self.status == "cancelled":
            return "already_cancelled"
        if self.status == "delivered":
            return "delivered"
        if preset == "order-cancellation" and who == "customer" and not paid:
            return "unpaid_locked"
        if preset == "cancellation-control" and who == "staff" and not paid and not self.failed:
            return "unpaid_is_the_customers"
        if who == "customer" and STATUSES.index(self.status) >= STATUSES.index(stop):
            return "too_late_for_customers"
        self.status = "cancelled"
        self.happened("cancelled")
        return None

    def pay(self, reference: str, amount: int) -> str | None:
        if reference in self.paid:
            return None if self.paid[reference] == amount else "payment_conflict"
        self.paid[reference] = amount
        self.happened("payment_recorded")
        return None

    def reverse(self, reference: str) -> str | None:
        if reference in self.reversed:
            return "already_reversed"
        self.reversed.add(reference)
        self.happened("payment_reversed")
        return None

    def fail_delivery(self) -> str | None:
        if self.status not in ("confirmed", "picked_up", "shipped"):
            return "nothing_to_deliver"
        self.failed = True
        self.happened("delivery_failed")
        return None


class Lives(RuleBasedStateMachine):
    """Rules are calls; each compares the answer with the model's."""

    shops: Any  # a maker of fresh stores, set by the test

    orders = Bundle("orders")

    def __init__(self) -> None:
        super().__init__()
        self.shop: Shop = next(self.shops)
        self.http = httpx2.Client(base_url=self.shop.stack.urls["orders"], timeout=60)
        self.models: dict[str, Model] = {}
        self.shelf = START
        self.left: set[str] = set()
        self.keys = (f"life-{n}" for n in itertools.count())

    def call(self, caller: Caller, method: str, path: str, body: Any = None, **headers: str) -> httpx2.Response:
        sent = {"Authorization": f"Bearer {caller.token}", "Idempotency-Key": next(self.keys), **headers}
        return self.http.request(method, path, json=body, headers=sent)

    def agrees(self, answer: httpx2.Response, code: str | None) -> None:
        assert (answer.json().get("code"), answer.status_code) == (code, 200 if code is None else 409), answer.text

    @initialize(preset=st.sampled_from(["cancellation-control", "order-cancellation"]), stop=st.sampled_from(STATUSES[2:]))
    def open(self, preset: str, stop: str) -> None:
        self.preset, self.stop = preset, stop
        body = SETTINGS | {"cancel_preset": preset, "customer_cancel_until": stop}
        assert self.call(self.shop.staff, "PUT", "/v1/orders-settings", body, **{"If-Match": '"v0"'}).status_code == 200
        assert self.call(self.shop.staff, "PUT", "/v1/stock/TEE-1", {"on_hand": START}).status_code == 200

    @rule(target=orders)
    def place(self) -> Any:
        answer = self.call(self.shop.platform, "POST", "/v1/orders", order_p())
        if self.shelf < 2:
            assert (answer.status_code, answer.json()["code"]) == (409, "out_of_stock")
            return next(iter(self.models))
        assert answer.status_code == 201, answer.text
        self.shelf -= 2
        order_id = answer.json()["order_id"]
        self.models[order_id] = Model()
        return order_id

    @rule(order=orders, to=st.sampled_from(STATUSES[1:]))
    def move(self, order: str, to: str) -> None:
        code = self.models[order].move(to)
        self.agrees(self.call(self.shop.staff, "POST", f"/v1/orders/{order}/transitions", {"to": to}), code)

    @rule(order=orders, who=st.sampled_from(["customer", "staff", "platform"]))
    def cancel(self, order: str, who: str) -> None:
        model = self.models[order]
        was = model.status
        code = model.cancel(who, self.preset, self.stop)
        caller = {"customer": self.shop.customer(), "staff": self.shop.staff, "platform": self.shop.platform}[who]
        self.agrees(self.call(caller, "POST", f"/v1/orders/{order}/cancel", {"reason": "why not"}), code)
        if code is None and was in ("pending", "confirmed"):
            self.shelf += 2

    @rule(order=orders, reference=st.sampled_from("abc"), amount=st.sampled_from([1, 4000, TOTAL]))
    def pay(self, order: str, reference: str, amount: int) -> None:
        code = self.models[order].pay(reference, amount)
        body = {"amount": amount, "method": "cod", "reference": reference}
        self.agrees(self.call(self.shop.staff, "POST", f"/v1/orders/{order}/payments", body), code)

    @rule(order=orders, reference=st.sampled_from("abc"))
    def reverse(self, order: str, reference: str) -> None:
        shown = self.call(self.shop.staff, "GET", f"/v1/orders/{order}").json()
        record = next((p for p in shown["payments"] if p["reference"] == reference and p["reverses"] is None), None)
        assert (record is None) == (reference not in self.models[order].paid)
        if record is not None:
            code = self.models[order].reverse(reference)
            path = f"/v1/orders/{order}/payments/{record['payment_id']}/reversals"
            self.agrees(self.call(self.shop.staff, "POST", path, {"reason": "wrong"}), code)

    @rule(order=orders)
    def fail_delivery(self, order: str) -> None:
        code = self.models[order].fail_delivery()
        self.agrees(self.call(self.shop.staff, "POST", f"/v1/orders/{order}/delivery-failures", {"reason": "nobody home"}), code)

    @invariant()
    def every_order_and_the_shelf_agree(self) -> None:
        if self.models:
            level = self.call(self.shop.staff, "GET", "/v1/stock/TEE-1").json()
            assert level["on_hand"] == self.shelf
        for order_id, model in self.models.items():
            shown = self.call(self.shop.staff, "GET", f"/v1/orders/{order_id}").json()
            # a cancelled order's money comes back by itself, one version a refund, whenever the refund service has done it
            refunded = [entry for entry in shown["timeline"] if entry["type"] == "order.refunded.v1"]
            assert not refunded or model.status == "cancelled"
            version = model.version + len(refunded)
            assert (shown["status"], shown["version"], shown["collected"]["amount"]) == (model.status, version, model.collected)
            assert shown["payment"] == ("paid" if model.collected >= TOTAL else "unpaid")
            ours = [entry["type"] for entry in shown["timeline"] if entry["type"] != "order.refunded.v1"]
            assert ours == [f"order.{kind}.v1" for kind in model.types]
            assert shown["actions"]["cancel"]["allowed"] == (
                Model(**vars(model) | {"types": []}).cancel("staff", self.preset, self.stop) is None
            )

    def teardown(self) -> None:
        self.http.close()


async def test_random_lives_agree_with_the_model(shop: Shop) -> None:
    Lives.shops = iter(lambda: Shop(shop.stack, shop._client, shop._pools), None)
    modest = settings(max_examples=25, stateful_step_count=16, deadline=None, suppress_health_check=list(HealthCheck))
    await asyncio.to_thread(run_state_machine_as_test, Lives, settings=modest)
