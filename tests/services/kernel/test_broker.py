"""FastStream's and RabbitMQ's defaults that would lose or repeat messages: each override is shown against a real broker."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import aio_pika
import pytest
import sqlalchemy as sa
from faststream.rabbit import RabbitBroker

from shared.contracts.events import EVENTS, DocumentIssued, Event
from shared.messaging.attempts import RETRY_DELAYS_SECONDS
from shared.messaging.broker import HEARTBEAT_SECONDS, Broker, queue_name
from shared.messaging.outbox import emit
from tests.retelling import OneReader
from tests.services.kernel.lab import SERVICE, Lab, an_event, at_work, started
from tests.shop import eventually


async def rabbit_of(broker: Broker) -> RabbitBroker:
    assert broker._rabbit is not None
    return broker._rabbit


async def test_messages_are_persistent(lab: Lab) -> None:
    connection = await aio_pika.connect(lab.settings.amqp_url.get_secret_value())
    async with connection, started(lab.broker()) as broker:
        channel = await connection.channel()
        await broker.publish(b"{}", event_type=DocumentIssued.type, event_id="1")
        queue = await channel.get_queue(queue_name(lab.settings.amqp_namespace, SERVICE))
        message = await queue.get(timeout=60)
        assert message is not None
        assert message.delivery_mode == aio_pika.DeliveryMode.PERSISTENT
        assert (message.routing_key, message.type, message.message_id) == (DocumentIssued.type, DocumentIssued.type, "1")
        await message.ack()


async def test_an_event_that_no_queue_takes_is_not_marked_as_sent(lab: Lab) -> None:
    connection = await aio_pika.connect(lab.settings.amqp_url.get_secret_value())
    async with connection, started(lab.broker()) as broker:
        channel = await connection.channel()
        await channel.queue_delete(queue_name(lab.settings.amqp_namespace, SERVICE))
        await lab.emit(an_event())
        assert await lab.relay(broker).send_batch() == 0
        assert await lab.count("notes.events where published_at is null") == 1


async def test_an_event_that_nobody_must_read_stays_in_the_history_only(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """There is none at present: this is one that a newer version may have."""

    class NoteTranslated(Event, type="note.translated.v1", readers=()):
        """A type that nobody reads."""

    monkeypatch.setitem(EVENTS, NoteTranslated.type, NoteTranslated)
    async with started(lab.broker()) as broker:
        await broker.publish(b"{}", event_type=NoteTranslated.type, event_id="1")


async def test_a_dead_peer_is_noticed_within_three_heartbeats_of_ten_seconds(lab: Lab) -> None:
    async with started(lab.broker()) as broker:
        connection = await (await rabbit_of(broker)).connect()
        assert connection.transport is not None
        assert connection.transport.connection.connection_tune.heartbeat == HEARTBEAT_SECONDS == 10


async def test_no_more_messages_are_handled_at_once_than_the_prefetch_says(lab: Lab) -> None:
    at_once, most = 0, 0

    async def slow(tx: Any, event: Any, envelope: Any) -> None:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        await asyncio.sleep(0.02)
        at_once -= 1
        await lab.effect(tx, event, envelope)

    inbox = lab.consume(slow)
    broker = lab.broker(consumer_prefetch=3)
    broker.consume(inbox.deliver)
    await lab.emit(*[an_event() for _ in range(30)])
    async with started(broker), at_work(lab.relay(broker).run()):
        await eventually(lambda: _is(lab, "notes.effects", 30))
    assert most == 3


async def test_a_failing_handler_is_tried_again_later_not_at_once(lab: Lab) -> None:
    calls = 0

    async def fails(tx: Any, event: Any, envelope: Any) -> None:
        nonlocal calls
        calls += 1
        await lab.effect(tx, event, envelope)
        raise RuntimeError("a bug")

    inbox = lab.consume(fails)
    broker = lab.broker()
    broker.consume(inbox.deliver)
    await lab.emit(an_event())
    async with started(broker), at_work(lab.relay(broker).run()):
        await eventually(lambda: _is(lab, "notes.parked where state = 'waiting'", 1))
        # a second message goes through the same queue after it, so nothing was redelivered meanwhile
        lab.consume(lab.effect)
        await lab.emit(an_event())
        await eventually(lambda: _is(lab, "notes.effects", 1))
    assert calls == 1
    assert await lab.count("notes.inbox") == 1
    async with lab.database.reading() as tx:
        row = await tx.first(sa.text("select reason, detail, attempts, next_attempt_at - last_failed_at as wait from notes.parked"))
    assert row is not None
    assert (row.reason, row.detail, row.attempts) == ("handler_failed", "RuntimeError: a bug", 1)
    assert row.wait.total_seconds() == RETRY_DELAYS_SECONDS[0]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"\xff not json", "not_a_cloud_event"),
        (b'{"id": "no uuid", "data": {}}', "not_a_cloud_event"),
        (b"[]", "not_a_cloud_event"),
        (b"[" * 100_000, "not_a_cloud_event"),
        (
            b'{"id":"0190a5f0-0000-7000-8000-000000000001","type":"document.issued.v1","source":"documents","subject":"s","storeid":"x",'
            b'"sequence":"1","time":"2026-01-01T00:00:00+00:00","recordedtime":"2026-01-01T00:00:00+00:00"}',
            "not_a_cloud_event",
        ),
        (
            b'{"id":"0190a5f0-0000-7000-8000-000000000001","type":"document.issued.v9","source":"documents","subject":"s","storeid":"x",'
            b'"sequence":"1","time":"2026-01-01T00:00:00+00:00","recordedtime":"2026-01-01T00:00:00+00:00","data":{}}',
            "unknown_type",
        ),
        (
            b'{"id":"0190a5f0-0000-7000-8000-000000000001","type":"document.issued.v1","source":"documents","subject":"s","storeid":"x",'
            b'"sequence":"1","time":"2026-01-01T00:00:00+00:00","recordedtime":"2026-01-01T00:00:00+00:00","data":{"kind":"\\u0000"}}',
            "bad_data",
        ),
    ],
)
async def test_what_cannot_be_read_is_parked_with_its_reason_and_the_rest_flows(lab: Lab, body: bytes, reason: str) -> None:
    inbox = lab.consume(lab.effect)
    broker = lab.broker()
    broker.consume(inbox.deliver)
    connection = await aio_pika.connect(lab.settings.amqp_url.get_secret_value())
    async with connection, started(broker), at_work(lab.relay(broker).run()):
        into = OneReader(await connection.channel(), queue_name(lab.settings.amqp_namespace, SERVICE))
        await into.tell(aio_pika.Message(body), "document.issued.v9" if b"issued.v9" in body else DocumentIssued.type)
        await lab.emit(an_event())
        await eventually(lambda: _is(lab, "notes.effects", 1))
        await eventually(lambda: _is(lab, "notes.parked where state = 'parked'", 1))
    async with lab.database.reading() as tx:
        row = await tx.first(sa.text("select reason, body from notes.parked"))
    assert row is not None
    assert (row.reason, bytes(row.body)) == (reason, body)


async def test_consuming_comes_back_when_the_queue_was_deleted(lab: Lab) -> None:
    inbox = lab.consume(lab.effect)
    broker = lab.broker()
    broker.consume(inbox.deliver)
    connection = await aio_pika.connect(lab.settings.amqp_url.get_secret_value())
    async with connection, started(broker), at_work(lab.relay(broker).run()):
        await eventually(lambda: _consumers(connection, lab))
        channel = await connection.channel()
        await channel.queue_delete(queue_name(lab.settings.amqp_namespace, SERVICE))
        await eventually(lambda: _consumers(connection, lab))
        await lab.emit(an_event())
        await eventually(lambda: _is(lab, "notes.effects", 1))


async def test_a_stop_while_it_reopens_leaves_no_connection_behind(lab: Lab) -> None:
    """It would reconnect, and consume beside the next one, for as long as the process lives; started() sees it."""
    inbox = lab.consume(lab.effect)
    broker = lab.broker()
    broker.consume(inbox.deliver)
    async with started(broker):
        reopening = asyncio.create_task(broker._reopen())
        async with asyncio.timeout(10):
            while broker._rabbit is not None:  # only turns of the loop: waiting by time would miss the moment between the two connections
                await asyncio.sleep(0)
        reopening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reopening


async def test_an_api_starts_while_the_broker_is_away_and_says_so(lab: Lab) -> None:
    broker = lab.broker(amqp_url=type(lab.settings.amqp_url)("amqp://guest:guest@127.0.0.1:1/"))
    broker.start()
    try:
        assert not broker.connected
        with pytest.raises(ConnectionError):
            await broker.publish(b"{}", event_type=DocumentIssued.type, event_id="1")
    finally:
        await broker.stop()


async def test_a_cancellation_that_nobody_asked_for_does_not_end_the_relay(lab: Lab) -> None:
    """Seen once with a frozen broker: a publish raised CancelledError by itself."""

    class FrozenOnce(Broker):
        frozen = True

        async def publish(self, body: bytes, *, event_type: str, event_id: str) -> None:
            if self.frozen:
                self.frozen = False
                raise asyncio.CancelledError
            await super().publish(body, event_type=event_type, event_id=event_id)

    await lab.emit(an_event())
    async with started(FrozenOnce(lab.settings)) as broker, at_work(lab.relay(broker).run()):
        await eventually(lambda: _is(lab, "notes.events where published_at is not null", 1))


async def test_an_event_that_commits_late_is_sent_all_the_same(lab: Lab) -> None:
    """Its position is below one that was already sent: a relay that remembers a high-water mark never sees it."""
    async with started(lab.broker()) as broker:
        relay = lab.relay(broker)
        async with lab.database.transaction("lab.late") as late:
            await emit(late, an_event(), store_id=lab.store, sequence=1, recorded_at=datetime.now(UTC))
            await lab.emit(an_event())
            assert await relay.send_batch() == 1
        assert await relay.send_batch() == 1
    assert await lab.count("notes.events where published_at is null") == 0


async def _is(lab: Lab, what: str, count: int) -> bool:
    return await lab.count(what) == count


async def _consumers(connection: Any, lab: Lab) -> bool:
    channel = await connection.channel()
    try:
        queue = await channel.declare_queue(queue_name(lab.settings.amqp_namespace, SERVICE), passive=True)
        return bool(queue.declaration_result.consumer_count)
    except aio_pika.exceptions.ChannelClosed:
        return False
    finally:
        if not channel.is_closed:
            await channel.close()
