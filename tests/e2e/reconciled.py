"""A small shop in which everything has happened at least once, for the reconciler to explain."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import asyncpg

from deploy.operator.reconcile.reading import snapshots
from deploy.operator.reconcile.run import Report, reconcile
from tests.e2e.steps import ask, decide, move, pay, place, settle
from tests.shop import Answer, Shop, eventually, order_p
from tests.stack import SERVICES, Stack


def urls(stack: Stack) -> dict[str, str]:
    return {service: stack.database_url(service) for service in SERVICES}


async def report(stack: Stack) -> Report:
    async with snapshots(urls(stack)) as connections:
        return await reconcile(connections)


async def until_explained(stack: Stack, seconds: float = 90.0) -> Report:
    """Once every event has taken effect everywhere, nothing is unexplained."""

    async def explained() -> Report:
        made = await report(stack)
        assert not made.found, made.found[:5]
        return made

    return await eventually(explained, seconds)


async def everything_happens(shop: Shop) -> None:
    """Settings, stock, and orders in every state with payments, refunds, notes and documents of every kind."""
    await _settings(shop, manage_stock=False, deduct_shipping=False)
    lines = [
        {"sku": "TEE-1", "name": "T-shirt", "quantity": 3, "unit_price": 3333, "discount": 100},
        {"sku": "MUG-1", "name": "Mug", "quantity": 4, "unit_price": 250},
        {"sku": "TEE-1", "name": "T-shirt, again", "quantity": 1, "unit_price": 3000},
    ]
    await asyncio.gather(
        _a_returned_order(shop, lines),
        _orders_that_were_cancelled(shop, lines),
        _orders_in_between(shop, lines),
        _an_amended_order(shop, lines),
        _orders_that_were_cancelled_in_part(shop, lines),
        _orders_with_differences(shop, lines),
        _orders_of_the_past(shop, lines),
        _money_without_units(shop, lines),
    )
    await _settings(shop, manage_stock=True, deduct_shipping=True, version=1)
    await _kept_shipping(shop, lines)
    await _oversold_orders(shop)
    await _an_order_of_another_customer(shop, lines)
    await _an_order_of_an_erased_customer(shop, lines)
    await _issued_here_and_elsewhere(shop, lines)


async def _settings(shop: Shop, *, manage_stock: bool, deduct_shipping: bool, version: int = 0) -> None:
    match = {"If-Match": f'"v{version}"'}
    orders = {
        "cancel_preset": "cancellation-control",
        "customer_cancel_until": "delivered",
        "stock": True,
        "number_prefix": f"N{version}-",
        "time_zone": "Asia/Dhaka",
        "next_number": 5_000 if version else None,
    }
    (await shop.staff.put("/orders/v1/orders-settings", json=orders, headers=match)).ok()
    policy = {"manage_stock": manage_stock, "attachments": True, "deduct_shipping": deduct_shipping}
    (await shop.staff.put("/refunds/v1/refund-policy", json=policy, headers=match)).ok()
    (await shop.staff.put("/notes/v1/notes-settings", json={"customer_answers": version == 1}, headers=match)).ok()
    if not version:
        (await shop.staff.put("/documents/v1/documents-settings", json={"start": {"credit_note": 40}}, headers=match)).ok()
    for sku in ("TEE-1", "MUG-1"):
        (await shop.staff.put(f"/orders/v1/stock/{sku}", json={"on_hand": 200 + version})).ok()


async def _a_returned_order(shop: Shop, lines: list[dict[str, Any]]) -> None:
    """Two refunds with inspections and reports, one in part, one declined, one open; notes of both sides."""
    order_id = await place(shop, lines=lines, discount=57, external_ref="theirs-1", customer={"id": "c-1", "name": "Rahima Begum"})
    wrong = await pay(shop, order_id, 500, "wrong")
    (await shop.staff.post(f"/orders/v1/orders/{order_id}/payments/{wrong}/reversals", json={"reason": "another order's"})).ok()
    await move(shop, order_id, "confirmed", "picked_up", "shipped")
    (await shop.staff.post(f"/orders/v1/orders/{order_id}/delivery-failures", json={"reason": "nobody home"})).ok()
    await pay(shop, order_id, 20_000, "all")
    await move(shop, order_id, "delivered")
    first = await ask(shop, order_id, (1, 2), (2, 1))
    await decide(shop, first, lines=[{"line": 1, "quantity": 1, "disposition": "restock"}, {"line": 2, "quantity": 1}])
    await settle(shop, first, "failed", "try-1")
    await settle(shop, first, "succeeded", "try-2")
    await settle(shop, first, "succeeded", "try-3")
    (
        await shop.staff.post(
            f"/refunds/v1/refunds/{first}/inspections", json={"lines": [{"line": 2, "quantity": 1, "disposition": "restock"}]}
        )
    ).ok()
    second = await ask(shop, order_id, (2, 2), (3, 1))
    await decide(shop, second)
    await settle(shop, second, "succeeded", "part-1", amount=400, payment_id=wrong)
    await settle(shop, second, "failed", "part-2", amount=100)
    await settle(shop, second, "succeeded", "part-3", amount=150)
    await settle(shop, second, "succeeded", "too much", amount=100_000)
    await decide(shop, await ask(shop, order_id, (1, 1)), "decline", internal_reason="worn", message="Sorry.")
    await ask(shop, order_id, (1, 1), description="It is torn.")
    await _notes(shop, order_id)


async def _notes(shop: Shop, order_id: str) -> None:
    async def write(**body: str) -> str:
        async def known() -> Answer:
            return (await shop.staff.post("/notes/v1/notes", json={"order_id": order_id, **body})).ok()

        return str((await eventually(known))["note_id"])

    note = await write(audience="customer", text="On its way.")
    (await shop.staff.patch(f"/notes/v1/notes/{note}", json={"text": "It is on its way."})).ok()
    private = await write(audience="private", text="Careful.")
    (await shop.staff.post(f"/notes/v1/notes/{private}/retract")).ok()
    await write(audience="private", text="Called twice.")
    (await shop.customer("c-1").post(f"/notes/v1/timeline/{order_id}/read")).ok()


async def _orders_that_were_cancelled(shop: Shop, lines: list[dict[str, Any]]) -> None:
    """One before pickup and unpaid, paid afterwards; one after shipping, paid too much."""
    for steps, paid, later in ((), 0, 5_000), (("confirmed", "shipped"), 30_000, 0), (("confirmed",), 16_000, 0):
        order_id = await place(shop, lines=lines)
        await move(shop, order_id, *steps)
        if paid:
            await pay(shop, order_id, paid, "before")
        (await shop.platform.post(f"/orders/v1/orders/{order_id}/cancel", json={"reason": "changed my mind"})).ok()
        if later:
            await pay(shop, order_id, later, "after")


async def _orders_in_between(shop: Shop, lines: list[dict[str, Any]]) -> None:
    await place(shop, lines=lines)
    await move(
        shop, await place(shop, lines=lines, number="OWN-7", payments=[{"amount": 700, "method": "card", "reference": "x"}]), "confirmed"
    )
    order_id = await place(shop, lines=[{"sku": "FREE", "name": "Sample", "quantity": 2, "unit_price": 0}], shipping={"amount": 101})
    await move(shop, order_id, "delivered")
    edit = {"reason": "typing error", "customer": {"email": "r@example.com"}}
    (await shop.staff.patch(f"/orders/v1/orders/{order_id}", json=edit)).ok()


async def _an_amended_order(shop: Shop, lines: list[dict[str, Any]]) -> None:
    """Amended twice, paid before and between; then corrected, credited without paying anything out, and returned."""
    order_id = await place(shop, lines=lines, discount=57)
    await pay(shop, order_id, 500, "at first")
    new = _line("MUG-1", 5, 200) | {"options": [{"name": "Colour", "value": "red"}], "tax_code": "S"}
    await _amend(shop, order_id, 2, lines=[{"line": 1, "quantity": 2}, {"line": 3}, new, _line("FREE", 1, 0)], discount=40)
    await pay(shop, order_id, 300, "between")
    await _amend(shop, order_id, 4, lines=[{"line": 1}, {"line": 4, "quantity": 1}], shipping={"amount": 400})
    edit: dict[str, Any] = {"reason": "by phone", "payment_method": "cod", "tags": ["new"]}
    edit |= {"customer": {"tax_numbers": [{"label": "BIN", "number": "1"}]}}
    edit |= {"lines": [{"line": 1, "tax_rate": "15", "personalisation": "For Rahima"}], "shipping": {"tax_code": "S"}}
    (await shop.staff.patch(f"/orders/v1/orders/{order_id}", json=edit)).ok()
    edit = {"reason": "by phone", "lines": [{"line": 4, "options": [], "tax_code": None}]}
    (await shop.staff.patch(f"/orders/v1/orders/{order_id}", json=edit)).ok()
    await move(shop, order_id, "confirmed", "delivered")
    await decide(shop, await ask(shop, order_id, (4, 1)), payout=0)
    await pay(shop, order_id, 7_000, "rest")
    await decide(shop, await ask(shop, order_id, (1, 1)))


async def _amend(shop: Shop, order_id: str, version: int, **wanted: Any) -> None:
    match = {"If-Match": f'"v{version}"'}
    (await shop.staff.post(f"/orders/v1/orders/{order_id}/amendments", json={"reason": "by phone"} | wanted, headers=match)).ok()


def _line(sku: str, quantity: int, price: int) -> dict[str, Any]:
    return {"sku": sku, "name": sku, "quantity": quantity, "unit_price": price}


async def _orders_that_were_cancelled_in_part(shop: Shop, lines: list[dict[str, Any]]) -> None:
    """One of which the rest is cancelled too, once before and once after it left; one that is delivered and returned, in parcels."""
    for steps, paid in ((), 20_000), (("shipped",), 20_000), (("shipped",), 4_000):
        order_id = await place(shop, lines=lines)
        await move(shop, order_id, "confirmed")
        await pay(shop, order_id, paid, "before")
        await _cancel_in_part(shop, order_id, (1, 1), (2, 1), shipping="refund")
        await _cancel_in_part(shop, order_id, (2, 2), shipping="keep")
        await move(shop, order_id, *steps)
        (await shop.platform.post(f"/orders/v1/orders/{order_id}/cancel", json={"reason": "the rest too"})).ok()
        await pay(shop, order_id, 100, "after")
    order_id = await place(shop, lines=[*lines, _line("FREE", 1, 0)], payments=[{"amount": 19_000, "method": "card", "reference": "x"}])
    await move(shop, order_id, "confirmed")
    first = await _pack(shop, order_id, (1, 3), (2, 1), (4, 1))
    second = await _pack(shop, order_id, (2, 2), shipped_at=datetime.now(UTC).isoformat())
    third = await _pack(shop, order_id)
    await _cancel_in_part(shop, order_id, (4, 1), shipping="keep")
    await _cancel_in_part(shop, order_id, (1, 2))
    (await shop.staff.patch(f"/orders/v1/orders/{order_id}/parcels/{first}", json={"carrier": "RedX", "number": "R-1"})).ok()
    (await shop.staff.delete(f"/orders/v1/orders/{order_id}/parcels/{third}")).ok()
    (await shop.staff.patch(f"/orders/v1/orders/{order_id}", json={"reason": "typo", "tracking": {"number": "R-2"}})).ok()
    await move(shop, order_id, "delivered")
    body = {"delivered_at": datetime.now(UTC).isoformat()}
    (await shop.staff.patch(f"/orders/v1/orders/{order_id}/parcels/{second}", json=body)).ok()
    await decide(shop, await ask(shop, order_id, (1, 1), (2, 4)))


async def _pack(shop: Shop, order_id: str, *units: tuple[int, int], **times: str) -> str:
    body = {"carrier": "Pathao", "number": "P-1", "lines": [{"line": line, "quantity": quantity} for line, quantity in units], **times}
    answer = (await shop.staff.post(f"/orders/v1/orders/{order_id}/parcels", json=body)).ok()
    return str(answer["parcels"][-1]["parcel_id"])


async def _orders_with_differences(shop: Shop, lines: list[dict[str, Any]]) -> None:
    """Written off twice, around a part cancellation, and returned; a tip kept; payments reversed in parts, also of a cancelled order."""
    order_id = await place(shop, lines=lines, payments=[{"amount": 14_000, "method": "card", "reference": "x"}])
    await move(shop, order_id, "confirmed")
    await _close(shop, order_id, "written_off", 70, "rounding")
    await _cancel_in_part(shop, order_id, (1, 1))
    await _close(shop, order_id, "written_off", 30, "shortage")
    await move(shop, order_id, "delivered")
    await decide(shop, await ask(shop, order_id, (1, 1), (2, 1)))
    order_id = await place(shop, lines=lines)
    await move(shop, order_id, "delivered")
    first = await pay(shop, order_id, 20_000, "first")
    await _close(shop, order_id, "kept", 500, "tip")
    await _reverse(shop, order_id, first, 9_000, 1_000)
    await pay(shop, order_id, 2_000, "second")
    await _close(shop, order_id, "written_off", 40, "other")
    await decide(shop, await ask(shop, order_id, (3, 1)))
    order_id = await place(shop, lines=lines)
    (await shop.platform.post(f"/orders/v1/orders/{order_id}/cancel", json={"reason": "changed my mind"})).ok()
    await _reverse(shop, order_id, await pay(shop, order_id, 5_000, "after"), 2_000, 3_000)


async def _close(shop: Shop, order_id: str, kind: str, amount: int, reason: str) -> None:
    body = {"kind": kind, "amount": amount, "reason": reason, "note": "by phone"}
    (await shop.platform.post(f"/orders/v1/orders/{order_id}/closings", json=body)).ok()


async def _reverse(shop: Shop, order_id: str, payment_id: str, *amounts: int) -> None:
    for amount in amounts:
        body = {"reason": "charged back", "amount": amount}
        (await shop.staff.post(f"/orders/v1/orders/{order_id}/payments/{payment_id}/reversals", json=body)).ok()


async def _cancel_in_part(shop: Shop, order_id: str, *units: tuple[int, int], shipping: str = "policy") -> None:
    body = {
        "reason": "not on the shelf",
        "lines": [{"line": line, "quantity": quantity, "release_stock": line == 1} for line, quantity in units],
    }
    (await shop.staff.post(f"/orders/v1/orders/{order_id}/part-cancellations", json=body | {"shipping": shipping})).ok()


async def _oversold_orders(shop: Shop) -> None:
    """One that staff accepted, one that was short again when it was amended."""
    settings = {"cancel_preset": "cancellation-control", "customer_cancel_until": "delivered", "stock": True, "number_prefix": "N1-"}
    body = settings | {"time_zone": "Asia/Dhaka", "oversell": "allow"}
    (await shop.staff.put("/orders/v1/orders-settings", json=body, headers={"If-Match": '"v2"'})).ok()
    (await shop.staff.put("/orders/v1/stock/RARE-1", json={"on_hand": 1})).ok()
    accepted, open_again = await place(shop, lines=[_line("RARE-1", 3, 100)]), await place(shop, lines=[_line("RARE-1", 2, 100)])
    for order_id in (accepted, open_again):
        (await shop.staff.patch(f"/orders/v1/orders/{order_id}", json={"accept_oversold": True})).ok()
    await _amend(shop, open_again, 2, lines=[{"line": 1, "quantity": 4}])


async def _an_order_of_an_erased_customer(shop: Shop, lines: list[dict[str, Any]]) -> None:
    """Paid at once, and reported so again; returned by themselves; then forgotten."""
    paid = {"amount": 15_000, "method": "card", "reference": "x"}
    order_id = await place(shop, lines=lines, customer=order_p()["customer"] | {"id": "c-gone"}, payments=[paid])
    (await shop.platform.post(f"/orders/v1/orders/{order_id}/payments", json=paid)).ok()
    await move(shop, order_id, "confirmed", "delivered")
    body = {"order_id": order_id, "reason": "damaged", "lines": [{"line": 1, "quantity": 1}]}

    async def asked() -> Answer:
        return (await shop.customer("c-gone").post("/refunds/v1/refunds", json=body)).ok()

    await decide(shop, (await eventually(asked))["refund_id"])
    (await shop.platform.delete("/orders/v1/customers/c-gone")).ok()


async def _an_order_of_another_customer(shop: Shop, lines: list[dict[str, Any]]) -> None:
    """Handed over with a request of its former customer that is open, and one that was decided."""
    order_id = await place(shop, lines=lines, payments=[{"amount": 15_000, "method": "card", "reference": "x"}])
    await move(shop, order_id, "delivered")
    await decide(shop, await ask(shop, order_id, (1, 1)))
    await ask(shop, order_id, (1, 1))
    body = {"customer_id": "c-9", "reason": "made an account"}
    (await shop.platform.post(f"/orders/v1/orders/{order_id}/customer", json=body)).ok()


async def _issued_here_and_elsewhere(shop: Shop, lines: list[dict[str, Any]]) -> None:
    """An invoice that was corrected, and then credits about invoices of another system: one that is named, and one that is awaited."""
    order_id = await place(shop, lines=lines)
    await move(shop, order_id, "confirmed")

    async def invoice() -> str:
        issued = (await shop.staff.get(f"/documents/v1/documents/orders/{order_id}")).ok()["items"]
        return str(issued[0]["document_id"]) if issued else ""

    body = {"reason": "the company was missing", "company": "Shapla Ltd"}
    (await shop.staff.post(f"/documents/v1/documents/{await eventually(invoice)}/corrections", json=body)).ok()
    issue = {"invoice": {"mode": "elsewhere"}, "receipt": {"mode": "off", "from": "2099-01-01"}}
    (await shop.staff.put("/documents/v1/documents-settings", json={"issue": issue}, headers={"If-Match": '"v1"'})).ok()
    for number in ("E-1", None):
        order_id = await place(shop, lines=lines, payments=[{"amount": 15_000, "method": "card", "reference": "x"}])
        await move(shop, order_id, "delivered")
        await decide(shop, await ask(shop, order_id, (1, 1)))
        if number is not None:
            named = [{"kind": "invoice", "number": number, "issued_on": "2024-03-01"}]
            (await shop.platform.patch(f"/orders/v1/orders/{order_id}", json={"reason": "theirs", "documents": named})).ok()


async def _orders_of_the_past(shop: Shop, lines: list[dict[str, Any]]) -> None:
    """Delivered and cancelled ones, some refunded before; returned, cancelled and paid now; invoiced elsewhere, known before or after."""
    taken = {"confirmed_at": "2024-03-01T10:00:00Z", "shipped_at": "2024-03-02T10:00:00Z"}
    delivered = taken | {"status": "delivered", "delivered_at": "2024-03-02T10:00:00Z"}
    cancelled = taken | {
        "status": "cancelled",
        "cancelled": {"from": "shipped", "at": "2024-03-05T10:00:00Z", "reason": "late", "by": "staff"},
    }
    invoice = {"kind": "invoice", "number": "F-2024-77", "issued_on": "2024-03-01"}
    before = {"lines": [{"line": 1, "quantity": 1, "amount": 1_000}, {"line": 2, "quantity": 0, "amount": 70}], "shipping": 300}
    pasts = [
        delivered | {"documents": [invoice], "refunded": before}, delivered, cancelled | {"refunded": before}, cancelled,
        taken | {"status": "shipped", "documents": [invoice], "refunded": before}, taken | {"status": "shipped"},
    ]  # fmt: skip
    paid = [{"amount": 9_000, "method": "card", "reference": "then"}]
    asked = [order_p(lines=lines, placed_at="2024-03-01T09:00:00Z", history=past, payments=paid) for past in pasts]
    batch = (await shop.platform.post("/orders/v1/orders/batch", json={"orders": asked})).ok()
    returned, unnamed, refunded, dealt_with, open_one, open_unnamed = (item["order"]["order_id"] for item in batch["items"])
    await pay(shop, unnamed, 9_000, "the rest")
    await decide(shop, await ask(shop, returned, (1, 1), (2, 2)), payout=0)
    await decide(shop, await ask(shop, unnamed, (1, 2)))
    named = {"reason": "found the invoice", "documents": [invoice]}
    version = (await shop.platform.patch(f"/orders/v1/orders/{unnamed}", json=named)).ok()["version"]
    await decide(shop, await ask(shop, unnamed, (1, 1)), order_version=version)
    for order_id in (refunded, dealt_with):
        await pay(shop, order_id, 500, "now")
    await _cancel_in_part(shop, open_one, (1, 1), shipping="refund")
    for order_id in (open_one, open_unnamed):
        (await shop.platform.post(f"/orders/v1/orders/{order_id}/cancel", json={"reason": "never arrived"})).ok()
        await pay(shop, order_id, 100, "after")


async def _money_without_units(shop: Shop, lines: list[dict[str, Any]]) -> None:
    """With taxes: goodwill on a line and on the order, shipping alone, fees, shipping kept or not by choice, and what was overpaid."""
    taxed = [line | {"tax": 77 * at, "tax_rate": rate} for at, (line, rate) in enumerate(zip(lines, ("15", "5", "15"), strict=True), 1)]
    paid = [{"amount": 18_000, "method": "card", "reference": "x"}]
    order_id = await place(shop, lines=taxed, shipping={"amount": 1_000, "tax": 130, "tax_rate": "15"}, payments=paid)
    await move(shop, order_id, "confirmed", "delivered")
    await decide(shop, await ask(shop, order_id, (1, 1)), fees=[{"name": "Restocking", "amount": 333}, {"name": "Box", "amount": 50}])
    for kind, amount, line in ("goodwill", 500, 2), ("goodwill", 777, None), ("shipping", 100, None), ("overpaid", 800, None):
        body = {"order_id": order_id, "kind": kind, "amount": amount, "line": line, "reason": "late", "message": "Sorry."}
        (await shop.staff.post("/refunds/v1/refunds/adjustments", json=body)).ok()
    account = {"method": "bkash", "account": "01712345678", "holder": "Rahima Begum"}
    for units, shipping in ((1, 1), "keep"), ((2, 2), "refund"):
        refund = await ask(shop, order_id, units, pay_to=account)
        await decide(shop, refund, shipping=shipping, shipping_reason="as agreed")
        await settle(shop, refund, "succeeded", "all")


async def _kept_shipping(shop: Shop, lines: list[dict[str, Any]]) -> None:
    """Product section 8, case 9, with the policy on: an invoice over what is kept."""
    order_id = await place(shop, lines=lines)
    await pay(shop, order_id, 3_000, "part")
    await move(shop, order_id, "picked_up")

    async def seen() -> bool:
        return bool(await shop.rows("refunds", "select 1 from settings where store_id = {store} and version = 2"))

    assert await eventually(seen)
    (await shop.customer("c-1").post(f"/orders/v1/orders/{order_id}/cancel", json={"reason": "too late"})).ok()
    await pay(shop, order_id, 12_000, "rest")
    order_id = await place(shop, lines=lines)
    await move(shop, order_id, "confirmed")
    await pay(shop, order_id, 9_000, "part")
    await _cancel_in_part(shop, order_id, (1, 3), shipping="refund")
    await _cancel_in_part(shop, order_id, (2, 1))
    await move(shop, order_id, "shipped")
    (await shop.platform.post(f"/orders/v1/orders/{order_id}/cancel", json={"reason": "the rest too"})).ok()
    await pay(shop, order_id, 2_000, "rest")


async def admin(stack: Stack) -> asyncpg.Connection:
    """The administrator in the stack's own database: sees every schema in one transaction."""
    return await asyncpg.connect(stack.postgres_url.rsplit("/", 1)[0] + f"/{stack.name}")
