"""P17: once a customer is erased, no byte of the person is left outside what the law makes a shop keep, and the ledgers still balance."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import aio_pika
import asyncpg
import httpx2

from deploy.operator.registry import READERS, SERVICES
from services.refunds.commands.files import sweep
from services.refunds.settings import RefundsEnvironment
from services.refunds.tables import metadata
from shared.contracts.events import EVENTS
from shared.contracts.ids import new_uuid
from shared.data.db import Database
from shared.messaging.broker import dead_queue_name, queue_name
from shared.messaging.outbox import cloud_event
from tests.e2e.canaries import ISSUED, Canaries, Life, drained
from tests.retelling import OneReader
from tests.shop import Shop, eventually
from tests.stack import Stack

LEDGERS = {
    "orders": "select order_id, total, collected, refunded_total, status from orders where store_id = {store} order by 1",
    "refunds": "select refund_id, amount, goods, shipping, status, settlement from refunds where store_id = {store} order by 1",
    "notes": "select note_id, revision, audience, written_at from notes where store_id = {store} order by 1",
    "documents": "select document_id, number, total, sha256, data from documents where store_id = {store} order by 1",
}
"""Ids, amounts and hashes: what an erasure leaves as it is."""


@asynccontextmanager
async def superuser(stack: Stack) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(stack.postgres_url.rsplit("/", 1)[0] + f"/{stack.name}")
    try:
        yield connection
    finally:
        await connection.close()


async def rows_with(stack: Stack, canary: Canaries, store_id: str) -> dict[str, set[str]]:
    """Column by column, which canaries a row of any table of the four schemas still holds."""
    found: dict[str, set[str]] = {}
    async with superuser(stack) as database:
        columns = await database.fetch(
            "select table_schema, table_name, array_agg(column_name::text) as names from information_schema.columns "
            "where table_schema = any($1) and table_name <> 'alembic_version' group by 1, 2",
            list(SERVICES),
        )
        assert len(columns) > 30
        for table in columns:
            name = f"{table['table_schema']}.{table['table_name']}"
            for row in await database.fetch(f"select * from {name} where store_id = any($1)", [store_id, ""]):
                for column, value in row.items():
                    held = canary.found_in(value if isinstance(value, bytes) else str(value))
                    if held:
                        found.setdefault(f"{name}.{column}", set()).update(held)
    return found


async def queues_hold_nothing(stack: Stack) -> None:
    """Each queue of the namespace, also that of dead messages, is seen empty: what was put in before has left it."""
    broker = await aio_pika.connect(stack.amqp_url)
    async with broker:
        channel = await broker.channel()
        for name in (*(queue_name(stack.name, service) for service in READERS), dead_queue_name(stack.name)):

            async def empty(name: str = name) -> bool:
                queue = await channel.declare_queue(name, passive=True)
                return queue.declaration_result.message_count == 0

            await eventually(empty)


def files_with(folder: Path, canary: Canaries) -> list[str]:
    return [str(path) for path in folder.rglob("*") if path.is_file() and canary.found_in(path.name.encode() + path.read_bytes())]


async def sweep_files(stack: Stack) -> None:
    """What the worker does every hour."""
    named = {name.removeprefix("AFTERSALE_").removeprefix("REFUNDS_").lower(): value for name, value in stack.settings.items()}
    settings = RefundsEnvironment.model_validate(named | {"service": "refunds"})
    database = Database(settings, metadata)
    try:
        await sweep(database, settings, now=datetime.now(UTC))
    finally:
        await database.close()


async def send_what_cannot_be_read(stack: Stack, shop: Shop, life: Life) -> None:
    """Messages about the person that notes can only park: of a version to come, with bad data, and no event at all."""
    [placed] = [event for event in await sent_by_all(shop) if event["type"] == "order.placed.v1" and event["subject"] == life.whole]
    unknown = placed | {"type": "order.placed.v9", "data": json.dumps({"personal": {"customer_name": life.canary("unknown")}})}
    bad = placed | {"data": json.dumps({"order": 1, "personal": {"customer_name": life.canary("bad")}})}
    broken = f'{{"subject": "{life.whole}", "name": "{life.canary("broken")}'.encode()
    rows = [SimpleNamespace(**event | {"event_id": new_uuid(), "store_id": shop.store}) for event in (unknown, bad)]
    bodies = [*(cloud_event("orders", row) for row in rows), broken]  # type: ignore[arg-type]  # a row's attributes
    broker = await aio_pika.connect(stack.amqp_url)
    async with broker:
        channel = await broker.channel(publisher_confirms=True)
        notes = OneReader(channel, queue_name(stack.name, "notes"))
        for body, routing_key in zip(bodies, ("order.placed.v9", "order.placed.v1", "order.placed.v1"), strict=True):
            await notes.tell(aio_pika.Message(body), routing_key)

    async def parked() -> bool:
        rows = await shop.rows("notes", "select body from parked where store_id in ({store}, '')")
        return len([row for row in rows if life.canary.found_in(row["body"])]) == len(bodies)

    await eventually(parked)


async def ledgers(shop: Shop) -> dict[str, Any]:
    return {service: await shop.rows(service, sql) for service, sql in LEDGERS.items()}


async def test_no_byte_of_an_erased_person_is_left(shop: Shop, stack: Stack) -> None:
    canary = Canaries()
    life = Life(shop, canary)
    await life.live()
    await drained(shop)
    await send_what_cannot_be_read(stack, shop, life)
    held = await rows_with(stack, canary, shop.store)
    known = set().union(*held.values())
    assert held["notes.parked.body"] == {"unknown", "broken", "bad"}
    expected = {"name", "shipping_street", "answer", "description", "file_name", "phone", "internal_reason"}
    assert expected | {"tracking", "parcel", "parcel_corrected", "parcel_removed"} <= known
    assert files_with(Path(stack.settings["AFTERSALE_FILES_DIR"]), canary) != []
    before = await ledgers(shop)

    assert (await shop.platform.delete(f"/orders/v1/customers/{life.customer_id}")).ok()["orders"] == 3
    await drained(shop)
    await sweep_files(stack)

    left = await rows_with(stack, canary, shop.store)
    assert left == {"documents.documents.data": set(ISSUED)}
    assert await asyncio.to_thread(files_with, Path(stack.settings["AFTERSALE_FILES_DIR"]), canary) == []
    assert canary.found_in(await asyncio.to_thread(Path(stack.log).read_bytes)) == set()
    await queues_hold_nothing(stack)
    assert await ledgers(shop) == before
    await what_stays_is_true(shop, life)


async def what_stays_is_true(shop: Shop, life: Life) -> None:
    """Issued documents verify; the order's money is what its payments and refunds say."""
    for order_id in life.orders:
        order = (await shop.staff.get(f"/orders/v1/orders/{order_id}")).ok()
        assert sum(payment["amount"]["amount"] for payment in order["payments"]) == order["collected"]["amount"]
        refunds = (await shop.staff.get("/refunds/v1/refunds", params={"order_id": order_id})).ok()["items"]
        approved = [refund["amount"]["amount"] for refund in refunds if refund["status"] == "approved"]
        assert sum(approved) == order["refunded_total"]["amount"]
        for document in (await shop.staff.get(f"/documents/v1/documents/orders/{order_id}")).ok()["items"]:
            verified = (await shop.staff.get(f"/documents/v1/documents/{document['document_id']}/verify")).ok()
            assert verified["verified"] is True, verified.body


async def test_what_arrives_after_the_erasure_brings_nothing_back(
    shop: Shop, stack: Stack, client: httpx2.AsyncClient, pools: dict[str, asyncpg.Pool]
) -> None:
    """A store that hears of the erasure first, and then of the whole life, the last thing first; never that orders blanked its own."""
    canary = Canaries()
    life = Life(shop, canary)
    await life.live()
    await drained(shop)
    told = await sent_by_all(shop)
    (await shop.platform.delete(f"/orders/v1/customers/{life.customer_id}")).ok()
    await drained(shop)
    [erased] = [event for event in await sent_by_all(shop) if event["type"] == "customer.erased.v1"]
    assert canary.found_in(json.dumps([event["data"] for event in told])) > {"name", "ship_message", "description"}
    later = Shop(stack, client, pools)
    await retell(stack, later, [erased])
    await retell(stack, later, [*reversed(told)])
    assert await rows_with(stack, canary, later.store) == {}


async def sent_by_all(shop: Shop) -> list[dict[str, Any]]:
    """Every event that a service reads, as it stands in the outbox now."""
    found: list[dict[str, Any]] = []
    for service in READERS:
        columns = "event_id, type, subject, sequence, occurred_at, recorded_at, traceparent, data::text as data"
        rows = await shop.rows(service, f"select {columns} from events where store_id = {{store}} order by position")
        found += [row | {"source": service} for row in rows if EVENTS[row["type"]].readers]
    return sorted(found, key=lambda row: (row["recorded_at"], row["sequence"]))


async def retell(stack: Stack, shop: Shop, events: list[dict[str, Any]]) -> None:
    """Put events of another store into the readers' queues as this store's own, and wait until they have taken effect.

    Not to orders, which reads only what concerns orders that it placed itself.
    """
    wanted: set[tuple[str, str]] = set()
    broker = await aio_pika.connect(stack.amqp_url)
    async with broker:
        channel = await broker.channel(publisher_confirms=True)
        readers = {reader: OneReader(channel, queue_name(stack.name, reader)) for reader in READERS if reader != "orders"}
        for event in events:
            row = SimpleNamespace(**event | {"event_id": new_uuid(), "store_id": shop.store})
            message = aio_pika.Message(cloud_event(event["source"], row), type=row.type, message_id=str(row.event_id))  # type: ignore[arg-type]  # a row's attributes
            for reader in EVENTS[row.type].readers:
                if reader != "orders":
                    await readers[reader].tell(message, row.type)
                    wanted.add((reader, str(row.event_id)))

    async def taken() -> bool:
        missing = set(wanted)
        for reader in sorted({one for one, _ in wanted}):
            rows = await shop.rows(reader, "select event_id::text from inbox where store_id = {store}")
            missing -= {(reader, row["event_id"]) for row in rows}
        assert missing == set()
        return True

    await eventually(taken)
