"""Refunds live random lives over HTTP, beside the reference model of the product page; after every step both must agree.

Eight lives in a usual run; AFTERSALE_TEST_REFUND_LIVES=500 for more.
"""

import asyncio
import itertools
import os
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any

import httpx2
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.services.refunds.reference import Sold
from tests.services.refunds.reference_parts import STATUSES, Part, Row, Rules
from tests.shop import Caller, Shop, eventually, order_p

LIVES = int(os.environ.get("AFTERSALE_TEST_REFUND_LIVES", "8"))
STEPS = 14
START = 1_000
QUANTITIES, TOTALS, SHIPPING = {1: 3, 2: 4}, {1: 1_000, 2: 333}, 101  # thirds and fourths that do not come out even
TOTAL = sum(TOTALS.values()) + SHIPPING
TAX, RATES = {1: 159, 2: 16, 0: 16}, {1: "19", 2: "5", 0: "19"}
LINES = [
    {"sku": "ON-SHELF", "name": "Counted", "quantity": QUANTITIES[1], "total": TOTALS[1], "tax": TAX[1], "tax_rate": RATES[1]},
    {"sku": "UNCOUNTED", "name": "Not counted", "quantity": QUANTITIES[2], "total": TOTALS[2], "tax": TAX[2], "tax_rate": RATES[2]},
]
CARRIAGE = {"amount": SHIPPING, "tax": TAX[0], "tax_rate": RATES[0]}
SETTINGS = {
    "cancel_preset": "cancellation-control", "customer_cancel_until": "delivered", "stock": True, "number_prefix": "", "time_zone": "UTC",
}  # fmt: skip
QUANTITY = st.integers(1, 4)
PAID = st.sampled_from([TOTAL, TOTAL, 700, 0])
REACHED = st.sampled_from(["delivered", "delivered", "delivered", "shipped", "confirmed", None])
DISPOSITION = st.sampled_from([None, "restock", "inspect", "discard"])
CHOICE = st.sampled_from(["policy", "policy", "keep", "refund"])
ADJUSTMENT = st.sampled_from(["goodwill", "goodwill", "shipping", "overpaid"])
OUTCOME = st.sampled_from(["succeeded", "succeeded", "failed"])
PART = st.sampled_from([1, 50, 400, TOTAL])
TO = st.sampled_from([None, {"method": "bkash", "account": "01712345678", "holder": "Rahima"}])

pytestmark = pytest.mark.timeout(max(900, 10 * LIVES))


class Lives(RuleBasedStateMachine):
    """Rules are calls; each compares the answer with the model's."""

    shops: Any  # a maker of fresh stores, set by the test
    loop: asyncio.AbstractEventLoop  # of the test, for looking into the copy while this thread waits

    orders = Bundle("orders")
    refunds = Bundle("refunds")

    def __init__(self) -> None:
        super().__init__()
        self.shop: Shop = next(self.shops)
        self.http = httpx2.Client(timeout=60)
        self.models: dict[str, Sold] = {}
        self.ids: dict[int, tuple[str, Sold, Part]] = {}  # refunds by the model's identity: id, order, part
        self.payments: dict[str, list[str]] = {}
        self.now, self.policy_version = Rules(), 0
        self.agreed = False
        self.keys = (f"life-{n}" for n in itertools.count())

    def call(self, caller: Caller, method: str, path: str, body: Any = None, **headers: str) -> httpx2.Response:
        _, service, rest = path.split("/", 2)
        sent = {"Authorization": f"Bearer {caller.token}", "Idempotency-Key": next(self.keys), **headers}
        return self.http.request(method, f"{self.shop.stack.urls[service]}/{rest}", json=body, headers=sent)

    def agrees(self, answer: httpx2.Response, code: str | None, status: int = 200) -> Any:
        body = answer.json()
        assert (body.get("code"), answer.status_code) == (code, status if code is None else 409), answer.text
        return body

    def wait(self, looking: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(looking, self.loop).result(60)

    def copied(self, order_id: str, version: int) -> None:
        """Until the service knows what the order's answer has said (or more)."""

        async def look() -> bool:
            sql = "select 1 from orders where store_id = {store} and version >= $2 and number = $3"
            return bool(await self.shop.rows("refunds", sql, version, self.numbers[order_id]))

        self.wait(eventually(look))

    @initialize()
    def open(self) -> None:
        self.numbers: dict[str, str] = {}
        assert self.call(self.shop.staff, "PUT", "/orders/v1/orders-settings", SETTINGS, **{"If-Match": '"v0"'}).status_code == 200
        assert self.call(self.shop.staff, "PUT", "/orders/v1/stock/ON-SHELF", {"on_hand": START}).status_code == 200

    @rule(target=orders, paid=PAID, to=REACHED)
    def place(self, paid: int, to: str | None) -> str:
        more = {"payments": [{"amount": paid, "method": "card", "reference": "first"}]} if paid else {}
        placed = self.call(self.shop.platform, "POST", "/orders/v1/orders", order_p(lines=LINES, shipping=CARRIAGE, **more))
        body = self.agrees(placed, None, 201)
        order_id = str(body["order_id"])
        self.numbers[order_id] = body["number"]
        self.models[order_id] = Sold(QUANTITIES, TOTALS, SHIPPING, tracked=1, tax=TAX, rates=RATES)
        self.payments[order_id] = [p["payment_id"] for p in body["payments"]]
        if paid:
            self.models[order_id].pay(paid, cash=False)
        self.copied(order_id, body["version"])
        if to is not None:
            self.move(order_id, to)
        return order_id

    @rule(order=orders, to=st.sampled_from(STATUSES[1:]))
    def move(self, order: str, to: str) -> None:
        model = self.models[order]
        if model.status != "cancelled" and STATUSES.index(to) > STATUSES.index(model.status):
            body = self.agrees(self.call(self.shop.staff, "POST", f"/orders/v1/orders/{order}/transitions", {"to": to}), None)
            model.move(to)
            self.copied(order, body["version"])

    @rule(order=orders)
    def cancel(self, order: str) -> None:
        model = self.models[order]
        answer = self.call(self.shop.customer(), "POST", f"/orders/v1/orders/{order}/cancel", {"reason": "why not"})
        if answer.status_code == 200:
            model.cancel(replace(self.now))
            self.copied(order, answer.json()["version"])

    @rule(order=orders, units=st.dictionaries(st.integers(1, 2), st.integers(1, 2), min_size=1), shipping=CHOICE)
    def cancel_units(self, order: str, units: dict[int, int], shipping: str) -> None:
        body = {"lines": [{"line": line, "quantity": quantity} for line, quantity in units.items()], "reason": "gone", "shipping": shipping}
        code = self.models[order].cancel_units(units, shipping, replace(self.now))
        shown = self.agrees(self.call(self.shop.staff, "POST", f"/orders/v1/orders/{order}/part-cancellations", body), code)
        if code is None:
            self.copied(order, shown["version"])

    @rule(order=orders, amount=st.sampled_from([50, 733, TOTAL]))
    def pay(self, order: str, amount: int) -> None:
        body = {"amount": amount, "method": "cod", "reference": next(self.keys)}
        shown = self.agrees(self.call(self.shop.staff, "POST", f"/orders/v1/orders/{order}/payments", body), None)
        self.models[order].pay(amount, cash=True)
        self.payments[order].append(next(p["payment_id"] for p in shown["payments"] if p["reference"] == body["reference"]))
        self.copied(order, shown["version"])

    @rule(order=orders, which=st.integers(0, 2), part=st.sampled_from([None, None, 50, 400]))
    def reverse(self, order: str, which: int, part: int | None) -> None:
        if which < len(self.payments[order]):
            path = f"/orders/v1/orders/{order}/payments/{self.payments[order][which]}/reversals"
            code = self.models[order].reverse(which, part)
            said = {"reason": "bounced"} | ({} if part is None else {"amount": part})
            body = self.agrees(self.call(self.shop.staff, "POST", path, said), code)
            if code is None:
                self.copied(order, body["version"])

    @rule(order=orders, kind=st.sampled_from(["written_off", "written_off", "kept"]), amount=st.sampled_from([1, 50, 400]))
    def close(self, order: str, kind: str, amount: int) -> None:
        """What is due when it is asked depends on how many of the refunds the order has heard of: orders has tests of its own for that."""
        body = {"kind": kind, "amount": amount, "reason": "other"}
        answer = self.call(self.shop.platform, "POST", f"/orders/v1/orders/{order}/closings", body)
        if answer.status_code != 200:
            assert answer.json()["code"] in ("no_such_difference", "pending_is_amended", "already_cancelled"), answer.text
            return
        self.models[order].close(kind, amount)
        self.copied(order, answer.json()["version"])

    @rule(manage_stock=st.booleans(), attachments=st.booleans(), deduct_shipping=st.booleans())
    def switch(self, **switches: bool) -> None:
        version = {"If-Match": f'"v{self.policy_version}"'}
        self.agrees(self.call(self.shop.staff, "PUT", "/refunds/v1/refund-policy", switches, **version), None)
        self.now, self.policy_version = Rules(**switches), self.policy_version + 1

    @rule(target=refunds, order=orders, one=st.integers(0, 3), two=st.integers(0, 4), information=st.booleans(), shop=st.booleans(), to=TO)
    def request(self, order: str, one: int, two: int, *, information: bool, shop: bool, to: Any) -> Any:
        wanted = {line: quantity for line, quantity in ((1, one), (2, two)) if quantity} or {1: 1}
        model = self.models[order]
        code = model.request(wanted, replace(self.now), with_information=information, somewhere=to is not None)
        lines = [{"line": line, "quantity": quantity} for line, quantity in wanted.items()]
        body = {"order_id": order, "lines": lines, "reason": "damaged", "further_information": "the seam" if information else ""}
        body |= {"pay_to": to}
        caller = self.shop.staff if shop else self.shop.customer()
        answer = self.agrees(self.call(caller, "POST", "/refunds/v1/refunds", body), code, 201)
        if code is not None:
            return multiple()
        part = model.refunds[-1]
        self.ids[id(part)] = (answer["refund_id"], model, part)
        return id(part)

    @rule(
        refund=refunds, whole=st.booleans(), lines=st.dictionaries(st.integers(1, 2), st.tuples(QUANTITY, DISPOSITION), min_size=1),
        fees=st.sampled_from([(), (), (7,), (30, 100)]), shipping=CHOICE,
    )  # fmt: skip
    def approve(self, refund: int, whole: bool, lines: dict[int, tuple[int, str | None]], fees: tuple[int, ...], shipping: str) -> None:
        refund_id, model, part = self.ids[refund]
        code = model.approve(part, None if whole else lines, fees=sum(fees), shipping=shipping)
        named = [{"line": line, "quantity": quantity, "disposition": goes} for line, (quantity, goes) in lines.items()]
        body = {"lines": None if whole else named, "fees": [{"name": "Handling", "amount": fee} for fee in fees], "shipping": shipping}
        body |= {} if shipping == "policy" else {"shipping_reason": "as agreed"}
        self.agrees(self.call(self.shop.staff, "POST", f"/refunds/v1/refunds/{refund_id}/approve", body), code)

    @rule(order=orders, kind=ADJUSTMENT, line=st.sampled_from([None, 1, 2]), amount=st.sampled_from([1, 50, 333, TOTAL]))
    def adjust(self, order: str, kind: str, line: int | None, amount: int) -> None:
        """Its refund is found by `both_agree`."""
        at = line if kind == "goodwill" else None
        body = {"order_id": order, "kind": kind, "line": at, "amount": amount}
        code = self.models[order].adjust(kind, at, amount, replace(self.now))
        self.agrees(self.call(self.shop.staff, "POST", "/refunds/v1/refunds/adjustments", body), code, 201)

    @rule(refund=refunds, shop=st.booleans())
    def decline_or_withdraw(self, refund: int, shop: bool) -> None:
        refund_id, model, part = self.ids[refund]
        how, body = ("decline", {"internal_reason": "worn"}) if shop else ("withdraw", None)
        caller = self.shop.staff if shop else self.shop.customer()
        self.agrees(self.call(caller, "POST", f"/refunds/v1/refunds/{refund_id}/{how}", body), model.end(part))

    @rule(refund=refunds, outcome=OUTCOME, reference=st.sampled_from("abcd"), amount=st.one_of(st.none(), PART), to=st.integers(0, 3))
    def settle(self, refund: int, outcome: str, reference: str, amount: int | None, to: int) -> None:
        """Of all that is left or of a part, to a payment of the order or to none."""
        refund_id, model, part = self.ids[refund]
        payments = next(self.payments[order] for order, one in self.models.items() if one is model)
        body = {"outcome": outcome, "reference": reference, "method": "card", "amount": amount}
        known = any((how, name) == (outcome, reference) for how, name, _ in part.reports)
        payment = to if to < len(payments) and not known else None  # the same attempt with another payment has a test of its own
        answer = self.call(
            self.shop.platform, "POST", f"/refunds/v1/refunds/{refund_id}/settlements",
            body | ({} if payment is None else {"payment_id": payments[payment]}),
        )  # fmt: skip
        self.agrees(answer, model.settle(part, outcome, reference, amount, payment))

    @rule(refund=refunds, to=TO, shop=st.booleans())
    def say_where(self, refund: int, to: Any, shop: bool) -> None:
        refund_id, model, part = self.ids[refund]
        caller = self.shop.staff if shop else self.shop.customer()
        answer = self.call(caller, "PUT", f"/refunds/v1/refunds/{refund_id}/pay-to", {"pay_to": to})
        self.agrees(answer, model.say_where(part, somewhere=to is not None))

    @rule(refund=refunds, line=st.integers(1, 2), quantity=st.integers(1, 3), disposition=st.sampled_from(["restock", "discard"]))
    def inspect(self, refund: int, line: int, quantity: int, disposition: str) -> None:
        refund_id, model, part = self.ids[refund]
        body = {"lines": [{"line": line, "quantity": quantity, "disposition": disposition}]}
        answer = self.call(self.shop.staff, "POST", f"/refunds/v1/refunds/{refund_id}/inspections", body)
        self.agrees(answer, model.inspect(part, line, quantity, disposition))

    @precondition(lambda self: self.models)
    @invariant()
    def both_agree(self) -> None:
        self.agreed = False
        self.every_refund_agrees()
        self.what_a_person_must_look_at_agrees()
        self.agreed = True

    def every_refund_agrees(self) -> None:
        for order_id, model in self.models.items():
            page = self.call(self.shop.staff, "GET", f"/refunds/v1/refunds?order_id={order_id}&limit=200").json()
            ids = sorted(item["refund_id"] for item in page["items"])
            assert len(ids) == len(model.refunds), page["items"]
            for refund_id, part in zip(ids, model.refunds, strict=True):
                known, _, _ = self.ids.setdefault(id(part), (refund_id, model, part))
                assert known == refund_id, "ids are in the order of making"
                assert facts(self.call(self.shop.staff, "GET", f"/refunds/v1/refunds/{refund_id}").json()) == expected(part)
            left = self.call(self.shop.staff, "GET", f"/refunds/v1/refunds/refundable/{order_id}").json()
            keeps = self.now.deduct_shipping
            worth = {line: sum(model.worth(model.free(line), keeps=keeps).values()) for line in QUANTITIES}
            assert [(line["free"], line["amount"]["amount"]) for line in left["lines"]] == [
                (len(model.free(line)), worth[line]) for line in QUANTITIES
            ]

    def what_a_person_must_look_at_agrees(self) -> None:
        items = self.call(self.shop.staff, "GET", "/refunds/v1/refunds/attention?limit=200").json()["items"]
        wanted = sorted(key.split(":")[0] for model in self.models.values() for key in model.attention)
        assert sorted(item["kind"] for item in items) == wanted

    def teardown(self) -> None:
        """Whatever came back is on the shelf, once."""
        try:
            if self.agreed:
                there = [model for model in self.models.values() if model.goods_left or model.cancelled_from is None]
                sold = sum(QUANTITIES[1] - model.cancelled_units.get(1, 0) for model in there)
                self.wait(self._shelf(START - sold + sum(model.returned for model in self.models.values())))
        finally:
            self.http.close()

    async def _shelf(self, wanted: int) -> None:
        async def look() -> bool:
            level = (await self.shop.staff.get("/orders/v1/stock/ON-SHELF")).ok()["on_hand"]
            assert level == wanted
            return True

        await eventually(look)


def facts(shown: dict[str, Any]) -> dict[str, Any]:
    """What an answer says, in the model's words."""
    money = tuple(shown[name]["amount"] for name in ("goods", "shipping", "overpaid"))
    lines = [line for line in shown["lines"] if line["quantity"]]
    approved = shown["status"] == "approved"
    return {
        "amount": (shown["amount"]["amount"], money, shown["shipping_kept"]["amount"]),
        "fees": sum(fee["amount"]["amount"] for fee in shown["fees"]),
        "taxes": rows(shown["taxes"]) if approved else [],
        "payout_taxes": rows(shown["payout_taxes"]) if approved else [],
        "status": (shown["status"], shown["settlement"], shown["cause"], shown["version"]),
        "units": [(line["line"], n) for line in lines for units in line["units"] for n in range(units["first"], units["last"] + 1)],
        "goods": {line["line"]: (line["disposition"], line["waiting_for_inspection"]) for line in lines},
        "reports": [(report["outcome"], report["reference"], report["amount"]["amount"]) for report in shown["settlements"]],
        "settled": (shown["settled_amount"]["amount"], shown["pay_to"] is not None),
    }


def rows(table: list[dict[str, Any]]) -> list[Row]:
    """A table of taxes, in the model's words."""
    return [(row["tax_rate"], row["net"]["amount"], row["tax"]["amount"], row["gross"]["amount"]) for row in table]


def expected(part: Part) -> dict[str, Any]:
    """The same of the model's refund."""
    return {
        "amount": (part.amount, part.sums, part.shipping_kept),
        "fees": part.fees,
        "taxes": part.taxes,
        "payout_taxes": part.payout_taxes,
        "status": (part.status, part.settlement, part.cause, part.version),
        "units": part.units,
        "goods": {line: (goes, part.waiting(line)) for line, goes in sorted(part.dispositions.items())},
        "reports": part.reports,
        "settled": (part.settled, part.somewhere),
    }


async def test_random_lives_agree_with_the_reference(shop: Shop) -> None:
    Lives.shops = iter(lambda: Shop(shop.stack, shop._client, shop._pools), None)
    Lives.loop = asyncio.get_running_loop()
    modest = settings(
        max_examples=LIVES,
        stateful_step_count=STEPS,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.explicit, Phase.generate),  # without shrinking: over HTTP that takes longer than reading the steps
    )
    await asyncio.to_thread(run_state_machine_as_test, Lives, settings=modest)
