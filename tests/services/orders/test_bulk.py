"""Bulk changes of orders named in any way, each item on its own; and dry runs, which change nothing."""

from typing import Any

import pytest

from tests.services.orders.test_changes import CANCEL, act, placed, unchanged
from tests.services.orders.test_placing import stocked
from tests.shop import Answer, Shop, order_p


def results(answer: Answer) -> list[tuple[Any, ...]]:
    """Status, version and refusal of each item of a bulk change; the index says which it is."""
    items = answer.ok()["items"]
    assert [item["index"] for item in items] == list(range(len(items)))
    assert (answer["changed"], answer["refused"]) == (
        sum(item["problem"] is None for item in items), sum(item["problem"] is not None for item in items)
    )  # fmt: skip
    return [(item["status"], item["version"], item["problem"] and item["problem"]["code"]) for item in items]


async def test_bulk_steps_each_alone(shop: Shop) -> None:
    ids = [await placed(shop) for _ in range(3)]
    (await act(shop.staff, ids[1], "transitions", {"to": "delivered"})).ok()
    missing = "order_01jd00000000000000000000a0"
    tracking, link = {"carrier": "Pathao", "number": "PX-1"}, "https://merchant.pathao.com/tracking?consignment_id=PX-1"
    items: list[dict[str, Any]] = [{"order_id": order_id, "to": "confirmed", "message": "thank you"} for order_id in (*ids, missing)]
    items.append({"order_id": ids[0], "to": "shipped", "tracking": tracking})  # after the first one, which is for the same order
    answer = await shop.staff.post("/orders/v1/orders/transitions", json={"items": items}, key="bulk-1")
    assert results(answer) == [(200, 2, None), (409, None, "not_forward"), (200, 2, None), (404, None, "not_found"), (200, 3, None)]
    assert [item["order_id"] for item in answer["items"]] == [*ids, missing, ids[0]]
    assert (await shop.staff.get(f"/orders/v1/orders/{ids[0]}")).ok()["tracking"] == tracking | {"url": link}
    again = (await shop.staff.post("/orders/v1/orders/transitions", json={"items": items}, key="bulk-1")).ok()
    assert again.body == answer.body
    for path in ("transitions", "payments", "cancellations", "parcels"):
        assert (await shop.customer().post(f"/orders/v1/orders/{path}", json={"items": items})).code == "shop_only"


async def test_a_remittance_names_orders_as_the_courier_does(shop: Shop) -> None:
    bodies = [order_p(number=f"N-{n}", external_ref=f"web-{n}") for n in range(5)]
    ids = [(await shop.platform.post("/orders/v1/orders", json=body)).ok()["order_id"] for body in bodies]
    for order_id, number in zip(ids[2:], ("PX-1", "PX-2", "PX-2"), strict=True):
        tracking = {"carrier": "Pathao", "number": number}
        (await act(shop.staff, order_id, "transitions", {"to": "shipped", "tracking": tracking})).ok()
    names = [
        {"number": "N-0"}, {"external_ref": "web-1"}, {"carrier": "PATHAO", "tracking_number": "PX-1"},
        {"carrier": "Pathao", "tracking_number": "PX-2"}, {"number": "N-9"}, {"carrier": "RedX", "tracking_number": "PX-1"},
        {"number": "N-0"},
    ]  # fmt: skip
    items = [{**name, "amount": 11000, "method": "cod", "reference": "R-17"} for name in names]
    answer = await shop.platform.post("/orders/v1/orders/payments", json={"items": items}, key="remittance-1")
    assert results(answer) == [
        (201, 2, None), (201, 2, None), (201, 3, None), (409, None, "order_ambiguous"), (404, None, "not_found"), (404, None, "not_found"),
        (200, 2, None),  # there already
    ]  # fmt: skip
    assert [item["order_id"] for item in answer["items"]] == [*ids[:3], None, None, None, ids[0]]
    assert set(answer["items"][3]["problem"]["order_ids"]) == {ids[3], ids[4]}
    repeated = await shop.platform.post("/orders/v1/orders/payments", json={"items": items}, key="remittance-1")
    assert repeated.body == answer.body
    assert results(await shop.platform.post("/orders/v1/orders/payments", json={"items": items[:1]})) == [(200, 2, None)]  # another key
    others = [items[0] | {"amount": 1}, items[0] | {"courier_charge": 1}]
    other = await shop.platform.post("/orders/v1/orders/payments", json={"items": others})
    assert results(other) == [(409, None, "payment_conflict")] * 2
    recorded = [event["subject"] for event in await shop.events("orders") if event["type"] == "order.payment_recorded.v1"]
    assert sorted(recorded) == sorted(ids[:3])


async def test_what_the_courier_keeps_is_shown_to_the_shop_and_counts_nowhere(shop: Shop) -> None:
    order_id = await placed(shop)
    item = {"order_id": order_id, "amount": 11000, "method": "cod", "reference": "R-1", "courier_charge": 150}
    rehearsed = await shop.staff.post("/orders/v1/orders/payments?dry_run=true", json={"items": [item]})
    assert results(rehearsed) == [(201, 2, None)]
    assert results(await shop.staff.post("/orders/v1/orders/payments", json={"items": [item]})) == [(201, 2, None)]
    without = {name: item[name] for name in ("amount", "method", "reference")}
    for same in (without, without | {"courier_charge": 150}):
        assert (await act(shop.staff, order_id, "payments", same)).ok()["version"] == 2
    conflict = await act(shop.staff, order_id, "payments", without | {"courier_charge": 0})
    assert (conflict.code, conflict["figure"], conflict["recorded"], conflict["given"]) == ("payment_conflict", "courier_charge", 150, 0)
    assert (await act(shop.staff, order_id, "payments", without | {"courier_charge": -1})).status == 422
    path = f"/orders/v1/orders/{order_id}"
    seen = (await shop.staff.get(path)).ok()
    assert (seen["payment"], seen["collected"]["amount"], seen["payments"][0]["amount"]["amount"]) == ("paid", 11000, 11000)
    assert seen["payments"][0]["courier_charge"] == {"amount": 150, "currency": "BDT", "decimal": "1.50"}
    assert (await shop.customer().get(path)).ok()["payments"][0]["courier_charge"] is None
    payment_id = seen["payments"][0]["payment_id"]
    reversed_ = (await act(shop.staff, order_id, f"payments/{payment_id}/reversals", {"reason": "never came"})).ok()
    assert [one["courier_charge"] and one["courier_charge"]["amount"] for one in reversed_["payments"]] == [150, None]
    told = [event["data"]["order"]["payments"][0] for event in await shop.events("orders") if event["type"] == "order.payment_recorded.v1"]
    assert [one["courier_charge"] for one in told] == [150]


async def test_bulk_cancellations(shop: Shop) -> None:
    ids = [await placed(shop) for _ in range(2)]
    (await act(shop.staff, ids[1], "transitions", {"to": "delivered"})).ok()
    (await act(shop.staff, ids[0], "payments", {"amount": 11000, "method": "cod", "reference": "r"})).ok()
    items = [{"order_id": order_id, **CANCEL} for order_id in ids]
    answer = await shop.staff.post("/orders/v1/orders/cancellations", json={"items": items})
    assert results(answer) == [(200, 3, None), (409, None, "delivered")]
    assert [(await shop.staff.get(f"/orders/v1/orders/{order_id}")).ok()["status"] for order_id in ids] == ["cancelled", "delivered"]


async def test_bulk_parcels(shop: Shop) -> None:
    ids = [await placed(shop, number=f"N-{n}", at=at) for n, at in enumerate(("confirmed", "pending"))]
    one = {"carrier": "Pathao", "number": "PX-1", "lines": [{"line": 1, "quantity": 2}]}
    items = [
        {"number": "N-0", "parcel": one},
        {"order_id": ids[0], "parcel": one | {"number": "PX-2"}},  # after the first one, which is for the same order
        {"order_id": ids[0], "parcel": one | {"number": "PX-3", "lines": [{"line": 7, "quantity": 1}]}},
        {"order_id": ids[1], "parcel": one},
        {"number": "N-9", "parcel": one},
    ]
    answer = await shop.platform.post("/orders/v1/orders/parcels", json={"items": items}, key="labels-1")
    refused = [(409, None, "parcel_too_much"), (422, None, "unknown_line"), (409, None, "parcels_closed"), (404, None, "not_found")]
    assert results(answer) == [(200, 3, None), *refused]
    assert answer["items"][2]["problem"]["errors"][0]["pointer"] == "/parcel/lines/0/line"
    assert (await shop.platform.post("/orders/v1/orders/parcels", json={"items": items}, key="labels-1")).body == answer.body
    [parcel] = (await shop.staff.get(f"/orders/v1/orders/{ids[0]}")).ok()["parcels"]
    assert (parcel["number"], parcel["lines"]) == ("PX-1", one["lines"])


@pytest.mark.parametrize(
    "name", [{}, {"order_id": "order_01jd00000000000000000000a0", "number": "1"}, {"carrier": "Pathao"}, {"tracking_number": "PX-1"}]
)
async def test_an_item_names_its_order_in_one_way(shop: Shop, name: dict[str, str]) -> None:
    answer = await shop.staff.post("/orders/v1/orders/transitions", json={"items": [{**name, "to": "confirmed"}]})
    assert results(answer) == [(422, None, "invalid")]
    assert answer["items"][0]["problem"]["errors"][0]["pointer"] == "/"


async def test_an_item_that_cannot_be_read_is_refused_alone(shop: Shop) -> None:
    first, second = await placed(shop, number="N-1"), await placed(shop, number="N-2")
    paid = {"amount": 100, "method": "cod", "reference": "R-1"}
    items: list[Any] = [
        {"order_id": "order_0", **paid}, {"number": "N-1", **paid}, "N-2", {"order_id": second, **paid, "amount": 0},
        {"order_id": second, **paid},
    ]  # fmt: skip
    answer = await shop.platform.post("/orders/v1/orders/payments", json={"items": items}, key="mixed")
    malformed = (422, None, "invalid")
    assert results(answer) == [malformed, (201, 2, None), malformed, malformed, (201, 2, None)]
    assert [item["order_id"] for item in answer["items"]] == [None, first, None, None, second]
    assert [item["problem"]["errors"][0]["pointer"] for item in answer["items"] if item["problem"]] == ["/order_id", "/", "/amount"]
    assert (await shop.platform.post("/orders/v1/orders/payments", json={"items": items}, key="mixed")).ok().body == answer.body
    for order_id in (first, second):
        assert [event["type"] for event in await shop.events("orders", order_id)] == ["order.placed.v1", "order.payment_recorded.v1"]
    assert (await shop.customer().post("/orders/v1/orders/payments", json={"items": items})).code == "shop_only"


async def test_a_dry_run_answers_what_would_be_and_changes_nothing(shop: Shop) -> None:
    await stocked(shop, TEE_1=10)
    order_id = await placed(shop)
    path = f"/orders/v1/orders/{order_id}"
    recorded = (await act(shop.staff, order_id, "payments", {"amount": 1, "method": "cod", "reference": "r"})).ok()["payments"][0][
        "payment_id"
    ]
    bulk = {"items": [{"order_id": order_id, "amount": 5, "method": "cod", "reference": "b"}]}
    tries: list[tuple[str, str, dict[str, Any], dict[str, Any]]] = [
        ("POST", f"{path}/transitions", {"to": "confirmed"}, {"status": "confirmed", "version": 3}),
        ("POST", f"{path}/payments", {"amount": 10_999, "method": "cod", "reference": "s"}, {"payment": "paid", "version": 3}),
        ("POST", f"{path}/payments/{recorded}/reversals", {"reason": "x"}, {"version": 3}),
        ("PATCH", path, {"reason": "typo", "customer": {"name": "Else"}}, {"version": 3}),
        ("PUT", "/orders/v1/stock/TEE-1", {"on_hand": 3}, {"on_hand": 3, "version": 3}),
        ("POST", "/orders/v1/stock/TEE-1/adjustments", {"quantity": -8, "reason": "lost"}, {"on_hand": 0, "version": 3}),
        ("POST", "/orders/v1/orders/payments", bulk, {"changed": 1, "refused": 0}),
    ]  # fmt: skip
    async with unchanged(shop, order_id):
        before = await shop.events("orders")
        for method, target, body, expected in tries:
            answer = await shop.staff.call(method, f"{target}?dry_run=true", json=body, key="dry")
            assert {name: answer.ok()[name] for name in expected} == expected, (method, target)
            assert (answer.headers["aftersale-dry-run"], "etag" in answer.headers) == ("true", False)
        short = await shop.staff.post("/orders/v1/stock/TEE-1/adjustments?dry_run=true", json={"quantity": -9, "reason": "lost"})
        assert (short.status, short.code) == (409, "stock_too_low")
        assert await shop.events("orders") == before
        assert (await shop.staff.get("/orders/v1/stock/TEE-1")).ok()["on_hand"] == 8
    done = (await shop.staff.post(f"{path}/transitions", json={"to": "confirmed"}, key="dry")).ok()  # the key is still unused
    assert (done["version"], done.replayed) == (3, False)


async def test_a_repeat_after_the_customers_erasure(shop: Shop) -> None:
    """What each item did is known, but no longer of which order it was, unless the item itself says so."""
    first, second = await placed(shop, number="N-1"), await placed(shop, number="N-2")
    paid = {"amount": 100, "method": "cod", "reference": "R-1"}
    body = {"items": [{"order_id": first, **paid}, {"number": "N-2", **paid}]}
    once = await shop.platform.post("/orders/v1/orders/payments", json=body, key="remittance")
    assert [(item["order_id"], item["version"], item["status"]) for item in once.ok()["items"]] == [(first, 2, 201), (second, 2, 201)]
    (await shop.platform.delete("/orders/v1/customers/c-1")).ok()
    again = await shop.platform.post("/orders/v1/orders/payments", json=body, key="remittance")
    assert [(item["order_id"], item["version"], item["status"]) for item in again.ok()["items"]] == [
        (first, None, 201), (second, None, 201),
    ]  # fmt: skip


async def test_an_erasure_takes_what_was_written_with_any_reason(shop: Shop) -> None:
    order_id = await placed(shop)
    edit = {"reason": "customer erased", "message": "Dear Zed", "customer": {"name": "Zed Zulu"}}
    (await shop.staff.patch(f"/orders/v1/orders/{order_id}", edit)).ok()
    (await shop.platform.delete("/orders/v1/customers/c-1")).ok()
    assert b"Zed" not in (await shop.staff.get(f"/orders/v1/orders/{order_id}")).ok().content
