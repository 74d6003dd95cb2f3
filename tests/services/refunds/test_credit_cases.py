"""Worked cases 16 to 52 of real-shops.md on the running system, with exactly their figures: credits, payouts and part cancellations."""

import asyncio
import json
from typing import Any

import asyncpg
import pytest

from shared.contracts.ids import uuid_of
from tests.services.refunds.scenes import (
    amounts,
    ask,
    cancel,
    collected,
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
)
from tests.services.refunds.test_p6_never_too_much import refusal
from tests.shop import Shop, eventually


def money_of(refund: Any) -> tuple[int, int]:
    """What a refund credits, and what it pays."""
    return refund["credit"]["amount"], refund["amount"]["amount"]


async def approved_with(shop: Shop, refund_id: str, **body: Any) -> Any:
    """The answer to an approval."""
    return await shop.staff.post(f"/refunds/v1/refunds/{refund_id}/approve", json=body)


async def shown(shop: Shop, order_id: str, **expected: Any) -> None:
    """Wait until the order shows these figures."""

    async def as_expected() -> bool:
        order = (await shop.staff.get(f"/orders/v1/orders/{order_id}")).ok()
        said = {name: order[name]["amount"] if isinstance(order[name], dict) else order[name] for name in expected}
        return said == expected

    await eventually(as_expected)


@pytest.mark.parametrize(
    ("deduct", "money", "credited", "expected"),
    [
        (False, 5_000, 5_500, (0, 500, 0)), (False, 5_500, 5_500, (0, 0, 0)), (False, 6_000, 5_500, (500, 0, 0)),
        (False, 11_000, 5_500, (5_500, 0, 0)), (False, 11_500, 5_500, (5_500, 0, 500)),
        (True, 5_000, 5_000, (0, 1_000, 0)), (True, 5_500, 5_000, (0, 500, 0)), (True, 6_000, 5_000, (0, 0, 0)),
        (True, 11_000, 5_000, (5_000, 0, 0)), (True, 11_500, 5_000, (5_000, 0, 500)),
    ],
)  # fmt: skip
async def test_case_16_one_unit_kept(shop: Shop, deduct: bool, money: int, credited: int, expected: tuple[int, int, int]) -> None:
    paid, due, overpaid = expected
    await policy(shop, deduct_shipping=deduct)
    order_id = await delivered(shop, **prepaid(money))
    refund = (await ask(shop.customer(), order_id, (1, 1))).ok()
    approved = (await approved_with(shop, refund["refund_id"])).ok()
    assert (money_of(approved), approved["settlement"]) == ((credited, paid), "unsettled" if paid else "none")
    await shown(
        shop, order_id, due=due, overpaid=overpaid, payment="unpaid" if due else "paid", credited_total=credited, refunded_total=paid
    )


@pytest.mark.parametrize("deduct", [False, True])
async def test_case_16_nothing_collected(shop: Shop, deduct: bool) -> None:
    await policy(shop, deduct_shipping=deduct)
    order_id = await delivered(shop)
    refund = (await ask(shop.customer(), order_id, (1, 1))).ok()
    before = await everything(shop, order_id)
    refused = await approved_with(shop, refund["refund_id"])
    assert (refused.status, refused.code, refused["payout"], refused.headers["retry-after"]) == (409, "not_collected", 0, "1")
    assert await everything(shop, order_id) == before
    approved = (await approved_with(shop, refund["refund_id"], payout=0)).ok()
    assert money_of(approved) == (5_000 if deduct else 5_500, 0)
    await shown(shop, order_id, due=6_000 if deduct else 5_500, payment="unpaid")


async def test_case_17_credited_before_the_cash_was_recorded(shop: Shop) -> None:
    order_id = await delivered(shop)
    refund = (await ask(shop.customer(), order_id, (1, 2))).ok()
    refused = await approved_with(shop, refund["refund_id"], payout=11_000)
    assert (refused.status, refused.code) == (409, "not_collected")
    assert money_of((await approved_with(shop, refund["refund_id"], payout=0)).ok()) == (11_000, 0)
    await shown(shop, order_id, due=0, overpaid=0, payment="paid", refund_state="full")
    await pay(shop, order_id, 11_000)
    await shown(shop, order_id, due=0, overpaid=11_000, payment="paid")


@pytest.mark.parametrize("both_first", [False, True])
async def test_case_18_the_rest_recorded_between_or_after(shop: Shop, both_first: bool) -> None:
    order_id = await delivered(shop, **prepaid(6_000))
    refunds = [(await ask(shop.customer(), order_id, (1, 1))).ok()["refund_id"] for _ in range(2)]
    assert money_of((await approved_with(shop, refunds[0])).ok()) == (5_500, 500)
    if both_first:
        assert money_of((await approved_with(shop, refunds[1])).ok()) == (5_500, 5_500)
    await pay(shop, order_id, 5_000)
    await collected(shop, order_id, 11_000)
    if not both_first:
        assert money_of((await approved_with(shop, refunds[1])).ok()) == (5_500, 5_500)
    await shown(shop, order_id, overpaid=5_000, due=0, refunded_total=6_000)


async def test_case_19_two_approvals_at_the_same_instant(shop: Shop) -> None:
    order_id = await delivered(shop, **prepaid(6_000))
    refunds = [(await ask(shop.customer(), order_id, (1, 1))).ok()["refund_id"] for _ in range(2)]
    approved = await asyncio.gather(*(approved_with(shop, refund_id) for refund_id in refunds))
    assert sorted(money_of(one.ok()) for one in approved) == [(5_500, 500), (5_500, 5_500)]
    await shown(shop, order_id, due=0, credited_total=11_000, refunded_total=6_000)


async def test_case_20_a_payment_came_in_between(shop: Shop) -> None:
    order_id = await delivered(shop, **prepaid(6_000))
    refund = (await ask(shop.customer(), order_id, (1, 1))).ok()
    await pay(shop, order_id, 5_000)
    await collected(shop, order_id, 11_000)
    before = await everything(shop, order_id)
    refused = await approved_with(shop, refund["refund_id"], payout=500)
    assert (refused.status, refused.code, refused["payout"], refused["expected"]) == (409, "payout_changed", 5_500, 500)
    assert await everything(shop, order_id) == before


async def test_case_24_dinar_with_tax(shop: Shop) -> None:
    lines = [{"sku": "TEE-1", "name": "T-shirt", "quantity": 3, "total": 1_000, "tax": 130}]
    order_id = await delivered(shop, currency="KWD", lines=lines, shipping={"amount": 500, "tax": 65}, **prepaid(1_500))
    made = []
    for _ in range(3):
        refund = (await ask(shop.customer(), order_id, (1, 1))).ok()
        approved = (await approved_with(shop, refund["refund_id"])).ok()
        [row] = approved["taxes"]
        made.append((amounts(approved)[1:], approved["lines"][0]["tax"]["amount"], row["tax"]["amount"]))
    assert made == [((333, 167), 43, 65), ((334, 166), 44, 65), ((333, 167), 43, 65)]


async def test_case_47_the_payment_is_reversed_after_a_refund(shop: Shop) -> None:
    order_id = await delivered(shop)
    payment = (await pay(shop, order_id, 11_000))["payments"][-1]["payment_id"]
    await collected(shop, order_id, 11_000)
    refunds = [(await ask(shop.customer(), order_id, (1, 1))).ok()["refund_id"] for _ in range(2)]
    assert money_of((await approved_with(shop, refunds[0])).ok()) == (5_500, 5_500)
    reversal = f"/orders/v1/orders/{order_id}/payments/{payment}/reversals"
    (await shop.staff.post(reversal, json={"reason": "the cheque bounced"})).ok()
    await shown(shop, order_id, due=11_000, payment="unpaid")
    await collected(shop, order_id, 0)
    assert (await approved_with(shop, refunds[1])).code == "not_collected"
    assert money_of((await approved_with(shop, refunds[1], payout=0)).ok()) == (5_500, 0)
    await shown(shop, order_id, due=5_500)


@pytest.mark.parametrize("at_once", [False, True])
async def test_case_52_money_that_is_wholly_kept(shop: Shop, at_once: bool) -> None:
    await policy(shop, deduct_shipping=True)
    order_id = await order(shop, shipping={"amount": 1_000, "tax": 100})
    await move(shop, order_id, "shipped")
    await cancel(shop.customer(), order_id)
    if not at_once:
        await refunds_of(shop, order_id, 1)
    await pay(shop, order_id, 1_000)
    if not at_once:
        await refunds_of(shop, order_id, 2)
    await pay(shop, order_id, 10_000)
    refunds = await refunds_of(shop, order_id, 3)
    assert [(one["amount"]["amount"], one["shipping_kept"]["amount"]) for one in refunds] == [(0, 0), (0, 1_000), (10_000, 0)]

    async def invoiced() -> bool:
        items = (await shop.staff.get(f"/documents/v1/documents/orders/{order_id}")).ok()["items"]
        kept = [one for one in items if one["kind"] == "invoice" and one["total"]["amount"] == 1_000]
        return len(kept) == 1

    await eventually(invoiced)


async def cancel_units(shop: Shop, order_id: str, quantity: int = 1, **more: Any) -> Any:
    """Cancel units of the first line."""
    body = {"lines": [{"line": 1, "quantity": quantity}], "reason": "not on the shelf"} | more
    return (await shop.staff.post(f"/orders/v1/orders/{order_id}/part-cancellations", json=body)).ok()


async def credit_notes(shop: Shop, order_id: str, *expected: tuple[int, int]) -> None:
    """Wait until the order has these credit notes: (total, tax)."""

    async def issued() -> bool:
        sql = "select data from documents where store_id = {store} and order_id = $2 and kind = 'credit_note' order by counted"
        rows = [json.loads(row["data"]) for row in await shop.rows("documents", sql, uuid_of("order", order_id))]
        return [(row["total"], row["tax"]) for row in rows] == list(expected)

    await eventually(issued)


WITH_TAX: dict[str, Any] = {
    "lines": [{"sku": "TEE-1", "name": "T-shirt", "quantity": 2, "unit_price": 5_000, "tax": 1_000}],
    "shipping": {"amount": 1_000, "tax": 100},
}


async def test_case_27_a_unit_and_then_the_order(shop: Shop) -> None:
    await stock(shop, "TEE-1", 10)
    order_id = await order(shop, **WITH_TAX, **prepaid())
    await move(shop, order_id, "confirmed")
    await cancel_units(shop, order_id)
    assert await on_hand(shop, "TEE-1", 9)
    [first] = await refunds_of(shop, order_id, 1)
    assert (first["cause"], money_of(first), first["lines"][0]["disposition"]) == ("part_cancellation", (5_500, 5_500), "never_left")
    await cancel(shop.customer(), order_id)
    assert await on_hand(shop, "TEE-1", 10)
    assert [money_of(one) for one in await refunds_of(shop, order_id, 2)] == [(5_500, 5_500), (5_500, 5_500)]
    await credit_notes(shop, order_id, (5_500, 550), (5_500, 550))
    await shown(shop, order_id, refund_state="full", refunded_total=11_000)


async def test_case_28_unpaid_and_the_rest_returned(shop: Shop) -> None:
    order_id = await order(shop)
    await move(shop, order_id, "confirmed")
    await cancel_units(shop, order_id)
    [first] = await refunds_of(shop, order_id, 1)
    assert money_of(first) == (5_500, 0)
    await shown(shop, order_id, due=5_500, payment="unpaid")
    await pay(shop, order_id, 5_500)
    await move(shop, order_id, "delivered")
    await shown(shop, order_id, due=0, payment="paid")
    await seen(shop, order_id, status="delivered")
    refund = (await ask(shop.customer(), order_id, (1, 1))).ok()
    assert refund["lines"][0]["units"] == [{"first": 2, "last": 2}]
    assert money_of((await approved_with(shop, refund["refund_id"])).ok()) == (5_500, 5_500)


@pytest.mark.parametrize(
    ("deduct", "shipping", "paid", "kept"),
    [(True, "refund", [5_500, 5_000], 500), (True, "policy", [5_000, 5_000], 1_000), (False, "policy", [5_500, 5_500], 0)],
)
async def test_case_30_a_unit_of_a_shipped_order(shop: Shop, deduct: bool, shipping: str, paid: list[int], kept: int) -> None:
    await policy(shop, deduct_shipping=deduct)
    order_id = await order(shop, **prepaid())
    await move(shop, order_id, "shipped")
    await cancel_units(shop, order_id, shipping=shipping)
    await refunds_of(shop, order_id, 1)
    await cancel(shop.customer(), order_id)
    refunds = await refunds_of(shop, order_id, 2)
    assert [one["amount"]["amount"] for one in refunds] == paid
    assert [one["shipping_kept"]["amount"] for one in refunds] == [0, kept]


async def test_what_cannot_be_cancelled_in_part(shop: Shop) -> None:
    order_id = await order(shop)
    path, one = f"/orders/v1/orders/{order_id}/part-cancellations", {"lines": [{"line": 1, "quantity": 1}], "reason": "x"}
    assert (await shop.staff.post(path, json=one)).code == "pending_is_amended"
    await move(shop, order_id, "confirmed")
    assert (await shop.customer().post(path, json=one)).code == "shop_only"
    assert (await shop.staff.post(path, json=one | {"lines": [{"line": 1, "quantity": 3}]})).code == "units_not_free"
    assert (await shop.staff.post(path, json=one | {"lines": [{"line": 1, "quantity": 2}]})).code == "cancel_the_order"
    assert (await shop.staff.post(path, json=one | {"lines": [{"line": 2, "quantity": 1}]})).code == "unknown_line"
    assert [event["type"] for event in await shop.events("orders", order_id)] == ["order.placed.v1", "order.confirmed.v1"]
    (await shop.staff.post(path, json=one)).ok()
    assert (await shop.staff.post(path, json=one)).code == "cancel_the_order"


@pytest.mark.parametrize(
    ("row", "error"),
    [
        ({"number": 2, "amount": 1, "before": 5_000, "whole": 10_000}, None),
        ({"number": 2, "amount": 5_001, "before": 5_000, "whole": 10_000}, asyncpg.CheckViolationError),  # more than the line
        ({"number": 2, "amount": 1, "before": 0, "whole": 10_000}, asyncpg.ForeignKeyViolationError),  # forgets what was before
        ({"number": 1, "amount": 1, "before": 0, "whole": 10_000}, asyncpg.UniqueViolationError),
        ({"number": 3, "amount": 1, "before": 5_000, "whole": 10_000}, asyncpg.ForeignKeyViolationError),
        ({"number": 2, "amount": 0, "before": 5_000, "whole": 10_000}, asyncpg.CheckViolationError),
    ],
)
async def test_parts_are_credited_in_chains_without_any_lock(
    shop: Shop, row: dict[str, int], error: type[asyncpg.PostgresError] | None
) -> None:
    order_id = await delivered(shop, **prepaid())
    asked = [(await ask(shop.customer(), order_id, (1, 1))).ok()["refund_id"] for _ in range(2)]
    (await approved_with(shop, asked[0])).ok()
    sql = (
        "insert into credits (store_id, order_id, part, number, refund_id, amount, before, whole) "
        "values ({store}, $2, 1, $3, $4, $5, $6, $7) returning after"
    )
    values = (uuid_of("order", order_id), row["number"], uuid_of("refund", asked[1]), row["amount"], row["before"], row["whole"])
    assert await refusal(shop, sql, *values) is error
