"""Events reach a stranger's program: signed, complete, once for each endpoint, and again until they are accepted."""

import json
from typing import Any

from standardwebhooks import Webhook

from tests.services.webhooks.conftest import endpoint
from tests.services.webhooks.receivers import Receiver, Seen, answering, answering_in_turn, receiving
from tests.shop import Shop, eventually, order_p


async def arrived(receiver: Receiver, count: int) -> list[Seen]:
    """What arrived, once there are so many requests."""

    async def enough() -> bool:
        return len(receiver.seen) >= count

    await eventually(enough)
    return receiver.seen


async def delivered(shop: Shop, endpoint_id: str, states: list[str]) -> list[dict[str, Any]]:
    """The endpoint's deliveries, oldest event first, once they have these states."""

    async def found() -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = (await shop.staff.get(f"/webhooks/v1/webhooks/deliveries?endpoint_id={endpoint_id}")).ok()["items"]
        assert [one["state"] for one in items[::-1]] == states
        return items[::-1]

    return await eventually(found)


async def test_an_order_reaches_an_endpoint_signed_and_whole(shop: Shop, receiver: Receiver) -> None:
    made = await endpoint(shop, receiver, types=["order.*"])
    placed = (await shop.platform.post("/orders/v1/orders", json=order_p())).ok()
    [seen] = await arrived(receiver, 1)
    message = Webhook(made["secret"]).verify(seen.body, seen.headers)
    assert message == json.loads(seen.body)
    assert (message["type"], message["subject"], message["source"]) == ("order.placed.v1", placed["order_id"], "orders")
    assert message["id"] == seen.headers["webhook-id"]
    assert message["data"]["order"]["total"] == placed["total"]["amount"]
    assert "personal" not in message["data"]
    [delivery] = await delivered(shop, made["endpoint_id"], ["delivered"])
    detail = (await shop.staff.get(f"/webhooks/v1/webhooks/deliveries/{delivery['delivery_id']}")).ok()
    [call] = detail["calls"]
    assert (call["number"], call["status"], call["outcome"], call["address"]) == (1, 200, "delivered", "127.0.0.1")
    feed = (await shop.platform.get("/webhooks/v1/events?types=order.*")).ok()
    [item] = feed["items"]
    assert (item["event"], feed["after"], feed["more"]) == (message, 1, False)
    whole = (await shop.staff.get(f"/webhooks/v1/events/{message['id']}")).ok()
    assert (whole["position"], [one["delivery_id"] for one in whole["deliveries"]]) == (1, [delivery["delivery_id"]])
    assert whole["read_by"] == ["documents", "notes", "refunds", "webhooks"]


async def test_personal_data_is_only_for_an_endpoint_that_asked_for_it(shop: Shop, receiver: Receiver) -> None:
    await endpoint(shop, receiver, types=["order.placed.v1"], personal=True)
    await shop.platform.post("/orders/v1/orders", json=order_p())
    [seen] = await arrived(receiver, 1)
    message = json.loads(seen.body)
    assert message["data"]["personal"]["email"] == order_p()["customer"]["email"]


async def test_a_refused_delivery_is_sent_again_byte_for_byte(shop: Shop) -> None:
    async with receiving(answering_in_turn(answering(500, b"not now, abc-123-secret"), answering(200))) as receiver:
        made = await endpoint(shop, receiver, types=["order.placed.v1"], headers={"X-Key": "abc-123-secret"})
        await shop.platform.post("/orders/v1/orders", json=order_p())
        first, second = (await arrived(receiver, 2))[:2]
        assert (first.body, first.headers["webhook-id"]) == (second.body, second.headers["webhook-id"])
        [delivery] = await delivered(shop, made["endpoint_id"], ["delivered"])
    calls = (await shop.staff.get(f"/webhooks/v1/webhooks/deliveries/{delivery['delivery_id']}")).ok()["calls"]
    answers = [(one["status"], one["outcome"], one["answer"]) for one in calls]
    assert answers == [(500, "not_accepted", "not now, [redacted]"), (200, "delivered", "")]
    shown = {name.lower(): value for name, value in calls[0]["request"].items()}
    assert shown == {name: first.headers[name] for name in shown} | {"x-key": "[redacted]"}
    assert {"webhook-id", "webhook-timestamp", "webhook-signature", "content-type"} < shown.keys()
    assert first.headers["x-key"] == "abc-123-secret"


async def test_what_happens_while_an_endpoint_is_paused_comes_in_order_on_its_return(shop: Shop, receiver: Receiver) -> None:
    made = await endpoint(shop, receiver, types=["order.*"], in_order=True)
    address = f"/webhooks/v1/webhooks/endpoints/{made['endpoint_id']}"
    (await shop.staff.patch(address, {"state": "paused"})).ok()
    placed = (await shop.platform.post("/orders/v1/orders", json=order_p())).ok()
    for status in ("confirmed", "picked_up", "shipped", "delivered"):
        (await shop.staff.post(f"/orders/v1/orders/{placed['order_id']}/transitions", json={"to": status})).ok()
    await delivered(shop, made["endpoint_id"], ["waiting"] * 5)
    assert receiver.seen == []
    (await shop.staff.patch(address, {"state": "active"})).ok()
    seen = await arrived(receiver, 5)
    expected = ["order.placed.v1", "order.confirmed.v1", "order.picked_up.v1", "order.shipped.v1", "order.delivered.v1"]
    assert [json.loads(one.body)["type"] for one in seen] == expected


async def test_a_test_reaches_only_its_endpoint(shop: Shop, receiver: Receiver) -> None:
    made = await endpoint(shop, receiver)
    sent = (await shop.staff.post(f"/webhooks/v1/webhooks/endpoints/{made['endpoint_id']}/test")).ok()
    [seen] = await arrived(receiver, 1)
    assert json.loads(seen.body)["type"] == "webhooks.test.v1"
    assert sent["state"] == "waiting"
    assert (await shop.staff.get("/webhooks/v1/events")).ok()["items"] == []


async def test_events_are_sent_again_and_for_the_first_time_under_their_ids(shop: Shop, receiver: Receiver) -> None:
    await shop.platform.post("/orders/v1/orders", json=order_p())

    async def known() -> list[dict[str, Any]]:
        return list((await shop.staff.get("/webhooks/v1/events")).ok()["items"])

    [event] = await eventually(known)
    made = await endpoint(shop, receiver)
    address = f"/webhooks/v1/webhooks/endpoints/{made['endpoint_id']}/replay"
    assert (await shop.staff.post(address, json={"backfill": True})).ok()["deliveries"] == 1
    await arrived(receiver, 1)
    await delivered(shop, made["endpoint_id"], ["delivered"])
    assert (await shop.staff.post(address, json={"state": "parked"})).ok()["deliveries"] == 0
    assert (await shop.staff.post(address, json={"state": "delivered"})).ok()["deliveries"] == 1
    seen = await arrived(receiver, 2)
    assert [one.headers["webhook-id"] for one in seen] == [event["event"]["id"]] * 2
