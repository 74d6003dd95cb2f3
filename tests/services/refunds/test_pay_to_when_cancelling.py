"""Where the money goes is said when an order is cancelled: before or after it, and whatever arrives first."""

import json
from typing import Any

import pytest

from tests.services.refunds.scenes import cancel, collected, delivered, everything, move, order, pay, prepaid, refunds_of, seen
from tests.shop import Answer, Caller, Shop, eventually

BKASH = {"method": "bkash", "account": "01898765432", "holder": "Rahima Khatun"}
BANK = {"method": "bank", "account": "GB33BUKB20201555555555", "holder": "Rahima Khatun"}


async def say(caller: Caller, order_id: str, pay_to: dict[str, str] | None) -> Answer:
    """Say where the money goes; the answer may be a refusal."""
    return await caller.put(f"/refunds/v1/refunds/cancellation/{order_id}/pay-to", json={"pay_to": pay_to})


async def attention(shop: Shop) -> list[str]:
    """The kinds of all items, also closed ones."""
    return [
        item["kind"]
        for closed in ("false", "true")
        for item in (await shop.staff.get("/refunds/v1/refunds/attention", params={"closed": closed})).ok()["items"]
    ]


async def published(shop: Shop) -> list[Any]:
    """What was published of the orders and refunds of the store."""
    rows: list[Any] = []
    for service in ("orders", "refunds"):
        rows += [event["data"] for event in await shop.events(service)]
    return rows


async def paid_in_cash(shop: Shop) -> str:
    """The id of a pending order that was paid in cash, as refunds knows."""
    order_id = await order(shop)
    await pay(shop, order_id, 11_000)
    await seen(shop, order_id)
    await collected(shop, order_id, 11_000)
    return order_id


@pytest.mark.parametrize("role", ["customer", "staff", "platform"])
async def test_said_before_it_goes_with_the_refund_that_follows(shop: Shop, role: str) -> None:
    order_id = await paid_in_cash(shop)
    caller = {"customer": shop.customer(), "staff": shop.staff, "platform": shop.platform}[role]
    said = (await say(caller, order_id, BKASH)).ok()
    assert (said["order_id"], said["pay_to"], said["pay_to_by"]["role"]) == (order_id, BKASH, role)
    await cancel(shop.customer(), order_id)
    [refund] = await refunds_of(shop, order_id, 1)
    assert (refund["cause"], refund["pay_to"], refund["pay_to_by"]["role"]) == ("cancellation", BKASH, role)
    assert refund["pay_to_at"] == said["pay_to_at"]
    assert await attention(shop) == []  # somebody said where, so the cash has a way back
    assert "65432" not in json.dumps(await published(shop))


async def test_said_after_it_goes_with_the_refund_that_is_there(shop: Shop) -> None:
    order_id = await paid_in_cash(shop)
    await cancel(shop.customer(), order_id)
    [refund] = await refunds_of(shop, order_id, 1)
    assert (refund["pay_to"], await attention(shop)) == (None, ["pay_to_missing"])
    (await say(shop.customer(), order_id, BKASH)).ok()
    [after] = await refunds_of(shop, order_id, 1)
    assert (after["pay_to"], after["version"]) == (BKASH, refund["version"])
    assert (await shop.staff.get("/refunds/v1/refunds/attention")).ok()["items"] == []


async def test_what_is_paid_later_goes_there_too_and_what_was_sent_stays(shop: Shop) -> None:
    order_id = await paid_in_cash(shop)
    (await say(shop.customer(), order_id, BKASH)).ok()
    await cancel(shop.customer(), order_id)
    [first] = await refunds_of(shop, order_id, 1)
    report = {"outcome": "succeeded", "method": "bkash", "reference": "T-1"}
    (await shop.staff.post(f"/refunds/v1/refunds/{first['refund_id']}/settlements", json=report)).ok()
    (await say(shop.staff, order_id, BANK)).ok()
    await pay(shop, order_id, 500)
    of_cancellation, of_payment = await refunds_of(shop, order_id, 2)
    assert (of_cancellation["pay_to"], of_payment["cause"], of_payment["pay_to"]) == (BKASH, "payment", BANK)
    assert (await say(shop.customer(), order_id, None)).ok()["pay_to"] is None
    assert [one["pay_to"] for one in await refunds_of(shop, order_id, 2)] == [BKASH, None]


async def test_units_that_are_cancelled_go_back_there(shop: Shop) -> None:
    order_id = await order(shop, **prepaid())
    await move(shop, order_id, "confirmed")
    await seen(shop, order_id, status="confirmed")
    (await say(shop.customer(), order_id, BKASH)).ok()
    part = {"lines": [{"line": 1, "quantity": 1}], "reason": "not on the shelf"}
    (await shop.staff.post(f"/orders/v1/orders/{order_id}/part-cancellations", json=part)).ok()
    [refund] = await refunds_of(shop, order_id, 1)
    assert (refund["cause"], refund["pay_to"]) == ("part_cancellation", BKASH)


async def test_only_who_may_and_only_while_something_can_come_back(shop: Shop) -> None:
    order_id = await paid_in_cash(shop)
    (await say(shop.customer(), order_id, BKASH)).ok()
    before = await everything(shop, order_id)
    stranger = await say(shop.customer("c-2"), order_id, BANK)
    assert (stranger.status, stranger.code, stranger.headers["retry-after"]) == (404, "order_not_here_yet", "1")
    assert (await say(shop.caller("guest", order_id), order_id, BANK)).status == 403
    assert await everything(shop, order_id) == before
    gone = await delivered(shop, **prepaid())
    before = await everything(shop, gone)
    refused = await say(shop.customer(), gone, BANK)
    assert (refused.status, refused.code) == (409, "order_delivered")
    assert await everything(shop, gone) == before


async def test_an_erasure_takes_it(shop: Shop) -> None:
    order_id = await paid_in_cash(shop)
    (await say(shop.customer(), order_id, BKASH)).ok()
    (await shop.platform.delete("/orders/v1/customers/c-1")).ok()

    async def forgotten() -> bool:
        rows = await shop.rows("refunds", "select pay_to from orders where store_id = {store}")
        answers = await shop.rows("refunds", "select body from idempotency where store_id = {store}")
        assert [row["pay_to"] for row in rows] == [None]
        assert "65432" not in str([bytes(row["body"]) if isinstance(row["body"], memoryview) else row["body"] for row in answers])
        return True

    await eventually(forgotten)
