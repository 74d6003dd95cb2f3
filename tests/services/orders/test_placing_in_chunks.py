"""A batch is placed in chunks: what comes of it is what placing one order after the other would have made of it."""

import asyncio
import json
from typing import Any

import httpx2
import pytest

from shared.data.crash import VARIABLE
from tests.services.orders.test_placing import stocked
from tests.shop import Caller, Shop, order_p
from tests.stack import Stack

BATCH = "/orders/v1/orders/batch"
ITEMS = 12
POISONED = 5
TWO_CHUNKS = 70  # of 64 and 6


def wishes(poison: dict[str, Any]) -> list[dict[str, Any]]:
    """Orders that share two tracked SKUs and an untracked one, and one in their middle that is not like them."""
    lines = [
        {"sku": sku, "name": sku, "quantity": quantity, "unit_price": 100} for sku, quantity in (("B", 1), ("FREE", 3), ("A", 2), ("B", 1))
    ]
    plain = [order_p(lines=lines, external_ref=f"web-{index}") for index in range(ITEMS)]
    return [*plain[:POISONED], plain[POISONED] | poison, *plain[POISONED + 1 :]]


async def a_store(shop: Shop) -> Shop:
    """With enough for every order but a greedy one, and with an order that has a number and a reference of the platform's."""
    await stocked(shop, A=40, B=30)
    (await shop.platform.post("/orders/v1/orders", json=order_p(number="N-1", external_ref="taken"))).ok()
    return shop


async def told(shop: Shop) -> dict[str, Any]:
    """Everything that is written of the store, with the ids of its orders as their rank."""
    ids = [
        row["order_id"]
        for row in await shop.rows("orders", "select order_id from orders where store_id = {store} order by recorded_at, order_id")
    ]
    rank = {str(order_id): at for at, order_id in enumerate(ids)}
    events = await shop.events("orders")
    public = {event["subject"]: at for at, event in enumerate(one for one in events if one["type"] == "order.placed.v1")}
    shown = {
        table: [
            {name: rank[str(value)] if name == "order_id" and value else value for name, value in row.items()}
            for row in await shop.rows("orders", f"select {columns} from {table} where store_id = {{store}} order by {by}")
        ]
        for table, columns, by in (
            (
                "orders",
                "order_id, external_ref, customer_name, email, phone, shipping_address, line_count, unit_count, total, collected, payment",
                "order_id",
            ),
            ("lines", "order_id, line, sku, quantity, unit_price, total, stock_tracked", "order_id, line"),
            ("payments", "order_id, amount, method, reference", "order_id"),
            ("changes", "order_id, version, type, by, details", "order_id"),
            ("stock_levels", "sku, on_hand, movements", "sku"),
            ("stock_movements", "sku, sequence, quantity, on_hand, order_id, reason", "sku, sequence"),
        )
    }
    return shown | {
        "events": [
            (one["type"], public.get(one["subject"], one["subject"]), one["sequence"], one["data"].get("on_hand")) for one in events
        ],
        "kept": len(await shop.rows("orders", "select 1 from idempotency where store_id = {store}")),
    }


OF_THE_CALL = ("trace_id", "type", "instance", "order_id")


def seen(item: dict[str, Any]) -> Any:
    """An item's answer without what differs between two stores."""
    if item["status"] != 201:
        return item["status"], {name: item["problem"][name] for name in item["problem"] if name not in OF_THE_CALL}
    return 201, item["order"]["external_ref"], [(line["sku"], line["quantity"], line["stock_tracked"]) for line in item["order"]["lines"]]


@pytest.mark.parametrize(
    ("poison", "code"),
    [
        ({}, None),
        ({"payments": [{"amount": 700, "method": "card", "reference": "ch_1"}], "metadata": {"gift": True}}, None),
        ({"lines": [{"sku": "A", "name": "A", "quantity": 39, "unit_price": 1}]}, "out_of_stock"),
        ({"external_ref": "taken"}, "external_ref_taken"),
        ({"external_ref": "web-2"}, "external_ref_taken"),  # of an earlier order of the same chunk
        ({"number": "N-1"}, "number_taken"),
        ({"total": 1}, "figures_do_not_add_up"),
        ({"currency": "ZZZ"}, "invalid"),
    ],
)
async def test_a_chunk_is_what_its_orders_are_one_by_one(shop: Shop, poison: dict[str, Any], code: str | None) -> None:
    alone, together = await a_store(Shop(shop.stack, shop._client, shop._pools)), await a_store(shop)
    bodies = wishes(poison)
    batch = (await together.platform.post(BATCH, json={"orders": bodies})).ok()["items"]
    single = []
    for body in bodies:  # a batch of one is one order by itself
        single += (await alone.platform.post(BATCH, json={"orders": [body]})).ok()["items"]
    assert [item["problem"] and item["problem"]["code"] for item in batch] == [code if at == POISONED else None for at in range(ITEMS)]
    assert [seen(item) for item in batch] == [seen(item) for item in single]
    assert await told(together) == await told(alone)
    numbers = [int(item["order"]["number"]) for item in batch if item["order"]]
    assert numbers == sorted(set(numbers))


async def test_the_last_of_the_stock_goes_to_the_earlier_orders(shop: Shop) -> None:
    await stocked(shop, A=25)
    bodies = [order_p(lines=[{"sku": "A", "name": "a", "quantity": 4, "unit_price": 1}]) for _ in range(9)]
    items = (await shop.platform.post(BATCH, json={"orders": bodies})).ok()["items"]
    assert [item["status"] for item in items] == [201] * 6 + [409] * 3
    assert {json.dumps(item["problem"]["short"]) for item in items[6:]} == {json.dumps([{"sku": "A", "on_hand": 1, "ordered": 4}])}


async def test_what_was_placed_before_is_answered_from_what_was_kept(shop: Shop) -> None:
    good = [order_p(external_ref=f"web-{index}") for index in range(ITEMS)]
    some = [body if index in (2, POISONED, 6) else {} for index, body in enumerate(good)]
    first = (await shop.platform.post(BATCH, json={"orders": some}, key="b")).ok()["items"]
    assert [item["status"] for item in first] == [201 if index in (2, POISONED, 6) else 422 for index in range(ITEMS)]
    other = [*good[:POISONED], order_p(discount=1), *good[POISONED + 1 :]]
    second = (await shop.platform.post(BATCH, json={"orders": other}, key="b")).ok()["items"]
    assert [item["status"] for item in second] == [422 if index == POISONED else 201 for index in range(ITEMS)]
    assert second[POISONED]["problem"]["code"] == "idempotency_key_reused"
    third = (await shop.platform.post(BATCH, json={"orders": good}, key="b")).ok()
    assert (third["placed"], third["items"]) == (ITEMS, [*second[:POISONED], first[POISONED], *second[POISONED + 1 :]])
    assert [first[at] for at in (2, 6)] == [second[at] for at in (2, 6)]
    assert len(await shop.rows("orders", "select 1 from orders where store_id = {store}")) == ITEMS


async def test_the_same_batch_at_the_same_time(shop: Shop) -> None:
    await stocked(shop, TEE_1=1000)
    body = {"orders": [order_p(external_ref=f"web-{index}") for index in range(ITEMS)]}
    answers = await asyncio.gather(*(shop.platform.post(BATCH, json=body, key="b") for _ in range(6)))
    assert len({answer.ok().content for answer in answers}) == 1
    assert answers[0]["placed"] == ITEMS
    assert (await shop.staff.get("/orders/v1/stock/TEE-1")).ok()["on_hand"] == 1000 - 2 * ITEMS


@pytest.mark.parametrize(
    ("place", "survive"),
    [
        ("commit.before:orders.place_together", 0),
        ("commit.after:orders.place_together", 64),
        ("commit.before:orders.place_together#2", 64),
        ("commit.after:orders.place_together#2", TWO_CHUNKS),
    ],
)
async def test_killed_in_a_chunk(shop: Shop, stack: Stack, place: str, survive: int) -> None:
    """A chunk is there or not; the repeat answers what is there word for word and places the rest."""
    await stocked(shop, TEE_1=1000)
    (await shop.platform.post("/orders/v1/orders", json=order_p())).ok()  # the store's numbers begin
    body = {"orders": [order_p(external_ref=f"web-{index}") for index in range(TWO_CHUNKS)]}
    doomed = stack.run("orders", roles=("api",), ports=None, **{VARIABLE: place})
    try:
        await asyncio.to_thread(doomed.wait_until_ready)
        with pytest.raises(httpx2.TransportError):
            await Caller(shop._client, doomed.urls, shop.platform.token).post(BATCH, json=body, key="b")
        assert doomed.child.wait(10) == -9
    finally:
        await asyncio.to_thread(doomed.stop)
    before = await shop.rows("orders", "select number, external_ref from orders where store_id = {store} and external_ref is not null")
    assert sorted(row["external_ref"] for row in before) == sorted(f"web-{index}" for index in range(survive))
    assert await of_each(shop) == {"idempotency": survive + 1, "changes": survive + 1, "placed": survive + 1, "moved": survive + 1}
    again = (await shop.platform.post(BATCH, json=body, key="b")).ok()
    assert again["placed"] == TWO_CHUNKS
    numbers = {item["order"]["external_ref"]: item["order"]["number"] for item in again["items"]}
    assert {row["external_ref"]: row["number"] for row in before}.items() <= numbers.items()
    assert set((await of_each(shop)).values()) == {TWO_CHUNKS + 1}


async def of_each(shop: Shop) -> dict[str, int]:
    """How many of what goes with an order: its kept answer, its history, its event, its movement."""
    counted = {
        table: len(await shop.rows("orders", f"select 1 from {table} where store_id = {{store}}")) for table in ("idempotency", "changes")
    }
    events = await shop.events("orders")
    moved = [event for event in events if event["type"] == "stock.moved.v1" and event["data"]["cause"].startswith("placed:")]
    return counted | {"placed": sum(event["type"] == "order.placed.v1" for event in events), "moved": len(moved)}
