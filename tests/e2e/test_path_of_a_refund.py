"""One order's life through all services, over HTTP and through RabbitMQ: placed, delivered, paid, refunded, restocked, documented."""

import subprocess
from typing import Any

from tests.shop import Answer, Shop, eventually, order_p

INVOICED = ["invoice", "receipt", "credit_note"]
TIMELINE = [
    *("document.issued",) * 3,
    *("order.confirmed", "order.delivered", "order.payment_recorded", "order.picked_up", "order.placed", "order.shipped"),
    *("refund.approved", "refund.requested"),
]


async def stocked(shop: Shop, on_hand: int) -> None:
    """Stock switched on, with `on_hand` units of the T-shirt."""
    settings = (await shop.staff.get("/orders/v1/orders-settings")).ok()
    wanted = {name: settings[name] for name in ("cancel_preset", "customer_cancel_until", "number_prefix", "time_zone")} | {"stock": True}
    (await shop.staff.put("/orders/v1/orders-settings", json=wanted, headers={"If-Match": settings.etag})).ok()
    (await shop.staff.put("/orders/v1/stock/TEE-1", json={"on_hand": on_hand, "reason": "opening count"})).ok()


async def policy(shop: Shop, **switches: bool) -> None:
    """The store's refund policy with these switches changed."""
    now = (await shop.staff.get("/refunds/v1/refund-policy")).ok()
    names = ("manage_stock", "attachments", "deduct_shipping")
    wanted = {name: switches.get(name, now[name]) for name in names}
    (await shop.staff.put("/refunds/v1/refund-policy", json=wanted, headers={"If-Match": now.etag})).ok()


async def on_hand(shop: Shop) -> int:
    return int((await shop.staff.get("/orders/v1/stock/TEE-1")).ok()["on_hand"])


async def documents(shop: Shop, order_id: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = (await shop.staff.get(f"/documents/v1/documents/orders/{order_id}")).ok()["items"]
    return items


async def delivered(shop: Shop) -> str:
    """Order P, moved step by step to delivered; its id."""
    order_id: str = (await shop.platform.post("/orders/v1/orders", json=order_p())).ok()["order_id"]
    for status in ("confirmed", "picked_up", "shipped", "delivered"):
        (await shop.staff.post(f"/orders/v1/orders/{order_id}/transitions", json={"to": status})).ok()
    return order_id


async def requested(shop: Shop, order_id: str) -> Answer:
    """All of it asked back by its customer, as soon as refunds has seen the delivery."""
    body = {"order_id": order_id, "lines": [{"line": 1, "quantity": 2}], "reason": "damaged", "description": "The sleeve is torn"}

    async def ask() -> Answer:
        return (await shop.customer().post("/refunds/v1/refunds", json=body)).ok()

    return await eventually(ask)


def text_of(pdf: bytes) -> str:
    """What a reader finds in a PDF, white space removed."""
    done = subprocess.run(["pdftotext", "-", "-"], input=pdf, capture_output=True, check=True)
    return "".join(done.stdout.decode().split())


async def test_an_order_goes_from_placed_to_refunded_and_restocked(shop: Shop) -> None:
    await stocked(shop, 10)
    await policy(shop, manage_stock=True)
    order_id = await delivered(shop)
    assert await on_hand(shop) == 8
    cash = {"amount": 11000, "method": "cod", "reference": "cod-1", "collected_by": "rider-7"}
    assert (await shop.staff.post(f"/orders/v1/orders/{order_id}/payments", json=cash)).ok()["payment"] == "paid"

    refund = await requested(shop, order_id)
    assert (refund.status, refund["status"], refund["amount"]["amount"]) == (201, "processing", 11000)

    async def approve() -> Answer:
        return (
            await shop.staff.post(f"/refunds/v1/refunds/{refund['refund_id']}/approve")
        ).ok()  # 409 not_collected until the cash is known

    assert (await eventually(approve))["status"] == "approved"

    async def refunded() -> Answer | None:
        order = (await shop.staff.get(f"/orders/v1/orders/{order_id}")).ok()
        return order if order["refund_state"] == "full" else None

    order = await eventually(refunded)
    assert order is not None
    assert order["refunded_total"]["amount"] == 11000
    assert await on_hand(shop) == 10

    async def all_issued() -> bool:
        return sorted(one["kind"] for one in await documents(shop, order_id)) == sorted(INVOICED)

    await eventually(all_issued)
    for issued in await documents(shop, order_id):
        pdf = await shop.customer().get(f"/documents/v1/documents/{issued['document_id']}/pdf")
        assert pdf.content.startswith(b"%PDF-")
        assert issued["number"] in text_of(pdf.content)
        assert "110.00" in text_of(pdf.content)

    async def told() -> bool:
        entries = (await shop.staff.get(f"/notes/v1/timeline/{order_id}")).ok()["items"]
        assert sorted(entry["type"] for entry in entries) == TIMELINE
        return True

    await eventually(told)


async def test_a_cancelled_order_is_refunded_by_the_event_alone(shop: Shop) -> None:
    order_id = (await shop.platform.post("/orders/v1/orders", json=order_p())).ok()["order_id"]
    paid = {"amount": 11000, "method": "card", "reference": "card-1"}
    (await shop.platform.post(f"/orders/v1/orders/{order_id}/payments", json=paid)).ok()
    (await shop.customer().post(f"/orders/v1/orders/{order_id}/cancel", json={"reason": "changed my mind"})).ok()

    async def refunded() -> bool:
        order = (await shop.customer().get(f"/orders/v1/orders/{order_id}")).ok()
        return bool((order["refund_state"], order["refunded_total"]["amount"]) == ("full", 11000))

    await eventually(refunded)
    [refund] = (await shop.staff.get("/refunds/v1/refunds", params={"order_id": order_id})).ok()["items"]
    assert (refund["status"], refund["cause"], refund["amount"]["amount"]) == ("approved", "cancellation", 11000)


async def test_one_trace_leads_from_the_http_call_to_the_last_consumer(shop: Shop) -> None:
    """orders (HTTP) → documents (invoice) → notes (timeline): every event on the way keeps the caller's trace."""
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    order_id = (await shop.platform.post("/orders/v1/orders", json=order_p())).ok()["order_id"]
    headers = {"traceparent": f"00-{trace}-00f067aa0ba902b7-01"}
    (await shop.staff.post(f"/orders/v1/orders/{order_id}/transitions", json={"to": "confirmed"}, headers=headers)).ok()

    async def issued() -> list[dict[str, Any]]:
        return await shop.rows("documents", "select traceparent from events where store_id = {store} and subject = $2", order_id)

    [invoice] = await eventually(issued)
    [confirmed] = await shop.rows(
        "orders", "select traceparent from events where store_id = {store} and subject = $2 and sequence = 2", order_id
    )
    assert confirmed["traceparent"].split("-")[1] == trace
    assert invoice["traceparent"].split("-")[1] == trace
