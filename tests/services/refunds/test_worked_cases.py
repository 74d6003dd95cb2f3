"""Product section 8 on the running system, with exactly its figures: the worked cases that are about refunds."""

from typing import Any

import pytest

from tests.services.refunds.scenes import (
    amounts,
    approve,
    ask,
    cancel,
    delivered,
    everything,
    move,
    on_hand,
    order,
    pay,
    policy,
    prepaid,
    refunds_of,
    seen,
    stock,
    told,
    withdraw,
)
from tests.shop import Shop, eventually

YEN: dict[str, Any] = {
    "currency": "JPY",
    "lines": [{"sku": "TEE-1", "name": "T-shirt", "quantity": 3, "total": 100}],
    "shipping": {"amount": 10},
    **prepaid(110),
}
DINAR: dict[str, Any] = {
    "currency": "KWD",
    "lines": [{"sku": "TEE-1", "name": "T-shirt", "quantity": 3, "total": 1_000}],
    "shipping": {"amount": 500},
    **prepaid(1_500),
}


@pytest.mark.parametrize(("deduct", "expected"), [(True, (10_000, 10_000, 0)), (False, (11_000, 10_000, 1_000))])
async def test_case_1_all_of_a_paid_order(shop: Shop, deduct: bool, expected: tuple[int, int, int]) -> None:
    await policy(shop, deduct_shipping=deduct)
    order_id = await delivered(shop, **prepaid())
    refund = (await ask(shop.customer(), order_id, (1, 2))).ok()
    assert amounts(refund) == expected
    approved = (await approve(shop, refund["refund_id"])).ok()
    assert (approved["status"], amounts(approved)) == ("approved", expected)


async def test_case_2_yen_one_by_one(shop: Shop) -> None:
    order_id = await delivered(shop, **YEN)
    paid = []
    for _ in range(3):
        refund = (await ask(shop.customer(), order_id, (1, 1))).ok()
        paid.append(amounts((await approve(shop, refund["refund_id"])).ok()))
    assert paid == [(36, 33, 3), (38, 34, 4), (36, 33, 3)]
    assert sum(amount for amount, _, _ in paid) == 110


async def test_case_3_a_withdrawal_between(shop: Shop) -> None:
    await policy(shop, deduct_shipping=True)
    order_id = await delivered(shop, **YEN)
    a = (await ask(shop.customer(), order_id, (1, 1))).ok()
    b = (await ask(shop.customer(), order_id, (1, 1))).ok()
    (await withdraw(shop.customer(), a["refund_id"])).ok()
    c = (await ask(shop.customer(), order_id, (1, 2))).ok()
    assert [amounts(refund)[0] for refund in (a, b, c)] == [33, 34, 66]
    assert c["lines"][0]["units"] == [{"first": 1, "last": 1}, {"first": 3, "last": 3}]
    approved = [(await approve(shop, refund["refund_id"])).ok() for refund in (b, c)]
    assert sum(amounts(refund)[0] for refund in approved) == 100


async def test_case_4_dinar(shop: Shop) -> None:
    order_id = await delivered(shop, **DINAR)
    refunds = [(await ask(shop.customer(), order_id, (1, 1))).ok() for _ in range(3)]
    assert [amounts(refund)[1:] for refund in refunds] == [(333, 167), (334, 166), (333, 167)]
    assert [refund["amount"]["decimal"] for refund in refunds] == ["0.500", "0.500", "0.500"]


async def test_case_5_one_of_two_lines(shop: Shop) -> None:
    lines = [{"sku": "A", "name": "A", "quantity": 2, "total": 10_000}, {"sku": "B", "name": "B", "quantity": 1, "total": 5_000}]
    order_id = await delivered(shop, lines=lines, shipping={"amount": 1_500}, **prepaid(16_500))
    refund = (await ask(shop.customer(), order_id, (2, 1))).ok()
    assert amounts(refund) == (5_500, 5_000, 500)


async def test_case_8_unpaid_cancelled_after_pickup(shop: Shop) -> None:
    await stock(shop, "TEE-1", 5)
    await policy(shop, manage_stock=True)
    order_id = await order(shop)
    await move(shop, order_id, "picked_up")
    await cancel(shop.customer(), order_id)
    [refund] = await refunds_of(shop, order_id, 1)
    assert (refund["status"], refund["cause"], refund["settlement"], amounts(refund)) == ("approved", "cancellation", "none", (0, 0, 0))
    assert [(line["quantity"], line["disposition"], line["restock"]) for line in refund["lines"]] == [(2, "restock", 2)]
    assert await told(shop, order_id) == ["refund.approved.v1"]
    await eventually(lambda: on_hand(shop, "TEE-1", 5))


@pytest.mark.parametrize(("deduct", "first", "kept"), [(True, 2_000, 1_000), (False, 3_000, 0)])
@pytest.mark.parametrize("late", [False, True])
async def test_case_9_part_paid_cancelled_when_shipped(shop: Shop, deduct: bool, first: int, kept: int, late: bool) -> None:
    await policy(shop, deduct_shipping=deduct)
    order_id = await order(shop)
    await pay(shop, order_id, 3_000)
    await move(shop, order_id, "shipped")
    await cancel(shop.customer(), order_id)
    if not late:
        await refunds_of(shop, order_id, 1)
    await pay(shop, order_id, 8_000)
    refunds = await refunds_of(shop, order_id, 2)
    assert [(r["cause"], r["amount"]["amount"], r["shipping_kept"]["amount"]) for r in refunds] == [
        ("cancellation", first, kept),
        ("payment", 8_000, 0),
    ]
    assert await told(shop, order_id) == ["refund.approved.v1"] * 2


async def test_case_10_paid_after_it_was_cancelled_when_pending(shop: Shop) -> None:
    await policy(shop, deduct_shipping=True, manage_stock=True)
    order_id = await order(shop)
    await cancel(shop.customer(), order_id)
    await seen(shop, order_id, status="cancelled")
    assert await refunds_of(shop, order_id) == []
    await pay(shop, order_id, 11_000)
    [refund] = await refunds_of(shop, order_id, 1)
    assert (refund["cause"], amounts(refund), refund["shipping_kept"]["amount"]) == ("payment", (11_000, 10_000, 1_000), 0)
    assert [(line["quantity"], line["disposition"], line["restock"]) for line in refund["lines"]] == [(2, "never_left", 0)]
    [event] = await shop.events("refunds", order_id)
    assert event["data"]["refund"]["order_invoiced"] is False


async def test_case_11_approval_waits_for_the_money(shop: Shop) -> None:
    order_id = await delivered(shop)
    refund = (await ask(shop.customer(), order_id, (1, 2))).ok()
    before = await everything(shop, order_id)
    refused = await approve(shop, refund["refund_id"])
    assert (refused.status, refused.code) == (409, "not_collected")
    assert (refused["amount"], refused["collected"], refused["approved_before"]) == (11_000, 0, 0)
    assert await everything(shop, order_id) == before
    await pay(shop, order_id, 11_000)

    async def approved() -> bool:
        return (await approve(shop, refund["refund_id"])).status == 200

    await eventually(approved)


async def test_case_12_the_policy_of_the_request_counts(shop: Shop) -> None:
    first = await policy(shop, deduct_shipping=True)
    order_id = await delivered(shop, **prepaid())
    refund = (await ask(shop.customer(), order_id, (1, 2))).ok()
    second = await policy(shop, deduct_shipping=False)
    assert (first["version"], second["version"], refund["policy_version"]) == (1, 2, 1)
    assert amounts((await approve(shop, refund["refund_id"])).ok()) == (10_000, 10_000, 0)


async def test_case_13_not_tracked_when_placed(shop: Shop) -> None:
    order_id = await delivered(shop, **prepaid())
    await stock(shop, "TEE-1", 5)
    await policy(shop, manage_stock=True)
    refund = (await ask(shop.customer(), order_id, (1, 2))).ok()
    approved = (await approve(shop, refund["refund_id"])).ok()
    [line] = approved["lines"]
    assert (line["disposition"], line["restock"], line["not_restocked_because"]) == ("restock", 0, "stock_not_tracked")


async def test_case_14_the_refund_button_before_the_delivery_was_seen(shop: Shop) -> None:
    order_id = await order(shop, **prepaid())
    await move(shop, order_id, "shipped")
    await seen(shop, order_id, status="shipped")
    before = await everything(shop, order_id)
    refused = await ask(shop.customer(), order_id, (1, 2))
    assert (refused.status, refused.code, refused.headers["retry-after"]) == (409, "delivery_not_seen_yet", "1")
    assert await everything(shop, order_id) == before
    await move(shop, order_id, "delivered")

    async def accepted() -> bool:
        return (await ask(shop.customer(), order_id, (1, 2))).status == 201

    await eventually(accepted)
