"""An order's life over HTTP: placed, moved, paid, delivered; each change one version and one event."""

from tests.shop import Shop, order_p


async def test_from_placed_to_delivered_and_paid(shop: Shop) -> None:
    placed = (await shop.platform.post("/orders/v1/orders", json=order_p())).ok()
    order_id = placed["order_id"]
    assert (placed.status, placed["version"], placed["status"], placed["payment"], placed.etag) == (201, 1, "pending", "unpaid", '"v1"')
    assert placed["total"] == {"amount": 11000, "currency": "BDT", "decimal": "110.00"}
    assert placed["number"] == "1001"
    assert placed["billing_address"]["formatted"] == ["Rahima Begum", "House 1, Road 2", "DHAKA - 1205", "BANGLADESH"]

    for version, step in enumerate(("confirmed", "picked_up", "shipped", "delivered"), start=2):
        moved = (await shop.staff.post(f"/orders/v1/orders/{order_id}/transitions", json={"to": step})).ok()
        assert (moved["version"], moved["status"]) == (version, step)
    paid = await shop.staff.post(
        f"/orders/v1/orders/{order_id}/payments",
        json={"amount": 11000, "method": "cod", "reference": "slip-1", "collected_by": "Karim"},
    )
    assert (paid.ok()["version"], paid["payment"], paid["collected"]["amount"], paid["due"]["amount"]) == (6, "paid", 11000, 0)

    shown = (await shop.staff.get(f"/orders/v1/orders/{order_id}")).ok()
    types = ("placed", "confirmed", "picked_up", "shipped", "delivered", "payment_recorded")
    assert [entry["type"] for entry in shown["timeline"]] == [f"order.{word}.v1" for word in types]
    assert shown["actions"]["cancel"] == {
        "action": "cancel", "allowed": False, "code": "delivered",
        "detail": "A delivered order cannot be cancelled; request a refund instead.",
    }  # fmt: skip
    told = await shop.events("orders", order_id)
    assert [(event["type"], event["sequence"]) for event in told] == [(e["type"], n) for n, e in enumerate(shown["timeline"], start=1)]
    assert told[0]["data"]["order"]["number"] == "1001"
    assert told[-1]["data"]["order"]["collected"] == 11000
    assert told[-1]["data"]["personal"]["billing_address"]["street_address"] == "House 1, Road 2"
