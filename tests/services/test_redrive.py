"""What a deleted queue took with it is found by comparing outbox and inbox, and sent again: nothing is lost, nothing doubled."""

import asyncio

import aio_pika
import asyncpg

from deploy.redrive import redrive
from shared.broker import queue_name
from tests.services.conftest import PATIENCE_SECONDS, place
from tests.shop import eventually
from tests.stack import Stack

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
        assert await asyncio.to_thread(redrive, alone.amqp_url, alone.postgres_url, alone.name) == ORDERS
        alone.run("notes", "refunds", roles=("worker",), ports=None, AFTERSALE_LOG_LEVEL="warning")
        await eventually(lambda: is_("notes.inbox", ORDERS), PATIENCE_SECONDS)
        await eventually(lambda: is_("refunds.inbox", ORDERS), PATIENCE_SECONDS)  # they came twice here, and count once
        assert (await count("notes.timeline"), await count("refunds.orders")) == (ORDERS, ORDERS)
        await asyncio.to_thread(redrive, alone.amqp_url, alone.postgres_url, alone.name)  # documents has not run: only that is sent again
        await eventually(lambda: is_("orders.events where published_at is not null", ORDERS), PATIENCE_SECONDS)
        assert (await count("notes.inbox"), await count("refunds.parked")) == (ORDERS, 0)
    finally:
        await connection.close()
