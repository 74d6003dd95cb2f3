"""What a deleted queue took with it is found by comparing outbox and inbox, and sent again: nothing is lost, nothing doubled."""

import asyncio
import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import aio_pika
import asyncpg
import httpx2

from deploy.operator import given
from deploy.operator.redrive import Wanted, redrive
from shared.messaging.broker import queue_name
from tests.services.conftest import place
from tests.shop import PATIENCE_SECONDS, eventually
from tests.stack import PROJECT, SERVICES, Stack, redriven

ORDERS = 12


async def test_events_in_a_deleted_queue_reach_their_reader_after_a_redrive(alone: Stack) -> None:
    api = await asyncio.to_thread(alone.run("orders", roles=("api",), ports=None, AFTERSALE_LOG_LEVEL="warning").wait_until_ready)
    connection = await asyncpg.connect(alone.postgres_url, database=alone.name)

    async def count(what: str) -> int:
        return int(await connection.fetchval(f"select count(*) from {what}"))

    async def is_(what: str, number: int) -> bool:
        return await count(what) == number

    try:
        await place(alone, [api.urls["orders"]], ORDERS)
        await eventually(lambda: is_("orders.events where published_at is not null", ORDERS), PATIENCE_SECONDS)
        async with await aio_pika.connect(alone.amqp_url) as rabbit:
            lost = await (await rabbit.channel()).queue_delete(queue_name(alone.name, "notes"))
        assert lost.message_count == ORDERS
        looked = await asyncio.to_thread(command, alone, "--dry-run", "--reader", "notes")
        assert (looked.returncode, json.loads(looked.stdout)["events"]) == (0, ORDERS)
        refused = await asyncio.to_thread(command, alone, "--reader", "notes")
        assert (refused.returncode, f"The queue {queue_name(alone.name, 'notes')} does not exist" in refused.stdout) == (1, True)
        await only_what_is_wanted(alone)
        assert await is_("orders.events where published_at is not null", ORDERS)
        assert await redriven(alone.amqp_url, alone.postgres_url, alone.name) == ORDERS
        alone.run("notes", "refunds", roles=("worker",), ports=None, AFTERSALE_LOG_LEVEL="warning")
        await eventually(lambda: is_("notes.inbox", ORDERS), PATIENCE_SECONDS)
        await eventually(lambda: is_("refunds.inbox", ORDERS), PATIENCE_SECONDS)  # they came twice here, and count once
        assert (await count("notes.timeline"), await count("refunds.orders")) == (ORDERS, ORDERS)
        await redriven(alone.amqp_url, alone.postgres_url, alone.name)  # documents has not run: only that is sent again
        await eventually(lambda: is_("orders.events where published_at is not null", ORDERS), PATIENCE_SECONDS)
        assert (await count("notes.inbox"), await count("refunds.parked")) == (ORDERS, 0)
        done = await asyncio.to_thread(command, alone, "--dry-run", "--reader", "notes")
        assert (done.returncode, json.loads(done.stdout)) == (0, {"dry_run": True, "events": 0, "of": []})
    finally:
        await connection.close()


async def only_what_is_wanted(alone: Stack) -> None:
    """A dry run sends nothing again; reader, type and moment narrow it down."""
    urls = {service: alone.database_url(service) for service in SERVICES}

    async def would(**wanted: Any) -> int:
        return (await redrive(urls, Wanted(dry_run=True, **wanted), there)).total()

    async def there() -> None:
        """The queues are not looked at here."""

    assert await would(readers=("notes",)) == ORDERS
    assert await would(readers=("notes", "documents")) == 2 * ORDERS
    assert await would(readers=("notes",), types=("order.placed.v1",)) == ORDERS
    assert await would(readers=("notes",), types=("order.shipped.v1",)) == 0
    assert await would(readers=("notes",), services=("refunds",)) == 0
    assert await would(readers=("notes",), since=datetime.now(UTC) - timedelta(minutes=10)) == ORDERS
    assert await would(readers=("notes",), since=datetime.now(UTC) + timedelta(minutes=10)) == 0


def command(alone: Stack, *options: str) -> "subprocess.CompletedProcess[str]":
    """`aftersale redrive`, as an operator calls it who is not the broker's administrator."""
    words = [sys.executable, "-m", "deploy", "redrive", "--json", *options]
    environment = {**os.environ, **alone.settings, given.AMQP: ""}
    return subprocess.run(words, cwd=PROJECT, env=environment, capture_output=True, text=True, check=False)


async def test_a_batch_that_was_published_while_the_queue_was_missing_is_sent_again(alone: Stack) -> None:
    """The relay that publishes it has not marked it yet when the queues come back: the redrive waits for the mark."""
    api = alone.run("orders", roles=("api",), ports=None, AFTERSALE_LOG_LEVEL="warning", AFTERSALE_ORDERS_AMQP_URL="amqp://127.0.0.1:9")
    await eventually(lambda: answers(api.urls["orders"]), PATIENCE_SECONDS)
    await place(alone, [api.urls["orders"]], 1)
    relay = await asyncpg.connect(alone.postgres_url, database=alone.name)
    watcher = await asyncpg.connect(alone.postgres_url, database=alone.name)
    try:
        batch = relay.transaction()
        await batch.start()
        await relay.execute("select from orders.events where published_at is null for update skip locked")
        redriving = asyncio.create_task(redriven(alone.amqp_url, alone.postgres_url, alone.name))
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not redriving.done() and not await looks_at_locks(watcher):
                await asyncio.sleep(0.01)
        assert not redriving.done()
        await relay.execute("update orders.events set published_at = now()")
        await batch.commit()
        assert await redriving == 1
        assert await watcher.fetchval("select count(*) from orders.events where published_at is null") == 1
    finally:
        await relay.close()
        await watcher.close()


async def looks_at_locks(watcher: "asyncpg.Connection[asyncpg.Record]") -> bool:
    """Whether the redrive has come to the point where it waits."""
    return bool(
        await watcher.fetchval(
            "select exists (select from pg_stat_activity where query like '%virtualtransaction%' and pid <> pg_backend_pid())"
        )
    )


async def answers(url: str) -> bool:
    """Whether the API is up; it is never ready without a broker."""
    try:
        async with httpx2.AsyncClient() as client:
            return (await client.get(f"{url}/health/live")).status_code == 200
    except httpx2.HTTPError:
        return False
