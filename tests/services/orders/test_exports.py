"""Exports with the columns that are asked for, by order or by line, and whole orders as JSON Lines."""

import csv
import io
import json
from typing import Any

import pytest

from services.orders.api.export import MAX_WHOLE_LINES, MAX_WHOLE_ORDERS, fitting
from services.orders.rules.exporting import LINES, OF_LINES, OF_ORDERS, SUMMARY
from services.orders.state import Summary
from tests.services.orders.test_changes import act, placed
from tests.services.orders.test_placing import SETTINGS
from tests.shop import BANGLADESH, Caller, Shop

EXPORT = "/orders/v1/orders/export"
GIFT = {
    "sku": "CUP-1",
    "name": "=Cup",
    "quantity": 3,
    "unit_price": 200,
    "options": [{"name": "Size", "value": "M"}, {"name": "Hue", "value": "red"}],
}
TEE = {"sku": "TEE-1", "name": "T-shirt", "quantity": 2, "unit_price": 5_000}


async def table(caller: Caller, **query: Any) -> list[dict[str, str]]:
    answer = (await caller.get(EXPORT, params=query)).ok()
    return list(csv.DictReader(io.StringIO(answer.content.decode())))


async def whole(caller: Caller, **query: Any) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (await caller.get(EXPORT, params={"format": "jsonl", **query})).ok().content.splitlines()]


async def test_a_sheet_for_a_courier(shop: Shop) -> None:
    (await shop.staff.put("/orders/v1/orders-settings", json=SETTINGS | {"time_zone": "Asia/Dhaka"}, headers={"If-Match": '"v0"'})).ok()
    order_id = await placed(
        shop, lines=[TEE, GIFT], placed_at="2026-03-01T18:30:00Z", tags=["cod", "gift"], coupon_codes=["EID"], shipping_method="Express",
        payment_method="cod", shipping_address=BANGLADESH | {"street_address": "+House 1", "city_area": "Gulshan"},
        billing_address={"country_code": "BD", "name": "Karim", "city": "Chittagong"},
    )  # fmt: skip
    (await act(shop.staff, order_id, "transitions", {"to": "shipped", "tracking": {"carrier": "Pathao", "number": "-PT-1"}})).ok()
    (await act(shop.staff, order_id, "payments", {"amount": 1_600, "method": "cod", "reference": "a"})).ok()
    expected = {
        "number": "1001", "placed_at": "2026-03-02T00:30:00+06:00", "email": "rahima@example.com", "phone": "'+8801712345678",
        "shipping_name": "Rahima Begum", "shipping_street": "'+House 1", "shipping_city": "Dhaka", "shipping_city_area": "Gulshan",
        "shipping_area": "", "shipping_postal_code": "1205", "shipping_country": "BD", "billing_name": "Karim",
        "billing_city": "Chittagong", "carrier": "Pathao", "tracking_number": "'-PT-1", "fulfilment": "shipping",
        "shipping_method": "Express", "payment_method": "cod", "tags": "cod, gift", "coupon_codes": "EID", "units": "5", "total": "116.00",
        "due": "100.00", "overpaid": "0.00", "credited_total": "0.00", "delivered_at": "",
    }  # fmt: skip
    [row] = await table(shop.staff, columns=list(expected), time="local")
    assert list(row.items()) == list(expected.items()), "in the order in which they were asked for"
    [mine] = await table(shop.customer(), columns=["number", "tags", "email", "due"])
    assert mine == {"number": "1001", "tags": "", "email": "rahima@example.com", "due": "100.00"}
    assert await table(shop.customer("c-2"), columns=["email"]) == []


async def test_a_row_for_each_line(shop: Shop) -> None:
    await placed(shop, lines=[TEE, GIFT], placed_at="2026-03-01T18:30:00Z")
    order_id = await placed(shop, currency="JPY", placed_at="2026-03-02T18:30:00Z")
    columns = ["number", "line", "sku", "line_name", "options", "quantity", "unit_price", "subtotal", "line_total", "total"]
    rows = await table(shop.staff, columns=columns, rows="lines")
    assert [tuple(row.values()) for row in rows] == [
        ("1002", "1", "TEE-1", "T-shirt", "", "2", "5000", "10000", "10000", "11000"),
        ("1001", "1", "TEE-1", "T-shirt", "", "2", "50.00", "100.00", "100.00", "116.00"),
        ("1001", "2", "CUP-1", "'=Cup", "Size: M, Hue: red", "3", "2.00", "6.00", "6.00", "116.00"),
    ]
    assert [tuple(row) for row in await table(shop.staff, rows="lines")] == [LINES] * 3
    [every] = await table(shop.staff, rows="lines", currency="JPY", columns=[*OF_ORDERS, *OF_LINES])
    assert tuple(every) == (*OF_ORDERS, *OF_LINES)
    assert [row["order_id"] for row in await table(shop.staff, rows="lines", currency="JPY")] == [order_id]


async def test_without_wishes_a_file_is_as_it_was_with_what_is_due(shop: Shop) -> None:
    order_id = await placed(shop, placed_at="2026-03-01T18:30:00Z", payments=[{"amount": 1_000, "method": "card", "reference": "a"}])
    [row] = await table(shop.staff)
    assert tuple(row) == SUMMARY
    assert row == {
        "number": "1001", "placed_at": "2026-03-01T18:30:00+00:00", "customer_id": "c-1", "customer_name": "Rahima Begum",
        "status": "pending", "payment": "unpaid", "refund_state": "none", "currency": "BDT", "total": "110.00", "collected": "10.00",
        "refunded_total": "0.00", "external_ref": "", "order_id": order_id, "version": "1", "due": "100.00",
    }  # fmt: skip
    for columns in (["due", "number"], ["due", "number", "units"]):  # from the list alone, and from whole orders
        [some] = await table(shop.staff, columns=columns)
        assert list(some)[:2] == ["due", "number"]
        assert (some["due"], some["number"]) == ("100.00", "1001")
    assert await table(shop.staff, columns=list(SUMMARY)) == [row]
    [again] = await table(shop.staff, columns=[*SUMMARY, "units"])
    assert again == row | {"units": "2"}, "whole orders say the same as the list"


async def test_a_line_of_json_is_the_order_as_its_caller_sees_it(shop: Shop) -> None:
    order_id = await placed(shop, metadata={"internal": "x"}, tags=["vip"])
    await placed(shop, customer={"id": "c-2", "name": "Karim"})
    for caller in (shop.staff, shop.customer()):
        shown = (await caller.get(f"/orders/v1/orders/{order_id}")).ok().body
        [line] = [one for one in await whole(caller) if one["order_id"] == order_id]
        assert line == {name: value for name, value in shown.items() if name not in ("timeline", "actions")}
    assert [one["customer"]["id"] for one in await whole(shop.customer())] == ["c-1"]
    assert [one["number"] for one in await whole(shop.staff)] == ["1002", "1001"]


async def test_whole_orders_come_each_once_over_many_pages(shop: Shop) -> None:
    orders = {"orders": [{"currency": "BDT", "customer": {"id": "c-1", "name": "R"}, "lines": [TEE], "fulfilment": "pickup"}] * 230}
    (await shop.platform.post("/orders/v1/orders/batch", json=orders)).ok()
    numbers = [str(number) for number in range(1230, 1000, -1)]
    assert [one["number"] for one in await whole(shop.staff)] == numbers
    assert [row["number"] for row in await table(shop.staff, columns=["number", "units"])] == numbers


@pytest.mark.parametrize(
    ("lines", "number"),
    [([], 0), ([1] * 200, MAX_WHOLE_ORDERS), ([2_000, 1], 1), ([400, 400, 200, 1], 3), ([1, 2_000], 1), ([MAX_WHOLE_LINES, 1], 1)],
)
def test_only_so_many_lines_are_read_at_once(lines: list[int], number: int) -> None:
    blank = dict.fromkeys(Summary.__dataclass_fields__)
    assert fitting([Summary(**blank | {"line_count": count}) for count in lines]) == number  # type: ignore[arg-type]  # only the count is read


@pytest.mark.parametrize(
    ("query", "code", "pointer"),
    [
        ("columns=number&columns=password", "unknown_column", "?columns"),
        ("columns=number,email", "unknown_column", "?columns"),
        ("columns=sku", "needs_rows_of_lines", "?columns"),
        ("format=jsonl&columns=number", "only_in_csv", "?format"),
        ("format=jsonl&rows=lines", "only_in_csv", "?format"),
        ("format=jsonl&time=local", "only_in_csv", "?format"),
        ("rows=payments", "invalid", "?rows"),
        ("time=mars", "invalid", "?time"),
        ("&".join(["columns=number"] * 101), "invalid", "?columns"),
    ],
)
async def test_a_file_that_cannot_be_made_is_refused_with_what_can(shop: Shop, query: str, code: str, pointer: str) -> None:
    answer = await shop.staff.get(f"{EXPORT}?{query}")
    assert (answer.status, answer.code) == (422, code)
    assert answer["errors"][0]["pointer"].startswith(pointer)
    if "password" in query:
        assert [choice["name"] for choice in answer["errors"][0]["choices"]] == [*OF_ORDERS, *OF_LINES]
