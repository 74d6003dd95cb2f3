"""Worked cases 7 to 10 through all services: what documents issues when orders and refunds tell the story themselves."""

from typing import Any

import pytest

from tests.shop import Shop, eventually, order_p


async def policy(shop: Shop, **switches: bool) -> None:
    """The store's refund policy with these switches."""
    now = (await shop.staff.get("/refunds/v1/refund-policy")).ok()
    wanted = {name: switches.get(name, now[name]) for name in ("manage_stock", "attachments", "deduct_shipping")}
    (await shop.staff.put("/refunds/v1/refund-policy", json=wanted, headers={"If-Match": now.etag})).ok()


async def placed(shop: Shop, *steps: str) -> str:
    """Order P, moved through these steps; its id."""
    order_id: str = (await shop.platform.post("/orders/v1/orders", json=order_p())).ok()["order_id"]
    for step in steps:
        (await shop.staff.post(f"/orders/v1/orders/{order_id}/transitions", json={"to": step})).ok()
    return order_id


async def pay(shop: Shop, order_id: str, amount: int, reference: str) -> None:
    payment = {"amount": amount, "method": "cod", "reference": reference}
    (await shop.staff.post(f"/orders/v1/orders/{order_id}/payments", json=payment)).ok()


async def cancel(shop: Shop, order_id: str) -> None:
    (await shop.customer().post(f"/orders/v1/orders/{order_id}/cancel", json={"reason": "changed my mind"})).ok()


async def become(shop: Shop, order_id: str, expected: list[tuple[str, str]]) -> list[dict[str, Any]]:
    """Wait until the order's documents are these (kind and total), in any order of issuing; all of them, verified."""

    async def look() -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = (await shop.staff.get(f"/documents/v1/documents/orders/{order_id}")).ok()["items"]
        assert sorted((one["kind"], one["total"]["decimal"]) for one in items) == sorted(expected)
        return items

    items = await eventually(look)
    for one in items:
        pdf = (await shop.customer().get(f"/documents/v1/documents/{one['document_id']}/pdf")).ok()
        assert pdf.content.startswith(b"%PDF-")
        assert (await shop.staff.get(f"/documents/v1/documents/{one['document_id']}/verify")).ok()["verified"]
    return items


async def test_case_7_the_invoice_at_shipped(shop: Shop) -> None:
    await become(shop, await placed(shop, "shipped"), [("invoice", "110.00")])


async def test_case_8_one_credit_note_and_none_for_the_automatic_refund(shop: Shop) -> None:
    await policy(shop, manage_stock=True)
    order_id = await placed(shop, "picked_up")
    await cancel(shop, order_id)
    refunds = await eventually(lambda: approved(shop, order_id, 1))
    assert [one["amount"]["amount"] for one in refunds] == [0]
    await become(shop, order_id, [("invoice", "110.00"), ("credit_note", "110.00")])


@pytest.mark.parametrize(("deduct_shipping", "first", "kept"), [(True, 2000, [("invoice", "10.00")]), (False, 3000, [])])
async def test_case_9_an_invoice_over_what_is_kept(shop: Shop, deduct_shipping: bool, first: int, kept: list[tuple[str, str]]) -> None:
    await policy(shop, deduct_shipping=deduct_shipping)
    order_id = await placed(shop)
    await pay(shop, order_id, 3000, "a")
    (await shop.staff.post(f"/orders/v1/orders/{order_id}/transitions", json={"to": "shipped"})).ok()
    await cancel(shop, order_id)
    await pay(shop, order_id, 8000, "b")
    refunds = await eventually(lambda: approved(shop, order_id, 2))
    assert sorted(one["amount"]["amount"] for one in refunds) == sorted([first, 8000])
    expected = [("invoice", "110.00"), ("receipt", "30.00"), ("receipt", "80.00"), ("credit_note", "110.00"), *kept]
    await become(shop, order_id, expected)


async def test_case_10_a_refund_receipt_for_what_was_never_invoiced(shop: Shop) -> None:
    await policy(shop, deduct_shipping=True)
    order_id = await placed(shop)
    await cancel(shop, order_id)
    await pay(shop, order_id, 11000, "late")
    await become(shop, order_id, [("receipt", "110.00"), ("refund_receipt", "110.00")])


async def approved(shop: Shop, order_id: str, count: int) -> list[dict[str, Any]]:
    """The order's approved refunds, once there are `count`."""
    found = (await shop.staff.get(f"/refunds/v1/refunds?order_id={order_id}&status=approved")).ok()["items"]
    return list(found) if len(found) == count else []
