"""What cancelling an order would do with its money is what cancelling it then does."""

from typing import Any

import pytest

from tests.services.refunds.scenes import ask, cancel, collected, delivered, everything, move, order, pay, policy, prepaid, refunds_of, seen
from tests.shop import Shop

FIGURES = ("credit", "goods", "shipping", "overpaid", "shipping_kept")


TAXES = ("shipping_tax", "shipping_tax_rate", "shipping_tax_code", "shipping_kept_tax")
LINE = ("line", "quantity", "goods", "shipping", "tax", "tax_rate", "tax_code")


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
    assert shown["due_before"]["amount"] == max(0, 11_000 - paid)
    assert shown["order_version"] == copy["version"]
    if steps:
        (await shop.platform.post(f"/orders/v1/orders/{order_id}/delivery-failures", json={"reason": "nobody home"})).ok()
    await cancel(shop.platform if steps else shop.customer(), order_id)
    [refund] = await refunds_of(shop, order_id, 1)
    assert tuple(refund[name]["amount"] for name in FIGURES) == expected
    assert (refund["amount"], refund["taxes"], refund["explanation"]) == (shown["payout"], shown["taxes"], shown["explanation"])
    assert [refund[name] for name in TAXES] == [shown[name] for name in TAXES]
    assert [{name: line[name] for name in LINE} for line in refund["lines"]] == shown["lines"]
    again = await preview(shop, order_id)
    assert (again.status, again.code) == (409, "order_cancelled")


async def test_taxes_are_said_for_each_part_in_previews_the_refund_and_its_event(shop: Shop) -> None:
    """Worked case 32, as one whole: a line at 7 %, one at 19 % and shipping at 19 %."""
    lines = [
        {"sku": "A", "name": "Tea", "quantity": 1, "unit_price": 5_000, "tax": 327, "tax_rate": "7", "tax_code": "L"},
        {"sku": "B", "name": "Cup", "quantity": 1, "unit_price": 11_900, "tax": 1_900, "tax_rate": "19", "tax_code": "S"},
    ]
    shipping = {"amount": 1_190, "tax": 190, "tax_rate": "19", "tax_code": "S"}
    order_id = await delivered(shop, lines=lines, shipping=shipping, **prepaid(18_090))
    body = {"order_id": order_id, "lines": [{"line": 2, "quantity": 1}]}
    shown = (await shop.customer().post("/refunds/v1/refunds/preview", json=body, key=None)).ok()
    assert (shown["credit"]["amount"], shown["shipping_tax"]["amount"]) == (12_738, 134)
    asked = (await ask(shop.customer(), order_id, (2, 1))).ok()
    said = (await shop.staff.post(f"/refunds/v1/refunds/{asked['refund_id']}/approve", json={})).ok()
    for found in (shown, asked, said):
        assert [found[name] for name in TAXES[:3]] == [shown["shipping_tax"], "19", "S"]
        assert [{name: line[name] for name in LINE} for line in found["lines"]] == shown["lines"]
    assert [(line["tax"]["amount"], line["tax_rate"], line["tax_code"]) for line in shown["lines"]] == [(1_900, "19", "S")]
    assert (said["shipping_kept_tax"]["amount"], said["part_cancellation_id"]) == (0, None)
    event = (await shop.events("refunds", order_id))[-1]["data"]["refund"]
    assert [event[name] for name in TAXES] == [134, "19", "S", 0]


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
