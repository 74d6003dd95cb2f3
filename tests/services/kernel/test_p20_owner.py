"""P20: a message takes effect only if its routing key, its type and its source agree, and the source owns the type."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import aio_pika
import pytest
import sqlalchemy as sa
from pamqp import encode

from shared.contracts.events import EVENTS, MAX_MESSAGE_BYTES, SOURCES, DocumentIssued, owner_of
from shared.messaging.broker import queue_name
from shared.messaging.messages import KEPT_BYTES
from tests.retelling import OneReader
from tests.services.kernel.lab import SERVICE, Lab, an_event, started
from tests.services.kernel.test_inbox import message
from tests.shop import eventually

OTHER_TYPE = "document.voided.v1"


def says(**attributes: Any) -> Callable[[bytes], bytes]:
    """The same message with other attributes."""
    return lambda body: json.dumps(json.loads(body) | attributes).encode()


FORGED = [
    pytest.param(says(), OTHER_TYPE, "type_is_not_its_routing_key", id="another-key"),
    pytest.param(says(), "", "type_is_not_its_routing_key", id="no-key"),
    pytest.param(says(), DocumentIssued.type.upper(), "type_is_not_its_routing_key", id="key-looks-alike"),
    pytest.param(says(type="customer.erased.v1"), DocumentIssued.type, "type_is_not_its_routing_key", id="anothers-type"),
    pytest.param(says(type="customer.erased.v9"), DocumentIssued.type, "type_is_not_its_routing_key", id="anothers-type-to-come"),
    pytest.param(says(source="orders"), DocumentIssued.type, "source_does_not_own_type", id="anothers-source"),
    pytest.param(says(source=""), DocumentIssued.type, "source_does_not_own_type", id="no-source"),
    pytest.param(says(source="documents "), DocumentIssued.type, "source_does_not_own_type", id="source-looks-alike"),
    pytest.param(says(storeid="x\x00"), DocumentIssued.type, "not_a_cloud_event", id="nul"),
    pytest.param(says(storeid="\ud800"), DocumentIssued.type, "not_a_cloud_event", id="half-a-character"),
    pytest.param(says(storeid="x" * 10_000), DocumentIssued.type, "not_a_cloud_event", id="too-long"),
    pytest.param(says(type=["document.issued.v1"]), DocumentIssued.type, "not_a_cloud_event", id="list-of-types"),
]


def test_every_type_has_exactly_one_owner() -> None:
    assert {owner_of(event_type) for event_type in EVENTS} == set(SOURCES)
    assert [owner_of(odd) for odd in ("", ".", "unknown.v1", "orders.placed.v1", "ORDER.placed.v1")] == [None] * 5


@pytest.mark.parametrize(("forge", "routing_key", "reason"), FORGED)
async def test_what_its_owner_did_not_say_is_parked_and_has_no_effect(
    lab: Lab, forge: Callable[[bytes], bytes], routing_key: str, reason: str
) -> None:
    inbox = lab.consume(lab.effect)
    body = forge(await message(lab))
    await inbox.take(body, routing_key)
    assert (await lab.count("notes.effects"), await lab.count("notes.inbox")) == (0, 0)
    assert await reasons(lab) == [(reason, routing_key or "unknown", body)]
    later = datetime.now(UTC)
    async with lab.database.transaction("lab.retry") as tx:  # what `aftersale parked retry all` does
        await tx.execute(sa.update(tx.kernel.parked).values(state="waiting", next_attempt_at=later))
    assert await inbox.retry_due(now=later + timedelta(seconds=1)) == 1
    assert await lab.count("notes.effects") == 0, "a retry let a forged message take effect"
    assert await lab.count(f"notes.parked where state = 'parked' and reason = '{reason}'") == 1


async def test_its_owners_word_takes_effect(lab: Lab) -> None:
    await lab.consume(lab.effect).take(await message(lab), DocumentIssued.type)
    assert (await lab.count("notes.effects"), await lab.count("notes.parked")) == (1, 0)


async def test_a_message_without_any_properties_is_handled_like_others(lab: Lab) -> None:
    inbox = lab.consume(lab.effect)
    body = await message(lab)
    broker = lab.broker()
    broker.consume(inbox.deliver, lab.deliveries)
    async with await aio_pika.connect(lab.settings.amqp_url.get_secret_value()) as connection, started(broker):
        into = OneReader(await connection.channel(), queue_name(lab.settings.amqp_namespace, SERVICE))
        await into.tell(aio_pika.Message(body), "document.voided.v1")
        await into.tell(aio_pika.Message(body, headers={"x-odd": [None, {"a": "ü"}]}, content_encoding="none"), DocumentIssued.type)
        await eventually(lambda: _is(lab, "notes.effects", 1))
        await eventually(lambda: _is(lab, "notes.parked", 1))


STRANGE = [
    pytest.param("timestamp", b"\xff" * 8, {"timestamp": 1}, id="year"),
    pytest.param("shortstr", b"\x03\xff\xfe\xfd", {"message_id": "ODD"}, id="message-id"),
    pytest.param("shortstr", b"\x03\xff\xfe\xfd", {"content_type": "ODD"}, id="content-type"),
]


@pytest.mark.parametrize(("kind", "encoded", "properties"), STRANGE)
async def test_no_property_of_a_message_stops_the_consumer(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, kind: str, encoded: bytes, properties: dict[str, Any]
) -> None:
    """More of them than there are places, and then one of its owner's."""
    inbox, broker, body = lab.consume(lab.effect), lab.broker(consumer_prefetch=2), await message(lab)
    plain = encode.METHODS[kind]
    broker.consume(inbox.deliver, lab.deliveries)
    async with await aio_pika.connect(lab.settings.amqp_url.get_secret_value()) as connection:
        into = OneReader(await connection.channel(), queue_name(lab.settings.amqp_namespace, SERVICE))
        await into.tell(aio_pika.Message(b"{}"), DocumentIssued.type)
        with monkeypatch.context() as forging:
            forging.setitem(encode.METHODS, kind, lambda value: encoded if kind != "shortstr" or value == "ODD" else plain(value))
            for _ in range(3):
                await into.tell(aio_pika.Message(b"{}", **properties), DocumentIssued.type)
        await into.tell(aio_pika.Message(body), DocumentIssued.type)
        async with started(broker):
            await eventually(lambda: _is(lab, "notes.effects", 1))
            await eventually(lambda: _is(lab, "notes.parked where reason = 'not_a_cloud_event'", 4))


async def test_of_a_message_that_is_too_large_little_is_kept(lab: Lab) -> None:
    inbox = lab.consume(lab.effect)
    body = says(padding="x" * MAX_MESSAGE_BYTES)(await message(lab))
    await inbox.take(body, DocumentIssued.type)
    [(reason, _, kept)] = await reasons(lab)
    assert (reason, kept) == ("too_large", body[:KEPT_BYTES])
    assert await lab.count(f"notes.parked where detail like '%{len(body):,} bytes (SHA-256%'") == 1
    assert await lab.count("notes.effects") == 0


async def test_the_largest_event_fits_into_a_message(lab: Lab) -> None:
    await lab.consume(lab.effect).take(await message(lab, an_event(number="৳" * 300_000)), DocumentIssued.type)
    assert (await lab.count("notes.effects"), await lab.count("notes.parked")) == (1, 0)


async def reasons(lab: Lab) -> list[tuple[str, str, bytes]]:
    async with lab.database.reading() as tx:
        rows = await tx.all(sa.text("select reason, type, body from notes.parked where state = 'parked'"))
    return [(row.reason, row.type, bytes(row.body)) for row in rows]


async def _is(lab: Lab, what: str, count: int) -> bool:
    return await lab.count(what) == count
