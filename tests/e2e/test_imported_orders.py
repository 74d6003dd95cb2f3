"""Orders of the past on the running system: worked cases 41, 42 and 51 of real-shops.md, with exactly their figures."""

from typing import Any

import pytest

from shared.contracts.ids import uuid_of
from tests.services.documents.pdftext import missing_from
from tests.services.documents.telling import issued
from tests.services.refunds.scenes import amounts, approve, ask, everything, on_hand, pay, policy, refunds_of, seen, stock
from tests.shop import Answer, Shop, eventually, order_p

INVOICE = {"kind": "invoice", "number": "F-2024-77", "issued_on": "2024-03-01"}
DELIVERED: dict[str, Any] = {
    "status": "delivered",
    "confirmed_at": "2024-03-01T10:00:00Z",
    "shipped_at": "2024-03-02T10:00:00Z",
    "delivered_at": "2024-03-04T10:00:00Z",
}
CANCELLED: dict[str, Any] = {
    "status": "cancelled",
    "confirmed_at": "2024-03-01T10:00:00Z",
    "shipped_at": "2024-03-02T10:00:00Z",
    "cancelled": {"from": "shipped", "at": "2024-03-05T10:00:00Z", "reason": "", "by": "customer"},
}


def of_2024(history: dict[str, Any], *, collected: int = 11_000, **changes: Any) -> dict[str, Any]:
    """Order P of 2024."""
    paid = [{"amount": collected, "method": "cod", "reference": "R-2024", "occurred_at": "2024-03-04T10:00:00Z"}]
    return order_p(placed_at="2024-03-01T09:00:00Z", history=history, payments=paid if collected else [], **changes)


async def imported(shop: Shop, history: dict[str, Any], **changes: Any) -> Answer:
    """The answer to placing it."""
    return (await shop.platform.post("/orders/v1/orders", json=of_2024(history, **changes))).ok()


async def known(shop: Shop, order_id: str, **expected: Any) -> None:
    """Wait until refunds and documents have the order."""
    await seen(shop, order_id, **expected)

    async def printed() -> bool:
        return (await shop.staff.get(f"/documents/v1/documents/orders/{order_id}")).status == 200

    await eventually(printed)


async def returned(shop: Shop, order_id: str, quantity: int = 1) -> Answer:
    """A refund of so many units of line 1, requested and approved."""
    refund = (await ask(shop.customer(), order_id, (1, quantity))).ok()
    return (await approve(shop, refund["refund_id"])).ok()


async def documents(shop: Shop, order_id: str, *expected: tuple[str, str]) -> list[dict[str, Any]]:
    """The order's documents, once they are these kinds and totals."""

    async def look() -> list[dict[str, Any]]:
        items = (await shop.staff.get(f"/documents/v1/documents/orders/{order_id}")).ok()["items"]
        assert sorted((one["kind"], one["total"]["decimal"]) for one in items) == sorted(expected)
        return list(items)

    return await eventually(look) if expected else await look()


async def movements(shop: Shop) -> list[str]:
    return [row["cause"] for row in await shop.rows("orders", "select cause from stock_movements where store_id = {store}")]


async def test_case_41_a_unit_of_an_order_invoiced_elsewhere(shop: Shop) -> None:
    await stock(shop, "TEE-1", 7)
    counted = await movements(shop)
    placed = await imported(shop, DELIVERED | {"documents": [INVOICE]})
    order_id = placed["order_id"]
    assert (placed["status"], placed["payment"], placed["imported"], placed["version"]) == ("delivered", "paid", True, 1)
    assert placed["documents"] == [INVOICE | {"order_version": 1}]
    assert [line["stock_tracked"] for line in placed["lines"]] == [False]
    await known(shop, order_id, status="delivered")
    assert await documents(shop, order_id) == []
    approved = await returned(shop, order_id)
    assert amounts(approved) == (5_500, 5_000, 500)
    [note] = await documents(shop, order_id, ("credit_note", "55.00"))
    assert (note["refers_to"], note["refers_to_external"]) == (None, {"number": "F-2024-77", "issued_on": "2024-03-01"})
    assert approved["lines"][0]["not_restocked_because"] == "stock_not_tracked"
    assert await movements(shop) == counted
    assert await on_hand(shop, "TEE-1", 7)
    pdf = (await shop.staff.get(f"/documents/v1/documents/{note['document_id']}/pdf")).ok()
    assert missing_from(pdf.content, ["For invoice", "F-2024-77, 1 March 2024"]) == []


async def test_case_41_without_a_number(shop: Shop) -> None:
    order_id = (await imported(shop, DELIVERED))["order_id"]
    await known(shop, order_id, status="delivered")
    assert await documents(shop, order_id) == []
    await returned(shop, order_id)
    [receipt] = await documents(shop, order_id, ("refund_receipt", "55.00"))
    assert (receipt["refers_to"], receipt["refers_to_external"]) == (None, None)


async def test_case_41_with_tax_and_not_all_collected(shop: Shop) -> None:
    tax = {"lines": [{"sku": "TEE-1", "name": "T-shirt", "quantity": 2, "unit_price": 5_000, "tax": 1_000}]}
    order_id = (await imported(shop, DELIVERED, collected=6_000, shipping={"amount": 1_000, "tax": 100}, **tax))["order_id"]
    await known(shop, order_id, status="delivered")
    approved = await returned(shop, order_id)
    assert (approved["credit"]["amount"], approved["amount"]["amount"]) == (5_500, 500)
    assert [row["tax"]["amount"] for row in approved["taxes"]] == [550]
    assert [row["tax"]["amount"] for row in approved["payout_taxes"]] == [50]
    [receipt] = await documents(shop, order_id, ("refund_receipt", "5.00"))
    [row] = await shop.rows(
        "documents", "select data::jsonb->'tax' as tax from documents where number = $2 and store_id = $1", receipt["number"]
    )
    assert row["tax"] == "50"


async def test_case_42_what_was_refunded_before(shop: Shop) -> None:
    history = DELIVERED | {"documents": [INVOICE], "refunded": {"lines": [{"line": 1, "quantity": 1, "amount": 5_200}]}}
    order_id = (await imported(shop, history))["order_id"]
    [before] = await refunds_of(shop, order_id, 1)
    assert (before["cause"], before["status"], before["settlement"], amounts(before)) == (
        "history",
        "approved",
        "settled",
        (5_200, 5_200, 0),
    )
    assert before["lines"][0]["units"] == [{"first": 1, "last": 1}]
    held = await everything(shop, order_id)
    refused = await ask(shop.customer(), order_id, (1, 2))
    assert (refused.status, refused.code, refused["free"]) == (409, "units_not_free", 1)
    again = await shop.staff.post(
        f"/refunds/v1/refunds/{before['refund_id']}/settlements", json={"outcome": "succeeded", "method": "card", "reference": "x"}
    )
    assert (again.status, again.code) == (409, "nothing_to_settle")
    assert await everything(shop, order_id) == held
    assert amounts(await returned(shop, order_id)) == (5_300, 4_800, 500)
    await documents(shop, order_id, ("credit_note", "53.00"))

    async def shown() -> bool:
        order = (await shop.staff.get(f"/orders/v1/orders/{order_id}")).ok()
        figures = {name: order[name]["amount"] for name in ("credited_total", "refunded_total", "due", "overpaid")}
        return figures == {"credited_total": 10_500, "refunded_total": 10_500, "due": 0, "overpaid": 0}

    await eventually(shown)


@pytest.mark.parametrize("deduct", [False, True])
async def test_case_51_cancelled_then_paid_now(shop: Shop, deduct: bool) -> None:
    await policy(shop, deduct_shipping=deduct)
    history = CANCELLED | {"refunded": {"lines": [{"line": 1, "quantity": 1, "amount": 2_000}]}}
    placed = await imported(shop, history, collected=3_000)
    order_id = placed["order_id"]
    assert (placed["status"], placed["cancellation"]["cancelled_from"]) == ("cancelled", "shipped")
    await known(shop, order_id, status="cancelled")
    assert [amounts(one) for one in await refunds_of(shop, order_id, 1)] == [(2_000, 2_000, 0)]
    assert await documents(shop, order_id) == []
    await pay(shop, order_id, 8_000)
    later = (await refunds_of(shop, order_id, 2))[1]
    assert (later["cause"], later["amount"]["amount"], later["shipping_kept"]["amount"]) == ("payment", 8_000, 0)
    assert [line["quantity"] for line in later["lines"]] == [0]
    await documents(shop, order_id, ("receipt", "80.00"), ("refund_receipt", "80.00"))


async def test_a_customer_sees_the_past_dated_then(shop: Shop) -> None:
    order_id = (await imported(shop, CANCELLED, collected=0))["order_id"]
    expected = [("pending", "2024-03-01T09:00:00Z"), ("confirmed", "2024-03-01T10:00:00Z"), ("shipped", "2024-03-02T10:00:00Z"),
                ("cancelled", "2024-03-05T10:00:00Z")]  # fmt: skip

    async def told() -> bool:
        entries = (await shop.customer().get(f"/notes/v1/timeline/{order_id}")).ok()["items"]
        assert [(one["details"]["status"], one["occurred_at"]) for one in entries] == expected
        assert {one["type"] for one in entries} == {"order.imported"}
        assert len({one["entry_id"] for one in entries}) == len(entries)
        return True

    assert await eventually(told)
    details = (await shop.customer().get(f"/orders/v1/orders/{order_id}")).ok()
    assert [(one["details"]["to"], one["occurred_at"]) for one in details["timeline"]] == expected
    assert details["history"] == {
        "confirmed_at": "2024-03-01T10:00:00Z", "picked_up_at": None, "shipped_at": "2024-03-02T10:00:00Z", "delivered_at": None,
        "refunded": None,
    }  # fmt: skip
    [change] = await shop.rows("orders", "select type from changes where store_id = {store} and order_id = $2", uuid_of("order", order_id))
    assert change["type"] == "order.imported.v1"
    assert await issued(shop, order_id) == []
