"""What refund tests do again and again, over HTTP: place and move orders, set the policy, ask, decide, and look."""

import json
import uuid
from typing import Any

from shared.contracts.ids import uuid_of
from tests.shop import Answer, Caller, Shop, eventually, order_p

POLICY = {"manage_stock": False, "attachments": True, "deduct_shipping": False}


async def order(shop: Shop, **changes: Any) -> str:
    """The id of a new order P, with changes."""
    return str((await shop.platform.post("/orders/v1/orders", json=order_p(**changes))).ok()["order_id"])


def prepaid(amount: int = 11_000) -> dict[str, Any]:
    """An order field: money collected while placing."""
    return {"payments": [{"amount": amount, "method": "card", "reference": "pay-1"}]}


async def move(shop: Shop, order_id: str, *steps: str) -> None:
    """Move an order through these steps."""
    for step in steps:
        (await shop.staff.post(f"/orders/v1/orders/{order_id}/transitions", json={"to": step})).ok()


async def pay(shop: Shop, order_id: str, amount: int, reference: str = "") -> Answer:
    """Record collected money."""
    body = {"amount": amount, "method": "cod", "reference": reference or uuid.uuid4().hex}
    return (await shop.staff.post(f"/orders/v1/orders/{order_id}/payments", json=body)).ok()


async def cancel(caller: Caller, order_id: str) -> Answer:
    """Cancel an order."""
    return (await caller.post(f"/orders/v1/orders/{order_id}/cancel", json={"reason": "changed my mind"})).ok()


async def seen(shop: Shop, order_id: str, **expected: Any) -> dict[str, Any]:
    """The service's copy of an order, once it has these values."""

    async def look() -> dict[str, Any]:
        rows = await shop.rows("refunds", "select * from orders where store_id = {store} and order_id = $2", uuid_of("order", order_id))
        assert rows, "no copy yet"
        assert {name: rows[0][name] for name in expected} == expected
        return rows[0]

    return await eventually(look)


async def collected(shop: Shop, order_id: str, amount: int) -> None:
    """Wait until the service's copy of an order knows this much as collected."""

    async def look() -> bool:
        rows = await shop.rows(
            "refunds", "select payments from orders where store_id = {store} and order_id = $2", uuid_of("order", order_id)
        )
        return bool(sum(payment["amount"] for payment in json.loads(rows[0]["payments"])) == amount)

    await eventually(look)


async def delivered(shop: Shop, **changes: Any) -> str:
    """The id of a new order that was delivered, and that refunds knows as delivered."""
    order_id = await order(shop, **changes)
    await move(shop, order_id, "delivered")
    await seen(shop, order_id, status="delivered")
    return order_id


async def policy(shop: Shop, **changes: Any) -> Answer:
    """Save the store's refund settings: the defaults with changes."""
    before = await shop.staff.get("/refunds/v1/refund-policy")
    return (await shop.staff.put("/refunds/v1/refund-policy", json=POLICY | changes, headers={"If-Match": before.etag})).ok()


async def ask(caller: Caller, order_id: str, *lines: tuple[int, int], **more: Any) -> Answer:
    """Request (line, quantity) pairs; the answer may be a refusal."""
    body = {"order_id": order_id, "lines": [{"line": line, "quantity": quantity} for line, quantity in lines], "reason": "damaged"}
    return await caller.post("/refunds/v1/refunds", json=body | more)


async def approve(shop: Shop, refund_id: str, **body: Any) -> Answer:
    """Approve; the answer may be a refusal."""
    return await shop.staff.post(f"/refunds/v1/refunds/{refund_id}/approve", json=body)


async def withdraw(caller: Caller, refund_id: str) -> Answer:
    """Withdraw; the answer may be a refusal."""
    return await caller.post(f"/refunds/v1/refunds/{refund_id}/withdraw")


async def refunds_of(shop: Shop, order_id: str, number: int | None = None) -> list[dict[str, Any]]:
    """The refunds of an order in full, the oldest first; waits until there are `number`."""

    async def look() -> list[dict[str, Any]]:
        page = (await shop.staff.get("/refunds/v1/refunds", params={"order_id": order_id})).ok()
        assert number is None or len(page["items"]) == number, page["items"]
        items = sorted(page["items"], key=lambda item: item["refund_id"])
        return [(await shop.staff.get(f"/refunds/v1/refunds/{item['refund_id']}")).ok().body for item in items]

    return await look() if number is None else await eventually(look)


def amounts(refund: Answer | dict[str, Any]) -> tuple[int, int, int]:
    """Amount, goods, shipping in minor units."""
    return refund["amount"]["amount"], refund["goods"]["amount"], refund["shipping"]["amount"]


async def told(shop: Shop, order_id: str) -> list[str]:
    """The types of the refund events of an order, in order."""
    return [event["type"] for event in await shop.events("refunds", order_id)]


async def everything(shop: Shop, order_id: str) -> dict[str, Any]:
    """All that the service holds of an order, to see that a refusal changed nothing.

    Without the copy's version, which moves when orders tells that it saw an approval.
    """
    key = uuid_of("order", order_id)
    found: dict[str, Any] = {}
    for table in ("orders", "refunds", "claims", "approvals", "credits", "attention"):
        sql = f"select * from {table} where store_id = {{store}} and order_id = $2 order by {table}"
        found[table] = await shop.rows("refunds", sql, key)
    found["orders"] = [{name: value for name, value in row.items() if name != "version"} for row in found["orders"]]
    for table in ("refund_lines", "settlements", "inspections", "attachments"):
        sql = f"select t.* from {table} t join refunds r using (store_id, refund_id) where t.store_id = {{store}} and r.order_id = $2"
        found[table] = await shop.rows("refunds", f"{sql} order by t", key)
    found["events"] = await shop.events("refunds", order_id)
    return found


async def stock(shop: Shop, sku: str, level: int) -> None:
    """Turn the store's stock on, with a level for one SKU."""
    settings = await shop.staff.get("/orders/v1/orders-settings")
    body = {name: settings[name] for name in ("cancel_preset", "customer_cancel_until", "number_prefix", "time_zone")} | {"stock": True}
    (await shop.staff.put("/orders/v1/orders-settings", json=body, headers={"If-Match": settings.etag})).ok()
    (await shop.staff.put(f"/orders/v1/stock/{sku}", json={"on_hand": level})).ok()


async def on_hand(shop: Shop, sku: str, expected: int) -> bool:
    """Whether the stock level is as expected."""
    level = (await shop.staff.get(f"/orders/v1/stock/{sku}")).ok()
    return bool(level["on_hand"] == expected)
