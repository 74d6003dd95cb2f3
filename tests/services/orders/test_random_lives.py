"""Orders live random lives over HTTP, beside a small reference model of the product page; after every step both must agree."""

import asyncio
import itertools
import time
from datetime import UTC, datetime
from typing import Any

import httpx2
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, multiple, rule, run_state_machine_as_test

from tests.services.orders.lives import CAP, STATUSES, TEE, Model
from tests.services.orders.test_placing import SETTINGS
from tests.shop import Caller, Shop, order_p

START = 12
DEADLINE_S = 30


def refunds_of(shown: Any) -> list[Any]:
    return [entry for entry in shown["timeline"] if entry["type"] == "order.refunded.v1"]


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

    @initialize(
        preset=st.sampled_from(["cancellation-control", "order-cancellation"]),
        stop=st.sampled_from(STATUSES[2:]),
        oversell=st.sampled_from(["refuse", "allow"]),
        start=st.sampled_from([1, START]),
    )
    def open(self, preset: str, stop: str, oversell: str, start: int) -> None:
        self.preset, self.stop, self.oversell, self.shelf = preset, stop, oversell, start
        body = SETTINGS | {"cancel_preset": preset, "customer_cancel_until": stop, "oversell": oversell}
        assert self.call(self.shop.staff, "PUT", "/v1/orders-settings", body, **{"If-Match": '"v0"'}).status_code == 200
        assert self.call(self.shop.staff, "PUT", "/v1/stock/TEE-1", {"on_hand": start}).status_code == 200

    @rule(target=orders)
    def place(self) -> Any:
        answer = self.call(self.shop.platform, "POST", "/v1/orders", order_p())
        short = max(0, min(2, 2 - self.shelf))
        if short and self.oversell == "refuse":
            assert (answer.status_code, answer.json()["code"]) == (409, "out_of_stock")
            return multiple()
        assert answer.status_code == 201, answer.text
        assert answer.json()["oversold"] == ([{"sku": "TEE-1", "short": short}] if short else [])
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
            self.shelf += model.reserved

    @rule(order=orders, reference=st.sampled_from("abc"), amount=st.sampled_from([1, 4000, 11000]))
    def pay(self, order: str, reference: str, amount: int) -> None:
        code = self.models[order].pay(reference, amount)
        body = {"amount": amount, "method": "cod", "reference": reference}
        self.agrees(self.call(self.shop.staff, "POST", f"/v1/orders/{order}/payments", body), code)

    @rule(order=orders, reference=st.sampled_from("abc"), amount=st.sampled_from([None, 1, 2500, 11000]))
    def reverse(self, order: str, reference: str, amount: int | None) -> None:
        shown = self.call(self.shop.staff, "GET", f"/v1/orders/{order}").json()
        record = next((p for p in shown["payments"] if p["reference"] == reference and p["reverses"] is None), None)
        assert (record is None) == (reference not in self.models[order].paid)
        if record is not None:
            code = self.models[order].reverse(reference, amount)
            path = f"/v1/orders/{order}/payments/{record['payment_id']}/reversals"
            body = {"reason": "wrong"} | ({} if amount is None else {"amount": amount})
            self.agrees(self.call(self.shop.staff, "POST", path, body), code)

    @rule(order=orders, kind=st.sampled_from(["written_off", "kept"]), amount=st.sampled_from([1, 4000, 7000]))
    def close(self, order: str, kind: str, amount: int) -> None:
        code = self.models[order].close(kind, amount)
        body = {"kind": kind, "amount": amount, "reason": "other"}
        self.agrees(self.call(self.shop.platform, "POST", f"/v1/orders/{order}/closings", body), code)

    @rule(order=orders)
    def fail_delivery(self, order: str) -> None:
        code = self.models[order].fail_delivery()
        self.agrees(self.call(self.shop.staff, "POST", f"/v1/orders/{order}/delivery-failures", {"reason": "nobody home"}), code)

    @rule(order=orders, tees=st.integers(1, 6), caps=st.integers(0, 2), shipping=st.sampled_from([0, 333, 1000]), anew=st.booleans())
    def amend(self, order: str, tees: int, caps: int, shipping: int, anew: bool) -> None:
        model = self.models[order]
        number, cap = model.tee, next((number for number, line in model.lines.items() if line.sku == "CAP-1"), None)
        reserved, version = model.reserved, self.shown(order)["version"]
        code = model.amend(tees, caps, shipping, self.shelf if self.oversell == "refuse" else tees, anew=anew)
        tee = {"sku": "TEE-1", "name": "T-shirt", "unit_price": TEE} if anew else {"line": number}
        lines = [tee | {"quantity": tees}]
        if caps:
            lines.append({"sku": "CAP-1", "name": "Cap", "quantity": caps, "unit_price": CAP} | ({} if cap is None else {"line": cap}))
        body = {"reason": "by phone", "lines": lines, "shipping": {"amount": shipping}}
        seen = {"If-Match": f'"v{version}"'}
        self.agrees(self.call(self.shop.staff, "POST", f"/v1/orders/{order}/amendments", body, **seen), code)
        if code is None:
            self.shelf += reserved - tees

    @rule(order=orders, quantity=st.integers(1, 2))
    def cancel_tees(self, order: str, quantity: int) -> None:
        model = self.models[order]
        number, code = model.tee, model.cancel_tees(quantity)
        body = {"lines": [{"line": number, "quantity": quantity}], "reason": "not on the shelf"}
        self.agrees(self.call(self.shop.staff, "POST", f"/v1/orders/{order}/part-cancellations", body), code)
        if code is None:
            self.shelf += quantity
            self.until_credited(order)

    @rule(order=orders, tees=st.integers(0, 2), sent=st.booleans(), number=st.sampled_from(["P-1", "P-2"]))
    def pack(self, order: str, tees: int, sent: bool, number: str) -> None:
        model = self.models[order]
        lines = [{"line": model.tee, "quantity": tees}] if tees else []
        body = {"carrier": "Pathao", "number": number, "lines": lines} | ({"shipped_at": self.now} if sent else {})
        self.agrees(self.call(self.shop.staff, "POST", f"/v1/orders/{order}/parcels", body), model.pack(number, tees, sent=sent))

    @rule(order=orders, at=st.integers(0, 2), gone=st.booleans())
    def send_or_remove(self, order: str, at: int, gone: bool) -> None:
        model, parcels = self.models[order], self.shown(order)["parcels"]
        if at < len(parcels):
            path = f"/v1/orders/{order}/parcels/{parcels[at]['parcel_id']}"
            body = None if gone else {"shipped_at": parcels[at]["shipped_at"] or self.now}
            code = model.remove(at) if gone else model.send(at)
            self.agrees(self.call(self.shop.staff, "DELETE" if gone else "PATCH", path, body), code)

    @property
    def now(self) -> str:
        return datetime.now(UTC).isoformat()

    def until_credited(self, order: str) -> None:
        """The refund service has credited every part cancellation, so that nothing else happens by itself."""
        deadline = time.monotonic() + DEADLINE_S
        while len(refunds_of(self.shown(order))) < self.models[order].parts:
            assert time.monotonic() < deadline, "a part cancellation was not credited"
            time.sleep(0.02)  # between two looks: Hypothesis drives this in a thread of its own, where nothing can be awaited

    def shown(self, order: str) -> Any:
        return self.call(self.shop.staff, "GET", f"/v1/orders/{order}").json()

    @invariant()
    def every_order_and_the_shelf_agree(self) -> None:
        if self.models:
            level = self.call(self.shop.staff, "GET", "/v1/stock/TEE-1").json()
            ledger = self.call(self.shop.staff, "GET", "/v1/stock/TEE-1/movements?limit=100").json()["items"]
            assert level["on_hand"] == self.shelf == sum(one["quantity"] for one in ledger)
        for order_id, model in self.models.items():
            shown = self.shown(order_id)
            # a cancelled order's money comes back by itself, one version a refund, whenever the refund service has done it
            refunded = refunds_of(shown)
            assert len(refunded) == model.parts or (model.status == "cancelled" and len(refunded) > model.parts)
            version = model.version + len(refunded)
            assert (shown["status"], shown["version"], shown["collected"]["amount"]) == (model.status, version, model.collected)
            assert (shown["total"]["amount"], shown["payment"]) == (model.total, "paid" if model.is_paid else "unpaid")
            lines = {line["line"]: (line["sku"], line["quantity"], line["cancelled"]) for line in shown["lines"]}
            assert lines == {number: (line.sku, line.quantity, line.cancelled) for number, line in model.lines.items()}
            parcels = [(one["number"], sum(x["quantity"] for x in one["lines"]), one["shipped_at"] is not None) for one in shown["parcels"]]
            assert parcels == [(one.number, one.tees, one.sent) for one in model.parcels]
            assert (shown["tracking"] or {}).get("number") == (model.parcels[0].number if model.parcels else None)
            assert shown["actions"]["change_parcels"]["code"] == model.may_pack()
            if model.status != "cancelled":
                money = [shown[name]["amount"] for name in ("credited_total", "refunded_total", "due", "overpaid")]
                assert money == [model.credited, model.paid_back, model.due, model.overpaid]
            ours = [entry["type"] for entry in shown["timeline"] if entry["type"] != "order.refunded.v1"]
            assert ours == [f"order.{kind}.v1" for kind in model.types]
            allowed = shown["actions"]["cancel"]["allowed"]
            assert allowed == (model.may_cancel("staff", self.preset, self.stop) is None)

    def teardown(self) -> None:
        self.http.close()


async def test_random_lives_agree_with_the_model(shop: Shop) -> None:
    Lives.shops = iter(lambda: Shop(shop.stack, shop._client, shop._pools), None)
    modest = settings(max_examples=25, stateful_step_count=16, deadline=None, suppress_health_check=list(HealthCheck))
    await asyncio.to_thread(run_state_machine_as_test, Lives, settings=modest)
