"""Worked cases 34, 35 and 37 of real-shops.md on the running system, with exactly their figures: differences that are let be, reversals."""

import json
from typing import Any

from shared.contracts.ids import uuid_of
from tests.services.orders.test_closings import limited
from tests.services.refunds.scenes import ask, collected, delivered, everything, order, pay, prepaid, refunds_of
from tests.services.refunds.test_credit_cases import approved_with, money_of, shown
from tests.shop import Shop, eventually

TWO_LINES: dict[str, Any] = {
    "lines": [
        {"sku": "TEE-1", "name": "T-shirt", "quantity": 1, "unit_price": 5_000},
        {"sku": "CAP-1", "name": "Cap", "quantity": 1, "unit_price": 4_998},
    ],
    "shipping": {"amount": 0},
}


async def close(shop: Shop, order_id: str, kind: str, amount: int, reason: str, *, by: str = "staff") -> Any:
    """Let a difference be; the answer may be a refusal."""
    body = {"kind": kind, "amount": amount, "reason": reason}
    return await getattr(shop, by).post(f"/orders/v1/orders/{order_id}/closings", json=body)


async def closed(shop: Shop, order_id: str, *closings: tuple[str, int]) -> None:
    """Wait until refunds knows these."""

    async def known() -> bool:
        [row] = await shop.rows(
            "refunds", "select closings from orders where store_id = {store} and order_id = $2", uuid_of("order", order_id)
        )
        return [(one["kind"], one["amount"]) for one in json.loads(row["closings"])] == list(closings)

    await eventually(known)


async def reverse(shop: Shop, order_id: str, payment_id: str, amount: int | None = None) -> Any:
    """Reverse a payment, or an amount of it; the answer may be a refusal."""
    body = {"reason": "charged back"} | ({} if amount is None else {"amount": amount})
    return await shop.staff.post(f"/orders/v1/orders/{order_id}/payments/{payment_id}/reversals", json=body)


async def issued(shop: Shop, order_id: str, *expected: tuple[str, int]) -> None:
    """Wait until the order has these documents: (kind, total)."""

    async def there() -> bool:
        items = (await shop.staff.get(f"/documents/v1/documents/orders/{order_id}")).ok()["items"]
        return sorted((one["kind"], one["total"]["amount"]) for one in items) == sorted(expected)

    await eventually(there)


async def written_off(shop: Shop) -> str:
    """Case 34 up to its 0.03: 50.00 + 49.98, of which 99.95 were collected."""
    order_id = await delivered(shop, **TWO_LINES, **prepaid(9_995))
    refused = await close(shop, order_id, "written_off", 4, "rounding")
    assert (refused.status, refused.code, refused["due"]) == (409, "no_such_difference", 3)
    await limited(shop, 2)
    refused = await close(shop, order_id, "written_off", 3, "rounding")
    assert (refused.status, refused.code, refused["limit"], refused["closed"]) == (409, "above_closing_limit", 2, 0)
    await limited(shop, 3)
    assert (await close(shop, order_id, "written_off", 3, "rounding")).ok()["payment"] == "paid"
    await closed(shop, order_id, ("written_off", 3))
    return order_id


async def test_case_34_written_off_and_all_returned(shop: Shop) -> None:
    order_id = await written_off(shop)
    made = []
    for line in (1, 2):
        refund = (await ask(shop.customer(), order_id, (line, 1))).ok()
        made.append(money_of((await approved_with(shop, refund["refund_id"])).ok()))
    assert made == [(5_000, 5_000), (4_998, 4_995)]
    await shown(shop, order_id, due=0, overpaid=0, credited_total=9_998, refunded_total=9_995, payment="paid", refund_state="full")
    await issued(shop, order_id, ("invoice", 9_998), ("receipt", 9_995), ("credit_note", 5_000), ("credit_note", 4_998))


async def test_case_34_written_off_and_paid_after_all(shop: Shop) -> None:
    order_id = await written_off(shop)
    await pay(shop, order_id, 3)
    await shown(shop, order_id, due=0, overpaid=0, collected=9_998, payment="paid")


async def test_case_34_after_a_reversal_of_all_only_the_tolerance_is_left(shop: Shop) -> None:
    order_id = await written_off(shop)
    [payment] = (await shop.staff.get(f"/orders/v1/orders/{order_id}")).ok()["payments"]
    (await reverse(shop, order_id, payment["payment_id"])).ok()
    await shown(shop, order_id, due=9_995, payment="unpaid")
    await collected(shop, order_id, 0)
    refund = (await ask(shop.customer(), order_id, (1, 1))).ok()
    before = await everything(shop, order_id)
    assert (await approved_with(shop, refund["refund_id"])).code == "not_collected"
    assert await everything(shop, order_id) == before


async def test_case_35_a_tip_is_kept_and_all_is_returned(shop: Shop) -> None:
    order_id = await delivered(shop, **prepaid(11_500))
    await shown(shop, order_id, overpaid=500)
    kept = (await close(shop, order_id, "kept", 500, "tip", by="platform")).ok()
    assert (kept["overpaid"]["amount"], kept["needs_attention"]) == (0, [])
    await closed(shop, order_id, ("kept", 500))
    refund = (await ask(shop.customer(), order_id, (1, 2))).ok()
    assert money_of((await approved_with(shop, refund["refund_id"])).ok()) == (11_000, 11_000)
    await shown(shop, order_id, due=0, overpaid=0, refunded_total=11_000, credited_total=11_000, payment="paid")
    assert len(await refunds_of(shop, order_id)) == 1


async def test_case_37_charged_back_in_parts(shop: Shop) -> None:
    order_id = await order(shop, **prepaid())
    [payment] = (await shop.staff.get(f"/orders/v1/orders/{order_id}")).ok()["payments"]
    part = (await reverse(shop, order_id, payment["payment_id"], 4_000)).ok()
    assert (part["collected"]["amount"], part["due"]["amount"], part["payment"]) == (7_000, 4_000, "unpaid")
    await issued(shop, order_id, ("receipt", 11_000), ("cancelling_receipt", 4_000))
    refused = await reverse(shop, order_id, payment["payment_id"], 8_000)
    assert (refused.status, refused.code, refused["left"]) == (409, "reversal_too_large", 7_000)
    assert (await reverse(shop, order_id, payment["payment_id"])).ok()["collected"]["amount"] == 0
    await issued(shop, order_id, ("receipt", 11_000), ("cancelling_receipt", 4_000), ("cancelling_receipt", 7_000))
