"""P20 on the running services: a stolen broker credential of one service cannot act as another."""

import json
import uuid
from datetime import UTC, datetime
from typing import Any

import aio_pika
import pytest

from shared.messaging.broker import exchange_name
from tests.shop import Shop, eventually, order_p
from tests.stack import Stack

THIEVES = [  # whose credential, a type that it may publish, the service that reads it
    ("documents", "document.issued.v1", "notes"),
    ("refunds", "refund.approved.v1", "notes"),
    ("refunds", "refund.approved.v1", "documents"),
    ("refunds", "refund.approved.v1", "orders"),
    ("orders", "order.placed.v1", "refunds"),
]
OWNERS = {
    "customer.erased.v1": "orders",
    "order.confirmed.v1": "orders",
    "refund.approved.v1": "refunds",
    "document.issued.v1": "documents",
}


@pytest.mark.parametrize(("thief", "allowed", "reader"), THIEVES)
async def test_a_stolen_credential_cannot_speak_for_another(shop: Shop, stack: Stack, thief: str, allowed: str, reader: str) -> None:
    order = (await shop.platform.post("/orders/v1/orders", order_p())).ok().body
    notes, note = "/notes/v1/notes", {"order_id": order["order_id"], "audience": "private", "text": "keep me"}

    async def written() -> bool:
        return (await shop.staff.post(notes, note)).status == 201

    await eventually(written)
    forged = [erasure(shop, order, event_type, source) for event_type, source in OWNERS.items() if source != thief]
    forged.append(erasure(shop, order, allowed, next(service for service in ("orders", "notes") if service != thief)))
    async with await aio_pika.connect(stack.settings[f"AFTERSALE_{thief.upper()}_AMQP_URL"]) as connection:
        exchange = await (await connection.channel()).get_exchange(exchange_name(stack.name), ensure=False)
        for event in forged:
            await exchange.publish(aio_pika.Message(json.dumps(event).encode(), type=allowed), allowed)

    async def parked() -> bool:
        rows = await shop.rows(reader, "select reason, body from parked where store_id in ({store}, '')")
        mine = sorted(row["reason"] for row in rows if shop.store.encode() in row["body"])
        assert mine == ["source_does_not_own_type"] + ["type_is_not_its_routing_key"] * (len(forged) - 1)
        return True

    await eventually(parked)
    assert [note["text"] for note in (await shop.staff.get(f"{notes}?order_id={order['order_id']}")).ok()["items"]] == ["keep me"]
    assert (await shop.staff.get(f"/documents/v1/documents/orders/{order['order_id']}")).body.get("items", []) == []
    taken = await shop.rows(reader, "select event_id::text from inbox where store_id = {store}")
    assert {row["event_id"] for row in taken}.isdisjoint({event["id"] for event in forged})


def erasure(shop: Shop, order: dict[str, Any], event_type: str, source: str) -> dict[str, Any]:
    """An event about the shop's customer as `source` would send it, whatever its type."""
    now = datetime.now(UTC).isoformat()
    by = {"role": "platform", "id": "x", "via": None}
    data = {"occurred_at": now, "customer_id": order["customer"]["id"], "order_ids": [order["order_id"]], "by": by}
    return {
        "specversion": "1.0",
        "id": str(uuid.uuid4()),
        "source": source,
        "type": event_type,
        "subject": f"customer:{order['customer']['id']}",
        "time": now,
        "recordedtime": now,
        "storeid": shop.store,
        "sequence": f"{1:020d}",
        "data": data,
    }
