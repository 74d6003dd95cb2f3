"""Addresses that their country does not know: refused or kept, who sees what was wrong, and how the order's attention ends."""

from typing import Any

import pytest

from tests.services.orders.test_changes import placed, unchanged
from tests.services.orders.test_export_and_erasure import CANARY
from tests.services.orders.test_placing import nothing_written
from tests.shop import Answer, Caller, Shop, order_p

ODD = {"country_code": "IN", "street_address": "Lane 1", "city": "Mumbai", "country_area": "Bombay State", "postal_code": "400001"}
GOOD = ODD | {"country_area": "MH"}
MESSAGE = "IN has no place of this name or code at this level."


async def orders_of(caller: Caller, query: str = "needs_attention=true") -> list[str]:
    return [item["order_id"] for item in (await caller.get(f"/orders/v1/orders?{query}")).ok()["items"]]


async def seen(caller: Caller, order_id: str) -> Answer:
    return (await caller.get(f"/orders/v1/orders/{order_id}")).ok()


async def test_the_platforms_odd_address_is_kept_and_shown_to_the_shop(shop: Shop) -> None:
    order_id = await placed(shop, shipping_address=ODD, customer={"id": "c-1", "name": "R", "phone": "at work", "email": "soon"})
    await placed(shop)
    shown = await seen(shop.staff, order_id)
    kept = {name: value for name, value in shown["shipping_address"].items() if name != "formatted" and value}
    assert (kept, shown["customer"]["phone"], shown["customer"]["email"]) == (ODD, "at work", "soon")
    area, email, phone = shown["address_problems"]
    assert (area["pointer"], area["code"], area["message"]) == ("/shipping_address/country_area", "address_invalid", MESSAGE)
    assert {"name": "Maharashtra", "code": "IN-MH"} in area["choices"]
    assert len(area["choices"]) == 36
    assert [(one["pointer"], one["code"], one["choices"]) for one in (email, phone)] == [
        ("/customer/email", "bad_email", None), ("/customer/phone", "bad_phone", None),
    ]  # fmt: skip
    assert shown["needs_attention"] == ["address"]
    for caller in (shop.customer(), shop.caller("guest", order_id)):
        mine = await seen(caller, order_id)
        assert (mine["needs_attention"], mine["address_problems"]) == ([], [])
    assert await orders_of(shop.staff) == [order_id]
    assert await orders_of(shop.staff, "needs_attention=true&customer_id=c-1&status=pending&q=R") == [order_id]
    assert await orders_of(shop.customer()) == []
    [event] = await shop.events("orders", order_id)
    assert "address_problems" not in str(event)


@pytest.mark.parametrize("who", ["platform", "staff"])
async def test_a_call_says_how_strictly_it_is_checked(shop: Shop, who: str) -> None:
    caller: Caller = getattr(shop, who)
    refused = await caller.post("/orders/v1/orders", json=order_p(shipping_address=ODD, validation="strict"))
    [wrong] = refused["errors"]
    assert (refused.status, refused.code, wrong["pointer"]) == (422, "bad_address", "/shipping_address/country_area")
    assert {"name": "Maharashtra", "code": "IN-MH"} in wrong["choices"]
    await nothing_written(shop)
    taken = await caller.post("/orders/v1/orders", json=order_p(shipping_address=ODD, validation="warn"))
    assert taken.ok()["needs_attention"] == ["address"]


async def test_staff_are_checked_strictly_unless_they_say_otherwise(shop: Shop) -> None:
    assert (await shop.staff.post("/orders/v1/orders", json=order_p(shipping_address=ODD))).code == "bad_address"
    await nothing_written(shop)
    order_id = await placed(shop)
    path = f"/orders/v1/orders/{order_id}"
    async with unchanged(shop, order_id):
        for change in ({"shipping_address": ODD}, {"customer": {"phone": "12"}}, {"customer": {"email": "x"}}):
            assert (await shop.staff.patch(path, json={"reason": "r", **change})).status == 422
    assert (await shop.staff.patch(path, json={"reason": "r", "shipping_address": ODD, "validation": "warn"})).ok()["version"] == 2
    assert await orders_of(shop.staff) == [order_id]


async def test_a_batch_says_it_for_its_orders_and_each_order_for_itself(shop: Shop) -> None:
    items = [order_p(shipping_address=ODD), order_p(shipping_address=ODD, validation="warn"), order_p()]
    strict = (await shop.platform.post("/orders/v1/orders/batch", json={"orders": items, "validation": "strict"})).ok()
    assert [item["status"] for item in strict["items"]] == [422, 201, 201]
    assert strict["items"][0]["problem"]["errors"][0]["choices"]
    plain = (await shop.platform.post("/orders/v1/orders/batch", json={"orders": items[:1]})).ok()
    assert plain["items"][0]["order"]["needs_attention"] == ["address"]


async def test_an_edit_that_mends_the_address_ends_the_attention(shop: Shop) -> None:
    order_id = await placed(shop, shipping_address=ODD, customer={"id": "c-1", "phone": "at work"})
    path = f"/orders/v1/orders/{order_id}"
    half = (await shop.staff.patch(path, json={"reason": "r", "shipping_address": {"country_area": "MH"}})).ok()
    assert [one["pointer"] for one in half["address_problems"]] == ["/customer/phone"]
    assert half["needs_attention"] == ["address"]
    whole = (await shop.staff.patch(path, json={"reason": "r", "customer": {"phone": "022 2266 1234"}})).ok()
    assert (whole["needs_attention"], whole["address_problems"], whole["customer"]["phone"]) == ([], [], "+912222661234")
    assert await orders_of(shop.staff) == []


async def test_an_address_is_accepted_as_it_is(shop: Shop) -> None:
    order_id = await placed(shop, shipping_address=ODD, at="shipped")
    path = f"/orders/v1/orders/{order_id}"
    async with unchanged(shop, order_id):
        assert (await shop.customer().patch(path, json={"accept_addresses": True})).code == "shop_only"
    done = (await shop.staff.patch(path, json={"accept_addresses": True})).ok()
    assert (done["version"], done["needs_attention"], done["address_problems"]) == (3, [], [])
    assert done["shipping_address"]["country_area"] == "Bombay State"
    assert await orders_of(shop.staff) == []
    event = (await shop.events("orders", order_id))[-1]
    assert (event["type"], event["data"]["fields"], event["data"]["reason"]) == ("order.edited.v1", ["accept_addresses"], "")
    entry = (await seen(shop.staff, order_id))["timeline"][-1]
    assert entry["details"]["accepted"] == [{"pointer": "/shipping_address/country_area", "code": "address_invalid"}]
    assert "accepted" not in (await seen(shop.customer(), order_id))["timeline"][-1]["details"]
    async with unchanged(shop, order_id):
        assert (await shop.staff.patch(path, json={"accept_addresses": True})).code == "nothing_changed"
        assert (await shop.staff.patch(path, json={"accept_addresses": False})).status == 422


async def test_no_values_in_what_is_stored_of_a_problem_and_nothing_after_the_erasure(shop: Shop) -> None:
    odd = dict.fromkeys(("name", "street_address", "city", "country_area", "postal_code", "phone"), CANARY)
    person = {"id": "c-9", "name": CANARY, "phone": CANARY, "email": CANARY}
    order_id = await placed(shop, customer=person, shipping_address={"country_code": "IN", **odd})
    [row] = await shop.rows("orders", "select address_problems::text as text from orders where store_id = {store}")
    assert CANARY not in row["text"]
    assert row["text"].count('"pointer"') == 5
    (await shop.platform.delete("/orders/v1/customers/c-9")).ok()
    assert (await seen(shop.staff, order_id))["needs_attention"] == []
    assert await orders_of(shop.staff) == []


@pytest.mark.parametrize(
    ("changes", "phone", "address_phone"),
    [
        ({}, "+8801712345678", ""),
        ({"billing_address": GOOD}, "+911712345678", ""),
        ({"shipping_address": GOOD | {"phone": "022 2266 1234 ext 55"}}, "+911712345678", "+912222661234;ext=55"),
    ],
)
async def test_a_phone_is_read_by_its_own_country(shop: Shop, changes: dict[str, Any], phone: str, address_phone: str) -> None:
    placed_one = (await shop.staff.post("/orders/v1/orders", json=order_p(customer={"id": "c-1", "phone": "01712345678"}, **changes))).ok()
    assert (placed_one["customer"]["phone"], placed_one["shipping_address"]["phone"]) == (phone, address_phone)


async def test_uk_is_kept_as_gb(shop: Shop) -> None:
    uk = {"country_code": "UK", "street_address": "1 High Street", "city": "London", "postal_code": "SW1A 1AA"}
    order_id = (await shop.staff.post("/orders/v1/orders", json=order_p(shipping_address=uk))).ok()["order_id"]
    assert (await seen(shop.staff, order_id))["shipping_address"]["country_code"] == "GB"
    edited = await shop.staff.patch(
        f"/orders/v1/orders/{order_id}", json={"reason": "r", "billing_address": uk | {"country_code": "uk", "name": "N"}}
    )
    assert edited.ok()["billing_address"]["country_code"] == "GB"
