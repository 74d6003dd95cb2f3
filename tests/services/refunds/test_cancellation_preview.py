"""What cancelling an order would do with its money is what cancelling it then does."""

from typing import Any

import pytest

from tests.services.refunds.scenes import ask, cancel, collected, delivered, everything, move, order, pay, policy, prepaid, refunds_of, seen
from tests.shop import Shop

FIGURES = ("credit", "goods", "shipping", "overpaid", "shipping_kept")


async def preview(shop: Shop, order_id: str, caller: Any = None, **query: Any) -> Any:
    """The preview, or a refusal."""
    return await (caller or shop.customer()).get(f"/refunds/v1/refunds/cancellation/{order_id}", params=query)


@pytest.mark.parametrize(
    ("paid", "steps", "deduct_shipping", "expected"),
    [
        (11_000, (), True, (11_000, 10_000, 1_000, 0, 0)),  # nothing had left: everything goes back
        (11_000, ("confirmed", "shipped"), True, (10_000, 10_000, 0, 0, 1_000)),
        (11_000, ("confirmed", "shipped"), False, (11_000, 10_000, 1_000, 0, 0)),
        (12_000, ("confirmed", "shipped"), True, (10_000, 10_000, 0, 1_000, 1_000)),
        (500, ("confirmed", "shipped"), True, (0, 0, 0, 0, 500)),
    ],
)
async def test_the_preview_is_what_happens(
    shop: Shop, paid: int, steps: tuple[str, ...], expected: tuple[int, ...], *, deduct_shipping: bool
) -> None:
    await policy(shop, deduct_shipping=deduct_shipping)
    order_id = await order(shop)
    await pay(shop, order_id, paid)
    await move(shop, order_id, *steps)
    await seen(shop, order_id)
    await collected(shop, order_id, paid)
    copy = await seen(shop, order_id, status=steps[-1] if steps else "pending")
    before = await everything(shop, order_id)
    shown = (await preview(shop, order_id)).ok()
    assert await everything(shop, order_id) == before
    assert tuple(shown[name]["amount"] for name in FIGURES) == expected
    assert (shown["refund"], shown["payout"]["amount"]) == (True, expected[0] + expected[3])
    assert shown["order_version"] == copy["version"]
    if steps:
        (await shop.platform.post(f"/orders/v1/orders/{order_id}/delivery-failures", json={"reason": "nobody home"})).ok()
    await cancel(shop.platform if steps else shop.customer(), order_id)
    [refund] = await refunds_of(shop, order_id, 1)
    assert tuple(refund[name]["amount"] for name in FIGURES) == expected
    assert (refund["amount"], refund["taxes"], refund["explanation"]) == (shown["payout"], shown["taxes"], shown["explanation"])
    again = await preview(shop, order_id)
    assert (again.status, again.code) == (409, "order_cancelled")


async def test_an_unpaid_order_has_nothing_to_give_back(shop: Shop) -> None:
    order_id = await order(shop)
    await seen(shop, order_id)
    shown = (await preview(shop, order_id, shop.staff)).ok()
    assert (shown["refund"], shown["payout"]["amount"], shown["explanation"], shown["open_requests"]) == (False, 0, {}, [])


async def test_what_can_not_be_cancelled_or_is_not_here_has_no_preview(shop: Shop) -> None:
    order_id = await delivered(shop, **prepaid())
    (await ask(shop.customer(), order_id, (1, 1))).ok()
    refused = await preview(shop, order_id)
    assert (refused.status, refused.code) == (409, "order_delivered")
    late = await preview(shop, order_id, order_version=99)
    assert (late.status, late.code, late.headers["retry-after"]) == (409, "order_not_seen_yet", "1")
    stranger = await preview(shop, order_id, shop.customer("c-2"))
    assert (stranger.status, stranger.code, stranger.headers["retry-after"]) == (404, "order_not_here_yet", "1")


async def test_a_form_knows_the_limits_of_files_before_the_upload(shop: Shop) -> None:
    order_id = await delivered(shop, **prepaid())
    form = (await shop.customer().get(f"/refunds/v1/refunds/refundable/{order_id}")).ok()
    limits = (await shop.customer().get("/refunds/v1/attachments/limits")).ok()
    assert form["max_attachments"] == limits["max_in_a_request"]
    assert form["max_attachment_bytes"] == limits["max_bytes"]
    assert form["attachment_types"] == [one["media_type"] for one in limits["types"]]
