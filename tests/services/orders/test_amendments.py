"""Amending over the API: lines, figures, stock and events in one transaction (worked cases 38 and 40 of real-shops.md)."""

import asyncio
from typing import Any

import pytest

from tests.services.refunds.scenes import ask, seen
from tests.shop import Answer, Shop, order_p

CAP = {"sku": "CAP-1", "name": "Cap", "quantity": 3, "unit_price": 2_000}


async def tracked(shop: Shop, **levels: int) -> None:
    """Turn the store's stock on, with a level per SKU (underscores for dashes)."""
    settings = await shop.staff.get("/orders/v1/orders-settings")
    body = {name: settings[name] for name in ("cancel_preset", "customer_cancel_until", "number_prefix", "time_zone")} | {"stock": True}
    (await shop.staff.put("/orders/v1/orders-settings", json=body, headers={"If-Match": settings.etag})).ok()
    for sku, level in levels.items():
        (await shop.staff.put(f"/orders/v1/stock/{sku.replace('_', '-')}", json={"on_hand": level})).ok()


async def amend(shop: Shop, order: Answer, *lines: dict[str, Any], **more: Any) -> Answer:
    """Amend at the version of `order`; the answer may be a refusal."""
    body = {"reason": "by phone", "lines": list(lines)} | more
    headers = {"If-Match": f'"v{order["version"]}"'}
    return await shop.staff.post(f"/orders/v1/orders/{order['order_id']}/amendments", json=body, headers=headers)


async def on_hand(shop: Shop, *skus: str) -> list[int]:
    return [(await shop.staff.get(f"/orders/v1/stock/{sku}")).ok()["on_hand"] for sku in skus]


async def everything(shop: Shop) -> dict[str, Any]:
    """All that an amendment may touch."""
    tables = ("orders", "lines", "changes", "stock_levels", "stock_movements")
    found = {
        table: await shop.rows("orders", f"select * from {table} where store_id = {{store}} order by {table}::text") for table in tables
    }
    return found | {"events": await shop.events("orders")}


async def test_case_38(shop: Shop) -> None:
    await tracked(shop, TEE_1=10, CAP_1=3)
    placed = (await shop.platform.post("/orders/v1/orders", json=order_p())).ok()
    assert await on_hand(shop, "TEE-1", "CAP-1") == [8, 3]

    first = (await amend(shop, placed, {"line": 1, "quantity": 1}, CAP, shipping={"amount": 500})).ok()
    assert (first["total"]["amount"], [line["line"] for line in first["lines"]]) == (11_500, [1, 2])
    assert await on_hand(shop, "TEE-1", "CAP-1") == [9, 0]
    event = (await shop.events("orders", placed["order_id"]))[-1]
    assert (event["type"], event["data"]["changed"], event["data"]["total_before"]) == ("order.amended.v1", ["lines", "shipping"], 11_000)
    assert event["data"]["order"]["lines_version"] == 2

    before = await everything(shop)
    short = await amend(shop, first, {"line": 1}, {"line": 2, "quantity": 4})
    assert (short.status, short.code, short["short"]) == (409, "out_of_stock", [{"sku": "CAP-1", "on_hand": 0, "ordered": 1}])
    assert await everything(shop) == before

    removed = {"sku": "TEE-1", "name": "T-shirt", "quantity": 1, "unit_price": 700}
    second = (await amend(shop, first, {"line": 2}, removed)).ok()
    assert [(line["line"], line["sku"]) for line in second["lines"]] == [(2, "CAP-1"), (3, "TEE-1")]
    assert await on_hand(shop, "TEE-1", "CAP-1") == [9, 0]

    (await shop.customer().post(f"/orders/v1/orders/{placed['order_id']}/cancel", json={"reason": "changed my mind"})).ok()
    assert await on_hand(shop, "TEE-1", "CAP-1") == [10, 3]


async def test_case_40_amend_and_confirm_at_the_same_instant(shop: Shop) -> None:
    placed = (await shop.platform.post("/orders/v1/orders", json=order_p())).ok()
    confirm = shop.staff.post(f"/orders/v1/orders/{placed['order_id']}/transitions", json={"to": "confirmed"})
    amended, confirmed = await asyncio.gather(amend(shop, placed, {"line": 1, "quantity": 1}), confirm)
    assert confirmed.status == 200
    shown = (await shop.staff.get(f"/orders/v1/orders/{placed['order_id']}")).ok()
    if amended.status == 200:
        assert (shown["total"]["amount"], shown["version"]) == (6_000, 3)
    else:
        assert (amended.status, amended.code) == (412, "version_conflict")
        assert (shown["total"]["amount"], shown["version"]) == (11_000, 2)


async def test_after_confirmation_what_was_bought_is_fixed(shop: Shop) -> None:
    placed = (await shop.platform.post("/orders/v1/orders", json=order_p())).ok()
    move = f"/orders/v1/orders/{placed['order_id']}/transitions"
    confirmed = (await shop.staff.post(move, json={"to": "confirmed"})).ok()
    assert confirmed["version"] == 2
    before = await everything(shop)
    refused = await amend(shop, confirmed, {"line": 1, "quantity": 1})
    assert (refused.status, refused.code) == (409, "lines_frozen")
    assert await everything(shop) == before


@pytest.mark.parametrize("who", ["customer", "without If-Match"])
async def test_who_may_not(shop: Shop, who: str) -> None:
    placed = (await shop.platform.post("/orders/v1/orders", json=order_p())).ok()
    path, body = f"/orders/v1/orders/{placed['order_id']}/amendments", {"reason": "x", "lines": [{"line": 1, "quantity": 1}]}
    before = await everything(shop)
    if who == "customer":
        refused = await shop.customer().post(path, json=body, headers={"If-Match": '"v1"'})
        assert (refused.status, refused.code) == (403, "shop_only")
    else:
        refused = await shop.staff.post(path, json=body)
        assert (refused.status, refused.code) == (428, "if_match_required")
    assert await everything(shop) == before


async def test_the_money_above_a_lower_total_is_overpaid(shop: Shop) -> None:
    paid = {"payments": [{"amount": 11_000, "method": "card", "reference": "r-1"}]}
    placed = (await shop.platform.post("/orders/v1/orders", json=order_p(**paid))).ok()
    after = (await amend(shop, placed, {"line": 1, "quantity": 1})).ok()
    assert (after["total"]["amount"], after["overpaid"]["amount"], after["payment"]) == (6_000, 5_000, "paid")
    assert after["needs_attention"] == ["overpaid"]


async def test_other_services_know_the_lines_that_were_amended(shop: Shop) -> None:
    placed = (await shop.platform.post("/orders/v1/orders", json=order_p())).ok()
    after = (await amend(shop, placed, {"line": 1, "quantity": 1}, CAP)).ok()
    (await shop.staff.post(f"/orders/v1/orders/{placed['order_id']}/transitions", json={"to": "delivered"})).ok()
    await seen(shop, placed["order_id"], status="delivered")
    refund = (await ask(shop.customer(), placed["order_id"], (2, 3))).ok()
    assert (refund["goods"]["amount"], refund["shipping"]["amount"]) == (6_000, round(1_000 * 6_000 / 11_000))
    assert after["lines"][1]["line"] == 2
