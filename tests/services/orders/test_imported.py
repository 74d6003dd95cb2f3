"""Orders of the past over HTTP: who may record them, what is refused and leaves nothing behind, and what is named later."""

from typing import Any

from tests.e2e.test_imported_orders import CANCELLED, DELIVERED, INVOICE, of_2024
from tests.shop import Answer, Shop

ORDERS = "/orders/v1/orders"


async def held(shop: Shop) -> list[list[dict[str, Any]]]:
    """What the service holds of the store's orders, and has told of them."""
    columns = {"events": "position, type, data"}  # apart from when they were published
    return [
        await shop.rows("orders", f"select {columns.get(table, '*')} from {table} where store_id = {{store}} order by {table}")
        for table in ("orders", "lines", "payments", "changes", "events", "stock_movements")
    ]


async def refused(shop: Shop, body: dict[str, Any]) -> Answer:
    """The refusal of an order, which changed and told nothing."""
    before = await held(shop)
    answer = await shop.platform.post(ORDERS, json=body)
    assert await held(shop) == before
    return answer


async def test_only_the_platform_records_the_past(shop: Shop) -> None:
    before = await held(shop)
    by_staff = await shop.staff.post(ORDERS, json=of_2024(DELIVERED))
    assert (by_staff.status, by_staff.code) == (403, "platform_only")
    batch = (await shop.staff.post(f"{ORDERS}/batch", json={"orders": [of_2024(DELIVERED)]})).ok()
    assert [item["problem"]["code"] for item in batch["items"]] == ["platform_only"]
    assert await held(shop) == before
    order_id = (await shop.platform.post(ORDERS, json=of_2024(DELIVERED))).ok()["order_id"]
    edit = {"reason": "found it", "documents": [INVOICE]}
    answer = await shop.staff.patch(f"{ORDERS}/{order_id}", json=edit)
    assert (answer.status, answer.code) == (403, "platform_only")
    by_staff = (await shop.staff.get(f"{ORDERS}/{order_id}")).ok()
    assert by_staff["actions"]["edit_documents"]["code"] == "platform_only"


async def test_what_contradicts_is_refused_with_its_place(shop: Shop) -> None:
    late = await refused(shop, of_2024(DELIVERED | {"shipped_at": "2024-03-09T10:00:00Z"}))
    assert (late.status, late.code, late["pointer"]) == (422, "history_contradicts", "/history/delivered_at")
    assert late["errors"][0]["pointer"] == "/history/delivered_at"
    too_much = {"refunded": {"lines": [{"line": 1, "quantity": 1, "amount": 5_000}]}}
    unpaid = await refused(shop, of_2024(DELIVERED | too_much, collected=4_999))
    assert (unpaid.status, unpaid.code, unpaid["pointer"]) == (422, "history_contradicts", "/history/refunded")
    pending = await refused(shop, of_2024({"status": "pending"}))
    assert (pending.status, pending.code) == (422, "invalid")


async def test_a_batch_mixes_orders_of_today_and_of_the_past(shop: Shop) -> None:
    settings = {"cancel_preset": "cancellation-control", "customer_cancel_until": "delivered", "number_prefix": "", "time_zone": "UTC"}
    (await shop.staff.put("/orders/v1/orders-settings", json=settings | {"stock": True}, headers={"If-Match": '"v0"'})).ok()
    (await shop.staff.put("/orders/v1/stock/TEE-1", json={"on_hand": 2})).ok()
    today = {name: value for name, value in of_2024(DELIVERED).items() if name not in ("history", "placed_at", "payments")}
    bad = of_2024(DELIVERED | {"delivered_at": None})
    answer = (await shop.platform.post(f"{ORDERS}/batch", json={"orders": [of_2024(DELIVERED), today, bad, of_2024(CANCELLED)]})).ok()
    made = [item["order"] and (item["order"]["status"], item["order"]["imported"]) for item in answer["items"]]
    assert made == [("delivered", True), ("pending", False), None, ("cancelled", True)]
    assert answer["items"][2]["problem"]["code"] == "history_contradicts"
    tracked = [item["order"] and item["order"]["lines"][0]["stock_tracked"] for item in answer["items"]]
    assert tracked == [False, True, None, False]
    told = [event["type"] for event in await shop.events("orders") if event["type"].startswith("order.")]
    assert told == ["order.imported.v1", "order.placed.v1", "order.imported.v1"]
    assert (await shop.staff.get("/orders/v1/stock/TEE-1")).ok()["on_hand"] == 0
    counts = (await shop.staff.get(f"{ORDERS}/counts")).ok()["status"]
    assert {name: n for name, n in counts.items() if n} == {"delivered": 1, "pending": 1, "cancelled": 1}


async def test_documents_are_named_later_with_the_version_that_brought_them(shop: Shop) -> None:
    order_id = (await shop.platform.post(ORDERS, json=of_2024(DELIVERED))).ok()["order_id"]
    named = {"reason": "found it", "documents": [INVOICE]}
    edited = (await shop.platform.patch(f"{ORDERS}/{order_id}", json=named)).ok()
    assert (edited["version"], edited["documents"]) == (2, [INVOICE | {"order_version": 2}])
    before = await held(shop)
    again = await shop.platform.patch(f"{ORDERS}/{order_id}", json=named)
    assert (again.status, again.code) == (409, "nothing_changed")
    other_day = named | {"documents": [INVOICE | {"issued_on": "2024-03-02"}]}
    conflict = await shop.platform.patch(f"{ORDERS}/{order_id}", json=other_day)
    assert (conflict.status, conflict.code, conflict["issued_on"]) == (409, "document_conflict", "2024-03-01")
    assert await held(shop) == before
    second = named | {"documents": [INVOICE | {"number": "F-2024-78"}]}
    edited = (await shop.platform.patch(f"{ORDERS}/{order_id}", json=second)).ok()
    assert [one["order_version"] for one in edited["documents"]] == [2, 3]
    [*_, last] = await shop.events("orders", order_id)
    assert (last["type"], last["data"]["fields"]) == ("order.edited.v1", ["documents"])
    assert [one["order_version"] for one in last["data"]["order"]["external_documents"]] == [2, 3]


async def test_units_that_came_back_before_cannot_be_cancelled(shop: Shop) -> None:
    shipped = {"status": "shipped", "shipped_at": "2024-03-02T10:00:00Z"}
    lines = [{"sku": "TEE-1", "name": "T-shirt", "quantity": 3, "unit_price": 3_000}]
    refunded = {"refunded": {"lines": [{"line": 1, "quantity": 2, "amount": 6_000}]}}
    order_id = (await shop.platform.post(ORDERS, json=of_2024(shipped | refunded, lines=lines))).ok()["order_id"]
    before = await held(shop)
    for quantity, code in ((2, "units_not_free"), (1, "cancel_the_order")):
        part = {"reason": "gone", "lines": [{"line": 1, "quantity": quantity}]}
        answer = await shop.staff.post(f"{ORDERS}/{order_id}/part-cancellations", json=part)
        assert (answer.status, answer.code) == (409, code)
    kept = [rows for at, rows in enumerate(await held(shop)) if at in (1, 2, 5)]
    assert kept == [rows for at, rows in enumerate(before) if at in (1, 2, 5)]


async def test_an_erased_past_keeps_its_dates_and_no_reason(shop: Shop) -> None:
    said = CANCELLED | {"cancelled": CANCELLED["cancelled"] | {"reason": "moved to her mother's"}}
    order_id = (await shop.platform.post(ORDERS, json=of_2024(said, collected=0))).ok()["order_id"]
    (await shop.platform.delete("/orders/v1/customers/c-1")).ok()
    order = (await shop.staff.get(f"{ORDERS}/{order_id}")).ok()
    assert (order["cancellation"]["reason"], order["history"]["confirmed_at"]) == ("", "2024-03-01T10:00:00Z")
    rows = await shop.rows("orders", "select 1 from events where store_id = {store} and data::text like '%mother%'")
    assert rows == []


async def test_a_repeat_gives_the_same_order_and_a_reference_names_its_holder(shop: Shop) -> None:
    body = of_2024(DELIVERED, external_ref="theirs-7", number="1001")
    first = (await shop.platform.post(ORDERS, json=body, key="import-7")).ok()
    again = (await shop.platform.post(ORDERS, json=body, key="import-7")).ok()
    assert again.replayed
    assert again.body == first.body
    for changes, code in (({"number": "1002"}, "external_ref_taken"), ({"external_ref": "theirs-8"}, "number_taken")):
        taken = await refused(shop, body | changes)
        assert (taken.status, taken.code, taken["order_id"]) == (409, code, first["order_id"])
