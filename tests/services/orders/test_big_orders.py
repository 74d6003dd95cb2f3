"""The biggest order that is accepted lives a whole life: whatever can happen to it still has room in its events."""

from typing import Any

import pytest

from tests.shop import Caller, Shop, eventually, order_p

LINES = 2_000
PAYMENTS = 12
ADDRESS = {
    "country_code": "BD", "name": "😀" * 200, "company_name": "😀" * 200, "street_address": "😀" * 2_000, "city": "😀" * 200,
    "city_area": "😀" * 200, "postal_code": "1205",
}  # fmt: skip
TRACKING = {"carrier": "😀" * 100, "number": "😀" * 100, "url": "https://example.com/" + "😀" * 1_900}
REASON, MESSAGE = "😀" * 500, "😀" * 2_000

pytestmark = [pytest.mark.proof, pytest.mark.timeout(240)]


def _lines(letter: str, letters: int) -> list[dict[str, Any]]:
    return [{"sku": f"S-{n}", "name": letter * letters, "quantity": 1, "unit_price": 100} for n in range(LINES)]


async def _biggest(shop: Shop, letter: str) -> dict[str, Any]:
    """The longest names that are taken, found by what the refusal of longer ones says."""
    customer = {"id": "c-1", "name": "😀" * 200, "email": "a@example.com"}
    body = order_p(customer=customer, shipping_address=ADDRESS, billing_address=ADDRESS, shipping={"amount": 0})
    refused = await shop.platform.post("/orders/v1/orders", json=body | {"lines": _lines(letter, 150)})
    assert (refused.status, refused.code) == (413, "order_too_large")
    assert str(refused["most_bytes"]) in refused["detail"]
    over = -(-(refused["bytes"] - refused["most_bytes"]) // LINES)
    letters = 150 - -(-over // len(letter.encode()))
    too_long = await shop.platform.post("/orders/v1/orders", json=body | {"lines": _lines(letter, letters + 1)})
    assert too_long.code == "order_too_large"
    return body | {"lines": _lines(letter, letters)}


async def _done(caller: Caller, path: str, **body: Any) -> Any:
    return (await caller.post(path, json=body)).ok().body


@pytest.mark.parametrize("letter", ["ক", "😀"])
async def test_the_biggest_order_can_be_moved_paid_refunded_and_documented(shop: Shop, letter: str) -> None:
    placed = (await shop.platform.post("/orders/v1/orders", json=await _biggest(shop, letter))).ok()
    path = f"/orders/v1/orders/{placed['order_id']}"
    total = placed["total"]["amount"]
    (await shop.staff.patch(path, json={"reason": REASON, "message": MESSAGE, "shipping_address": ADDRESS | {"city": "Dhaka"}})).ok()
    await _done(shop.staff, f"{path}/transitions", to="confirmed", message=MESSAGE)
    for number in range(PAYMENTS):
        reference, amount = f"{number:03}{'😀' * 197}", total if number == PAYMENTS - 1 else 1
        record = {"amount": amount, "method": "cod", "reference": reference, "collected_by": "😀" * 200}
        paid = await _done(shop.staff, f"{path}/payments", **record)
        if number < PAYMENTS - 1:
            payment_id = next(one["payment_id"] for one in paid["payments"] if one["reference"] == reference)
            await _done(shop.staff, f"{path}/payments/{payment_id}/reversals", reason=REASON)
    await _done(shop.staff, f"{path}/transitions", to="shipped", message=MESSAGE, tracking=TRACKING)
    await _done(shop.staff, f"{path}/delivery-failures", reason=REASON, reported_by="😀" * 200, message=MESSAGE)
    await _done(shop.staff, f"{path}/transitions", to="delivered", message=MESSAGE)
    wish = {"order_id": placed["order_id"], "lines": [{"line": n, "quantity": 1} for n in range(1, LINES + 1)], "reason": "damaged",
            "description": "😀" * 5_000, "further_information": "😀" * 5_000}  # fmt: skip

    async def asked() -> Any:
        return await _done(shop.customer(), "/refunds/v1/refunds", **wish)

    refund_id = (await eventually(asked))["refund_id"]
    inspected = [{"line": n, "quantity": 1, "disposition": "inspect"} for n in range(1, LINES + 1)]

    async def approved() -> Any:
        return await _done(shop.staff, f"/refunds/v1/refunds/{refund_id}/approve", lines=inspected, message="😀" * 5_000)

    assert (await eventually(approved))["amount"]["amount"] == total
    looked_at = [line | {"disposition": "restock"} for line in inspected]
    await _done(shop.staff, f"/refunds/v1/refunds/{refund_id}/inspections", lines=looked_at)

    async def told_everywhere() -> bool:
        shown = (await shop.staff.get(path)).ok()
        issued = (await shop.staff.get(f"/documents/v1/documents/orders/{placed['order_id']}")).ok()["items"]
        kinds = {item["kind"] for item in issued}
        assert (shown["refund_state"], {"invoice", "receipt", "credit_note"} <= kinds) == ("full", True)
        return True

    await eventually(told_everywhere, seconds=60)
    assert await shop.rows("orders", "select type from events where store_id = {store} and published_at is null") == []


async def test_the_biggest_order_can_be_cancelled(shop: Shop) -> None:
    placed = (await shop.platform.post("/orders/v1/orders", json=await _biggest(shop, "ক"))).ok()
    cancelled = await _done(shop.platform, f"/orders/v1/orders/{placed['order_id']}/cancel", reason=REASON, message=MESSAGE)
    assert (cancelled["status"], cancelled["cancellation"]["reason"]) == ("cancelled", REASON)
