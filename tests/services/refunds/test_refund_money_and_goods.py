"""After the approval: what the outside reports about the money, and what becomes of goods that wait."""

from typing import Any

import pytest

from shared.contracts.ids import new_id
from tests.services.refunds.scenes import approve, ask, delivered, everything, policy, prepaid, told
from tests.shop import Answer, Shop, eventually


async def approved(shop: Shop, **changes: Any) -> tuple[str, str]:
    """An order and its refund of one unit, approved."""
    order_id = await delivered(shop, **prepaid(), **changes)
    refund_id = (await ask(shop.customer(), order_id, (1, 2))).ok()["refund_id"]
    (await approve(shop, refund_id)).ok()
    return order_id, refund_id


async def report(shop: Shop, refund_id: str, outcome: str, reference: str, **more: Any) -> Answer:
    """Report an attempt; the answer may be a refusal."""
    body = {"outcome": outcome, "reference": reference, "method": "bkash"} | more
    return await shop.platform.post(f"/refunds/v1/refunds/{refund_id}/settlements", json=body)


async def test_a_failed_attempt_is_tried_again_by_another_method(shop: Shop) -> None:
    """antiwork/gumroad#5779: a failed refund that still counts as refunded blocks the retry. Ours may be tried again, its claim stays."""
    order_id, refund_id = await approved(shop)
    assert (await report(shop, refund_id, "failed", "t-1", reason="account closed")).ok()["settlement"] == "failed"
    assert (await report(shop, refund_id, "failed", "t-2")).ok()["settlement"] == "failed"
    assert (await report(shop, refund_id, "succeeded", "t-3", method="cash")).ok()["settlement"] == "settled"
    shown = (await shop.staff.get(f"/refunds/v1/refunds/{refund_id}")).ok()
    assert [(s["reference"], s["outcome"], s["counts"]) for s in shown["settlements"]] == [
        ("t-1", "failed", True),
        ("t-2", "failed", True),
        ("t-3", "succeeded", True),
    ]
    assert (await shop.customer().get(f"/refunds/v1/refunds/{refund_id}"))["settlements"] == []
    assert (await told(shop, order_id))[2:] == [
        "refund.settlement_failed.v1",
        "refund.settlement_failed.v1",
        "refund.settled.v1",
    ]
    assert len((await everything(shop, order_id))["claims"]) == 1


async def test_our_refund_and_the_providers_callback_are_one(shop: Shop) -> None:
    """antiwork/gumroad#6193, woocommerce-gateway-stripe#2724: the same report under two keys is one settlement."""
    order_id, refund_id = await approved(shop)
    first = (await report(shop, refund_id, "succeeded", "t-1")).ok()
    before = await everything(shop, order_id)
    again = (await report(shop, refund_id, "succeeded", "t-1")).ok()
    assert (again["settlement"], again["version"]) == (first["settlement"], first["version"]) == ("settled", 3)
    assert await everything(shop, order_id) == before
    assert before["attention"] == []
    [known] = (await shop.staff.get(f"/refunds/v1/refunds/{refund_id}")).ok()["settlements"]
    for method in (known["method"].upper(), f" {known['method'].title()} "):  # a method is one word, in any case
        body = {"outcome": "succeeded", "reference": "t-1", "method": method}
        (await shop.staff.post(f"/refunds/v1/refunds/{refund_id}/settlements", json=body)).ok()
    assert await everything(shop, order_id) == before


@pytest.mark.parametrize(
    ("outcome", "reference", "kind"),
    [
        ("succeeded", "t-2", "settled_twice"),
        ("failed", "t-2", "failed_after_settled"),
        ("failed", "t-1", "failed_after_settled"),
    ],
)
async def test_what_comes_after_the_first_success_changes_nothing_and_is_looked_at(
    shop: Shop, outcome: str, reference: str, kind: str
) -> None:
    order_id, refund_id = await approved(shop)
    (await report(shop, refund_id, "succeeded", "t-1")).ok()
    events = await told(shop, order_id)
    assert (await report(shop, refund_id, outcome, reference)).ok()["settlement"] == "settled"
    (await report(shop, refund_id, outcome, reference)).ok()
    assert await told(shop, order_id) == events
    shown = (await shop.staff.get(f"/refunds/v1/refunds/{refund_id}")).ok()
    assert [s["counts"] for s in shown["settlements"]] == [True, False]
    [matter] = (await shop.staff.get("/refunds/v1/refunds/attention")).ok()["items"]
    assert (matter["kind"], matter["refund_id"], matter["facts"]["reference"]) == (kind, refund_id, reference)
    path = f"/refunds/v1/refunds/attention/{matter['attention_id']}/close"
    assert (await shop.customer().post(path, json={"note": "x"})).code == "shop_only"
    closed = (await shop.staff.post(path, json={"note": "provider confirmed: once"})).ok()
    assert (closed["note"], closed["closed_by"]["id"]) == ("provider confirmed: once", "staff-1")
    assert (await shop.staff.post(path, json={"note": "again"})).code == "already_closed"
    assert (await shop.staff.get("/refunds/v1/refunds/attention")).ok()["items"] == []
    assert len((await shop.staff.get("/refunds/v1/refunds/attention", params={"closed": "true"})).ok()["items"]) == 1


async def test_only_an_approved_refund_with_money_is_settled(shop: Shop) -> None:
    order_id = await delivered(shop, lines=[{"sku": "GIFT", "name": "Gift", "quantity": 1, "total": 0}], shipping={"amount": 0})
    refund_id = (await ask(shop.customer(), order_id, (1, 1))).ok()["refund_id"]
    assert (await report(shop, refund_id, "succeeded", "t")).code == "not_approved"
    assert (await approve(shop, refund_id)).ok()["settlement"] == "none"
    before = await everything(shop, order_id)
    refused = await report(shop, refund_id, "succeeded", "t")
    assert (refused.status, refused.code) == (409, "nothing_to_settle")
    assert await everything(shop, order_id) == before


async def look(shop: Shop, refund_id: str, *lines: tuple[int, int, str]) -> Answer:
    """Inspect (line, quantity, disposition) triples; the answer may be a refusal."""
    body = {"lines": [{"line": line, "quantity": quantity, "disposition": what} for line, quantity, what in lines]}
    return await shop.staff.post(f"/refunds/v1/refunds/{refund_id}/inspections", json=body)


async def tracked(shop: Shop, on_hand: int) -> None:
    """Turn stock on, with a level of TEE-1."""
    settings = await shop.staff.get("/orders/v1/orders-settings")
    body = {name: settings[name] for name in ("cancel_preset", "customer_cancel_until", "number_prefix", "time_zone")} | {"stock": True}
    (await shop.staff.put("/orders/v1/orders-settings", json=body, headers={"If-Match": settings.etag})).ok()
    (await shop.staff.put("/orders/v1/stock/TEE-1", json={"on_hand": on_hand})).ok()


async def level(shop: Shop, expected: int) -> bool:
    """Whether TEE-1 is at this level."""
    return bool((await shop.staff.get("/orders/v1/stock/TEE-1")).ok()["on_hand"] == expected)


async def test_restock_though_not_asked(shop: Shop) -> None:
    """woocommerce#28854: with `manage_stock` off nothing goes back until somebody has looked."""
    await tracked(shop, 10)
    order_id, refund_id = await approved(shop)
    shown = (await shop.staff.get(f"/refunds/v1/refunds/{refund_id}")).ok()
    [line] = shown["lines"]
    assert (line["disposition"], line["restock"], line["waiting_for_inspection"]) == ("inspect", 0, 2)
    assert line["not_restocked_because"] == "waits_for_inspection"

    async def refunded() -> bool:
        return bool((await shop.staff.get(f"/orders/v1/orders/{order_id}")).ok()["refund_state"] == "full")

    await eventually(refunded)
    assert await level(shop, 8)
    one = (await look(shop, refund_id, (1, 1, "restock"))).ok()
    assert one["lines"][0]["waiting_for_inspection"] == 1
    await eventually(lambda: level(shop, 9))
    (await look(shop, refund_id, (1, 1, "discard"))).ok()
    await eventually(lambda: level(shop, 9))
    before = await everything(shop, order_id)
    refused = await look(shop, refund_id, (1, 1, "restock"))
    assert (refused.status, refused.code, refused["waiting"]) == (409, "not_waiting", 0)
    assert await everything(shop, order_id) == before
    events = [event for event in await shop.events("refunds", order_id) if event["type"] == "refund.inspected.v1"]
    assert [event["data"]["lines"][0]["restock"] for event in events] == [1, 0]
    assert [event["public"] for event in events] == [False, False]


async def test_double_restock(shop: Shop) -> None:
    """woocommerce#22489: what went back with the approval cannot be inspected back again."""
    await tracked(shop, 10)
    await policy(shop, manage_stock=True)
    _, refund_id = await approved(shop)
    await eventually(lambda: level(shop, 10))
    refused = await look(shop, refund_id, (1, 1, "restock"))
    assert (refused.status, refused.code) == (409, "not_waiting")
    assert await level(shop, 10)


async def test_both_dispositions_in_one_inspection(shop: Shop) -> None:
    await tracked(shop, 10)
    _, refund_id = await approved(shop)
    assert (await look(shop, refund_id, (1, 1, "restock"), (1, 1, "restock"))).code == "line_twice"
    assert (await look(shop, refund_id, (1, 2, "restock"), (1, 1, "discard"))).code == "not_waiting"
    (await look(shop, refund_id, (1, 1, "restock"), (1, 1, "discard"))).ok()
    await eventually(lambda: level(shop, 9))


async def test_no_such_thing(shop: Shop) -> None:
    assert (await report(shop, new_id("refund"), "succeeded", "t")).status == 404
    assert (await look(shop, new_id("refund"), (1, 1, "restock"))).status == 404
    missing = await shop.staff.post(f"/refunds/v1/refunds/attention/{new_id('attention')}/close", json={"note": "x"})
    assert missing.status == 404
