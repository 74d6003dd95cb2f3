"""A store's refund settings over HTTP: versions with a beginning, If-Match, history, and the window for asking."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.services.refunds.scenes import POLICY, ask, delivered, everything, order, policy, prepaid, seen
from tests.shop import Shop, eventually


async def test_a_store_starts_from_the_defaults(shop: Shop) -> None:
    shown = (await shop.customer().get("/refunds/v1/refund-policy")).ok()
    assert (shown["version"], shown["manage_stock"], shown["attachments"], shown["deduct_shipping"], shown["window_days"]) == (
        0,
        False,
        True,
        False,
        None,
    )
    assert shown.etag.startswith('"v0.')


async def test_a_change_needs_the_version_that_it_changes(shop: Shop) -> None:
    missing = await shop.staff.put("/refunds/v1/refund-policy", json=POLICY)
    assert (missing.status, missing.code) == (428, "if_match_required")
    saved = (await shop.staff.put("/refunds/v1/refund-policy", json=POLICY, headers={"If-Match": '"v0"'})).ok()
    assert (saved["version"], saved["saved_by"]["id"]) == (1, "staff-1")
    stale = await shop.staff.put("/refunds/v1/refund-policy", json=POLICY | {"manage_stock": True}, headers={"If-Match": '"v0"'})
    assert (stale.status, stale.code, stale["current_version"]) == (412, "version_conflict", 1)
    assert (await shop.staff.get("/refunds/v1/refund-policy"))["manage_stock"] is False
    events = await shop.events("refunds", "refund_policy")
    assert [(event["type"], event["sequence"], event["data"]["version"]) for event in events] == [("refund_policy.changed.v1", 1, 1)]


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"manage_stock": "yes"}, 422, "invalid"),
        ({"window_days": -1}, 422, "invalid"),
        ({"reasons": []}, 422, "invalid"),
        ({"reasons": ["Two Words"]}, 422, "invalid"),
        ({"valid_from": "2020-01-01T00:00:00Z"}, 409, "policy_in_the_past"),
        ({"valid_from": "2030-01-01T00:00:00"}, 422, "invalid"),
        ({"restocking_fee": 5}, 422, "invalid"),
    ],
)
async def test_what_is_refused(shop: Shop, changes: dict[str, Any], status: int, code: str) -> None:
    refused = await shop.staff.put("/refunds/v1/refund-policy", json=POLICY | changes, headers={"If-Match": '"v0"'})
    assert (refused.status, refused.code) == (status, code)
    assert (await shop.staff.get("/refunds/v1/refund-policy"))["version"] == 0
    assert await shop.events("refunds", "refund_policy") == []


async def test_settings_are_the_shops(shop: Shop) -> None:
    refused = await shop.customer().put("/refunds/v1/refund-policy", json=POLICY, headers={"If-Match": '"v0"'})
    assert (refused.status, refused.code) == (403, "shop_only")
    assert (await shop.customer().get("/refunds/v1/refund-policy/history")).code == "shop_only"


async def test_the_history_says_who_and_when(shop: Shop) -> None:
    for manage_stock in (True, False, True):
        await policy(shop, manage_stock=manage_stock)
    first = (await shop.reader.get("/refunds/v1/refund-policy/history", params={"limit": "2"})).ok()
    assert [(item["version"], item["manage_stock"], item["saved_by"]["id"]) for item in first["items"]] == [
        (3, True, "staff-1"),
        (2, False, "staff-1"),
    ]
    rest = (await shop.staff.get("/refunds/v1/refund-policy/history", params={"limit": "2", "cursor": first["next_cursor"]})).ok()
    assert [(item["version"], item["saved_by"]["id"]) for item in rest["items"]] == [(1, "staff-1")]
    assert rest["next_cursor"] is None


async def test_a_change_for_a_later_day_waits_for_it(shop: Shop) -> None:
    order_id = await delivered(shop, **prepaid())
    await policy(shop, deduct_shipping=True, valid_from=(datetime.now(UTC) + timedelta(days=1)).isoformat())
    asked = (await ask(shop.customer(), order_id, (1, 1))).ok()
    assert (asked["policy_version"], asked["amount"]["amount"]) == (0, 5_500)
    await policy(shop, deduct_shipping=True)
    asked = (await ask(shop.customer(), order_id, (1, 1))).ok()
    assert (asked["policy_version"], asked["amount"]["amount"]) == (2, 5_000)


async def test_the_stores_own_reasons(shop: Shop) -> None:
    await policy(shop, reasons=["moth_holes"])
    order_id = await delivered(shop, **prepaid())
    refused = await ask(shop.customer(), order_id, (1, 1), reason="damaged")
    assert (refused.code, refused["reasons"]) == ("reason_not_offered", ["moth_holes"])
    assert (await ask(shop.customer(), order_id, (1, 1), reason="moth_holes")).status == 201


async def test_the_window_closes_for_customers_and_staff_may_exceed_it_with_a_reason(shop: Shop) -> None:
    await policy(shop, window_days=14)
    ago = datetime.now(UTC) - timedelta(days=20)
    order_id = await order(shop, placed_at=(ago - timedelta(days=1)).isoformat(), **prepaid())
    moved = {"to": "delivered", "occurred_at": ago.isoformat()}
    (await shop.platform.post(f"/orders/v1/orders/{order_id}/transitions", json=moved)).ok()
    await seen(shop, order_id, status="delivered")
    before = await everything(shop, order_id)
    for caller, more in ((shop.customer(), {}), (shop.customer(), {"beyond_window_reason": "please"}), (shop.staff, {})):
        refused = await ask(caller, order_id, (1, 1), **more)
        assert (refused.status, refused.code) == (409, "window_over")
    left = (await shop.customer().get(f"/refunds/v1/refunds/refundable/{order_id}")).ok()
    day = (ago + timedelta(days=15)).date()
    assert (left["request"]["code"], left["closes_at"]) == ("window_over", f"{day}T00:00:00Z")
    assert await everything(shop, order_id) == before
    allowed = (await ask(shop.staff, order_id, (1, 1), beyond_window_reason="a loyal customer")).ok()
    assert allowed["beyond_window_reason"] == "a loyal customer"
    assert (await shop.customer().get(f"/refunds/v1/refunds/{allowed['refund_id']}"))["beyond_window_reason"] is None


async def test_the_window_counts_days_of_the_stores_zone(shop: Shop) -> None:
    await policy(shop, window_days=14)
    settings = await shop.staff.get("/orders/v1/orders-settings")
    body = {name: settings[name] for name in ("cancel_preset", "customer_cancel_until", "number_prefix", "stock")}
    changed = body | {"time_zone": "Asia/Dhaka"}
    (await shop.staff.put("/orders/v1/orders-settings", json=changed, headers={"If-Match": settings.etag})).ok()
    order_id = await delivered(shop, **prepaid())

    async def in_dhaka() -> bool:
        left = (await shop.customer().get(f"/refunds/v1/refunds/refundable/{order_id}")).ok()
        return bool(left["closes_at"].endswith("T18:00:00Z"))

    await eventually(in_dhaka)
