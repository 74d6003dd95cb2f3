"""A shop's documents as an archive add up to its orders' and refunds' own sums: real invoices, with everything that may happen to them.

The repository has 24 invoices of Online Retail, December 2010 to May 2011 (released under CC0: docs/import.md), sold today with taxes at
three rates. AFTERSALE_TEST_ONLINE_RETAIL=FILE takes a whole file instead, of which AFTERSALE_TEST_ONLINE_RETAIL_ORDERS=1000 orders.
"""

import asyncio
import csv
import io
import json
import os
import zipfile
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from pydantic_core import to_jsonable_python

from kit.importing import asking, online_retail
from kit.importing.mapping import PlannedOrder, plan
from shared.contracts.money import divide_half_up
from tests.e2e.steps import ask, decide
from tests.faults.history import quiet
from tests.services.refunds.scenes import move, policy
from tests.shop import Answer, Shop, eventually

FILE = Path(os.environ.get("AFTERSALE_TEST_ONLINE_RETAIL") or Path(__file__).with_name("online_retail.csv"))
ORDERS = int(os.environ.get("AFTERSALE_TEST_ONLINE_RETAIL_ORDERS", "1000"))
RATES = ("20", "5", "0")
AT_ONCE = 8
SIGNS = {"invoice": 1, "credit_note": -1, "receipt": 1, "cancelling_receipt": -1, "refund_receipt": -1}
Sums = Counter[tuple[str, ...]]

pytestmark = pytest.mark.timeout(1_800 + 5 * ORDERS)


def taxed(amount: int, rate: str) -> dict[str, Any]:
    """The tax in an amount at a rate."""
    return {"tax": divide_half_up(amount * int(rate), 100 + int(rate)), "tax_rate": rate}


def sold_today(planned: PlannedOrder) -> dict[str, Any]:
    """An invoice of the file as an order of today, unpaid. The file has no taxes: a product's rate depends on its code."""
    body: dict[str, Any] = {
        name: value for name, value in asking.order(planned).items() if name not in ("history", "payments", "placed_at")
    }
    body["lines"] = [
        {**sent, **taxed(line.subtotal, RATES[sum(line.row.product.encode()) % 3])}
        for sent, line in zip(body["lines"], planned.lines, strict=True)
    ]
    if planned.shipping:
        body["shipping"] = {"amount": planned.shipping, **taxed(planned.shipping, "20")}
    return dict(to_jsonable_python(body))


class Life:
    """One order's life, by its number."""

    def __init__(self, shop: Shop, order: Answer) -> None:
        self.shop, self.order_id, self.total = shop, str(order["order_id"]), order["total"]["amount"]
        self.line = max(order["lines"], key=lambda line: line["quantity"])
        self.all = [(line["line"], line["quantity"]) for line in order["lines"]]
        self.shipping = order["shipping"]["amount"]

    async def post(self, path: str, **body: Any) -> Answer:
        """A call of the order service that succeeds."""
        return (await self.shop.platform.post(f"/orders/v1/orders/{self.order_id}/{path}", json=body)).ok()

    async def pay(self, amount: int, reference: str = "first") -> str:
        """Record collected money."""
        paid = await self.post("payments", amount=amount, method="card", reference=f"{self.order_id}-{reference}")
        return str(paid["payments"][-1]["payment_id"])

    async def cancel_a_unit(self) -> None:
        """Cancel a unit of the largest line."""
        await self.post("part-cancellations", lines=[{"line": self.line["line"], "quantity": 1}], reason="not on the shelf")

    async def adjust(self, kind: str, amount: int, **more: Any) -> None:
        """Money without units, once the delivery was seen."""
        body = {"order_id": self.order_id, "kind": kind, "amount": amount, **more}

        async def given() -> Answer:
            return (await self.shop.staff.post("/refunds/v1/refunds/adjustments", json=body)).ok()

        await eventually(given)

    async def take_back(self, *units: tuple[int, int], **approval: Any) -> None:
        """Units asked back and approved."""
        await decide(self.shop, await ask(self.shop, self.order_id, *units), **approval)

    async def live(self, number: int) -> None:
        """One of a dozen lives."""
        one, steps = (self.line["line"], 1), ("confirmed", "delivered")
        if number % 12 in (0, 1):  # cancelled: never invoiced; or shipped, of which some was paid, so that shipping is kept
            paid = await self.pay(self.total if number % 12 == 0 else max(1, self.total // 2))
            await move(self.shop, self.order_id, *(("confirmed", "shipped") if number % 12 else ()))
            await self.post("cancel", reason="changed my mind")
            await self.pay(100, "too late")
            return await self.reverse(paid, 1)
        if number % 12 in (2, 3):  # a unit is cancelled, then the order, or it is delivered and all of it comes back
            await self.pay(self.total)
            await move(self.shop, self.order_id, "confirmed")
            await self.cancel_a_unit()
            if number % 12 == 2:
                await self.post("cancel", reason="the rest too")
                return None
            await move(self.shop, self.order_id, "delivered")
            return await self.take_back(*[(line, units - (line == one[0])) for line, units in self.all if units > (line == one[0])])
        first = None if number % 12 == 5 else await self.pay(self.total + (500 if number % 12 == 4 else 0))
        await move(self.shop, self.order_id, *steps)
        match number % 12:
            case 4:
                await self.adjust("overpaid", 300)
            case 5:  # credited before it is paid, and paid what is left
                await self.take_back(one, payout=0)
                await self.pay(1)
            case 6:
                await self.adjust("goodwill", min(7, self.line["total"]["amount"]), line=one[0])
                await self.take_back(*self.all)
            case 7:
                await self.adjust("goodwill", self.total // 3)
                await self.take_back(one)
            case 8:
                await self.take_back(*self.all, fees=[{"name": "Restocking", "amount": self.total // 9 + 1}])
                await self.adjust("goodwill", self.total // 9 + 1)
            case 9:
                await self.take_back(one, shipping="keep", shipping_reason="as agreed")
                await self.adjust("shipping", self.shipping) if self.shipping else None
            case 10 if first:
                await self.reverse(first, max(1, self.total // 4))
        return None

    async def reverse(self, payment_id: str, amount: int) -> None:
        """Part of a payment is charged back."""
        await self.post(f"payments/{payment_id}/reversals", reason="charged back", amount=amount)


async def a_years_orders(shop: Shop) -> None:
    """All of the file's orders, each with its life."""
    await policy(shop, deduct_shipping=True)
    orders = list(islice(plan(online_retail.read(FILE)).orders.values(), ORDERS))
    turns = asyncio.Semaphore(AT_ONCE)

    async def one(number: int, planned: PlannedOrder) -> None:
        async with turns:
            placed = (await shop.platform.post("/orders/v1/orders", json=sold_today(planned))).ok()
            await Life(shop, placed).live(number)

    await asyncio.gather(*(one(number, planned) for number, planned in enumerate(orders)))


def rows_of(pack: zipfile.ZipFile, name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(pack.read(name).decode("utf-8-sig"))))


def pence(text: str) -> int:
    return int(Decimal(text) * 100)


def from_archive(pack: zipfile.ZipFile) -> Sums:
    """Totals by kind, and taxes by kind and rate, as the files say them."""
    sums = Sums()
    for row in rows_of(pack, "index.csv"):
        sums["total", row["kind"]] += pence(row["total"])
        sums["documents", row["kind"]] += 1
    for row in rows_of(pack, "taxes.csv"):
        sums["gross", row["kind"], row["tax_rate"]] += pence(row["gross"])
        sums["tax", row["kind"], row["tax_rate"]] += pence(row["tax"])
        assert pence(row["net"]) + pence(row["tax"]) == pence(row["gross"])
    return sums


def documents_due(order: dict[str, Any], refunds: list[dict[str, Any]]) -> Iterator[tuple[str, int, list[tuple[str, int, int]]]]:
    """(kind, total, (rate, gross, tax) of each part) of every document that an order calls for, by real-shops.md, section 3."""
    whole = [(line["tax_rate"], line["total"], line["tax"]) for line in order["lines"]]
    whole.append((order["shipping_tax_rate"] or "", order["shipping"], order["shipping_tax"]))
    invoiced = order["confirmed_version"] is not None
    if invoiced:
        yield "invoice", order["total"], whole
    in_parts = []
    for one in refunds:
        taxes = [(row["tax_rate"] or "", row["gross"], row["tax"]) for row in one["taxes"]]
        in_parts += taxes if one["cause"] == "part_cancellation" else []
        if one["cause"] in ("request", "part_cancellation", "adjustment"):
            yield "credit_note", one["credit"], taxes
        elif one["amount"] and (one["cause"] == "overpaid" or not invoiced):
            yield "refund_receipt", one["amount"], [(row["tax_rate"] or "", row["gross"], row["tax"]) for row in one["payout_taxes"]]
        if one["shipping_kept"]:
            yield "invoice", one["shipping_kept"], [(order["shipping_tax_rate"], one["shipping_kept"], one["shipping_kept_tax"])]
    if invoiced and order["status"] == "cancelled":
        rest = [*whole, *((rate, -gross, -tax) for rate, gross, tax in in_parts)]
        yield "credit_note", sum(gross for _, gross, _ in rest), rest
    for amount in order["payments"]:
        yield ("receipt" if amount > 0 else "cancelling_receipt"), abs(amount), []


async def from_orders_and_refunds(shop: Shop) -> Sums:
    """The same sums, from what the order and refund services hold."""
    lines = "(select jsonb_agg(to_jsonb(l)) from lines l where l.store_id = o.store_id and l.order_id = o.order_id)"
    paid = "(select coalesce(jsonb_agg(amount), '[]') from payments p where p.store_id = o.store_id and p.order_id = o.order_id)"
    orders = await shop.rows("orders", f"select o.*, {lines} as sold, {paid} as paid from orders o where store_id = {{store}}")
    refunds = await shop.rows("refunds", "select * from refunds where store_id = {store} and status = 'approved' order by refund_id")
    sums = Sums()
    for order in orders:
        order |= {"lines": json.loads(order["sold"]), "payments": json.loads(order["paid"])}
        mine = [
            one | {name: json.loads(one[name]) for name in ("taxes", "payout_taxes")}
            for one in refunds
            if one["order_id"] == order["order_id"]
        ]
        for kind, total, parts in documents_due(order, mine):
            sums["total", kind] += SIGNS[kind] * total
            sums["documents", kind] += 1
            for rate, gross, tax in parts:
                sums["gross", kind, rate] += SIGNS[kind] * gross
                sums["tax", kind, rate] += SIGNS[kind] * tax
        assert sum(order["payments"]) == order["collected"]
    return sums


def without_nothing(sums: Sums) -> dict[tuple[str, ...], int]:
    return {what: money for what, money in sums.items() if money}


async def test_an_archive_adds_up_to_the_orders_and_refunds(shop: Shop) -> None:
    await a_years_orders(shop)
    await quiet(shop)
    answer = (await shop.staff.get("/documents/v1/documents/archive")).ok()
    pack = zipfile.ZipFile(io.BytesIO(answer.content))
    assert pack.testzip() is None
    index = rows_of(pack, "index.csv")
    assert all(row["file"] in pack.namelist() and not row["problem"] for row in index)
    said = from_archive(pack)
    assert without_nothing(said) == without_nothing(await from_orders_and_refunds(shop))
    assert {row["kind"] for row in index} == set(SIGNS)
    [sums] = await shop.rows(
        "orders",
        """select sum(collected) as collected, sum(total) filter (where status <> 'cancelled' and confirmed_version is not null)
                - sum(credited_total) filter (where status <> 'cancelled' and confirmed_version is not null) as owed,
            sum(shipping_kept_total) as kept from orders where store_id = {store}""",
    )
    assert said["total", "invoice"] + said["total", "credit_note"] == sums["owed"] + sums["kept"]
    assert said["total", "receipt"] + said["total", "cancelling_receipt"] == sums["collected"]
