"""The journal: every payment and reversal of a store, once, in the order in which they occurred."""

import csv
import io
import json
from typing import Any

import pytest

from tests.services.orders.test_changes import act, placed
from tests.services.orders.test_placing import SETTINGS
from tests.shop import Caller, Shop, order_p

JOURNAL = "/orders/v1/orders/journal"
AT = {"a": "2026-03-01T18:00:00Z", "b": "2026-03-01T18:30:00Z", "c": "2026-03-02T09:00:00Z", "d": "2026-03-03T09:00:00Z"}


async def table(caller: Caller, **query: Any) -> list[dict[str, str]]:
    answer = (await caller.get(JOURNAL, params=query)).ok()
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == 'attachment; filename="journal.csv"'
    return list(csv.DictReader(io.StringIO(answer.content.decode())))


async def collected(shop: Shop) -> tuple[str, str]:
    """Two orders in two currencies, three payments and a reversal; the ids of the orders."""
    (await shop.staff.put("/orders/v1/orders-settings", json=SETTINGS | {"time_zone": "Asia/Dhaka"}, headers={"If-Match": '"v0"'})).ok()
    prepaid = [{"amount": 500, "method": "card", "reference": "=ch_1", "occurred_at": AT["b"]}]
    first = await placed(shop, external_ref="web-7", placed_at=AT["a"], payments=prepaid)
    other = await placed(shop, currency="JPY", placed_at=AT["a"])
    cash = {"amount": 11_000, "method": "cod", "reference": "r-1", "collected_by": "Pathao", "courier_charge": 250, "occurred_at": AT["a"]}
    payment = (await act(shop.staff, first, "payments", cash)).ok()["payments"][-1]["payment_id"]
    (await act(shop.staff, first, f"payments/{payment}/reversals", {"reason": "false note", "occurred_at": AT["d"]})).ok()
    yen = cash | {"collected_by": "RedX", "occurred_at": AT["c"]}
    (await act(shop.staff, other, "payments", yen)).ok()
    return first, other


async def test_every_payment_and_reversal_once_in_order(shop: Shop) -> None:
    first, other = await collected(shop)
    rows = await table(shop.staff)
    shown = {
        order_id: (await shop.staff.get(f"/orders/v1/orders/{order_id}")).ok()["payments"] for order_id in (first, other)
    }  # fmt: skip
    card, cash, back = shown[first]
    [yen] = shown[other]
    assert [tuple(row.values()) for row in rows] == [
        ("2026-03-02", "1001", first, "web-7", "cod", "r-1", "Pathao", "110.00", "2.50", "BDT", cash["payment_id"], "",
         "2026-03-01T18:00:00+00:00", rows[0]["recorded_at"]),
        ("2026-03-02", "1001", first, "web-7", "card", "'=ch_1", "", "5.00", "", "BDT", card["payment_id"], "",
         "2026-03-01T18:30:00+00:00", rows[1]["recorded_at"]),
        ("2026-03-02", "1002", other, "", "cod", "r-1", "RedX", "11000", "250", "JPY", yen["payment_id"], "",
         "2026-03-02T09:00:00+00:00", rows[2]["recorded_at"]),
        ("2026-03-03", "1001", first, "web-7", "cod", "r-1", "Pathao", "-110.00", "", "BDT", back["payment_id"], cash["payment_id"],
         "2026-03-03T09:00:00+00:00", rows[3]["recorded_at"]),
    ]  # fmt: skip
    assert list(rows[0]) == ["day", "number", "order_id", "external_ref", "method", "reference", "collected_by", "amount", "courier_charge",
                             "currency", "payment_id", "reverses", "occurred_at", "recorded_at"]  # fmt: skip
    lines = (await shop.staff.get(f"{JOURNAL}?format=jsonl&currency=JPY")).ok().content.splitlines()
    assert [json.loads(line) for line in lines] == [
        {"day": "2026-03-02", "number": "1002", "order_id": other, "external_ref": None, "method": "cod", "reference": "r-1",
         "collected_by": "RedX", "amount": {"amount": 11_000, "currency": "JPY", "decimal": "11000"},
         "courier_charge": {"amount": 250, "currency": "JPY", "decimal": "250"}, "payment_id": yen["payment_id"],
         "reverses": None, "occurred_at": "2026-03-02T09:00:00Z", "recorded_at": yen["recorded_at"]},
    ]  # fmt: skip
    assert (await shop.staff.get(f"{JOURNAL}?bom=true")).ok().content[:3] == b"\xef\xbb\xbf"


@pytest.mark.parametrize(
    ("query", "amounts"),
    [
        ({"occurred_at.gte": AT["b"]}, ["5.00", "11000", "-110.00"]),
        ({"occurred_at.gte": AT["b"], "occurred_at.lt": AT["c"]}, ["5.00"]),
        ({"currency": "BDT", "method": "COD"}, ["110.00", "-110.00"]),
        ({"collected_by": "RedX"}, ["11000"]),
        ({"collected_by": "redx"}, ["11000"]),
        ({"collected_by": "Red"}, []),
        ({"method": "card", "currency": "JPY"}, []),
    ],
)
async def test_filters(shop: Shop, query: dict[str, str], amounts: list[str]) -> None:
    await collected(shop)
    assert [row["amount"] for row in await table(shop.staff, **query)] == amounts


async def test_many_pages(shop: Shop) -> None:
    paid = [{"amount": 1 + n, "method": "cod", "reference": str(n), "occurred_at": AT["c"]} for n in range(9)]
    (await shop.platform.post("/orders/v1/orders/batch", json={"orders": [order_p(payments=paid)] * 50})).ok()
    rows = await table(shop.reader)
    assert (len(rows), len({row["payment_id"] for row in rows})) == (450, 450)
    assert [row["payment_id"] for row in rows] == sorted(row["payment_id"] for row in rows), "by their ids at one moment"


async def test_the_journal_is_the_shops(shop: Shop) -> None:
    await collected(shop)
    assert (await shop.customer().get(JOURNAL)).code == "shop_only"
    other = Shop(shop.stack, shop._client, shop._pools)
    assert await table(other.staff) == []
    for query in ("occurred_at.gte=yesterday", "columns=day", "currency=taka", "method="):
        assert (await shop.staff.get(f"{JOURNAL}?{query}")).status == 422
    assert (await shop.staff.get(f"{JOURNAL}/actions")).status in (404, 422), "no order has this id"
