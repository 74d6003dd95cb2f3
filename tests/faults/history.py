"""A store's whole history, as its services told it: kept, shuffled, told again."""

import hashlib
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import aio_pika

from deploy.operator.registry import READERS, SERVICES
from shared.contracts.events import EVENTS
from shared.messaging.broker import queue_name
from shared.messaging.outbox import cloud_event
from tests.retelling import OneReader
from tests.shop import PATIENCE_SECONDS, Caller, Shop, eventually, order_p
from tests.stack import Stack

MOVING = {  # what changes by itself, without any event: sums that are folded, pictures that are rendered, marks of the relay
    "orders": {"counts", "count_deltas", "figures", "figure_deltas", "cash_out", "cash_out_deltas"},
    "refunds": {"counts", "count_deltas", "figures", "figure_deltas", "to_send", "to_send_deltas"},
    "documents": {"renderings"},
}


@dataclass(frozen=True, slots=True)
class Told:
    """One event of the history, as it crossed the broker."""

    type: str
    event_id: str
    body: bytes

    @property
    def readers(self) -> tuple[str, ...]:
        """The services that must receive it."""
        return EVENTS[self.type].readers

    def in_store(self, old: str, new: str) -> "Told":
        """The same event of another store."""
        return Told(self.type, self.event_id, self.body.replace(f'"storeid": "{old}"'.encode(), f'"storeid": "{new}"'.encode()))


async def live(shop: Shop) -> list[str]:
    """Three orders' lives: two_lives(), and one with money without units. Their ids."""
    return [*await two_lives(shop), await _credited(shop)]


async def two_lives(shop: Shop) -> list[str]:
    """One order is delivered, paid, and half of it refunded; one is paid and cancelled, and refunded by that. Their ids."""
    staff, platform, customer = shop.staff, shop.platform, shop.customer()
    ids = []
    for steps in (("confirmed", "picked_up", "shipped", "delivered"), ("confirmed",)):
        order_id = (await platform.post("/orders/v1/orders", order_p())).ok()["order_id"]
        at = f"/orders/v1/orders/{order_id}"
        for status in steps:
            (await staff.post(f"{at}/transitions", {"to": status})).ok()
        (await platform.post(f"{at}/payments", {"amount": 11000, "method": "card", "reference": order_id})).ok()
        ids.append(order_id)
    kept, cancelled = ids

    body = {"order_id": kept, "lines": [{"line": 1, "quantity": 1}], "reason": "damaged", "description": "torn"}
    refund = await _once_seen(customer, "/refunds/v1/refunds", body)

    async def approve() -> bool:
        return bool((await staff.post(f"/refunds/v1/refunds/{refund['refund_id']}/approve")).ok())

    await eventually(approve, seconds=PATIENCE_SECONDS)
    (await staff.post(f"/orders/v1/orders/{cancelled}/cancel", {"reason": "not wanted"})).ok()
    (await staff.post("/notes/v1/notes", {"order_id": kept, "audience": "customer", "text": "Sorry"})).ok()
    return ids


async def _credited(shop: Shop) -> str:
    """An order with taxes of which a unit was cancelled, one came back with a fee, and the rest was given back without units."""
    staff, lines = shop.staff, [{"sku": "TEE-1", "name": "T-shirt", "quantity": 3, "total": 10_000, "tax": 1_000, "tax_rate": "10"}]
    body = order_p(lines=lines, shipping={"amount": 1_000, "tax": 50, "tax_rate": "5"})
    order_id = str((await shop.platform.post("/orders/v1/orders", body)).ok()["order_id"])
    at = f"/orders/v1/orders/{order_id}"
    (await staff.post(f"{at}/transitions", {"to": "confirmed"})).ok()
    paid = (await shop.platform.post(f"{at}/payments", {"amount": 13_000, "method": "card", "reference": order_id})).ok()
    unit = {"lines": [{"line": 1, "quantity": 1}], "reason": "not on the shelf", "shipping": "refund"}
    (await staff.post(f"{at}/part-cancellations", unit)).ok()
    (await staff.post(f"{at}/transitions", {"to": "delivered"})).ok()
    reversal = f"{at}/payments/{paid['payments'][0]['payment_id']}/reversals"
    version = (await staff.post(reversal, {"reason": "charged back", "amount": 500})).ok()["version"]
    asked = {"order_id": order_id, "lines": [{"line": 1, "quantity": 1}], "reason": "damaged", "order_version": version}
    refund = await _once_seen(staff, "/refunds/v1/refunds", asked)
    fees = [{"name": "Restocking", "amount": 300}]
    (await staff.post(f"/refunds/v1/refunds/{refund['refund_id']}/approve", {"fees": fees, "order_version": version})).ok()
    for kind, amount in ("shipping", 100), ("goodwill", 2_000), ("overpaid", 1_500):
        wanted = {"order_id": order_id, "kind": kind, "amount": amount}
        (await staff.post("/refunds/v1/refunds/adjustments", wanted)).ok()
    return order_id


async def _once_seen(caller: Caller, path: str, body: dict[str, Any]) -> dict[str, Any]:
    """The answer once the order's events have come so far."""

    async def said() -> dict[str, Any]:
        return dict((await caller.post(path, body)).ok().body)

    return await eventually(said, seconds=PATIENCE_SECONDS)


async def quiet(shop: Shop) -> list[Told]:
    """Wait until every event of the store was sent and has taken effect with each of its readers; the whole history."""

    async def settled() -> list[Told]:
        history = await told(shop)
        for reader in READERS:
            rows = await shop.rows(reader, "select event_id::text from inbox where store_id = {store}")
            missing = {one.event_id for one in history if reader in one.readers} - {row["event_id"] for row in rows}
            assert not missing, f"{reader} lacks {[one.type for one in history if one.event_id in missing]}"
        assert len(history) == len(await told(shop))
        return history

    return await eventually(settled, seconds=PATIENCE_SECONDS)


async def told(shop: Shop) -> list[Told]:
    """Every event of the store."""
    history = []
    for service in SERVICES:
        sql = "select *, data::text as text from events where store_id = {store} order by position"
        for row in await shop.rows(service, sql):
            sent = SimpleNamespace(**(row | {"data": row["text"]}))
            history.append(Told(row["type"], str(row["event_id"]), cloud_event(service, sent)))  # type: ignore[arg-type]  # a row's attributes
    return history


async def state_hash(shop: Shop) -> str:
    """One hash over every row of the store in every table of every service, times of receipt and all."""
    whole = hashlib.sha256()
    for service in SERVICES:
        sql = "select tablename from pg_tables where schemaname = $2 and $1::text is not null order by 1"
        tables = [row["tablename"] for row in await shop.rows(service, sql, service)]
        for table in tables:
            if table == "alembic_version" or table in MOVING.get(service, ()):
                continue
            columns = "to_jsonb(t) - 'published_at'"
            rows = await shop.rows(
                service, f'select ({columns})::text as row from {service}."{table}" t where store_id = {{store}} order by 1'
            )
            whole.update(f"{service}.{table}\n".encode())
            whole.update("\n".join(row["row"] for row in rows).encode())
    return whole.hexdigest()


@asynccontextmanager
async def telling(stack: Stack) -> AsyncIterator["Retelling"]:
    """A way straight into the services' queues, as the broker's administrator."""
    connection = await aio_pika.connect(stack.amqp_url)
    async with connection:
        yield Retelling(stack, await connection.channel(publisher_confirms=True))


@dataclass
class Retelling:
    """Tells events again."""

    stack: Stack
    channel: aio_pika.abc.AbstractChannel

    async def tell(self, reader: str, history: Sequence[Told]) -> None:
        """Deliver these to one service, in this order."""
        into = OneReader(self.channel, queue_name(self.stack.name, reader))
        for one in history:
            message = aio_pika.Message(one.body, type=one.type, message_id=one.event_id, delivery_mode=2)
            await into.tell(message, one.type)

    async def drained(self, reader: str) -> bool:
        """Whether the service has taken all that waited."""
        queue = await self.channel.declare_queue(queue_name(self.stack.name, reader), passive=True)
        return queue.declaration_result.message_count == 0


def shuffled(history: Sequence[Told], times: int, seed: int) -> list[Told]:
    """Every event `times` over, in any order."""
    many = list(history) * times
    random.Random(seed).shuffle(many)
    return many
