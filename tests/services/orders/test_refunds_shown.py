"""What the refund service decided, as it crosses RabbitMQ: goods back once per cause, and the order's copy of its refunds."""

import json
import uuid
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import aio_pika
import pytest

from shared.contracts.events import By, Event, InspectedLine, Refund, RefundApproved, RefundInspected, RefundLine, UnitRange
from shared.contracts.ids import new_id
from shared.messaging.broker import exchange_name
from tests.services.orders.test_changes import CANCEL, act, placed
from tests.services.orders.test_placing import stocked
from tests.shop import Shop, eventually

Send = Callable[..., Awaitable[None]]


@pytest.fixture
async def send(shop: Shop) -> Send:
    """Publish an event as the refund service does, `times` over."""

    async def publish(event: Event, *, event_id: uuid.UUID | None = None, times: int = 1) -> None:
        now = datetime.now(UTC).isoformat()
        body = {
            "specversion": "1.0", "id": str(event_id or uuid.uuid4()), "source": "refunds", "type": event.type, "subject": event.subject,
            "time": now, "recordedtime": now, "storeid": shop.store, "sequence": f"{1:020d}", "data": event.model_dump(mode="json"),
        }  # fmt: skip
        async with await aio_pika.connect(shop.stack.amqp_url) as connection:
            exchange = await (await connection.channel()).get_exchange(exchange_name(shop.stack.name))
            for _ in range(times):
                message = aio_pika.Message(json.dumps(body).encode(), content_type="application/cloudevents+json", type=event.type)
                await exchange.publish(message, routing_key=event.type)

    return publish


def approved(order: dict[str, Any], *, amount: int, units: int, restock: int, refund_id: str | None = None) -> RefundApproved:
    line = RefundLine(
        line=1, sku="TEE-1", quantity=units, units=(UnitRange(first=1, last=units),), goods=amount, shipping=0,
        disposition="restock" if restock else "inspect", restock=restock,
    )  # fmt: skip
    refund = Refund(
        refund_id=refund_id or new_id("refund"), order_id=order["order_id"], order_number=order["number"], customer_id="c-1", version=2,
        status="approved", settlement="unsettled", cause="request", order_version=order["version"], policy_version=0, reason="other",
        currency="BDT", amount=amount, credit=amount, goods=amount, shipping=0, lines=(line,), requested_at=datetime.now(UTC),
    )  # fmt: skip
    return RefundApproved(occurred_at=datetime.now(UTC), refund=refund, by=By(role="staff", id="staff-1"))


async def order_at(shop: Shop, order_id: str, version: int) -> dict[str, Any]:
    """The order once it is at `version`."""

    async def look() -> dict[str, Any]:
        shown: dict[str, Any] = (await shop.staff.get(f"/orders/v1/orders/{order_id}")).ok().body
        assert shown["version"] >= version
        return shown

    return await eventually(look)


async def on_hand(shop: Shop) -> int:
    return int((await shop.staff.get("/orders/v1/stock/TEE-1")).ok()["on_hand"])


async def test_a_refund_restocks_once_and_is_shown(shop: Shop, send: Send) -> None:
    await stocked(shop, TEE_1=10)
    order = (await shop.staff.get(f"/orders/v1/orders/{await placed(shop, at='delivered')}")).ok().body
    first = approved(order, amount=5000, units=1, restock=1)
    await send(first, event_id=uuid.uuid4(), times=3)
    shown = await order_at(shop, order["order_id"], 3)
    assert (shown["refund_state"], shown["refunded_total"]["amount"], await on_hand(shop)) == ("partial", 5000, 9)
    await send(approved(order, amount=6000, units=1, restock=0))
    shown = await order_at(shop, order["order_id"], 4)
    assert (shown["version"], shown["refund_state"], shown["refunded_total"]["amount"], await on_hand(shop)) == (4, "full", 11000, 9)
    told = [(event["type"], event["sequence"]) for event in await shop.events("orders", order["order_id"])]
    assert told[2:] == [("order.refunded.v1", 3), ("order.refunded.v1", 4)]
    moved = (await shop.events("orders", "sku:TEE-1"))[-1]["data"]
    assert (moved["quantity"], moved["cause"]) == (1, f"refund:{first.refund.refund_id}:1")


async def test_a_refund_counts_once_in_whatever_message_it_comes(shop: Shop, send: Send) -> None:
    order = (await shop.staff.get(f"/orders/v1/orders/{await placed(shop, at='delivered')}")).ok().body
    event = approved(order, amount=5000, units=1, restock=0)
    await send(event)
    await send(event)  # the same refund under another id: the inbox does not know it

    async def both_seen() -> bool:
        return len(await shop.rows("orders", "select 1 from inbox where store_id = {store}")) == 2

    assert await eventually(both_seen)
    shown = (await shop.staff.get(f"/orders/v1/orders/{order['order_id']}")).ok()
    assert (shown["version"], shown["refund_state"], shown["refunded_total"]["amount"]) == (3, "partial", 5000)


async def test_each_inspection_is_a_cause_of_its_own(shop: Shop, send: Send) -> None:
    await stocked(shop, TEE_1=10)
    order = (await shop.staff.get(f"/orders/v1/orders/{await placed(shop, at='delivered')}")).ok().body
    event = approved(order, amount=10000, units=2, restock=0)
    await send(event)
    await order_at(shop, order["order_id"], 3)
    line = InspectedLine(line=1, sku="TEE-1", quantity=1, disposition="restock", restock=1)
    for _ in range(2):
        inspected = RefundInspected(
            occurred_at=datetime.now(UTC), refund=event.refund, by=event.by, inspection_id=uuid.uuid4(), lines=(line,)
        )
        await send(inspected, event_id=uuid.uuid4(), times=2)

    async def back() -> bool:
        return await on_hand(shop) == 10

    assert await eventually(back)
    assert (await order_at(shop, order["order_id"], 3))["version"] == 3  # the order itself does not change


async def test_what_was_not_tracked_is_not_restocked(shop: Shop, send: Send) -> None:
    order = (await shop.staff.get(f"/orders/v1/orders/{await placed(shop, at='delivered')}")).ok().body  # placed with stock off
    await stocked(shop, TEE_1=10)
    await send(approved(order, amount=11000, units=2, restock=2))
    assert (await order_at(shop, order["order_id"], 3))["refund_state"] == "full"
    assert await on_hand(shop) == 10


async def test_all_that_was_collected_of_a_cancelled_order_is_full(shop: Shop, send: Send) -> None:
    order_id = await placed(shop, payments=[{"amount": 3000, "method": "card", "reference": "x"}])
    order = (await act(shop.customer(), order_id, "cancel", CANCEL)).ok().body
    await send(approved(order, amount=3000, units=1, restock=0))
    assert (await order_at(shop, order_id, 3))["refund_state"] == "full"
    later = (await act(shop.staff, order_id, "payments", {"amount": 8000, "method": "cod", "reference": "late"})).ok()
    assert later["refund_state"] == "partial"
    await send(approved(order, amount=8000, units=1, restock=0))
    assert (await order_at(shop, order_id, 5))["refund_state"] == "full"
