"""Placing over HTTP: figures, refusals that leave nothing, numbers, references, stock, repeats, batches."""

import asyncio
import json
from collections import Counter
from typing import Any

import asyncpg
import pytest

from tests.shop import Answer, Shop, order_p

SETTINGS = {
    "cancel_preset": "cancellation-control",
    "customer_cancel_until": "delivered",
    "stock": True,
    "number_prefix": "",
    "time_zone": "UTC",
}


async def stocked(shop: Shop, **levels: int) -> None:
    """Turn stock on and count these SKUs (`TEE_1` is TEE-1)."""
    (await shop.staff.put("/orders/v1/orders-settings", json=SETTINGS, headers={"If-Match": '"v0"'})).ok()
    for sku, on_hand in levels.items():
        (await shop.staff.put(f"/orders/v1/stock/{sku.replace('_', '-')}", json={"on_hand": on_hand})).ok()


async def nothing_written(shop: Shop) -> None:
    for table in ("orders", "lines", "payments", "changes", "idempotency"):
        assert await shop.rows("orders", f"select 1 from {table} where store_id = {{store}}") == [], table
    assert [event for event in await shop.events("orders") if event["type"].startswith("order.")] == []


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"lines": []}, 422, "invalid"),
        ({"unknown": 1}, 422, "invalid"),
        ({"currency": "ZZZ"}, 422, "invalid"),
        ({"currency": "bdt"}, 422, "invalid"),
        ({"currency": "HRK"}, 422, "currency_withdrawn"),
        ({"currency": "BGN", "placed_at": "2026-02-01T12:00:00Z"}, 422, "currency_withdrawn"),
        ({"total": 10999}, 422, "figures_do_not_add_up"),
        ({"discount": 10001}, 422, "discount_too_large"),
        ({"lines": [{"sku": "A", "name": "a", "quantity": 0, "unit_price": 1}]}, 422, "invalid"),
        ({"lines": [{"sku": "A", "name": "a", "quantity": -1, "unit_price": 1}]}, 422, "invalid"),
        ({"lines": [{"sku": "A", "name": "a", "quantity": 1_000_001, "unit_price": 1}]}, 422, "invalid"),
        ({"lines": [{"sku": "A", "name": "a", "quantity": 1, "unit_price": 1.5}]}, 422, "invalid"),
        ({"lines": [{"sku": "A", "name": "a", "quantity": 1, "unit_price": "1"}]}, 422, "invalid"),
        ({"lines": [{"sku": "A", "name": "a", "quantity": 1, "unit_price": -1}]}, 422, "invalid"),
        ({"lines": [{"sku": "A", "name": "a", "quantity": 1, "unit_price": 10**16}]}, 422, "invalid"),
        ({"lines": [{"sku": "A", "name": "a", "quantity": 1}]}, 422, "figures_missing"),
        ({"lines": [{"sku": "A", "name": "a\x00", "quantity": 1, "unit_price": 1}]}, 422, "nul_character"),
        ({"lines": [{"sku": "A", "name": "a", "quantity": 1, "unit_price": 1}] * 2001}, 422, "invalid"),
        ({"shipping_address": {"country_code": "BD"}, "validation": "strict"}, 422, "bad_address"),
        ({"shipping_address": {"country_code": "BX", "street_address": "S 1", "city": "X"}}, 422, "bad_address"),
        ({"customer": {"id": "c-1", "phone": "12"}, "validation": "strict"}, 422, "bad_phone"),
        ({"customer": {"id": "c-1", "email": "nobody"}, "validation": "strict"}, 422, "bad_email"),
        ({"placed_at": "2098-01-01T00:00:00Z"}, 422, "in_the_future"),
        ({"placed_at": 1}, 422, "invalid"),
        ({"payments": [{"amount": 0, "method": "card", "reference": "x"}]}, 422, "invalid"),
        ({"payments": [{"amount": 1, "method": "card", "reference": "x"}] * 2}, 422, "same_payment_twice"),
        ({"lines": [{"sku": "A", "name": "অ" * 200, "quantity": 1, "unit_price": 1}] * 2000}, 413, "order_too_large"),
    ],
)
async def test_a_refused_order_leaves_nothing(shop: Shop, changes: dict[str, Any], status: int, code: str) -> None:
    answer = await shop.platform.post("/orders/v1/orders", json=order_p(**changes))
    assert (answer.status, answer.code) == (status, code), answer.content
    await nothing_written(shop)


async def test_an_order_of_the_past_in_a_currency_of_the_past(shop: Shop) -> None:
    for currency, placed_at, total in (
        ("HRK", "2022-06-01T10:00:00Z", "110.00"), ("BGN", "2025-12-01T10:00:00Z", "110.00"), ("ITL", "2001-06-01T10:00:00Z", "11000"),
    ):  # fmt: skip
        placed = (await shop.platform.post("/orders/v1/orders", json=order_p(currency=currency, placed_at=placed_at))).ok()
        shown = (await shop.staff.get(f"/orders/v1/orders/{placed['order_id']}")).ok()
        assert shown["total"] == {"amount": 11000, "currency": currency, "decimal": total}


async def test_both_figures_are_shown(shop: Shop) -> None:
    answer = await shop.platform.post("/orders/v1/orders", json=order_p(total=10999))
    assert (answer["given"], answer["computed"], answer["errors"][0]["pointer"]) == (10999, 11000, "/total")


@pytest.mark.parametrize("tracked", [False, True])
async def test_words_that_the_statement_looks_for_stay_what_they_are(shop: Shop, tracked: bool) -> None:
    """Lines and number are put into the JSON of event and answer by the statement: no text of a caller's is taken for their places."""
    words = '"lines":[] "number":"order_00000000000000000000000000" \\"lines\\":[]'
    said = order_p(customer={"id": '"lines":[]', "name": words}, metadata={"lines": '"lines":[]', "number": words})
    said["lines"] = [{"sku": '"lines":[]', "name": words, "quantity": 2, "unit_price": 5000}]
    if tracked:
        await stocked(shop)
        (await shop.staff.put("/orders/v1/stock/%22lines%22%3A%5B%5D", json={"on_hand": 5})).ok()
    placed = (await shop.platform.post("/orders/v1/orders", json=said)).ok()
    read = (await shop.staff.get(f"/orders/v1/orders/{placed['order_id']}")).ok()
    for shown in (placed, read):
        (line,) = shown["lines"]
        assert (shown["number"], shown["customer"]["name"], shown["metadata"]) == ("1001", words, said["metadata"])
        assert (line["sku"], line["name"], line["stock_tracked"]) == ('"lines":[]', words, tracked)
    (event,) = await shop.rows("orders", "select data from events where store_id = {store} and type = 'order.placed.v1'")
    told = json.loads(event["data"])["order"] if isinstance(event["data"], str) else event["data"]["order"]
    assert (told["number"], [line["name"] for line in told["lines"]]) == ("1001", [words])


async def test_placing_is_for_platform_and_staff(shop: Shop) -> None:
    answer = await shop.customer().post("/orders/v1/orders", json=order_p())
    assert (answer.status, answer.code) == (403, "shop_only")
    answer = await shop.platform.post("/orders/v1/orders", json=order_p(), headers={"On-Behalf-Of": "c-1"})
    assert (answer.status, answer.code) == (403, "shop_only")
    assert (await shop.staff.post("/orders/v1/orders", json=order_p())).status == 201


async def test_an_order_of_2000_lines_prepaid_in_kuwait(shop: Shop) -> None:
    lines = [{"sku": f"S-{n}", "name": f"Thing {n}", "quantity": 3, "total": 1000} for n in range(2000)]
    kuwait = {"country_code": "KW", "street_address": "Street 1", "city": "Kuwait City"}
    paid = [{"amount": 2_000_000, "method": "card", "reference": "ch_1"}, {"amount": 500, "method": "wallet", "reference": "w_1"}]
    body = order_p(currency="KWD", lines=lines, shipping={"amount": 500}, shipping_address=kuwait, payments=paid, total=2_000_500)
    placed = (await shop.platform.post("/orders/v1/orders", json=body)).ok()
    assert placed["total"] == {"amount": 2_000_500, "currency": "KWD", "decimal": "2000.500"}
    assert (placed["payment"], len(placed["payments"]), len(placed["lines"])) == ("paid", 2, 2000)
    shown = (await shop.staff.get(f"/orders/v1/orders/{placed['order_id']}")).ok()
    assert shown["lines"] == placed["lines"]
    assert (await shop.staff.post(f"/orders/v1/orders/{placed['order_id']}/transitions", json={"to": "delivered"})).ok()["version"] == 2


async def test_numbers_rise_per_store(shop: Shop) -> None:
    numbers = [(await shop.platform.post("/orders/v1/orders", json=order_p())).ok()["number"] for _ in range(3)]
    assert numbers == ["1001", "1002", "1003"]
    (await shop.staff.put("/orders/v1/orders-settings", json=SETTINGS | {"number_prefix": "BD-"}, headers={"If-Match": '"v0"'})).ok()
    assert (await shop.platform.post("/orders/v1/orders", json=order_p())).ok()["number"] == "BD-1004"


async def test_numbers_are_unique_when_many_come_first(shop: Shop) -> None:
    answers = await asyncio.gather(*(shop.platform.post("/orders/v1/orders", json=order_p()) for _ in range(24)))
    assert len({answer.ok()["number"] for answer in answers}) == 24


async def test_the_platforms_own_numbers(shop: Shop) -> None:
    first = (await shop.platform.post("/orders/v1/orders", json=order_p(number="1001", external_ref="web-7"))).ok()
    assert first["number"] == "1001"
    assert (await shop.platform.post("/orders/v1/orders", json=order_p())).ok()["number"] == "1002"  # ours steps over it
    taken = await shop.platform.post("/orders/v1/orders", json=order_p(number="1001"))
    assert (taken.status, taken.code, taken["order_id"]) == (409, "number_taken", first["order_id"])
    taken = await shop.platform.post("/orders/v1/orders", json=order_p(external_ref="web-7"))
    assert (taken.status, taken.code, taken["order_id"]) == (409, "external_ref_taken", first["order_id"])
    bodies = [order_p(number="1001"), order_p(external_ref="web-7")]
    items = (await shop.platform.post("/orders/v1/orders/batch", json={"orders": bodies})).ok()["items"]
    assert [(item["problem"]["code"], item["problem"]["order_id"]) for item in items] == [
        ("number_taken", first["order_id"]), ("external_ref_taken", first["order_id"]),
    ]  # fmt: skip
    assert len(await shop.rows("orders", "select 1 from orders where store_id = {store}")) == 2


def imported(*numbers: str) -> dict[str, Any]:
    return {"orders": [order_p(number=number, placed_at="2024-05-01T00:00:00Z") for number in numbers]}


async def number_of_next(shop: Shop) -> str:
    return str((await shop.platform.post("/orders/v1/orders", json=order_p())).ok()["number"])


async def settings(shop: Shop, version: int, **changes: Any) -> Answer:
    return await shop.staff.put("/orders/v1/orders-settings", json=SETTINGS | changes, headers={"If-Match": f'"v{version}"'})


async def many_numbered(shop: Shop, first: int, last: int) -> None:
    """Import orders numbered `first` to `last`."""
    for start in range(first, last + 1, 500):
        numbers = map(str, range(start, min(start + 500, last + 1)))
        assert (await shop.platform.post("/orders/v1/orders/batch", json=imported(*numbers))).ok()["refused"] == 0


async def test_case_43_the_series_goes_on_behind_imported_numbers(shop: Shop) -> None:
    await many_numbered(shop, 1001, 3000)
    assert [await number_of_next(shop) for _ in range(2)] == ["3001", "3002"]


@pytest.mark.parametrize(
    ("prefix", "numbers", "expected"),
    [
        ("", ["1001", "99999999999999999999", "2000A", "A-5000", "1500-7"], "1002"),
        ("", ["1001", "0009999", "7"], "1002"),
        ("", ["1001", "999999999999999999"], "1000000000000000000"),
        ("A-", ["A-1001", "A-4000", "9000", "A-B-9000", "A-4000b", "a-8000"], "A-4001"),
        ("A1", ["A11001", "A14000", "A29000", "A7"], "A14001"),  # the prefix ends with a digit
        ("2024", ["20241001", "202499999", "9999999"], "2024100000"),
    ],
)
async def test_only_numbers_of_the_prefix_move_the_series(shop: Shop, prefix: str, numbers: list[str], expected: str) -> None:
    (await settings(shop, 0, number_prefix=prefix)).ok()
    assert (await shop.platform.post("/orders/v1/orders/batch", json=imported(*numbers))).ok()["placed"] == len(numbers)
    assert await number_of_next(shop) == expected


async def test_a_batch_goes_on_behind_imported_numbers(shop: Shop) -> None:
    assert await number_of_next(shop) == "1001"
    assert (await shop.platform.post("/orders/v1/orders/batch", json=imported(*map(str, range(1002, 1100))))).ok()["placed"] == 98
    batch = {"orders": [order_p() for _ in range(5)] + [order_p(number="1105")] + [order_p() for _ in range(2)]}
    placed = (await shop.platform.post("/orders/v1/orders/batch", json=batch)).ok()
    numbers = [item["order"]["number"] for item in placed["items"]]
    assert (len(set(numbers)), numbers[5], min(numbers) >= "1100") == (8, "1105", True)


async def test_the_highest_number_is_found_without_reading_the_others(shop: Shop) -> None:
    await many_numbered(shop, 1001, 1500)
    connection = await asyncpg.connect(shop.stack.database_url("orders"))
    try:
        await connection.execute("analyze orders.orders")
        said = await connection.fetchval(
            f"explain (analyze, format json) select number from orders.orders where store_id = '{shop.store}' and length(number) = 4"
            " and rtrim(number, '0123456789') = '' and btrim(number) between '1000' and '9999' order by btrim(number) desc limit 1"
        )
    finally:
        await connection.close()
    (probe,) = json.loads(said)[0]["Plan"]["Plans"]
    assert (probe["Index Name"], probe["Actual Rows"]) == ("ix_orders_number_series", 1)


async def test_many_who_meet_the_imported_numbers_at_once(shop: Shop) -> None:
    await many_numbered(shop, 1001, 1500)
    answers = await asyncio.gather(*(shop.platform.post("/orders/v1/orders", json=order_p()) for _ in range(24)))
    assert sorted(int(answer.ok()["number"]) for answer in answers) == list(range(1501, 1525))


async def test_the_series_starts_where_the_shop_says(shop: Shop) -> None:
    saved = (await settings(shop, 0, next_number=5000, number_prefix="BD-")).ok()
    assert (saved["next_number"], saved["country"]) == (5000, None)
    assert [await number_of_next(shop) for _ in range(2)] == ["BD-5000", "BD-5001"]
    (await settings(shop, 1, next_number=5000)).ok()  # unchanged: a form that sends every setting back
    assert await number_of_next(shop) == "5002"
    for behind in (5002, 1):
        answer = await settings(shop, 2, next_number=behind)
        assert (answer.status, answer.code) == (409, "number_behind")
    assert (await shop.staff.get("/orders/v1/orders-settings")).ok()["version"] == 2
    (await settings(shop, 2, next_number=90_000)).ok()
    (await settings(shop, 3, next_number=6000)).ok()  # a slip of the pen, before any order has it
    answer = await settings(shop, 4, next_number=5002)
    assert (answer.status, answer.code) == (409, "number_behind")
    assert await number_of_next(shop) == "6000"


@pytest.mark.parametrize("wrong", [{"next_number": 0}, {"next_number": 10**15 + 1}, {"next_number": "7"}, {"country": "bgd"}])
async def test_settings_of_the_series_are_checked(shop: Shop, wrong: dict[str, Any]) -> None:
    answer = await settings(shop, 0, **wrong)
    assert (answer.status, answer.code) == (422, "invalid")


async def test_the_country_of_the_store(shop: Shop) -> None:
    unknown = await settings(shop, 0, country="ZZ")
    assert (unknown.status, unknown.code, unknown["errors"][0]["pointer"]) == (422, "unknown_country", "/country")
    assert (await settings(shop, 0, country="bd")).ok()["country"] == "BD"
    (kept,) = (await shop.staff.get("/orders/v1/orders-settings/history")).ok()["items"]
    assert (kept["country"], kept["next_number"]) == ("BD", None)


async def test_64_repeats_of_one_call_make_one_order(shop: Shop) -> None:
    await stocked(shop, TEE_1=100)
    answers = await asyncio.gather(*(shop.platform.post("/orders/v1/orders", json=order_p(), key="checkout-1") for _ in range(64)))
    assert len({answer.ok().content for answer in answers}) == 1
    assert Counter(answer.replayed for answer in answers) == {False: 1, True: 63}
    assert len(await shop.rows("orders", "select 1 from orders where store_id = {store}")) == 1
    assert (await shop.staff.get("/orders/v1/stock/TEE-1")).ok()["on_hand"] == 98
    other = await shop.platform.post("/orders/v1/orders", json=order_p(discount=1), key="checkout-1")
    assert (other.status, other.code) == (422, "idempotency_key_reused")
    missing = await shop.platform.post("/orders/v1/orders", json=order_p(), key=None)
    assert (missing.status, missing.code) == (400, "idempotency_key_missing")


async def test_a_refused_call_may_be_tried_again_under_its_key(shop: Shop) -> None:
    await stocked(shop, TEE_1=1)
    short = await shop.platform.post("/orders/v1/orders", json=order_p(), key="k")
    assert (short.status, short.code, short["short"]) == (409, "out_of_stock", [{"sku": "TEE-1", "on_hand": 1, "ordered": 2}])
    await nothing_written(shop)
    (await shop.staff.post("/orders/v1/stock/TEE-1/adjustments", json={"quantity": 1, "reason": "found one"})).ok()
    placed = (await shop.platform.post("/orders/v1/orders", json=order_p(), key="k")).ok()
    assert [line["stock_tracked"] for line in placed["lines"]] == [True]
    assert (await shop.staff.get("/orders/v1/stock/TEE-1")).ok()["on_hand"] == 0


async def test_only_skus_with_a_level_are_tracked(shop: Shop) -> None:
    await stocked(shop, A=5)
    lines = [{"sku": sku, "name": sku, "quantity": 2, "unit_price": 100} for sku in ("A", "B", "A")]
    placed = (await shop.platform.post("/orders/v1/orders", json=order_p(lines=lines))).ok()
    assert [line["stock_tracked"] for line in placed["lines"]] == [True, False, True]
    told = await shop.events("orders", placed["order_id"])
    assert [line["stock_tracked"] for line in told[0]["data"]["order"]["lines"]] == [True, False, True]
    moved = (await shop.events("orders", "sku:A"))[-1]["data"]
    assert (moved["quantity"], moved["on_hand"], moved["cause"]) == (-4, 1, f"placed:{placed['order_id']}")
    short = await shop.platform.post("/orders/v1/orders", json=order_p(lines=lines))
    assert short["short"] == [{"sku": "A", "on_hand": 1, "ordered": 4}]


async def test_oversell_by_64_clients(shop: Shop) -> None:
    await stocked(shop, A=25, B=40)
    both = [{"sku": sku, "name": sku, "quantity": 1, "unit_price": 100} for sku in ("A", "B")]
    orders = [order_p(lines=both if n % 2 else both[::-1]) for n in range(64)]  # the same SKUs in either order: no circle of waits
    answers = await asyncio.gather(*(shop.platform.post("/orders/v1/orders", json=order) for order in orders))
    assert Counter(answer.status for answer in answers) == {201: 25, 409: 39}
    assert {answer.code for answer in answers if answer.status == 409} == {"out_of_stock"}
    levels = await shop.rows("orders", "select sku, on_hand, movements from stock_levels where store_id = {store} order by sku")
    assert [(level["sku"], level["on_hand"], level["movements"]) for level in levels] == [("A", 0, 26), ("B", 15, 26)]
    sums = await shop.rows(
        "orders", "select sku, sum(quantity)::int as on_hand from stock_movements where store_id = {store} group by 1 order by 1"
    )
    assert [tuple(row.values()) for row in sums] == [("A", 0), ("B", 15)]


async def test_a_batch_of_which_each_stands_or_falls_alone(shop: Shop) -> None:
    await stocked(shop, A=3)

    def one(sku: str) -> dict[str, Any]:
        return order_p(lines=[{"sku": sku, "name": sku, "quantity": 2, "unit_price": 100}])

    bodies = [one("A"), {"currency": "BDT"}, one("B"), one("A"), order_p(total=1)]
    first = (await shop.platform.post("/orders/v1/orders/batch", json={"orders": bodies}, key="b-1")).ok()
    assert [item["status"] for item in first["items"]] == [201, 422, 201, 409, 422]
    assert [item["problem"] and item["problem"]["code"] for item in first["items"]] == [
        None, "invalid", None, "out_of_stock", "figures_do_not_add_up",
    ]  # fmt: skip
    (await shop.staff.post("/orders/v1/stock/A/adjustments", json={"quantity": 1, "reason": "found"})).ok()
    again = (await shop.platform.post("/orders/v1/orders/batch", json={"orders": bodies}, key="b-1")).ok()
    assert [item["status"] for item in again["items"]] == [201, 422, 201, 201, 422]
    assert (again["items"][0], again["items"][2]) == (first["items"][0], first["items"][2])
    assert len(await shop.rows("orders", "select 1 from orders where store_id = {store}")) == 3


async def test_orders_that_lock_the_same_skus_in_different_order(shop: Shop) -> None:
    await stocked(shop, **{f"S{n}": 1000 for n in range(8)})
    lines = [{"sku": f"S{n}", "name": "s", "quantity": 1, "unit_price": 1} for n in range(8)]
    orders = [order_p(lines=lines[n:] + lines[:n]) for n in range(8)] * 6
    answers = await asyncio.gather(*(shop.platform.post("/orders/v1/orders", json=order) for order in orders))
    assert Counter(answer.status for answer in answers) == {201: 48}


async def test_batches_that_lock_the_same_skus_in_different_order(shop: Shop) -> None:
    await stocked(shop, **{f"S{n}": 1000 for n in range(8)})
    lines = [{"sku": f"S{n}", "name": "s", "quantity": 1, "unit_price": 1} for n in range(8)]
    batches = [{"orders": [order_p(lines=lines[n:] + lines[:n]) for n in range(8)]} for _ in range(4)]
    answers = await asyncio.gather(*(shop.platform.post("/orders/v1/orders/batch", json=batch) for batch in batches))
    assert [answer.ok()["placed"] for answer in answers] == [8] * 4
    levels = await shop.rows("orders", "select distinct on_hand from stock_levels where store_id = {store}")
    assert [level["on_hand"] for level in levels] == [968]
