"""Worked cases 17 to 48 of real-shops.md on the running system, with exactly their figures: money without units, and fees."""

from typing import Any

import pytest

from tests.services.refunds.scenes import (
    amounts,
    approve,
    ask,
    cancel,
    collected,
    delivered,
    everything,
    move,
    order,
    pay,
    policy,
    prepaid,
    refunds_of,
    seen,
)
from tests.services.refunds.test_credit_cases import WITH_TAX, credit_notes, money_of, shown
from tests.shop import Answer, Shop, eventually


async def adjust(shop: Shop, order_id: str, kind: str, amount: int, **more: Any) -> Answer:
    """Give money back without units; the answer may be a refusal."""
    return await shop.staff.post("/refunds/v1/refunds/adjustments", json={"order_id": order_id, "kind": kind, "amount": amount} | more)


async def returned(shop: Shop, order_id: str, quantity: int = 1, line: int = 1, **approval: Any) -> Answer:
    """Units asked back and approved."""
    refund = (await ask(shop.customer(), order_id, (line, quantity))).ok()
    return (await approve(shop, refund["refund_id"], **approval)).ok()


def taxes(refund: Answer) -> int:
    """All tax of a refund."""
    return sum(row["tax"]["amount"] for row in refund["taxes"])


async def test_case_17_what_was_paid_too_much_goes_back(shop: Shop) -> None:
    order_id = await delivered(shop)
    assert money_of(await returned(shop, order_id, 2, payout=0)) == (11_000, 0)
    await pay(shop, order_id, 11_000)
    await collected(shop, order_id, 11_000)
    before = await everything(shop, order_id)
    refused = await adjust(shop, order_id, "overpaid", 11_001)
    assert (refused.status, refused.code, refused["overpaid"]) == (409, "not_overpaid", 11_000)
    assert (await adjust(shop, order_id, "overpaid", 11_000, payout=10_000)).code == "payout_changed"
    assert await everything(shop, order_id) == before
    back = (await adjust(shop, order_id, "overpaid", 11_000)).ok()
    assert (money_of(back), back["cause"], back["settlement"], back["taxes"], back["lines"]) == (
        (0, 11_000), "overpaid", "unsettled", [], [],
    )  # fmt: skip
    await shown(shop, order_id, due=0, overpaid=0, refunded_total=11_000, credited_total=11_000)

    async def receipted() -> bool:
        items = (await shop.staff.get(f"/documents/v1/documents/orders/{order_id}")).ok()["items"]
        kinds = sorted(one["kind"] for one in items)
        total = next(one["total"]["amount"] for one in items if one["kind"] == "refund_receipt")
        return (kinds, total) == (["credit_note", "invoice", "receipt", "refund_receipt"], 11_000)

    await eventually(receipted)


async def test_case_18_the_overpaid_rest_goes_back(shop: Shop) -> None:
    order_id = await delivered(shop, **prepaid(6_000))
    assert money_of(await returned(shop, order_id)) == (5_500, 500)
    await pay(shop, order_id, 5_000)
    await collected(shop, order_id, 11_000)
    assert money_of(await returned(shop, order_id)) == (5_500, 5_500)
    assert money_of((await adjust(shop, order_id, "overpaid", 5_000)).ok()) == (0, 5_000)
    await shown(shop, order_id, due=0, overpaid=0, refunded_total=11_000)


async def test_case_21_a_goodwill_on_a_line(shop: Shop) -> None:
    order_id = await delivered(shop, **prepaid())
    given = (await adjust(shop, order_id, "goodwill", 1_000, line=1, reason="late", message="Sorry.", payout=1_000)).ok()
    assert (amounts(given), given["cause"], given["reason"], given["message"]) == ((1_000, 1_000, 0), "adjustment", "late", "Sorry.")
    assert [amounts(await returned(shop, order_id)) for _ in range(2)] == [(5_500, 5_000, 500), (4_500, 4_000, 500)]
    before = await everything(shop, order_id)
    refused = await adjust(shop, order_id, "goodwill", 1)
    assert (refused.status, refused.code, refused["left"]) == (409, "more_than_left", 0)
    assert await everything(shop, order_id) == before
    await shown(shop, order_id, credited_total=11_000, refund_state="full")


async def test_case_22_a_goodwill_on_the_order(shop: Shop) -> None:
    order_id = await delivered(shop, **prepaid())
    assert amounts((await adjust(shop, order_id, "goodwill", 2_000)).ok()) == (2_000, 1_818, 182)
    assert amounts(await returned(shop, order_id, 2)) == (9_000, 8_182, 818)
    await shown(shop, order_id, credited_total=11_000, refund_state="full")


async def test_case_23_yen_with_tax(shop: Shop) -> None:
    lines = [{"sku": "TEE-1", "name": "T-shirt", "quantity": 3, "total": 100, "tax": 9}]
    order_id = await delivered(shop, currency="JPY", lines=lines, shipping={"amount": 10, "tax": 1}, **prepaid(110))
    made = [await returned(shop, order_id), (await adjust(shop, order_id, "goodwill", 7, line=1)).ok()]
    made += [await returned(shop, order_id) for _ in range(2)]
    assert [(amounts(one)[1:], taxes(one)) for one in made] == [((33, 3), 3), ((7, 0), 1), ((34, 4), 4), ((26, 3), 2)]


async def test_case_25_a_fee_that_is_given_back(shop: Shop) -> None:
    order_id = await delivered(shop, **WITH_TAX, **prepaid())
    refund = (await ask(shop.customer(), order_id, (1, 2))).ok()
    before = await everything(shop, order_id)
    refused = await approve(shop, refund["refund_id"], fees=[{"name": "Restocking", "amount": 11_001}])
    assert (refused.status, refused.code, refused["at_most"]) == (409, "fee_too_large", 11_000)
    path = f"/refunds/v1/refunds/{refund['refund_id']}/approve"
    fees = [{"name": "Restocking", "amount": 300}, {"name": "Cleaning", "amount": 200}]
    rehearsed = (await shop.staff.post(path, json={"fees": fees}, params={"dry_run": "true"})).ok()
    assert money_of(rehearsed) == (10_500, 10_500)
    assert await everything(shop, order_id) == before
    approved = (await approve(shop, refund["refund_id"], fees=fees)).ok()
    assert (amounts(approved), approved["lines"][0]["fee"]["amount"]) == ((10_500, 9_545, 955), 455)
    assert [(fee["name"], fee["amount"]["amount"]) for fee in approved["fees"]] == [("Restocking", 300), ("Cleaning", 200)]
    assert (approved["lines"][0]["tax"]["amount"], taxes(approved)) == (955, 955 + 96)
    back = (await adjust(shop, order_id, "goodwill", 500)).ok()
    assert (amounts(back), back["lines"][0]["tax"]["amount"], taxes(back)) == ((500, 455, 45), 45, 49)
    await shown(shop, order_id, due=0, credited_total=11_000, refund_state="full")
    await credit_notes(shop, order_id, (10_500, 1_051), (500, 49))


async def test_case_26_shipping_by_the_approval(shop: Shop) -> None:
    await policy(shop, deduct_shipping=True)
    order_id = await delivered(shop, **prepaid())
    approved = await returned(shop, order_id, shipping="refund", shipping_reason="damaged")
    assert (amounts(approved), approved["shipping_reason"]) == ((5_500, 5_000, 500), "damaged")
    await policy(shop, deduct_shipping=False)
    order_id = await delivered(shop, **prepaid())
    refund = (await ask(shop.customer(), order_id, (1, 1))).ok()
    assert (await approve(shop, refund["refund_id"], shipping="keep")).status == 422
    approved = (await approve(shop, refund["refund_id"], shipping="keep", shipping_reason="opened")).ok()
    assert amounts(approved) == (5_000, 5_000, 0)
    hidden = (await shop.customer().get(f"/refunds/v1/refunds/{refund['refund_id']}")).ok()
    assert hidden["shipping_reason"] is None
    assert amounts((await adjust(shop, order_id, "shipping", 1_000)).ok()) == (1_000, 0, 1_000)
    assert (await adjust(shop, order_id, "shipping", 1)).code == "more_than_left"
    assert "opened" not in str(await shop.events("refunds", order_id))


async def test_case_34_what_was_written_off_is_not_owed(shop: Shop) -> None:
    lines = [{"sku": "A", "name": "A", "quantity": 1, "total": 5_000}, {"sku": "B", "name": "B", "quantity": 1, "total": 4_998}]
    order_id = await delivered(shop, lines=lines, shipping={"amount": 0}, **prepaid(9_995))
    closing = {"kind": "written_off", "amount": 3, "reason": "rounding"}
    version = (await shop.platform.post(f"/orders/v1/orders/{order_id}/closings", json=closing)).ok()["version"]
    await seen(shop, order_id, version=version)
    assert [money_of(await returned(shop, order_id, line=line)) for line in (1, 2)] == [(5_000, 5_000), (4_998, 4_995)]
    assert (await adjust(shop, order_id, "overpaid", 1)).code == "not_overpaid"


async def test_case_48_a_goodwill_before_the_cash_was_recorded(shop: Shop) -> None:
    order_id = await delivered(shop)
    before = await everything(shop, order_id)
    refused = await adjust(shop, order_id, "goodwill", 1_000)
    assert (refused.status, refused.code, refused.headers["retry-after"]) == (409, "not_collected", "1")
    assert await everything(shop, order_id) == before
    assert money_of((await adjust(shop, order_id, "goodwill", 1_000, payout=0)).ok()) == (1_000, 0)
    await shown(shop, order_id, due=10_000)
    await pay(shop, order_id, 10_000)
    await shown(shop, order_id, due=0, overpaid=0, payment="paid")


async def test_who_may_adjust_and_when(shop: Shop) -> None:
    order_id = await order(shop, **prepaid(12_000))
    await seen(shop, order_id, status="pending")
    path, body = "/refunds/v1/refunds/adjustments", {"order_id": order_id, "kind": "goodwill", "amount": 1}
    assert (await shop.customer().post(path, json=body)).code == "shop_only"
    assert (await shop.staff.post(path, json=body)).code == "delivery_not_seen_yet"
    assert (await shop.staff.post(path, json=body | {"line": 3})).code == "unknown_line"
    assert (await shop.staff.post(path, json=body | {"kind": "shipping", "line": 1})).status == 422
    assert (await shop.staff.post(path, json=body | {"order_version": 99})).code == "order_not_seen_yet"
    refundable = (await shop.staff.get(f"/refunds/v1/refunds/refundable/{order_id}")).ok()
    assert (refundable["overpaid"]["amount"], refundable["actions"]["adjust"]["allowed"]) == (1_000, True)
    rehearsed = (await shop.staff.post(path, json=body | {"kind": "overpaid", "amount": 1_000}, params={"dry_run": "true"})).ok()
    assert money_of(rehearsed) == (0, 1_000)
    assert await shop.events("refunds", order_id) == []
    assert money_of((await adjust(shop, order_id, "overpaid", 1_000)).ok()) == (0, 1_000)
    await shown(shop, order_id, refund_state="none", overpaid=0)
    refundable = (await shop.staff.get(f"/refunds/v1/refunds/refundable/{order_id}")).ok()
    assert refundable["actions"]["adjust"]["code"] == "delivery_not_seen_yet"
    await cancel(shop.customer(), order_id)
    refunds = await refunds_of(shop, order_id, 2)
    assert [money_of(one) for one in refunds] == [(0, 1_000), (11_000, 11_000)]
    assert (await adjust(shop, order_id, "overpaid", 1)).code == "order_cancelled"


async def test_a_preview_needs_no_reason(shop: Shop) -> None:
    order_id = await delivered(shop, **prepaid())
    await move(shop, order_id)
    body = {"order_id": order_id, "lines": [{"line": 1, "quantity": 1}]}
    assert (await shop.customer().post("/refunds/v1/refunds/preview", json=body)).ok()["payout"]["amount"] == 5_500
    assert (await shop.customer().post("/refunds/v1/refunds", json=body)).status == 422


@pytest.mark.parametrize("kept", [5_000, 0])
async def test_case_35_a_tip_is_not_overpaid(shop: Shop, kept: int) -> None:
    order_id = await delivered(shop, **prepaid(11_500))
    if kept:
        tip = {"kind": "kept", "amount": 500, "reason": "tip"}
        version = (await shop.platform.post(f"/orders/v1/orders/{order_id}/closings", json=tip)).ok()["version"]
        await seen(shop, order_id, version=version)
    assert money_of(await returned(shop, order_id, 2)) == (11_000, 11_000)
    answer = await adjust(shop, order_id, "overpaid", 500)
    assert (answer.code if kept else money_of(answer.ok())) == ("not_overpaid" if kept else (0, 500))
