"""Edits are JSON merge patches; the history shows what was there and what is, to who may see it, until the customer is erased."""

from typing import Any

import pytest

from tests.services.orders.test_changes import CANCEL, act, placed, unchanged
from tests.services.orders.test_export_and_erasure import CANARY
from tests.shop import BANGLADESH, Answer, Shop

ADDRESS = BANGLADESH | {"company_name": "Acme Ltd", "phone": "+8801712345678"}
TRACKING = {"carrier": "Pathao", "number": "P-1", "url": "https://example.com/P-1"}


async def edit(shop: Shop, order_id: str, **changes: Any) -> Answer:
    return await shop.staff.patch(f"/orders/v1/orders/{order_id}", json={"reason": "typo", **changes})


def parts(address: dict[str, Any] | None) -> dict[str, Any]:
    return {name: value for name, value in (address or {}).items() if name != "formatted" and value}


async def test_the_street_alone_keeps_the_rest_and_null_removes_a_part(shop: Shop) -> None:
    order_id = await placed(shop, shipping_address=ADDRESS)
    street = (await edit(shop, order_id, shipping_address={"street_address": "House 9"})).ok()
    assert parts(street["shipping_address"]) == ADDRESS | {"street_address": "House 9"}
    assert parts(street["billing_address"]) == ADDRESS
    without = (await edit(shop, order_id, shipping_address={"company_name": None, "phone": None})).ok()
    assert parts(without["shipping_address"]) == BANGLADESH | {"street_address": "House 9"}
    person = (await edit(shop, order_id, customer={"email": "r@example.com", "phone": None})).ok()["customer"]
    assert (person["name"], person["email"], person["phone"]) == ("Rahima Begum", "r@example.com", "")
    assert (await edit(shop, order_id, customer={"email": ""})).ok()["customer"]["email"] == ""
    same = (await edit(shop, order_id, billing_address=None)).ok()
    assert same["billing_address"] == same["shipping_address"]


@pytest.mark.parametrize(
    "changes",
    [
        {"shipping_address": None}, {"customer": None}, {"shipping_address": {"country_code": None}}, {"tracking": {"carrier": None}},
        {"shipping_address": {"street_address": None}}, {"shipping_address": {"planet": "Mars"}}, {"reason": "", "customer": {"name": "x"}},
        {"shipping_address": {}, "reason": ""},
    ],
)  # fmt: skip
async def test_what_cannot_be_removed_is_refused(shop: Shop, changes: dict[str, Any]) -> None:
    order_id = await placed(shop, at="confirmed")
    async with unchanged(shop, order_id):
        assert (await edit(shop, order_id, **changes)).status == 422


async def test_history_shows_old_and_new_values_to_who_may_see_them(shop: Shop) -> None:
    order_id = await placed(shop, shipping_address=ADDRESS)
    (await edit(shop, order_id, shipping_address={"street_address": "House 9"}, customer={"name": "Rahima Khatun"})).ok()
    expected = {
        "fields": ["customer", "shipping_address"],
        "before": {"customer": {"name": "Rahima Begum"}, "shipping_address": {"street_address": "House 1, Road 2"}},
        "after": {"customer": {"name": "Rahima Khatun"}, "shipping_address": {"street_address": "House 9"}},
    }
    for caller in (shop.staff, shop.customer()):
        entry = (await caller.get(f"/orders/v1/orders/{order_id}")).ok()["timeline"][-1]
        assert (entry["type"], entry["details"]) == ("order.edited.v1", expected)
    event = (await shop.events("orders", order_id))[-1]["data"]
    assert event["fields"] == ["customer", "shipping_address"]
    assert not [name for name in event if name in ("before", "after")]


async def test_history_is_erased_with_the_customer(shop: Shop) -> None:
    order_id = await placed(shop, customer={"id": "c-9", "name": CANARY}, at="shipped")
    (await edit(shop, order_id, customer={"name": f"{CANARY} 2"}, tracking={"carrier": "Pathao", "number": CANARY})).ok()
    (await edit(shop, order_id, customer={"name": "Another"}, tracking=None)).ok()
    (await shop.platform.delete("/orders/v1/customers/c-9")).ok()
    for table in ("orders", "changes", "events", "idempotency"):
        kept = await shop.rows("orders", f"select to_jsonb(t)::text as text from {table} t where store_id = {{store}}")
        assert [row for row in kept if CANARY in row["text"] or "Another" in row["text"]] == [], table


@pytest.mark.parametrize("status", ["confirmed", "picked_up", "shipped", "delivered"])
async def test_tracking_comes_when_the_courier_sends_it(shop: Shop, status: str) -> None:
    order_id = await placed(shop, at=status)
    async with unchanged(shop, order_id):
        refused = await edit(shop, order_id, tracking={"number": "P-1"})
        assert (refused.status, refused.code) == (422, "tracking_incomplete")
        assert [one["pointer"] for one in refused["errors"]] == ["/tracking/carrier"]
    assert (await edit(shop, order_id, tracking=TRACKING)).ok()["tracking"] == TRACKING
    assert (await edit(shop, order_id, tracking={"number": "P-2"})).ok()["tracking"] == TRACKING | {"number": "P-2"}
    assert (await edit(shop, order_id, tracking={"url": None})).ok()["tracking"] == TRACKING | {"number": "P-2", "url": None}
    assert (await edit(shop, order_id, tracking=None)).ok()["tracking"] is None


async def test_no_tracking_before_it_is_confirmed_nor_when_it_is_cancelled(shop: Shop) -> None:
    order_id = await placed(shop)
    async with unchanged(shop, order_id):
        refused = await edit(shop, order_id, tracking=TRACKING)
        assert (refused.status, refused.code) == (409, "tracking_too_early")
    (await act(shop.customer(), order_id, "cancel", CANCEL)).ok()
    async with unchanged(shop, order_id):
        refused = await edit(shop, order_id, tracking=TRACKING)
        assert (refused.status, refused.code) == (409, "already_cancelled")
