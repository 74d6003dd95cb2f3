"""Steps of an order's life that scenes over all services share: each a call that succeeds, once the services know what it needs."""

from typing import Any

from tests.shop import Answer, Shop, eventually, order_p


async def place(shop: Shop, **changes: Any) -> str:
    return str((await shop.platform.post("/orders/v1/orders", json=order_p(**changes))).ok()["order_id"])


async def move(shop: Shop, order_id: str, *steps: str) -> None:
    for step in steps:
        (await shop.staff.post(f"/orders/v1/orders/{order_id}/transitions", json={"to": step, "message": f"It is {step}."})).ok()


async def pay(shop: Shop, order_id: str, amount: int, reference: str) -> str:
    body = {"amount": amount, "method": "cod", "reference": reference, "collected_by": "rider-7", "courier_charge": 60}
    answer = (await shop.platform.post(f"/orders/v1/orders/{order_id}/payments", json=body)).ok()
    return str(answer["payments"][-1]["payment_id"])


async def ask(shop: Shop, order_id: str, *lines: tuple[int, int], **also: Any) -> str:
    body = {"order_id": order_id, "reason": "damaged", "lines": [{"line": line, "quantity": units} for line, units in lines], **also}

    async def seen() -> Answer:
        return (await shop.staff.post("/refunds/v1/refunds", json=body)).ok()

    return str((await eventually(seen))["refund_id"])


async def decide(shop: Shop, refund_id: str, what: str = "approve", **body: Any) -> None:
    async def covered() -> Answer:
        return (await shop.staff.post(f"/refunds/v1/refunds/{refund_id}/{what}", json=body)).ok()

    await eventually(covered)


async def settle(shop: Shop, refund_id: str, outcome: str, reference: str, **more: Any) -> None:
    body = {"outcome": outcome, "reference": reference, "method": "card", "reason": "" if outcome == "succeeded" else "no such account"}
    body |= more
    (await shop.staff.post(f"/refunds/v1/refunds/{refund_id}/settlements", json=body)).ok()
