"""Worked cases 15 and 53, and P4 and P5 for this service: every event three times, the history shuffled, and the state is the same."""

import asyncio
import json
import random
import tempfile
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from sqlalchemy.engine import Row

from services.refunds.commands.policy import save_policy
from services.refunds.consumers import consumers
from services.refunds.requests import RefundPolicyInput
from services.refunds.settings import RefundsEnvironment
from services.refunds.tables import metadata
from shared.contracts.actor import Actor
from shared.contracts.ids import uuid_of
from shared.data.db import Database
from shared.messaging.inbox import Inbox
from shared.messaging.outbox import cloud_event
from tests.e2e.test_imported_orders import CANCELLED, DELIVERED, of_2024
from tests.services.refunds.own_stack import own_stack
from tests.services.refunds.scenes import cancel, move, order, pay, prepaid, refunds_of, seen
from tests.shop import Shop
from tests.stack import Stack

STATE = """
select o.status, o.version, o.payments, o.cancellation, o.events,
  (select jsonb_agg(jsonb_build_array(r.cause, r.payment_id, r.status, r.settlement, r.order_version, r.order_invoiced, r.policy_version,
     r.amount, r.goods, r.shipping, r.overpaid, r.shipping_kept, r.explanation,
     (select jsonb_agg(to_jsonb(l) - 'refund_id' - 'store_id' order by l.line) from refund_lines l where l.refund_id = r.refund_id))
     order by r.refund_id) from refunds r where (r.store_id, r.order_id) = (o.store_id, o.order_id)) as refunds,
  (select jsonb_agg(jsonb_build_array(c.line, c.first, c.last) order by c.line, c.first)
     from claims c where (c.store_id, c.order_id) = (o.store_id, o.order_id)) as claims,
  (select jsonb_agg(jsonb_build_array(a.number, a.amount, a.approved_before, a.collected_seen) order by a.number)
     from approvals a where (a.store_id, a.order_id) = (o.store_id, o.order_id)) as approvals
from orders o where o.store_id = {store} order by o.order_id
"""


@dataclass
class Elsewhere:
    """A refunds database that no process serves: what arrives, and when, is the test's."""

    shop: Shop
    database: Database

    async def take(self, bodies: Sequence[bytes]) -> None:
        """Let messages take effect, one after the other, as a worker does."""
        inbox = Inbox(self.database, consumers)
        for body in bodies:
            await inbox.take(body, json.loads(body)["type"])

    async def state(self) -> list[dict[str, Any]]:
        """What the service holds of the store's orders, apart from ids and times of receipt."""
        assert await self.shop.rows("refunds", "select reason, detail from parked where store_id = {store}") == []
        return await self.shop.rows("refunds", STATE)


@pytest.fixture(scope="module")
async def empty(stack: Stack) -> AsyncIterator[tuple[Stack, Database]]:
    """A provisioned database without any process."""
    with tempfile.TemporaryDirectory(prefix="aftersale-case-15-") as folder:
        made = await asyncio.to_thread(own_stack, stack, Path(folder), "case15")
        settings = RefundsEnvironment.load("refunds", **_named(made))
        database = Database(settings, metadata)
        yield made, database
        await database.close()
        await asyncio.to_thread(made.stop)


def _named(stack: Stack) -> dict[str, str]:
    plain = {name.removeprefix("AFTERSALE_").removeprefix("REFUNDS_").lower(): value for name, value in stack.settings.items()}
    return {name: value for name, value in plain.items() if name in RefundsEnvironment.model_fields}


def bodies(events: list[dict[str, Any]], store_id: str) -> list[bytes]:
    """Events of the order service as they crossed the broker, for another store."""
    return [cloud_event("orders", cast("Row[Any]", SimpleNamespace(**event | {"store_id": store_id}))) for event in events]


async def history(shop: Shop) -> list[dict[str, Any]]:
    """Worked cases 8, 9 (with 2.50 too much at the end), 10, 42 and 51, one cancelled in part before, and one that was delivered."""
    case_8, case_9, case_10, in_part = [await order(shop) for _ in range(4)]
    case_1 = await order(shop, **prepaid())
    await move(shop, case_8, "picked_up")
    await cancel(shop.customer(), case_8)
    await pay(shop, case_9, 3_000)
    await move(shop, case_9, "confirmed", "shipped")
    await cancel(shop.customer(), case_9)
    await pay(shop, case_9, 8_000)
    await pay(shop, case_9, 250)
    await cancel(shop.customer(), case_10)
    await pay(shop, case_10, 11_000)
    await move(shop, case_1, "confirmed", "picked_up", "shipped", "delivered")
    await move(shop, in_part, "confirmed")
    await pay(shop, in_part, 8_000)
    part = {"lines": [{"line": 1, "quantity": 1}], "reason": "not on the shelf", "shipping": "refund"}
    (await shop.staff.post(f"/orders/v1/orders/{in_part}/part-cancellations", json=part)).ok()
    await move(shop, in_part, "shipped")
    await cancel(shop.customer(), in_part)
    await pay(shop, in_part, 100)
    before = {"refunded": {"lines": [{"line": 1, "quantity": 1, "amount": 5_200}]}}
    case_42 = (await shop.platform.post("/orders/v1/orders", json=of_2024(DELIVERED | before))).ok()["order_id"]
    before = {"refunded": {"lines": [{"line": 1, "quantity": 1, "amount": 2_000}]}}
    case_51 = (await shop.platform.post("/orders/v1/orders", json=of_2024(CANCELLED | before, collected=3_000))).ok()["order_id"]
    await pay(shop, case_51, 8_000)
    await refunds_of(shop, case_42, 1)
    await refunds_of(shop, case_51, 2)
    for case, number in ((case_8, 1), (case_9, 3), (case_10, 1), (in_part, 3)):
        await refunds_of(shop, case, number)
    return await shop.rows("orders", "select * from events where store_id = {store} and type like 'order.%' order by position")


@pytest.mark.parametrize("deduct", [True, False])
async def test_three_times_and_shuffled(shop: Shop, empty: tuple[Stack, Database], deduct: bool) -> None:
    stack, database = empty
    events = await history(shop)
    luck, states = random.Random(15), []
    for play in range(4):
        there = Shop(stack, shop._client, {})
        settings = RefundPolicyInput(manage_stock=True, attachments=True, deduct_shipping=deduct, reasons=("other",))
        async with database.transaction("test.policy") as tx:
            long_ago = min(event["recorded_at"] for event in events)
            await save_policy(tx, Actor(there.store, "staff", "anna"), settings, now=long_ago.astimezone(UTC), expected_version=0)
        arriving = bodies(events, there.store)
        if play:
            arriving = arriving * 3
            luck.shuffle(arriving)
        elsewhere = Elsewhere(there, database)
        await elsewhere.take(arriving)
        states.append(await elsewhere.state())
        for pool in there._pools.values():
            await pool.close()
    assert states[1:] == [states[0]] * 3
    amounts = [[refund[7] for refund in _refunds(row)] for row in states[0]]
    kept = 1_000 if deduct else 0
    assert sorted(amounts) == sorted(
        [[0], [3_000 - kept, 8_000, 250], [11_000], [2_500, 5_500 - kept // 2, 100], [], [5_200], [2_000, 8_000]]
    )


@pytest.mark.parametrize(("back", "expected"), [({"amount": 4_000}, [11_000, 1_000]), ({}, [5_000])])
async def test_case_37_seen_at_once(shop: Shop, empty: tuple[Stack, Database], back: dict[str, int], expected: list[int]) -> None:
    """A payment of a cancelled order comes back as long as something of it stands: the newest event arrives before all others."""
    order_id = await order(shop)
    await cancel(shop.platform, order_id)
    first = (await pay(shop, order_id, 11_000))["payments"][0]["payment_id"]
    await pay(shop, order_id, 5_000)
    reversal = f"/orders/v1/orders/{order_id}/payments/{first}/reversals"
    (await shop.staff.post(reversal, json={"reason": "charged back"} | back)).ok()
    events = await shop.rows("orders", "select * from events where store_id = {store} and subject = $2 order by sequence desc", order_id)
    assert await _made(shop, empty, events) == [("payment", amount) for amount in expected]


async def test_what_is_written_off_later_pays_nothing_back(shop: Shop, empty: tuple[Stack, Database]) -> None:
    """A part cancellation counts what was written off up to its own version, whenever refunds hears of the rest.

    The order does not know of the credit yet when 60.00 of its 110.00 are written off: the copy of it is locked until then.
    """
    order_id = await order(shop, **prepaid(5_000))
    await move(shop, order_id, "confirmed")
    await seen(shop, order_id, version=2)
    path, lock = f"/orders/v1/orders/{order_id}", "select 1 from orders where store_id = $1 and order_id = $2 for update"
    async with shop._pools["refunds"].acquire() as connection, connection.transaction():
        assert await connection.fetchval(lock, shop.store, uuid_of("order", order_id))
        (await shop.staff.post(f"{path}/part-cancellations", json={"lines": [{"line": 1, "quantity": 1}], "reason": "gone"})).ok()
        (await shop.platform.post(f"{path}/closings", json={"kind": "written_off", "amount": 6_000, "reason": "shortage"})).ok()
    [refund] = await refunds_of(shop, order_id, 1)
    events = await shop.rows("orders", "select * from events where store_id = {store} and subject = $2 order by sequence desc", order_id)
    assert (refund["amount"]["amount"], await _made(shop, empty, events)) == (0, [("part_cancellation", 0)])


async def _made(shop: Shop, empty: tuple[Stack, Database], events: list[dict[str, Any]]) -> list[tuple[str, int]]:
    """The refunds, as (cause, amount), that come of an order's events arriving in this order where nothing was known before."""
    stack, database = empty
    there = Shop(stack, shop._client, {})
    elsewhere = Elsewhere(there, database)
    await elsewhere.take(bodies([event for event in events if event["type"] != "order.refunded.v1"], there.store))
    [row] = await elsewhere.state()
    for pool in there._pools.values():
        await pool.close()
    return [(refund[0], refund[7]) for refund in _refunds(row)]


def _refunds(row: dict[str, Any]) -> Any:
    return json.loads(row["refunds"] or "[]")
