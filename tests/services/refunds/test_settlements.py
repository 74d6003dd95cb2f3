"""Worked cases 36 and 47 of real-shops.md: money that goes back in parts and over several payments, and where it goes (2.6)."""

import json
from typing import Any

import asyncpg
import pytest

from shared.contracts.ids import uuid_of
from tests.services.refunds.scenes import approve, ask, cancel, collected, delivered, everything, order, pay, refunds_of, seen, told
from tests.shop import Answer, Shop

BKASH = {"method": "bkash", "account": "01712345678", "holder": "Rahima Khatun"}


async def report(shop: Shop, refund_id: str, method: str, reference: str, amount: int | None = None, **more: Any) -> Answer:
    """Report an attempt; the answer may be a refusal."""
    body = {"outcome": "succeeded", "reference": reference, "method": method, "amount": amount} | more
    return await shop.platform.post(f"/refunds/v1/refunds/{refund_id}/settlements", json=body)


def state(refund: Answer) -> tuple[str, int]:
    """The settlement, and what has gone back."""
    return refund["settlement"], refund["settled_amount"]["amount"]


async def attention(shop: Shop) -> list[tuple[str, dict[str, Any]]]:
    """What is open."""
    items = (await shop.staff.get("/refunds/v1/refunds/attention")).ok()["items"]
    return [(item["kind"], item["facts"]) for item in items]


async def split_tender(shop: Shop) -> tuple[str, str, dict[str, str]]:
    """Order P, paid by a gift card and a card, and its whole refund, approved: order, refund, payments by method."""
    paid = [{"amount": 3_000, "method": "gift_card", "reference": "g-1"}, {"amount": 8_000, "method": "card", "reference": "c-1"}]
    order_id = await delivered(shop, payments=paid)
    refund_id = (await ask(shop.customer(), order_id, (1, 2))).ok()["refund_id"]
    (await approve(shop, refund_id)).ok()
    shown = (await shop.staff.get(f"/orders/v1/orders/{order_id}")).ok()
    return order_id, refund_id, {payment["method"]: payment["payment_id"] for payment in shown["payments"]}


@pytest.mark.parametrize("first", ["gift_card", "card"])
async def test_case_36_gift_card_and_card_in_either_order(shop: Shop, first: str) -> None:
    order_id, refund_id, payments = await split_tender(shop)
    parts = {"gift_card": 3_000, "card": 8_000}
    second = "card" if first == "gift_card" else "gift_card"
    part = (await report(shop, refund_id, first, "r-1", parts[first], payment_id=payments[first])).ok()
    assert state(part) == ("unsettled", parts[first])
    before = await everything(shop, order_id)
    for same in ({"amount": parts[first]}, {"amount": None}, {"amount": parts[first], "payment_id": payments[first]}):
        assert state((await report(shop, refund_id, first, "r-1", **same)).ok()) == state(part)
    for other in ({"amount": 1}, {"amount": parts[first], "payment_id": payments[second]}):
        refused = await report(shop, refund_id, first, "r-1", **other)
        assert (refused.status, refused.code, refused["amount"]) == (409, "settlement_conflict", parts[first])
    assert await everything(shop, order_id) == before
    assert state((await report(shop, refund_id, second, "r-2", parts[second], payment_id=payments[second])).ok()) == ("settled", 11_000)
    assert (await told(shop, order_id))[2:] == ["refund.part_settled.v1", "refund.settled.v1"]
    assert await attention(shop) == []
    assert state((await report(shop, refund_id, "card", "r-3", 8_000)).ok()) == ("settled", 11_000)
    [(kind, facts)] = await attention(shop)
    assert (kind, facts["amount"], facts["reference"], facts["currency"]) == ("settled_twice", 8_000, "r-3", "BDT")
    assert len(await told(shop, order_id)) == 4
    shown = (await shop.staff.get(f"/refunds/v1/refunds/{refund_id}")).ok()
    reported = [(one["amount"]["amount"], one["payment_id"], one["counts"]) for one in shown["settlements"]]
    assert reported == [(parts[first], payments[first], True), (parts[second], payments[second], True), (8_000, None, False)]
    said = [event["data"] for event in await shop.events("refunds", order_id)][2:]
    assert [(one["amount"], one["payment_id"], one["refund"]["settled_amount"]) for one in said] == [
        (parts[first], payments[first], parts[first]), (parts[second], payments[second], 11_000),
    ]  # fmt: skip


async def test_a_part_that_failed_is_tried_again_and_the_others_stay(shop: Shop) -> None:
    _, refund_id, _ = await split_tender(shop)
    (await report(shop, refund_id, "gift_card", "g", 3_000)).ok()
    assert state((await report(shop, refund_id, "card", "c", outcome="failed")).ok()) == ("failed", 3_000)
    assert state((await report(shop, refund_id, "card", "c-2", 5_000)).ok()) == ("unsettled", 8_000)
    assert state((await report(shop, refund_id, "card", "c-3", 3_001)).ok()) == ("unsettled", 8_000)
    assert [kind for kind, _ in await attention(shop)] == ["settled_twice"]
    assert state((await report(shop, refund_id, "card", "c-4")).ok()) == ("settled", 11_000)
    assert state((await report(shop, refund_id, "card", "c-5", outcome="failed")).ok()) == ("settled", 11_000)
    assert [kind for kind, _ in await attention(shop)] == ["settled_twice", "failed_after_settled"]


async def test_more_back_to_a_payment_than_it_brought(shop: Shop) -> None:
    order_id, refund_id, payments = await split_tender(shop)
    (await report(shop, refund_id, "card", "c-1", 8_000, payment_id=payments["card"])).ok()
    assert await attention(shop) == []
    assert state((await report(shop, refund_id, "card", "c-2", 1_000, payment_id=payments["card"])).ok()) == ("unsettled", 9_000)
    [(kind, facts)] = await attention(shop)
    assert (kind, facts["brought"], facts["paid_back"]) == ("paid_back_above_payment", 8_000, 9_000)
    before = await everything(shop, order_id)
    elsewhere, _, others = await split_tender(shop)
    refused = await report(shop, refund_id, "card", "c-3", 1_000, payment_id=others["card"])
    assert (refused.status, refused.code, refused.headers["retry-after"]) == (409, "payment_not_seen_yet", "1")
    assert await everything(shop, order_id) == before
    assert elsewhere != order_id


async def test_the_chain_of_what_was_sent_holds_by_itself(shop: Shop) -> None:
    """Behind the code: the database refuses a success that begins elsewhere, or goes above the refund's amount."""
    _, refund_id, _ = await split_tender(shop)
    (await report(shop, refund_id, "card", "c-1", 8_000)).ok()
    key = uuid_of("refund", refund_id)
    copy = """insert into settlements (store_id, refund_id, number, outcome, method, reference, reason, amount, counts, turn, before, whole,
        reported_by, reported_at) select store_id, refund_id, 2, outcome, method, 'c-2', reason, $2, true, $3, $4, whole, reported_by,
        reported_at from settlements where store_id = {store} and refund_id = $5"""
    for amount, turn, before in ((3_001, 2, 8_000), (3_000, 2, 0), (3_000, 1, 0), (3_000, 3, 8_000), (0, 2, 8_000)):
        with pytest.raises(asyncpg.IntegrityConstraintViolationError):
            await shop.rows("refunds", copy, amount, turn, before, key)


async def test_case_47_money_that_never_came(shop: Shop) -> None:
    order_id = await delivered(shop, payments=[{"amount": 11_000, "method": "card", "reference": "c-1"}])
    first = (await ask(shop.customer(), order_id, (1, 1))).ok()["refund_id"]
    (await approve(shop, first)).ok()
    payment = (await shop.staff.get(f"/orders/v1/orders/{order_id}")).ok()["payments"][0]["payment_id"]
    path = f"/orders/v1/orders/{order_id}/payments/{payment}/reversals"
    (await shop.staff.post(path, json={"reason": "charged back"})).ok()
    await collected(shop, order_id, 0)
    assert await due(shop, order_id) == 11_000
    second = (await ask(shop.customer(), order_id, (1, 1))).ok()["refund_id"]
    before = await everything(shop, order_id)
    refused = await approve(shop, second)
    assert (refused.status, refused.code, refused.headers["retry-after"]) == (409, "not_collected", "1")
    assert await everything(shop, order_id) == before
    shown = (await approve(shop, second, payout=0)).ok()
    assert (shown["credit"]["amount"], shown["amount"]["amount"], shown["settlement"]) == (5_500, 0, "none")
    assert await due(shop, order_id) == 5_500


async def due(shop: Shop, order_id: str) -> int:
    """What is due of the order, as the refund service knows."""
    return int((await shop.staff.get(f"/refunds/v1/refunds/refundable/{order_id}")).ok()["due"]["amount"])


async def test_where_the_money_goes_is_whole_on_the_page_and_nowhere_else(shop: Shop) -> None:
    order_id = await delivered(shop)
    await pay(shop, order_id, 11_000)
    await collected(shop, order_id, 11_000)
    refund_id = (await ask(shop.customer(), order_id, (1, 2), pay_to=BKASH)).ok()["refund_id"]
    path = f"/refunds/v1/refunds/{refund_id}"
    for caller in (shop.customer(), shop.staff, shop.platform):
        assert (await caller.get(path)).ok()["pay_to"] == BKASH
        [listed] = (await caller.get("/refunds/v1/refunds")).ok()["items"]
        assert (listed["pay_to"], listed["units"]) == ({"method": "bkash", "account": "5678", "holder": None}, 2)
    assert (await shop.caller("guest", order_id).get(path)).ok()["pay_to"] == {"method": "bkash", "account": "5678", "holder": None}
    (await approve(shop, refund_id)).ok()
    assert await attention(shop) == []
    other = BKASH | {"method": "Bank", "account": "GB33BUKB20201555555555"}
    assert (await shop.customer().put(f"{path}/pay-to", json={"pay_to": other})).ok()["pay_to"] == other
    seen = [(await caller.get(path)).ok()["pay_to_by"] for caller in (shop.staff, shop.customer())]
    assert seen == [{"role": "customer", "id": "c-1", "via": None}] * 2
    by_staff = (await shop.staff.put(f"{path}/pay-to", json={"pay_to": other})).ok()
    assert by_staff["pay_to_by"] == {"role": "staff", "id": "staff-1", "via": None}
    assert (await shop.customer().get(path)).ok()["pay_to_by"] == {"role": "staff", "id": None, "via": None}
    row = json.loads((await shop.staff.get("/refunds/v1/refunds/export", params={"format": "jsonl"})).content)
    assert [row[f"pay_to_{name}"] for name in other] == [*other.values()]
    row = json.loads((await shop.customer().get("/refunds/v1/refunds/export", params={"format": "jsonl"})).content)
    assert [row[f"pay_to_{name}"] for name in other] == ["Bank", "5555", None]
    (await report(shop, refund_id, "bank", "b-1", 1)).ok()
    before = await everything(shop, order_id)
    refused = await shop.customer().put(f"{path}/pay-to", json={"pay_to": BKASH})
    assert (refused.status, refused.code) == (409, "money_sent")
    assert (await shop.customer("c-2").put(f"{path}/pay-to", json={"pay_to": BKASH})).status == 404
    assert await everything(shop, order_id) == before
    assert "5555" not in json.dumps(before["events"])
    assert "5678" not in json.dumps(before["events"])


async def test_an_account_from_before_it_was_kept_who_said_it_is_shown(shop: Shop) -> None:
    order_id = await delivered(shop)
    refund_id = (await ask(shop.customer(), order_id, (1, 1), pay_to=BKASH)).ok()["refund_id"]
    old = "update refunds set pay_to = pay_to - 'by' - 'at' where store_id = {store} returning pay_to"
    assert [json.loads(row["pay_to"]) for row in await shop.rows("refunds", old)] == [BKASH]
    shown = (await shop.staff.get(f"/refunds/v1/refunds/{refund_id}")).ok()
    assert (shown["pay_to"], shown["pay_to_by"], shown["pay_to_at"]) == (BKASH, None, None)


async def test_cash_has_no_way_back_until_somebody_says_where(shop: Shop) -> None:
    order_id = await order(shop)
    await pay(shop, order_id, 11_000)
    await seen(shop, order_id)
    await collected(shop, order_id, 11_000)
    await cancel(shop.staff, order_id)
    [refund] = await refunds_of(shop, order_id, 1)
    assert await attention(shop) == [("pay_to_missing", {"amount": 11_000, "currency": "BDT"})]
    path = f"/refunds/v1/refunds/{refund['refund_id']}/pay-to"
    assert (await shop.customer().put(path, json={"pay_to": BKASH})).ok()["version"] == refund["version"]
    assert await attention(shop) == []
    closed = (await shop.staff.get("/refunds/v1/refunds/attention", params={"closed": "true"})).ok()["items"]
    assert [(item["kind"], item["closed_by"]["role"]) for item in closed] == [("pay_to_missing", "customer")]
    assert (await shop.customer().put(path, json={"pay_to": None})).ok()["pay_to"] is None
    assert (await shop.staff.get(path.removesuffix("/pay-to"))).ok()["pay_to_by"] is None
