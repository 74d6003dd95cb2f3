"""Putting events into queues: many at once, each with its own outcome, whatever else is on its way."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aio_pika
from aio_pika.abc import AbstractQueue

from services.webhooks.delivery.queueing import Publisher
from services.webhooks.delivery.sending import Answer
from tests.proxy import CONFIRMED, Proxy
from tests.shop import eventually
from tests.stack import Stack, free_port


@asynccontextmanager
async def queue(stack: Stack, **arguments: int | str) -> AsyncIterator[AbstractQueue]:
    """A queue that exists while the test runs."""
    async with await aio_pika.connect(stack.amqp_url, timeout=60) as connection:
        channel = await connection.channel()
        made = await channel.declare_queue(uuid.uuid4().hex, durable=True, arguments={"x-queue-type": "quorum", **arguments})
        yield made
        await made.delete(if_unused=False, if_empty=False)


async def published(publisher: Publisher, name: str, event_id: str | None = None) -> Answer:
    return await publisher.put(queue=name, event_id=event_id or uuid.uuid4().hex, event_type="webhooks.test.v1", body=b"{}")


async def test_one_event_for_two_queues_is_not_mistaken_when_one_of_them_is_missing(stack: Stack) -> None:
    async with queue(stack) as there, Publisher(stack.amqp_url, total_seconds=60) as publisher:
        for _ in range(20):
            event_id = uuid.uuid4().hex
            pair = await asyncio.gather(published(publisher, "missing", event_id), published(publisher, there.name, event_id))
            assert [one.failed for one in pair] == ["queue_missing", None]
        found = [await there.get() for _ in range(20)]
        assert len({one.message_id for one in found if one}) == 20


async def test_many_are_on_their_way_at_once_and_none_is_lost(stack: Stack) -> None:
    async with queue(stack) as there, Publisher(stack.amqp_url, total_seconds=60) as publisher:
        ids = [uuid.uuid4().hex for _ in range(300)]
        answers = await asyncio.gather(*(published(publisher, there.name, one) for one in ids))
        assert [one.failed for one in answers] == [None] * 300
        assert len(publisher._lanes) == 1, "different events share a channel"
        found = [await there.get() for _ in ids]
        assert sorted(str(one.message_id) for one in found if one) == sorted(ids)


async def test_a_full_queue_and_a_missing_one_are_told_apart(stack: Stack) -> None:
    arguments: dict[str, int | str] = {"x-max-length-bytes": 50, "x-overflow": "reject-publish"}
    async with queue(stack, **arguments) as small, Publisher(stack.amqp_url, total_seconds=60) as publisher:
        answers = [await published(publisher, small.name) for _ in range(60)]
        missing = await published(publisher, "missing")
        assert [one.failed for one in (answers[0], answers[-1], missing)] == [None, "queue_full", "queue_missing"]
        assert {(one.status, one.address, one.text) for one in answers} == {(None, None, "")}


async def test_a_broker_that_is_away_is_an_outcome(stack: Stack) -> None:
    async with Publisher(f"amqp://127.0.0.1:{free_port()}/", total_seconds=60) as publisher:
        assert [(await published(publisher, "any")).failed for _ in range(3)] == ["broker_away"] * 3


async def test_a_lost_connection_is_opened_again_and_what_was_not_confirmed_is_an_outcome(stack: Stack) -> None:
    async with queue(stack) as there, Proxy.to(stack.amqp_url) as proxy, Publisher(proxy.url(stack.amqp_url), total_seconds=5) as publisher:

        async def outcome() -> Answer:
            return await published(publisher, there.name)

        assert (await outcome()).failed is None
        await proxy.cut()
        assert [(await outcome()).failed for _ in range(2)] == ["broker_away"] * 2
        await proxy.join()

        async def back() -> bool:
            return (await outcome()).failed is None

        await eventually(back)
        proxy.lose(CONFIRMED)
        assert (await outcome()).failed == "broker_away", "its fate is unknown, so it is tried again"
        proxy.release()
        await eventually(back)
        proxy.hold_answers()
        assert [(one.failed, one.why) for one in await asyncio.gather(outcome(), outcome())] == [
            ("broker_away", "The broker did not confirm it within 5 s.")
        ] * 2
        proxy.release()
        await eventually(back)
