"""Search over HTTP: a text finds every order that has it as a value of any kind, each once, newest first."""

import json
import uuid
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.services.orders.test_placing import SETTINGS
from tests.shop import BANGLADESH, Caller, Shop, order_p


async def place(shop: Shop, **changes: Any) -> str:
    return str((await shop.platform.post("/orders/v1/orders", json=order_p(**changes))).ok()["order_id"])


async def found(caller: Caller, **query: str) -> list[str]:
    """All pages of two."""
    ids: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = (await caller.get(f"/orders/v1/orders?{urlencode({'limit': '2'} | query | cursor)}")).ok()
        ids += [item["order_id"] for item in page["items"]]
        if page["next_cursor"] is None:
            return ids
        cursor = {"cursor": page["next_cursor"]}


def address(**changes: Any) -> dict[str, Any]:
    return {"shipping_address": BANGLADESH | changes}


async def track(shop: Shop, order_id: str, number: str, carrier: str = "Pathao") -> None:
    body = {"to": "shipped", "tracking": {"carrier": carrier, "number": number}}
    (await shop.staff.post(f"/orders/v1/orders/{order_id}/transitions", json=body)).ok()


async def one_of_each_kind(shop: Shop, text: str) -> list[str]:
    """Orders that have `text` as a value of each kind, newest first."""
    tracked = await place(shop, customer={"id": "c-t", "name": "Tracked"})
    await track(shop, tracked, text)
    others = [
        await place(shop, **one)
        for one in (
            {"number": text},
            {"external_ref": text},
            {"customer": {"id": "c-e", "name": "Mail", "email": text}, "validation": "warn"},
            {"customer": {"id": "c-p", "name": "Phone", "phone": text}, "validation": "warn"},
            {"validation": "warn", **address(phone=text)},
            {"payments": [{"amount": 100, "method": "card", "reference": text}, {"amount": 100, "method": "cash", "reference": text}]},
            {"lines": [{"sku": text, "name": "x", "quantity": 1, "total": 5000}] * 3},
            {"customer": {"id": "c-n", "name": f"{text.upper()} and more"}},
            address(name=f"{text.upper()} the niece"),
            {"number": f"{text}-2", "external_ref": f"{text}-3", "customer": {"id": "c-x", "name": f"not {text}"}},  # nothing of it
        )
    ]
    return [*others[-2::-1], tracked]


@pytest.mark.parametrize("sort", ["-placed_at", "updated_at"])
async def test_a_hit_of_one_kind_hides_no_other(shop: Shop, sort: str) -> None:
    text = f"x{uuid.uuid4().hex[:8]}@example.com"
    newest_first = await one_of_each_kind(shop, text)
    tracked = newest_first[-1]
    expected = newest_first if sort == "-placed_at" else newest_first[::-1]
    assert await found(shop.staff, q=text, sort=sort) == expected
    assert await found(shop.staff, q=f"  {text} ", sort=sort) == expected
    assert await found(shop.staff, q=text, sort=sort, status="shipped") == [tracked]


async def test_each_filter_finds_its_own_kind_only(shop: Shop) -> None:
    text = f"x{uuid.uuid4().hex[:8]}@example.com"
    recipient, name, sku, payment, _, _, _, external_ref, number, tracked = await one_of_each_kind(shop, text)
    del recipient, name
    kinds = {"sku": sku, "payment_reference": payment, "external_ref": external_ref, "number": number, "tracking_number": tracked}
    for kind, order_id in kinds.items():
        for sort in ("-placed_at", "updated_at"):
            assert await found(shop.staff, sort=sort, **{kind: text}) == [order_id]
            assert await found(shop.staff, sort=sort, q=text, **{kind: text}) == [order_id]
        for other in kinds.keys() - {kind}:
            assert await found(shop.staff, **{kind: text, other: text}) == []
    assert await found(shop.staff, carrier="pathao") == await found(shop.staff, carrier="PATHAO", tracking_number=text) == [tracked]
    assert await found(shop.staff, carrier="DHL", tracking_number=text) == []


async def test_customers_find_their_own_by_every_kind(shop: Shop) -> None:
    text = f"x{uuid.uuid4().hex[:8]}@example.com"
    await one_of_each_kind(shop, text)
    for customer, kinds in {"c-t": 1, "c-e": 1, "c-p": 1, "c-n": 1, "c-x": 0, "c-1": 6}.items():
        for sort in ("-placed_at", "updated_at"):
            assert len(await found(shop.customer(customer), q=text, sort=sort)) == kinds, customer


@pytest.mark.parametrize(
    ("name", "texts"),
    [
        ("İbrahim", ["İbrahim", "İbra"]),
        ("İREM", ["İREM"]),
        ("ΟΔΥΣΣΕΥΣ", ["ΟΔΥΣΣΕΥΣ", "οδυσσευσ", "ΟΔΥΣ"]),
        ("José Ruiz", ["José Ruiz", "Jose\u0301", "JOSÉ"]),
        ("রহিমা বেগম", ["রহিমা", "রহিমা বেগম"]),
        ("100% Wool_Shop", ["100%", "100% wool_"]),
    ],
)
async def test_names_are_found_as_the_database_compares_them(shop: Shop, name: str, texts: list[str]) -> None:
    buyer = await place(shop, customer={"id": "c-2", "name": name})
    recipient = await place(shop, **address(name=name))
    for text in texts:
        assert await found(shop.staff, q=text) == [recipient, buyer], text
        assert await found(shop.customer("c-2"), q=text) == [buyer], text
    assert await found(shop.staff, q=f"{name}s") == []
    assert await found(shop.staff, q=name[1:]) == []


async def test_telephone_numbers_are_found_as_people_say_them(shop: Shop) -> None:
    buyer = await place(shop, customer={"id": "c-2", "name": "Karim", "phone": "01712345678"})
    recipient = await place(shop, **address(name="Niece", phone="01712345678"))
    abroad = await place(shop, customer={"id": "c-3", "name": "Li", "phone": "+442079460018"})
    for text in ("+8801712345678", "8801712345678", "+880 1712-345678", "+৮৮০ ১৭১২ ৩৪৫৬৭৮"):
        assert await found(shop.staff, q=text) == [recipient, buyer], text
    assert await found(shop.staff, q="01712345678") == [recipient, buyer]  # as of where most of the newest orders go
    assert await found(shop.staff, q="020 7946 0018") == []
    settings = SETTINGS | {"time_zone": "Asia/Dhaka", "country": None}
    (await shop.staff.put("/orders/v1/orders-settings", json=settings, headers={"If-Match": '"v0"'})).ok()
    for text in ("01712345678", "1712345678", "০১৭১২৩৪৫৬৭৮", "01712-345 678"):
        assert await found(shop.staff, q=text) == [recipient, buyer], text
    assert await found(shop.staff, q="020 7946 0018") == []
    saved = await shop.staff.put("/orders/v1/orders-settings", json=settings | {"country": "uk"}, headers={"If-Match": '"v1"'})
    assert saved.ok()["country"] == "GB"
    assert await found(shop.staff, q="020 7946 0018") == [abroad]


async def test_an_extension_need_not_be_said(shop: Shop) -> None:
    buyer = await place(shop, customer={"id": "c-2", "name": "Karim", "phone": "01812345678 ext. 55"})
    recipient = await place(shop, **address(name="Niece", phone="+8801812345678;ext=7"))
    for text in ("+8801812345678", "8801812345678", "01812345678", "01812345678 ext 55", "+8801812345678;ext=55"):
        assert await found(shop.staff, q=text) == [recipient, buyer], text
    assert await found(shop.staff, q="+880181234567") == []


async def test_a_cursor_of_one_order_is_none_of_the_other(shop: Shop) -> None:
    """A pull that changed its order half-way would skip orders without a word."""
    for _ in range(3):
        await place(shop)
    for sort, other in (("-placed_at", "updated_at"), ("updated_at", "-placed_at")):
        cursor = (await shop.staff.get(f"/orders/v1/orders?limit=1&sort={sort}")).ok()["next_cursor"]
        (await shop.staff.get(f"/orders/v1/orders?limit=1&sort={sort}&cursor={cursor}")).ok()
        assert (await shop.staff.get(f"/orders/v1/orders?limit=1&sort={other}&cursor={cursor}")).code == "bad_cursor"


async def test_a_tracking_number_that_was_corrected_or_erased_finds_nothing(shop: Shop) -> None:
    order_id = await place(shop)
    await track(shop, order_id, "PX-1")
    assert await found(shop.staff, q="PX-1") == [order_id]
    edit = {"reason": "typo", "tracking": {"number": "PX-2"}}
    (await shop.staff.patch(f"/orders/v1/orders/{order_id}", json=edit)).ok()
    assert (await found(shop.staff, q="PX-1"), await found(shop.staff, tracking_number="PX-2")) == ([], [order_id])
    (await shop.platform.delete("/orders/v1/customers/c-1")).ok()
    assert (await found(shop.staff, q="PX-2"), await found(shop.staff, q="rahima")) == ([], [])
    assert await shop.rows("orders", "select 1 from parcel_numbers where store_id = {store}") == []


async def test_the_numbers_of_all_parcels_are_kept(shop: Shop) -> None:
    """By whatever writes them: here the table itself, as a migration would."""
    order_id = await place(shop)
    await track(shop, order_id, "PX-1")
    numbers = ("PX-1", "D-2", "D-3", "")
    parcels = json.dumps([{"carrier": "DHL", "number": number} for number in numbers])
    await shop.rows("orders", f"update orders set version = version + 1, parcels = '{parcels}' where store_id = {{store}}")
    for number in numbers[:3]:
        assert await found(shop.staff, q=number) == await found(shop.staff, carrier="dhl", tracking_number=number) == [order_id]


async def test_tags_are_the_shops(shop: Shop) -> None:
    order_id = await place(shop, tags=["vip", "gift"])
    await place(shop, tags=["vips"])
    assert await found(shop.staff, tag="vip") == [order_id]
    assert await found(shop.customer(), tag="vip") == []


async def test_rows_say_what_staff_look_for(shop: Shop) -> None:
    paid = {"payments": [{"amount": 12000, "method": "card", "reference": "x"}], "validation": "warn"}
    order_id = await place(shop, **paid, **address(city=""))
    (await shop.staff.post(f"/orders/v1/orders/{order_id}/transitions", json={"to": "shipped"})).ok()
    failed = (await shop.staff.post(f"/orders/v1/orders/{order_id}/delivery-failures", json={"reason": "nobody home"})).ok()
    [row] = (await shop.staff.get("/orders/v1/orders?needs_attention=true")).ok()["items"]
    same = ("delivery_failed_at", "needs_attention", "updated_at", "fulfilment", "due", "version")
    assert {name: row[name] for name in same} == {name: failed[name] for name in same}
    assert (row["needs_attention"], row["unit_count"], row["fulfilment"], row["due"]["amount"]) == (
        ["overpaid", "address"],
        2,
        "shipping",
        0,
    )
    [own] = (await shop.customer().get("/orders/v1/orders")).ok()["items"]
    assert own == row | {"needs_attention": []}


async def test_updated_at_is_when_the_last_version_was_recorded(shop: Shop) -> None:
    placed = (await shop.platform.post("/orders/v1/orders", json=order_p())).ok()
    order_id = placed["order_id"]
    shown = [placed]
    other = await place(shop)
    for path, body in (
        ("transitions", {"to": "confirmed", "occurred_at": placed["placed_at"]}),
        ("payments", {"amount": 500, "method": "cod", "reference": "r"}),
        ("part-cancellations", {"lines": [{"line": 1, "quantity": 1}], "reason": "gone"}),
        ("delivery-failures", {"reason": "nobody home"}),
    ):
        shown.append((await shop.staff.post(f"/orders/v1/orders/{order_id}/{path}", json=body)).ok())
    rows = await shop.rows("orders", "select version, recorded_at from changes where store_id = {store} order by recorded_at")
    written = {row["version"]: row["recorded_at"].isoformat().replace("+00:00", "Z") for row in rows if row["version"] > 1}
    assert {one["version"]: one["updated_at"] for one in shown[1:]} == written
    assert (await shop.staff.get(f"/orders/v1/orders/{order_id}")).ok()["updated_at"] == shown[-1]["updated_at"]
    assert await found(shop.staff, sort="updated_at") == [other, order_id]
    assert await found(shop.staff, **{"updated_at.gte": shown[1]["updated_at"]}) == [order_id]
    assert await found(shop.staff, **{"updated_at.lt": shown[1]["updated_at"], "sort": "updated_at"}) == [other]
