"""What every platform's order has beside lines and figures, and orders that are picked up or digital (real-shops.md 1.3, 1.4)."""

from typing import Any

import pytest

from tests.services.orders.test_changes import CANCEL, act, placed, unchanged
from tests.services.orders.test_placing import SETTINGS
from tests.shop import Shop, order_p

BUYER = {
    "company": "Shapla Ltd",
    "tax_numbers": [{"label": "BIN", "number": "000123456-0101", "scheme": "VA"}, {"label": "TIN", "number": "77", "scheme": None}],
    "buyer_reference": "PO-77",
}
FACTS = {
    "fulfilment": "shipping",
    "shipping_method": "Express",
    "payment_method": "cod",
    "coupon_codes": ["EID10"],
    "supplied_on": "2026-11-26",
    "payment_due_on": "2026-12-26",
    "place_of_supply": "Dhaka",
}
OF_LINE = {
    "options": [{"name": "Size", "value": "M"}, {"name": "Colour", "value": '"lines":[],"goods_total"'}],
    "tax_rate": "15",
    "tax_code": "S",
    "commodity_code": "6109",
}
IN_NO_EVENT = {"product_id": "canary-9", "image_url": "https://canary.example/9.png"}
TAGS, METADATA = ["canary-vip"], {"canary": "canary-1", "k": 2}


def full(**changes: Any) -> dict[str, Any]:
    """Order P with every field."""
    line = order_p()["lines"][0] | OF_LINE | IN_NO_EVENT | {"personalisation": "For Rahima"}
    return order_p(
        customer=order_p()["customer"] | BUYER, lines=[line, {"sku": "CAP", "name": "Cap", "quantity": 1, "unit_price": 0}],
        shipping={"amount": 1000, "tax_rate": "15.5", "tax_code": "S"}, customer_note="Ring twice", tags=TAGS, metadata=METADATA, **FACTS,
    ) | changes  # fmt: skip


async def test_a_whole_order_comes_back_as_it_was_given(shop: Shop) -> None:
    answer = (await shop.platform.post("/orders/v1/orders", json=full())).ok()
    order_id = answer["order_id"]
    for shown in (answer, (await shop.staff.get(f"/orders/v1/orders/{order_id}")).ok()):
        assert {name: shown[name] for name in FACTS} == FACTS
        assert {name: shown["customer"][name] for name in BUYER} == BUYER
        assert (shown["shipping_tax_rate"], shown["shipping_tax_code"], shown["customer_note"]) == ("15.5", "S", "Ring twice")
        assert (shown["tags"], shown["metadata"], shown["parcels"]) == (TAGS, METADATA, [])
        first, second = shown["lines"]
        assert {name: first[name] for name in OF_LINE | IN_NO_EVENT} == OF_LINE | IN_NO_EVENT
        assert (first["personalisation"], first["cancelled"]) == ("For Rahima", 0)
        assert (second["options"], second["personalisation"], second["product_id"], second["tax_rate"]) == ([], "", None, None)
    theirs = (await shop.customer().get(f"/orders/v1/orders/{order_id}")).ok()
    assert (theirs["tags"], theirs["metadata"]) == ([], {})
    assert {name: theirs[name] for name in FACTS} == FACTS
    assert (theirs["customer_note"], theirs["lines"][0]["product_id"]) == ("Ring twice", "canary-9")


async def test_the_event_says_what_it_may(shop: Shop) -> None:
    order_id = (await shop.platform.post("/orders/v1/orders", json=full())).ok()["order_id"]
    (event,) = await shop.events("orders", order_id)
    order, personal = event["data"]["order"], event["data"]["personal"]
    assert {name: order[name] for name in FACTS} == FACTS
    assert {name: order["lines"][0][name] for name in OF_LINE} == OF_LINE
    assert not order["lines"][1].keys() & {*OF_LINE, "cancelled"}  # what a line does not say is not written
    assert (order["shipping_tax_rate"], order["shipping_tax_code"]) == ("15.5", "S")
    assert {name: personal[name] for name in BUYER} == BUYER
    assert (personal["customer_note"], personal["lines"]) == ("Ring twice", [{"line": 1, "personalisation": "For Rahima"}])
    assert "canary" not in str(event)
    assert not [word for word in ("Shapla", "PO-77", "Ring", "Rahima", "000123456") if word in str(order)]


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"payment_method": "!"}, "/payment_method"),
        ({"coupon_codes": ["x"] * 21}, "/coupon_codes"),
        ({"tags": ["x"] * 51}, "/tags"),
        ({"supplied_on": "26.11.2026"}, "/supplied_on"),
        ({"customer_note": "x" * 2001}, "/customer_note"),
        ({"shipping": {"amount": 1000, "tax_rate": "15%"}}, "/shipping/tax_rate"),
        ({"shipping": {"amount": 1000, "tax_rate": "1.23456"}}, "/shipping/tax_rate"),
        ({"fulfilment": "drone"}, "/fulfilment"),
        ({"shipping_address": None}, "/shipping_address"),
    ],
)
async def test_what_is_not_taken(shop: Shop, change: dict[str, Any], pointer: str) -> None:
    refused = await shop.platform.post("/orders/v1/orders", json=full(**change))
    assert (refused.status, refused["errors"][0]["pointer"]) == (422, pointer)
    assert await shop.events("orders") == []


async def test_what_the_invoice_prints_is_corrected_until_it_is_issued(shop: Shop) -> None:
    order_id = (await shop.platform.post("/orders/v1/orders", json=full())).ok()["order_id"]
    path = f"/orders/v1/orders/{order_id}"
    change: dict[str, Any] = {"shipping_method": None, "payment_method": "bkash", "supplied_on": "2026-11-27", "place_of_supply": "Sylhet"}
    buyer: dict[str, Any] = {"company": "Lotus Ltd", "tax_numbers": [], "buyer_reference": "PO-78"}
    edited = (await shop.staff.patch(path, json={"reason": "by phone", "customer": buyer} | change)).ok()
    assert {name: edited[name] for name in change} == change
    assert {name: edited["customer"][name] for name in buyer} == buyer
    assert (edited["payment_due_on"], edited["customer"]["name"]) == ("2026-12-26", "Rahima Begum")
    event = (await shop.events("orders", order_id))[-1]["data"]
    assert set(event["fields"]) == {*change, *buyer}
    assert ({name: event["order"][name] for name in change}, event["personal"]["company"]) == (change, "Lotus Ltd")
    async with unchanged(shop, order_id):
        assert (await shop.staff.patch(path, json={"reason": "again", "customer": buyer} | change)).code == "nothing_changed"
    (await act(shop.staff, order_id, "transitions", {"to": "confirmed"})).ok()
    async with unchanged(shop, order_id):
        for part, value in {**change, "payment_due_on": None}.items():
            assert (await shop.staff.patch(path, json={"reason": "late", part: value})).code == f"{part}_frozen"
        for part, value in buyer.items():
            assert (await shop.staff.patch(path, json={"reason": "late", "customer": {part: value}})).code == f"{part}_frozen"


async def test_what_a_line_prints_is_corrected_until_it_is_invoiced(shop: Shop) -> None:
    order_id = (await shop.platform.post("/orders/v1/orders", json=full())).ok()["order_id"]
    path = f"/orders/v1/orders/{order_id}"
    first = {"line": 1, "options": None, "personalisation": "For Karim", "tax_rate": "7.5", "tax_code": None, "commodity_code": "6110"}
    second = {"line": 2, "options": [{"name": "Size", "value": "L"}], "personalisation": "K"}
    body = {"reason": "by phone", "lines": [second, first], "shipping": {"tax_rate": "7.5"}}
    edited = (await shop.staff.patch(path, json=body)).ok()
    assert (await shop.staff.get(path)).ok()["lines"] == edited["lines"]
    one, two = edited["lines"]
    assert {name: one[name] for name in first} == first | {"options": []}
    assert {name: two[name] for name in second} == second
    assert (one["product_id"], one["total"]["amount"], two["tax_rate"]) == ("canary-9", 10_000, None)
    assert (edited["shipping_tax_rate"], edited["shipping_tax_code"], edited["total"]["amount"]) == ("7.5", "S", 11_000)
    event = (await shop.events("orders", order_id))[-1]["data"]
    assert (event["fields"], event["order"]["lines_version"]) == (["lines", "shipping"], 2)
    assert [line["personalisation"] for line in event["personal"]["lines"]] == ["For Karim", "K"]
    assert "Karim" not in str(event["order"])
    details = (await shop.customer().get(path)).ok()["timeline"][-1]["details"]
    assert details["before"]["lines"]["1"] == OF_LINE | {"personalisation": "For Rahima"}
    assert details["after"] == {
        "lines": {
            "1": {"options": [], "personalisation": "For Karim", "tax_rate": "7.5", "tax_code": None, "commodity_code": "6110"},
            "2": {"options": second["options"], "personalisation": "K"},
        },
        "shipping": {"tax_rate": "7.5"},
    }
    wish = (await shop.staff.patch(path, json={"reason": "by phone", "lines": [{"line": 1, "personalisation": None}]})).ok()
    assert wish["lines"][0]["personalisation"] == ""
    assert (await shop.events("orders", order_id))[-1]["data"]["order"]["lines_version"] == 2  # no receipt prints it
    refusals: list[tuple[dict[str, Any], int, str]] = [
        ({"lines": [{"line": 3, "tax_rate": "1"}]}, 422, "unknown_line"),
        ({"lines": [{"line": 1, "tax_rate": "1"}, {"line": 1}]}, 422, "line_twice"),
        ({"lines": [{"line": 1}]}, 409, "nothing_changed"),
        ({"lines": None}, 422, "invalid"), ({"lines": []}, 422, "invalid"), ({"shipping": None}, 422, "invalid"),
        ({"lines": [{"line": 1, "product_id": "x"}]}, 422, "invalid"), ({"lines": [{"line": 1, "quantity": 1}]}, 422, "invalid"),
    ]  # fmt: skip
    async with unchanged(shop, order_id):
        for change, status, code in refusals:
            refused = await shop.staff.patch(path, json={"reason": "x"} | change)
            assert (refused.status, refused.code) == (status, code), change
        assert (await shop.customer().patch(path, json=body)).code == "shop_only"
    (await act(shop.staff, order_id, "transitions", {"to": "confirmed"})).ok()
    async with unchanged(shop, order_id):
        for part in ("lines", "shipping"):
            assert (await shop.staff.patch(path, json={"reason": "late", part: body[part]})).code == f"{part}_frozen"
    (await shop.platform.delete("/orders/v1/customers/c-1")).ok()
    kept = await shop.rows("orders", "select details::text as text from changes where store_id = {store}")
    assert [row for row in kept if "Karim" in row["text"]] == []


async def test_an_amendment_brings_what_a_new_line_prints(shop: Shop) -> None:
    placed = (await shop.platform.post("/orders/v1/orders", json=full())).ok()
    path, wish = f"/orders/v1/orders/{placed['order_id']}", {"personalisation": "For Karim"}
    bare = {"sku": "BAG", "name": "Bag", "quantity": 1, "unit_price": 100}
    new: dict[str, Any] = {"sku": "MUG", "name": "Mug", "quantity": 1, "unit_price": 500} | OF_LINE | IN_NO_EVENT | wish
    body: dict[str, Any] = {"reason": "by phone", "lines": [{"line": 1, "tax_code": "Z"}, {"line": 2}, new, bare], "coupon_codes": []}
    body |= {"shipping": {"amount": 1000, "tax_rate": "7"}}
    amended = (await shop.staff.post(f"{path}/amendments", json=body, headers={"If-Match": '"v1"'})).ok()
    first, second, third, fourth = amended["lines"]
    assert (fourth["options"], fourth["tax_rate"], fourth["product_id"]) == ([], None, None)
    assert {name: first[name] for name in OF_LINE | IN_NO_EVENT} == OF_LINE | IN_NO_EVENT | {"tax_code": "Z"}
    assert (first["personalisation"], second["options"], second["personalisation"]) == ("For Rahima", [], "")
    assert {name: third[name] for name in OF_LINE | IN_NO_EVENT | wish} == OF_LINE | IN_NO_EVENT | wish
    assert (amended["shipping_tax_rate"], amended["shipping_tax_code"], amended["coupon_codes"]) == ("7", "S", [])
    assert (await shop.staff.get(path)).ok()["lines"] == amended["lines"]
    event = (await shop.events("orders", placed["order_id"]))[-1]["data"]
    assert event["changed"] == ["lines", "shipping", "discount"]
    assert [line["personalisation"] for line in event["personal"]["lines"]] == ["For Rahima", "For Karim"]
    async with unchanged(shop, placed["order_id"]):
        for fixed in ("personalisation", "product_id", "image_url"):
            refused = await shop.staff.post(
                f"{path}/amendments", json={"reason": "x", "lines": [{"line": 1, fixed: "https://x.example"}]}, headers={"If-Match": '"v2"'}
            )
            assert (refused.status, refused.code, refused["errors"][0]["pointer"]) == (422, "invalid", "/lines/0")
    removed = (await shop.staff.post(f"{path}/amendments", json={"reason": "x", "lines": [{"line": 2}]}, headers={"If-Match": '"v2"'})).ok()
    assert [(line["line"], line["personalisation"], line["product_id"]) for line in removed["lines"]] == [(2, "", None)]


async def test_notes_tags_and_metadata_change_at_any_time(shop: Shop) -> None:
    order_id = (await shop.platform.post("/orders/v1/orders", json=full())).ok()["order_id"]
    path = f"/orders/v1/orders/{order_id}"
    (await act(shop.customer(), order_id, "cancel", CANCEL)).ok()
    body = {"reason": "sorted", "tags": [], "metadata": {"k": None, "new": True}, "customer_note": "Call first"}
    edited = (await shop.staff.patch(path, json=body)).ok()
    assert (edited["tags"], edited["metadata"], edited["customer_note"]) == ([], {"canary": "canary-1", "new": True}, "Call first")
    assert "canary" not in str((await shop.events("orders", order_id))[-1])
    for entry in (await shop.customer().get(path)).ok()["timeline"]:
        assert not {"tags", "metadata"} & {*entry["details"].get("fields", ()), *entry["details"].get("after", ())}
    async with unchanged(shop, order_id):
        many = await shop.staff.patch(path, json={"reason": "many", "metadata": {f"k{n}": n for n in range(49)}})
        assert (many.status, many.code) == (422, "too_much_metadata")


async def test_an_erased_customer_leaves_none_of_it(shop: Shop) -> None:
    order_id = (await shop.platform.post("/orders/v1/orders", json=full())).ok()["order_id"]
    (await shop.platform.delete("/orders/v1/customers/c-1")).ok()
    shown = (await shop.staff.get(f"/orders/v1/orders/{order_id}")).ok()
    words = ("canary", "Shapla", "PO-77", "Ring twice", "For Rahima", "000123456")
    assert [word for word in words if word in shown.content.decode()] == []
    assert [word for word in words if word in str(await shop.events("orders", order_id))] == []
    assert {name: shown[name] for name in FACTS} == FACTS
    assert shown["lines"][0]["options"] == OF_LINE["options"]
    version = shown["version"]
    (await shop.platform.delete("/orders/v1/customers/c-1")).ok()
    assert (await shop.staff.get(f"/orders/v1/orders/{order_id}")).ok()["version"] == version


@pytest.mark.parametrize("fulfilment", ["pickup", "digital"])
async def test_what_is_not_shipped_needs_no_address(shop: Shop, fulfilment: str) -> None:
    body = {name: value for name, value in order_p(fulfilment=fulfilment).items() if name != "shipping_address"}
    shown = (await shop.platform.post("/orders/v1/orders", json=body)).ok()
    assert (shown["shipping_address"], shown["billing_address"], shown["fulfilment"]) == (None, None, fulfilment)
    assert (await shop.staff.get(f"/orders/v1/orders/{shown['order_id']}")).ok()["fulfilment"] == fulfilment


async def test_worked_case_49(shop: Shop) -> None:
    """Pickup is never shipped, and its goods leave the shelf with picked_up; digital is never picked up, and its goods never leave."""
    (await shop.staff.put("/orders/v1/orders-settings", json=SETTINGS, headers={"If-Match": '"v0"'})).ok()
    prepaid = [{"amount": 11000, "method": "card", "reference": "ch_1"}]
    pickup = await placed(shop, fulfilment="pickup", payments=prepaid)
    digital = await placed(shop, fulfilment="digital", payments=prepaid)
    for order_id, step in ((pickup, "shipped"), (digital, "picked_up"), (digital, "shipped")):
        async with unchanged(shop, order_id):
            refused = await act(shop.staff, order_id, "transitions", {"to": step})
            assert (refused.status, refused.code) == (409, "nothing_is_shipped")
    (await act(shop.staff, pickup, "transitions", {"to": "picked_up"})).ok()
    outlook = (await shop.staff.post(f"/orders/v1/orders/{pickup}/cancel?dry_run=true", json=CANCEL)).ok()
    assert (outlook["released"], outlook["goods_return_through_refund"]) == ([], True)
    (await act(shop.staff, digital, "transitions", {"to": "confirmed"})).ok()
    outlook = (await shop.staff.post(f"/orders/v1/orders/{digital}/cancel?dry_run=true", json=CANCEL)).ok()
    assert (outlook["allowed"], outlook["goods_return_through_refund"]) == (True, False)
