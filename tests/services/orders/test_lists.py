"""Lists over HTTP: filters, search, pages both ways, counts, stock and settings pages."""

import json
from typing import Any

import pytest

from tests.services.orders.test_placing import SETTINGS, stocked
from tests.shop import Shop, eventually, order_p


async def many(shop: Shop) -> dict[str, str]:
    """Five orders, a minute apart, oldest first: their ids by a short name."""
    ids = {}
    bodies: dict[str, dict[str, Any]] = {
        "a": {},
        "b": {"customer": {"id": "c-2", "name": "Karim Uddin", "email": "Karim@Example.com", "phone": "+8801812345678"}},
        "c": {"lines": [{"sku": "MUG", "name": "Mug", "quantity": 1, "unit_price": 300}] * 2, "external_ref": "web-c"},
        "d": {"payments": [{"amount": 11000, "method": "card", "reference": "x"}]},
        "e": {"currency": "JPY"},
    }
    for minute, (name, changes) in enumerate(bodies.items()):
        body = order_p(**{"placed_at": f"2026-03-01T10:0{minute}:00Z"} | changes)
        ids[name] = (await shop.platform.post("/orders/v1/orders", json=body)).ok()["order_id"]
    (await shop.staff.post(f"/orders/v1/orders/{ids['a']}/transitions", json={"to": "shipped"})).ok()
    return ids


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", "edcba"),
        ("status=shipped", "a"),
        ("status=pending&status=shipped", "edcba"),
        ("payment=paid", "d"),
        ("refund_state=none&limit=200", "edcba"),
        ("customer_id=c-2", "b"),
        ("currency=JPY", "e"),
        ("placed_at.gte=2026-03-01T10:01:00Z&placed_at.lt=2026-03-01T10:03:00Z", "cb"),
        ("total.gte=1000&total.lte=2000", "c"),
        ("q=1002", "b"),
        ("q=web-c", "c"),
        ("q=karim@example.COM", "b"),
        ("q=%2B880%201812-345678", "b"),
        ("q=MUG", "c"),
        ("q=TEE-1", "edba"),
        ("q=rahima", "edcba"),
        ("q=100%25", ""),
        ("q=TEE-1&status=shipped", "a"),
        ("q=uddin&payment=paid", ""),
        ("q=karim&payment=unpaid", "b"),
        ("q=x", "d"),
        ("number=1003", "c"),
        ("number=1003&external_ref=web-c", "c"),
        ("external_ref=1003", ""),
        ("sku=MUG&sort=updated_at", "c"),
        ("country=uk", ""),
        ("country=bd&currency=JPY", "e"),
        ("payment_method=Card", "d"),
        ("payment_reference=x&payment_method=card", "d"),
        ("fulfilment=digital&fulfilment=pickup", ""),
        ("sort=updated_at", "bcdea"),
        ("sort=updated_at&q=rahima&status=pending", "bcde"),
        ("sort=updated_at&customer_id=c-1", "cdea"),
    ],
)
async def test_filters_and_search(shop: Shop, query: str, names: str) -> None:
    ids = await many(shop)
    page = (await shop.staff.get(f"/orders/v1/orders?{query}")).ok()
    assert [item["order_id"] for item in page["items"]] == [ids[name] for name in names]
    assert (page["next_cursor"], page["previous_cursor"]) == (None, None)


@pytest.mark.parametrize(
    "query",
    [
        "",
        "q=TEE-1",
        "q=MUG",
        "q=1001",
        "q=1002",
        "q=rahima",
        "q=karim@example.com",
        "customer_id=c-1",
        "status=pending",
        "sku=MUG",
        "external_ref=web-c",
        "number=1003",
        "q=web-c",
        "q=x",
        "payment_reference=x",
        "country=BD",
        "payment_method=card",
        "tag=vip",
    ],
)
async def test_whatever_a_customer_searches_only_their_own_is_found(shop: Shop, query: str) -> None:
    ids = await many(shop)
    found = (await shop.customer("c-2").get(f"/orders/v1/orders?limit=200&{query}")).ok()["items"]
    assert {item["order_id"] for item in found} <= {ids["b"]}
    exported = (await shop.customer("c-2").get(f"/orders/v1/orders/export?format=jsonl&{query}")).ok().content.splitlines()
    assert [json.loads(line)["order_id"] for line in exported] == [item["order_id"] for item in found]


async def test_pages_both_ways(shop: Shop) -> None:
    ids = await many(shop)
    seen, cursor, pages = [], None, []
    while True:
        page = (await shop.staff.get("/orders/v1/orders", params={"limit": "2"} | ({"cursor": cursor} if cursor else {}))).ok()
        pages.append([item["order_id"] for item in page["items"]])
        seen += pages[-1]
        assert ('rel="next"' in page.headers.get("link", "")) == (page["next_cursor"] is not None)
        if page["next_cursor"] is None:
            break
        cursor = page["next_cursor"]
    assert seen == [ids[name] for name in "edcba"]
    back = (await shop.staff.get("/orders/v1/orders", params={"limit": "2", "cursor": page["previous_cursor"]})).ok()
    assert [item["order_id"] for item in back["items"]] == pages[-2]
    first = (await shop.staff.get("/orders/v1/orders", params={"limit": "2", "cursor": back["previous_cursor"]})).ok()
    assert ([item["order_id"] for item in first["items"]], first["previous_cursor"]) == (pages[0], None)


@pytest.mark.parametrize(
    "query",
    [
        "statuss=pending",
        "status=lost",
        "limit=0",
        "limit=201",
        "cursor=abc",
        "cursor=",
        "total.gte=-1",
        "placed_at.gte=1",
        "q=%20",
        "sort=-updated_at",
        "sort=placed_at",
        "country=BGD",
        "payment_method=!",
        "fulfilment=post",
        "updated_at.lt=yesterday",
        "tag=",
    ],
)
async def test_a_typo_is_an_error(shop: Shop, query: str) -> None:
    assert (await shop.staff.get(f"/orders/v1/orders?{query}")).status == 422


async def test_counts_per_axis(shop: Shop) -> None:
    await many(shop)
    expected = {
        "status": {"pending": 4, "confirmed": 0, "picked_up": 0, "shipped": 1, "delivered": 0, "cancelled": 0},
        "payment": {"paid": 1, "unpaid": 4},
        "refund_state": {"none": 5, "partial": 0, "full": 0},
    }
    assert (await shop.staff.get("/orders/v1/orders/counts")).ok().body == expected
    assert (await shop.customer().get("/orders/v1/orders/counts")).code == "shop_only"

    async def folded() -> bool:
        return not await shop.rows("orders", "select 1 from count_deltas where store_id = {store}")

    assert await eventually(folded)
    assert (await shop.staff.get("/orders/v1/orders/counts")).ok().body == expected


async def test_settings_are_versioned(shop: Shop) -> None:
    assert (await shop.staff.get("/orders/v1/orders-settings")).ok().body == SETTINGS | {
        "version": 0,
        "stock": False,
        "country": None,
        "next_number": None,
        "oversell": "refuse",
        "closing_limit": 0,
    }
    missing = await shop.staff.put("/orders/v1/orders-settings", json=SETTINGS)
    assert (missing.status, missing.code) == (428, "if_match_required")
    saved = (await shop.staff.put("/orders/v1/orders-settings", json=SETTINGS, headers={"If-Match": '"v0"'})).ok()
    assert (saved["version"], saved.etag) == (1, '"v1"')
    stale = await shop.staff.put("/orders/v1/orders-settings", json=SETTINGS, headers={"If-Match": '"v0"'})
    assert (stale.status, stale["current_version"]) == (412, 1)
    for bad in ({"time_zone": "Mars/Olympus"}, {"cancel_preset": "never"}, {"number_prefix": "x" * 13}, {"stock": "yes"}, {"more": 1}):
        assert (await shop.staff.put("/orders/v1/orders-settings", json=SETTINGS | bad, headers={"If-Match": '"v1"'})).status == 422
    assert (await shop.customer().put("/orders/v1/orders-settings", json=SETTINGS, headers={"If-Match": '"v1"'})).code == "shop_only"
    history = (await shop.reader.get("/orders/v1/orders-settings/history")).ok()["items"]
    assert [(item["version"], item["saved_by"]) for item in history] == [(1, {"role": "staff", "id": "staff-1", "via": None})]
    [told] = await shop.events("orders", "store_settings")
    assert (told["type"], told["data"]["version"], told["data"]["time_zone"]) == ("store_settings.changed.v1", 1, "UTC")


async def test_stock_is_counted_adjusted_and_listed_scarcest_first(shop: Shop) -> None:
    await stocked(shop, A=5, B=1, C=9)
    assert [item["sku"] for item in (await shop.staff.get("/orders/v1/stock?below=6")).ok()["items"]] == ["B", "A"]
    page = (await shop.staff.get("/orders/v1/stock?limit=2")).ok()
    rest = (await shop.staff.get("/orders/v1/stock", params={"limit": "2", "cursor": page["next_cursor"]})).ok()
    assert [item["sku"] for item in rest["items"]] == ["C"]
    low = await shop.staff.post("/orders/v1/stock/A/adjustments", json={"quantity": -6, "reason": "lost"})
    assert (low.status, low.code, low["on_hand"]) == (409, "stock_too_low", 5)
    assert (await shop.staff.post("/orders/v1/stock/A/adjustments", json={"quantity": 0, "reason": "x"})).status == 422
    assert (await shop.staff.post("/orders/v1/stock/Z/adjustments", json={"quantity": 1, "reason": "x"})).status == 404
    (await shop.staff.post("/orders/v1/stock/A/adjustments", json={"quantity": -2, "reason": "lost"})).ok()
    counted = (await shop.staff.put("/orders/v1/stock/A", json={"on_hand": 4}, headers={"If-Match": '"v2"'})).ok()
    assert (counted["on_hand"], counted["version"]) == (4, 3)
    stale = await shop.staff.put("/orders/v1/stock/A", json={"on_hand": 9}, headers={"If-Match": '"v2"'})
    assert (stale.status, stale["current_version"]) == (412, 3)
    ledger = (await shop.staff.get("/orders/v1/stock/A/movements")).ok()["items"]
    assert [(entry["quantity"], entry["on_hand"], entry["reason"]) for entry in ledger] == [
        (1, 4, "counted"),
        (-2, 3, "lost"),
        (5, 5, "counted"),
    ]
    assert [event["sequence"] for event in await shop.events("orders", "sku:A")] == [1, 2, 3]
    assert (await shop.customer().get("/orders/v1/stock/A")).status == 404
    assert (await shop.customer().put("/orders/v1/stock/A", json={"on_hand": 1})).code == "shop_only"


HOT_LINES = 2_000


async def _hot(shop: Shop, sku: str, customer_id: str, orders: int) -> list[str]:
    lines = [{"sku": sku, "name": "x", "quantity": 1, "total": 100}] * HOT_LINES
    body = order_p(customer={"id": customer_id, "name": sku}, lines=lines)
    return [(await shop.platform.post("/orders/v1/orders", json=body)).ok()["order_id"] for _ in range(orders)]


async def test_a_search_by_sku_tells_a_customer_nothing_of_others(shop: Shop) -> None:
    """More lines of the SKU than a page looks at: its end must not become the customer's cursor."""
    strangers = await _hot(shop, "HOT", "stranger", 3)
    mine = (await shop.platform.post("/orders/v1/orders", json=order_p())).ok()["order_id"]
    guest = shop.caller("guest", mine, read_only=True)
    for caller in (shop.customer(), guest):
        page = (await caller.get("/orders/v1/orders", params={"q": "HOT"})).ok()
        assert (page["items"], page["next_cursor"], page["previous_cursor"], "link" in page.headers) == ([], None, None, False)
        own = (await caller.get("/orders/v1/orders", params={"q": "TEE-1"})).ok()
        assert ([item["order_id"] for item in own["items"]], own["next_cursor"]) == ([mine], None)
    theirs = (await shop.customer("stranger").get("/orders/v1/orders", params={"q": "HOT"})).ok()
    assert ([item["order_id"] for item in theirs["items"]], theirs["next_cursor"]) == (strangers[::-1], None)
    narrowed = (await shop.staff.get("/orders/v1/orders", params={"q": "HOT", "customer_id": "c-1"})).ok()
    assert (narrowed["items"], narrowed["next_cursor"]) == ([], None)


async def test_a_sku_of_others_hides_no_customers_own_name(shop: Shop) -> None:
    """What `q` names is asked of the orders that the caller may see, or a stranger's SKU would turn a name into one."""
    await shop.platform.post(
        "/orders/v1/orders", json=order_p(customer={"id": "stranger"}, lines=[{"sku": "Rahima", "name": "x", "quantity": 1, "total": 1}])
    )
    mine = (await shop.platform.post("/orders/v1/orders", json=order_p(customer={"id": "c-1", "name": "Rahima Begum"}))).ok()["order_id"]
    found = (await shop.customer().get("/orders/v1/orders", params={"q": "Rahima"})).ok()
    assert [item["order_id"] for item in found["items"]] == [mine]
