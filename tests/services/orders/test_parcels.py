"""Parcels over HTTP: added, corrected and removed, in the order, its history, its events and for its customer (real-shops.md 1.2)."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.services.orders.test_changes import CANCEL, act, placed, unchanged
from tests.services.orders.test_export_and_erasure import CANARY
from tests.shop import Answer, Shop

LINK = "https://merchant.pathao.com/tracking?consignment_id="
PARCEL = {"carrier": "Pathao", "number": "P-1"}
ONE = [{"line": 1, "quantity": 1}]


async def add(shop: Shop, order_id: str, **changes: Any) -> Answer:
    return await act(shop.staff, order_id, "parcels", PARCEL | changes)


async def correct(shop: Shop, order_id: str, parcel_id: str, **changes: Any) -> Answer:
    return await shop.staff.patch(f"/orders/v1/orders/{order_id}/parcels/{parcel_id}", json=changes)


async def remove(shop: Shop, order_id: str, parcel_id: str, **more: Any) -> Answer:
    return await shop.staff.delete(f"/orders/v1/orders/{order_id}/parcels/{parcel_id}", **more)


async def test_parcels_come_change_and_go_and_move_no_status(shop: Shop) -> None:
    order_id = await placed(shop, at="confirmed")
    first = (await add(shop, order_id, lines=ONE)).ok()
    [parcel] = first["parcels"]
    its = parcel["parcel_id"]
    assert parcel == {
        "parcel_id": its, **PARCEL, "url": f"{LINK}P-1", "lines": ONE, "shipped_at": None, "delivered_at": None,
    }  # fmt: skip
    assert (first["status"], first["version"], first["tracking"]) == ("confirmed", 3, PARCEL | {"url": f"{LINK}P-1"})
    second = (await add(shop, order_id, carrier="By hand", number="2")).ok()["parcels"][1]
    moved = (await correct(shop, order_id, its, number="P-9", lines=None, shipped_at=datetime.now(UTC).isoformat())).ok()
    assert (moved["version"], moved["tracking"]["url"], moved["parcels"][0]["lines"]) == (5, f"{LINK}P-9", [])
    left = (await remove(shop, order_id, its)).ok()
    assert (left["version"], left["status"], left["parcels"]) == (6, "confirmed", [second])
    assert left["tracking"] == {"carrier": "By hand", "number": "2", "url": None}
    for caller in (shop.staff, shop.customer()):
        shown = (await caller.get(f"/orders/v1/orders/{order_id}")).ok()
        assert (shown["parcels"], shown["tracking"]) == ([second], left["tracking"])
        told = [entry["details"] for entry in shown["timeline"] if entry["type"] == "order.parcels_changed.v1"]
        assert [(one["change"], one["parcel_id"] == its) for one in told] == [
            ("added", True), ("added", False), ("corrected", True), ("removed", True)
        ]  # fmt: skip
        assert (told[0]["after"]["number"], told[2]["before"]["number"], told[2]["after"]["number"]) == ("P-1", "P-1", "P-9")
        assert (told[3]["before"]["number"], "after" in told[3]) == ("P-9", False)
    events = [event["data"] for event in await shop.events("orders", order_id) if event["type"] == "order.parcels_changed.v1"]
    assert [(one["parcel_id"] == its, one["change"], len(one["order"]["parcels"])) for one in events] == [
        (True, "added", 1), (False, "added", 2), (True, "corrected", 2), (True, "removed", 1)
    ]  # fmt: skip


async def test_case_50_units_in_parcels(shop: Shop) -> None:
    order_id = await placed(shop, at="confirmed")
    sent = (await add(shop, order_id, lines=ONE, shipped_at=datetime.now(UTC).isoformat())).ok()["parcels"][0]["parcel_id"]
    waits = (await add(shop, order_id, number="P-2", lines=ONE)).ok()["parcels"][1]["parcel_id"]
    async with unchanged(shop, order_id):
        refused = await add(shop, order_id, number="P-3", lines=ONE)
        facts = {name: refused[name] for name in ("line", "left", "free", "wanted")}
        assert (refused.status, refused.code, facts) == (409, "parcel_too_much", {"line": 1, "left": 2, "free": 0, "wanted": 1})
        both = {"reason": "not there", "lines": [{"line": 1, "quantity": 2}]}
        refused = await act(shop.staff, order_id, "part-cancellations", both)
        assert (refused.status, refused.code, refused["free"]) == (409, "units_in_parcel", 1)
    after = (await act(shop.staff, order_id, "part-cancellations", {"reason": "not there", "lines": ONE})).ok()
    assert [(one["parcel_id"], one["lines"]) for one in after["parcels"]] == [(sent, ONE), (waits, [])]
    async with unchanged(shop, order_id):
        refused = await correct(shop, order_id, waits, lines=ONE)
        assert (refused.status, refused.code, refused["free"]) == (409, "parcel_too_much", 0)


async def test_case_50_tracking_written_after_delivery_corrects_the_first_parcel(shop: Shop) -> None:
    order_id = await placed(shop, at="delivered")
    its = (await add(shop, order_id, lines=ONE)).ok()["parcels"][0]["parcel_id"]
    await add(shop, order_id, number="P-2")
    edited = (await shop.staff.patch(f"/orders/v1/orders/{order_id}", json={"reason": "typo", "tracking": {"number": "P-7"}})).ok()
    assert [one["number"] for one in edited["parcels"]] == ["P-7", "P-2"]
    assert (edited["parcels"][0]["parcel_id"], edited["parcels"][0]["lines"], edited["tracking"]["number"]) == (its, ONE, "P-7")
    [changed] = [entry["details"] for entry in (await shop.staff.get(f"/orders/v1/orders/{order_id}")).ok()["timeline"][-1:]]
    link = {"before": f"{LINK}P-1", "after": f"{LINK}P-7"}
    assert changed == {"fields": ["tracking"]} | {
        when: {"tracking": {"number": link[when].removeprefix(LINK), "url": link[when]}} for when in ("before", "after")
    }
    without = (await shop.staff.patch(f"/orders/v1/orders/{order_id}", json={"reason": "lost", "tracking": None})).ok()
    assert ([one["number"] for one in without["parcels"]], without["tracking"]["number"]) == (["P-2"], "P-2")


async def test_a_step_brings_a_parcel_or_corrects_the_first(shop: Shop) -> None:
    order_id = await placed(shop)
    async with unchanged(shop, order_id):
        many = PARCEL | {"lines": [{"line": 1, "quantity": 3}]}
        refused = await act(shop.staff, order_id, "transitions", {"to": "shipped", "tracking": many})
        assert (refused.status, refused.code) == (409, "parcel_too_much")
        unknown = await act(
            shop.staff, order_id, "transitions", {"to": "shipped", "tracking": PARCEL | {"lines": [{"line": 2, "quantity": 1}]}}
        )
        assert (unknown.status, unknown["errors"][0]["pointer"]) == (422, "/tracking/lines/0/line")
    shipped = (await act(shop.staff, order_id, "transitions", {"to": "shipped", "tracking": PARCEL | {"lines": ONE}})).ok()
    [parcel] = shipped["parcels"]
    assert (shipped["status"], parcel["number"], parcel["lines"], parcel["shipped_at"]) == ("shipped", "P-1", ONE, None)
    delivered = (await act(shop.staff, order_id, "transitions", {"to": "delivered", "tracking": PARCEL | {"number": "P-2"}})).ok()
    assert delivered["parcels"] == [parcel | {"number": "P-2", "url": f"{LINK}P-2"}]
    details = (await shop.customer().get(f"/orders/v1/orders/{order_id}")).ok()["timeline"][-1]["details"]
    assert (details["tracking"], details["parcel_id"]) == (delivered["tracking"], parcel["parcel_id"])


@pytest.mark.parametrize("fulfilment", ["pickup", "digital"])
async def test_case_49_what_is_not_shipped_has_no_parcels(shop: Shop, fulfilment: str) -> None:
    order_id = await placed(shop, at="confirmed", fulfilment=fulfilment)
    forward = ["picked_up", "delivered"] if fulfilment == "pickup" else ["delivered"]
    async with unchanged(shop, order_id):
        for refused in (
            await add(shop, order_id),
            await act(shop.staff, order_id, "transitions", {"to": "delivered", "tracking": PARCEL}),
            await shop.staff.patch(f"/orders/v1/orders/{order_id}", json={"reason": "x", "tracking": PARCEL}),
        ):
            assert (refused.status, refused.code, refused["forward"]) == (409, "nothing_is_shipped", forward)
        actions = (await shop.staff.get(f"/orders/v1/orders/{order_id}/actions")).ok()["actions"]
        assert actions["change_parcels"]["code"] == "nothing_is_shipped"


async def test_when_parcels_are_closed(shop: Shop) -> None:
    order_id = await placed(shop)
    async with unchanged(shop, order_id):
        refused = await add(shop, order_id)
        assert (refused.status, refused.code) == (409, "parcels_closed")
    (await act(shop.customer(), order_id, "cancel", CANCEL)).ok()
    async with unchanged(shop, order_id):
        refused = await add(shop, order_id)
        assert (refused.status, refused.code) == (409, "already_cancelled")
    long_ago = datetime.now(UTC) - timedelta(days=91)
    order_id = await placed(shop, placed_at=(long_ago - timedelta(days=1)).isoformat())
    tracking = {"to": "delivered", "tracking": PARCEL, "occurred_at": long_ago.isoformat()}
    its = (await act(shop.staff, order_id, "transitions", tracking)).ok()["parcels"][0]["parcel_id"]
    async with unchanged(shop, order_id):
        for refused in (
            await add(shop, order_id, number="P-2"), await correct(shop, order_id, its, number="P-2"), await remove(shop, order_id, its),
            await shop.staff.patch(f"/orders/v1/orders/{order_id}", json={"reason": "x", "tracking": None}),
        ):  # fmt: skip
            assert (refused.status, refused.code, refused["until"][:10]) == (
                409, "parcels_closed", (long_ago + timedelta(days=90)).date().isoformat()
            )  # fmt: skip


async def test_refusals_that_name_what_is_wrong(shop: Shop) -> None:
    order_id = await placed(shop, at="shipped")
    its = (await add(shop, order_id)).ok()["parcels"][0]["parcel_id"]
    early = "2020-01-01T00:00:00Z"
    missing = "parcel_01jd00000000000000000000a0"
    async with unchanged(shop, order_id):
        for answer, expected in (
            (await add(shop, order_id, shipped_at=early), (422, "parcel_times", "/shipped_at")),
            (await correct(shop, order_id, its, delivered_at=early), (422, "parcel_times", "/delivered_at")),
            (await add(shop, order_id, shipped_at="2090-01-01T00:00:00Z"), (422, "in_the_future", "/shipped_at")),
            (await add(shop, order_id, lines=[*ONE, *ONE]), (422, "line_twice", "/lines/1/line")),
            (await correct(shop, order_id, its, carrier=None), (422, "invalid", "/carrier")),
        ):
            assert (answer.status, answer.code, answer["errors"][0]["pointer"]) == expected
        assert (await correct(shop, order_id, its, **PARCEL)).code == "nothing_changed"
        assert (await correct(shop, order_id, its)).code == "nothing_changed"
        assert [(await correct(shop, order_id, missing, number="x")).status, (await remove(shop, order_id, missing)).status] == [404, 404]
        assert (await remove(shop, order_id, its, headers={"If-Match": '"v2"'})).status == 412
        customers = await act(shop.customer(), order_id, "parcels", PARCEL)
        assert (customers.status, customers.code) == (403, "shop_only")


async def test_a_dry_run_shows_the_parcels_that_would_be(shop: Shop) -> None:
    order_id = await placed(shop, at="confirmed")
    its = (await add(shop, order_id)).ok()["parcels"][0]["parcel_id"]
    path = f"/orders/v1/orders/{order_id}/parcels"
    async with unchanged(shop, order_id):
        for method, target, body, numbers in (
            ("POST", path, PARCEL, ["P-1", "P-1"]),
            ("PATCH", f"{path}/{its}", {"number": "P-2"}, ["P-2"]),
            ("DELETE", f"{path}/{its}", None, []),
        ):
            answer = await shop.staff.call(method, f"{target}?dry_run=true", json=body)
            assert [one["number"] for one in answer.ok()["parcels"]] == numbers
        items = [{"order_id": order_id, "parcel": PARCEL}]
        assert (await shop.staff.post("/orders/v1/orders/parcels?dry_run=true", json={"items": items})).ok()["changed"] == 1


async def test_an_order_from_before_there_were_parcels_has_one_with_its_tracking(shop: Shop) -> None:
    order_id = await placed(shop, at="shipped")
    tracking = '{"carrier": "Pathao", "number": "OLD-1", "url": null}'
    await shop.rows("orders", f"update orders set tracking = '{tracking}', version = 3 where store_id = {{store}}")
    shown = (await shop.staff.get(f"/orders/v1/orders/{order_id}")).ok()
    [old] = shown["parcels"]
    assert (old["number"], old["parcel_id"]) == ("OLD-1", order_id.replace("order", "parcel"))
    two = (await add(shop, order_id, number="P-2")).ok()
    assert ([one["number"] for one in two["parcels"]], two["tracking"]["number"]) == (["OLD-1", "P-2"], "OLD-1")
    assert (await correct(shop, order_id, old["parcel_id"], number="OLD-2")).ok()["tracking"]["number"] == "OLD-2"


async def test_numbers_and_urls_are_erased_with_the_customer(shop: Shop) -> None:
    order_id = await placed(shop, customer={"id": "c-9", "name": "Rahima"}, at="shipped")
    link = f"https://example.com/{CANARY}"
    its = (await add(shop, order_id, number=CANARY, url=link, lines=ONE)).ok()["parcels"][0]["parcel_id"]
    gone = (await add(shop, order_id, number=f"{CANARY}-2")).ok()["parcels"][1]["parcel_id"]
    (await correct(shop, order_id, its, number=f"{CANARY}-3")).ok()
    (await remove(shop, order_id, gone)).ok()
    item = {"order_id": order_id, "parcel": PARCEL | {"number": f"{CANARY}-4"}}
    (await shop.staff.post("/orders/v1/orders/parcels", json={"items": [item]})).ok()
    (await shop.platform.delete("/orders/v1/customers/c-9")).ok()
    for table in ("orders", "changes", "events", "idempotency"):
        kept = await shop.rows("orders", f"select to_jsonb(t)::text as text from {table} t where store_id = {{store}}")
        assert [row for row in kept if CANARY in row["text"]] == [], table
    shown = (await shop.staff.get(f"/orders/v1/orders/{order_id}")).ok()
    assert (shown["tracking"], [(one["carrier"], one["number"], one["url"]) for one in shown["parcels"]]) == (
        None, [("Pathao", "", None), ("Pathao", "", None)]
    )  # fmt: skip
    assert shown["parcels"][0]["lines"] == ONE
