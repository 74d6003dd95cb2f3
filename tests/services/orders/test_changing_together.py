"""Items of a bulk change are done in groups: what comes of it is what doing one after the other would have made of it."""

import asyncio
from functools import partial
from typing import Any

import httpx2
import pytest

from shared.data.crash import VARIABLE
from tests.services.orders.test_bulk import results
from tests.services.orders.test_changes import act
from tests.shop import Caller, Shop, eventually, order_p
from tests.stack import Stack

TWO_GROUPS = 70  # of 64 and 6
PAYMENTS = "/orders/v1/orders/payments"
TRANSACTIONS = "select xmin::text as tx, count(*) as n from payments where store_id = {store} group by 1 order by n"


async def many(shop: Shop, count: int) -> list[str]:
    """Ids of so many orders."""
    batch = (await shop.platform.post("/orders/v1/orders/batch", json={"orders": [order_p(number=f"N-{n}") for n in range(count)]})).ok()
    return [item["order"]["order_id"] for item in batch["items"]]


def paid(order: dict[str, Any], reference: str = "R-1", amount: int = 100) -> dict[str, Any]:
    """An item of a remittance."""
    return order | {"amount": amount, "method": "cod", "reference": reference}


async def written(shop: Shop) -> dict[str, Any]:
    """Everything that is written of the store's orders, by their numbers."""
    of_orders = "join orders o using (store_id, order_id) where store_id = {store} order by o.number"
    rows = {
        "orders": "number, version, status, collected, due, payment, tracking ->> 'number' as parcel, jsonb_array_length(parcels)",
        "changes": "o.number, c.version, c.type, c.by, c.message, c.details - '{payment_id,parcel_id}'::text[] as details",
        "payments": "o.number, p.order_version, p.amount, p.method, p.reference",
    }
    of_each = {table: f"select {columns} from {table} {table[0]} {of_orders}, 2, 3" for table, columns in rows.items() if table != "orders"}
    told = await shop.rows("orders", "select subject, type, sequence from events where store_id = {store} order by subject, sequence")
    return {
        "orders": await shop.rows("orders", f"select {rows['orders']} from orders where store_id = {{store}} order by number"),
        "kept": await shop.rows("orders", "select status, count(*) as n from idempotency where store_id = {store} group by 1 order by 1"),
        "events": sorted([(row["type"], row["sequence"]) for row in told]),
        **{table: await shop.rows("orders", statement) for table, statement in of_each.items()},
    }


ITEMS: dict[str, list[dict[str, Any]]] = {
    "payments": [
        paid({"number": "N-0"}), paid({"number": "N-1"}), paid({"number": "N-9"}), paid({"number": "N-0"}),  # there already
        paid({"number": "N-0"}, "R-2"), paid({"number": "N-1"}, amount=7), {"number": "N-2"}, paid({"number": "N-2"}, amount=11000),
    ],
    "transitions": [
        {"number": "N-0", "to": "confirmed", "message": "thank you"}, {"number": "N-1", "to": "delivered"},
        {"number": "N-1", "to": "shipped"}, {"number": "N-9", "to": "shipped"},
        {"number": "N-0", "to": "shipped", "tracking": {"carrier": "Pathao", "number": "PX-1"}},
        {"number": "N-2", "to": "gone"}, {"number": "N-2", "to": "shipped", "occurred_at": "2020-01-01T00:00:00Z"},
    ],
    "parcels": [
        {"number": "N-0", "parcel": {"carrier": "Pathao", "number": "PX-1", "lines": [{"line": 1, "quantity": 2}]}},
        {"number": "N-0", "parcel": {"carrier": "Pathao", "number": "PX-2", "lines": [{"line": 1, "quantity": 2}]}},
        {"number": "N-1", "parcel": {"carrier": "Pathao", "number": "PX-3"}},
        {"number": "N-1", "parcel": {"carrier": "RedX", "number": "4"}}, {"number": "N-2", "parcel": {}},
        {"number": "N-9", "parcel": {"carrier": "Pathao", "number": "PX-5"}},
    ],
}  # fmt: skip


@pytest.mark.parametrize("path", ITEMS)
async def test_a_group_is_what_its_items_are_one_by_one(shop: Shop, path: str) -> None:
    alone, together = Shop(shop.stack, shop._client, shop._pools), shop
    for each in (alone, together):
        for order_id in await many(each, 3):
            if path == "parcels":
                (await act(each.staff, order_id, "transitions", {"to": "confirmed"})).ok()
    answer = await together.staff.post(f"/orders/v1/orders/{path}", json={"items": ITEMS[path]})
    single = [one for item in ITEMS[path] for one in results(await alone.staff.post(f"/orders/v1/orders/{path}", json={"items": [item]}))]
    assert results(answer) == single
    assert {status for status, _, _ in single} >= {404, 422, 409}
    assert await written(together) == await written(alone)


async def test_a_group_is_one_transaction(shop: Shop) -> None:
    items = [paid({"order_id": order_id}) for order_id in await many(shop, TWO_GROUPS)]
    assert results(await shop.platform.post(PAYMENTS, json={"items": items}, key="r")) == [(201, 2, None)] * TWO_GROUPS
    assert [row["n"] for row in await shop.rows("orders", TRANSACTIONS)] == [6, 64]


async def test_what_was_done_before_is_answered_from_what_was_kept(shop: Shop) -> None:
    ids = await many(shop, 4)
    good = [paid({"order_id": order_id}) for order_id in ids]
    first = await shop.platform.post(PAYMENTS, json={"items": [good[0], {}, good[2], {}]}, key="r")
    assert [status for status, _, _ in results(first)] == [201, 422, 201, 422]
    other = [good[0], good[1], good[2] | {"amount": 7}, good[3]]
    second = await shop.platform.post(PAYMENTS, json={"items": other}, key="r")
    assert results(second) == [(201, 2, None), (201, 2, None), (422, None, "idempotency_key_reused"), (201, 2, None)]
    third = await shop.platform.post(PAYMENTS, json={"items": good}, key="r")
    assert results(third) == [(201, 2, None)] * 4
    assert [row["n"] for row in await shop.rows("orders", TRANSACTIONS)] == [2, 2]


async def test_the_same_list_at_the_same_time(shop: Shop) -> None:
    """An item waits for nobody: where another call is doing it, the answer says so, and a repeat has what became of it."""
    items = [paid({"order_id": order_id}) for order_id in await many(shop, 12)]
    answers = await asyncio.gather(*(shop.platform.post(PAYMENTS, json={"items": items}, key="r") for _ in range(6)))
    assert {one for answer in answers for one in results(answer)} <= {(201, 2, None), (409, None, "in_progress")}
    assert results(await shop.platform.post(PAYMENTS, json={"items": items}, key="r")) == [(201, 2, None)] * 12
    assert sum(row["n"] for row in await shop.rows("orders", TRANSACTIONS)) == 12


async def test_two_lists_of_the_same_orders_in_another_order(shop: Shop) -> None:
    """Neither waits for an order that the other holds while it holds one that the other wants."""
    ids = await many(shop, 40)
    lists = [[paid({"order_id": one}, f"R-{n}") for one in (ids if n % 2 else reversed(ids))] for n in range(6)]

    async def sent(n: int) -> bool:
        answers = {one[::2] for one in results(await shop.platform.post(PAYMENTS, json={"items": lists[n]}, key=f"list-{n}"))}
        if not answers <= {(201, None), (503, "try_again")}:  # where it waited for too long
            raise ValueError(answers)
        return answers == {(201, None)}

    await asyncio.gather(*(eventually(partial(sent, n)) for n in range(6)))
    orders = await shop.rows("orders", "select distinct version, collected from orders where store_id = {store}")
    assert orders == [{"version": 7, "collected": 600}]


async def test_orders_of_very_many_lines_are_changed_one_by_one(shop: Shop) -> None:
    lines = [{"sku": f"S-{n}", "name": "x", "quantity": 1, "unit_price": 10} for n in range(1_001)]
    ids = [(await shop.platform.post("/orders/v1/orders", json=order_p(lines=lines))).ok()["order_id"] for _ in range(2)]
    items = [paid({"order_id": ids[0]}), paid({"order_id": ids[1]}), paid({"order_id": ids[0]}, "R-2")]
    assert results(await shop.platform.post(PAYMENTS, json={"items": items})) == [(201, 2, None), (201, 2, None), (201, 3, None)]
    assert [row["n"] for row in await shop.rows("orders", TRANSACTIONS)] == [1, 1, 1]


@pytest.mark.parametrize(
    ("place", "survive"),
    [
        ("commit.before:orders.pay_many", 0),
        ("commit.after:orders.pay_many", 64),
        ("commit.before:orders.pay_many#2", 64),
        ("commit.after:orders.pay_many#2", TWO_GROUPS),
    ],
)
async def test_killed_in_a_group(shop: Shop, stack: Stack, place: str, survive: int) -> None:
    """A group is there or not; the repeat answers what is there word for word and does the rest."""
    items = [paid({"order_id": order_id}) for order_id in await many(shop, TWO_GROUPS)]
    doomed = stack.run("orders", roles=("api",), ports=None, **{VARIABLE: place})
    try:
        await asyncio.to_thread(doomed.wait_until_ready)
        with pytest.raises(httpx2.TransportError):
            await Caller(shop._client, doomed.urls, shop.platform.token).post(PAYMENTS, json={"items": items}, key="r")
        assert doomed.child.wait(10) == -9
    finally:
        await asyncio.to_thread(doomed.stop)
    assert await of_each(shop) == dict.fromkeys(("payments", "kept", "changes", "events"), survive)
    assert results(await shop.platform.post(PAYMENTS, json={"items": items}, key="r")) == [(201, 2, None)] * TWO_GROUPS
    assert await of_each(shop) == dict.fromkeys(("payments", "kept", "changes", "events"), TWO_GROUPS)


async def of_each(shop: Shop) -> dict[str, int]:
    """How many of what goes with a payment: its row, its kept answer, its entry in the history, its event."""
    paid_for = "type = 'order.payment_recorded.v1'"
    found = {
        "payments": "select 1 from payments where store_id = {store}",
        "kept": "select 1 from idempotency where store_id = {store} and key like e'r\\n%'",
        "changes": f"select 1 from changes where store_id = {{store}} and {paid_for}",
        "events": f"select 1 from events where store_id = {{store}} and {paid_for}",
    }
    return {name: len(await shop.rows("orders", statement)) for name, statement in found.items()}
