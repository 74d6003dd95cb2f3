"""A healthy system raises nothing, whenever it is looked at: right after a burst, in a hot row, with clocks apart, on a slow database."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aio_pika
import asyncpg
import pytest

from deploy.operator.reconcile.acknowledged import acknowledge, leave_out, read
from deploy.operator.reconcile.reading import Databases, TooLong, analyze, snapshots
from deploy.operator.reconcile.run import CHECKS, CLOCKS, Asking, Report, reconcile, running_system
from deploy.operator.trouble import Trouble
from services.orders.api.orders import SHOWN
from services.orders.commands.place import place_order
from services.orders.requests.placing import PlaceOrder
from services.orders.tables import metadata
from shared.contracts.actor import Actor
from shared.data.audit import Check
from shared.data.db import Database
from shared.data.idempotency import Reservation
from shared.messaging.broker import queue_name
from shared.process.settings import Settings
from tests.services.conftest import place
from tests.shop import PATIENCE_SECONDS, Shop, eventually, order_p
from tests.stack import SERVICES, Stack

ORDERS = 200
NOW = datetime.now(UTC)


async def reconciled(stack: Stack, *, patience: float = 0.0) -> Report:
    """At once, with no grace for what is young."""
    where = {service: stack.database_url(service) for service in SERVICES}
    async with snapshots(where) as snapshot:
        return await reconcile(snapshot, Asking(patience_seconds=patience, system=running_system(where)))


@pytest.fixture
def named(alone: Stack, monkeypatch: pytest.MonkeyPatch) -> Stack:
    """A system of its own, which the environment names as it does for the tools."""
    for name, value in alone.settings.items():
        monkeypatch.setenv(name, value)
    return alone


async def test_right_after_a_burst_nothing_is_missing_and_what_a_purged_queue_lost_is(named: Stack) -> None:
    api = await asyncio.to_thread(named.run("orders", roles=("api",), ports=None, AFTERSALE_LOG_LEVEL="warning").wait_until_ready)
    await place(named, [api.urls["orders"]], ORDERS)
    at_once = await reconciled(named)
    assert at_once.found == []
    assert {reader: sum(counts.values()) for reader, counts in at_once.on_its_way.items()} == {
        "orders": 0, "refunds": ORDERS, "notes": ORDERS, "documents": ORDERS, "webhooks": ORDERS,
    }  # fmt: skip

    connection = await asyncpg.connect(named.postgres_url, database=named.name)

    async def all_sent() -> bool:
        return bool(await connection.fetchval("select count(*) = 0 from orders.events where published_at is null"))

    await eventually(all_sent, PATIENCE_SECONDS)
    sent = await reconciled(named)
    assert (sent.found, sent.on_its_way["notes"]) == ([], {"queued": ORDERS})
    assert sent.explained > ORDERS  # copies and timelines that are not there yet

    async with await aio_pika.connect(named.amqp_url) as rabbit:
        await (await (await rabbit.channel()).get_queue(queue_name(named.name, "notes"))).purge()
    lost = await reconciled(named)
    assert {kind: count for kind, count in lost.counted.items() if count} == {
        "effect_in_notes": ORDERS, "copy_in_notes": ORDERS, "timeline": ORDERS,
    }  # fmt: skip
    assert lost.on_its_way["refunds"] == {"queued": ORDERS}

    await clocks_apart(named, connection)
    await connection.close()


async def clocks_apart(named: Stack, connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    """Times that disagree are one finding, acknowledged once; more of it is a new one."""
    some = "(select position from orders.events order by position limit {})"
    early = "update orders.events set published_at = recorded_at - interval '5 minutes' where position in "
    await connection.execute(early + some.format(3))
    known = Path(named.log).with_suffix(".acknowledged")
    report = await reconciled(named)
    [found] = [one for one in report.found if one.kind == CLOCKS]
    assert (report.counted[CLOCKS], found.id) == (1, "orders: events published before they were recorded")
    assert found.detail.startswith("3 events published before they were recorded, such as ")
    with pytest.raises(Trouble, match="needs a reason"):
        acknowledge(known, f"{CLOCKS}/{found.id}", " ", report)
    with pytest.raises(Trouble, match="There is no finding of kind"):
        acknowledge(known, f"{CLOCKS}/another", "no reason", report)
    acknowledge(known, f"{CLOCKS}/{found.id}", "a worker's clock was five minutes behind on Monday", report)
    again = await reconciled(named)
    leave_out(again, read(known))
    assert (again.counted[CLOCKS], again.acknowledged[CLOCKS]) == (0, 1)
    await connection.execute(early + some.format(4))
    more = await reconciled(named)
    leave_out(more, read(known))
    assert (more.counted[CLOCKS], more.acknowledged[CLOCKS]) == (1, 0)


async def test_orders_of_one_sku_whose_moments_cross_are_explained(shop: Shop) -> None:
    """Who holds the row last need not have asked last."""
    settings = await shop.staff.get("/orders/v1/orders-settings")
    body = {name: settings.ok()[name] for name in ("cancel_preset", "customer_cancel_until", "number_prefix", "time_zone")}
    version = settings.ok()["version"]
    (await shop.staff.put("/orders/v1/orders-settings", json=body | {"stock": True}, headers={"If-Match": f'"v{version}"'})).ok()
    (await shop.staff.put("/orders/v1/stock/HOT", json={"on_hand": 10, "reason": "counted"})).ok()
    values = {"database_url": shop.stack.database_url("orders"), "amqp_url": shop.stack.amqp_url, "keys_file": "/dev/null"}
    database = Database(Settings(service="orders", **values), metadata)  # type: ignore[arg-type]  # pydantic reads them
    platform = Actor(shop.store, "platform", "p")
    request = PlaceOrder.model_validate(order_p(lines=[{"sku": "HOT", "name": "x", "quantity": 1, "unit_price": 1000}]))
    try:
        for number, asked in enumerate((NOW + timedelta(seconds=2), NOW + timedelta(seconds=1), NOW)):
            reservation = Reservation.of(platform, f"hot-{number}", "POST", "/v1/orders", b"")
            await place_order(database, platform, request, reservation, shown=SHOWN, now=asked)
    finally:
        await database.close()
    [check] = [one for one in CHECKS if one.kind == "stock_level"]
    async with snapshots({service: shop.stack.database_url(service) for service in SERVICES}) as snapshot:
        found = await Databases(snapshot).fetch(check, NOW)
    assert [one for one in found if one.store_id == shop.store] == []


async def test_a_check_that_takes_too_long_is_said_and_leaves_the_others_alone(stack: Stack) -> None:
    slow = Check("slow", "it is quick", "select '' as store_id, '' as id, pg_sleep(60)::text as detail", service="orders")
    async with snapshots({service: stack.database_url(service) for service in SERVICES}) as snapshot:
        databases = Databases(snapshot, 0.05)
        with pytest.raises(TooLong):
            await databases.fetch(slow, NOW)
        with pytest.raises(TooLong):
            [row async for row in databases.rows("orders", "select pg_sleep(60)", NOW)]
        assert await databases.all("orders", "select 1") == [(1,)]


async def test_tables_that_the_database_knows_nothing_of_are_analyzed_and_that_is_said(stack: Stack) -> None:
    """As after a restore: the planner took minutes for what takes seconds."""
    connection = await asyncpg.connect(stack.database_url("notes"))
    try:
        await connection.execute("create table notes.restored as select n from generate_series(1, 1000) n")
        said: list[str] = []
        await analyze(connection, "notes", said.append)
        assert await connection.fetchval("select reltuples from pg_class where oid = 'notes.restored'::regclass") == 1000
        assert [line.partition(":")[0] for line in said] == ["notes"]
        await analyze(connection, "notes", said.append)
        assert len(said) == 1
    finally:
        await connection.execute("drop table notes.restored")
        await connection.close()
