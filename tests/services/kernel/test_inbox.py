"""The inbox: once and for ever, whatever is delivered how often, and nothing is given up silently."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from shared.contracts.errors import NotFound, Refused, Transient
from shared.contracts.events import DocumentIssued
from shared.messaging.attempts import OUTSIDE_DELAYS_SECONDS, RETRY_DELAYS_SECONDS
from shared.messaging.outbox import cloud_event
from tests.services.kernel.lab import Lab, an_event


async def message(lab: Lab, event: DocumentIssued | None = None) -> bytes:
    """An event as it crosses the broker."""
    await lab.emit(event or an_event())
    events = lab.database.kernel.events
    columns = [column for column in events.c if column.name != "data"]
    async with lab.database.reading() as tx:
        row = await tx.first(sa.select(*columns, sa.cast(events.c.data, sa.Text).label("data")).order_by(events.c.position.desc()).limit(1))
    assert row is not None
    return cloud_event("documents", row)


async def test_an_event_takes_effect_once_however_often_it_comes(lab: Lab) -> None:
    inbox = lab.consume(lab.effect)
    body = await message(lab)
    for _ in range(3):
        await inbox.take(body, DocumentIssued.type)
    await asyncio.gather(*(inbox.take(body, DocumentIssued.type) for _ in range(8)))
    assert await lab.count("notes.effects") == 1
    assert await lab.count("notes.parked") == 0


async def test_a_failure_leaves_no_inbox_row_and_the_next_attempt_succeeds(lab: Lab) -> None:
    async def not_today(tx: Any, event: Any, envelope: Any) -> None:
        await lab.effect(tx, event, envelope)
        raise NotFound("no_such_order", "the day is bad")

    inbox = lab.consume(not_today)
    await inbox.take(await message(lab), DocumentIssued.type)
    assert (await lab.count("notes.inbox"), await lab.count("notes.effects")) == (0, 0)
    inbox = lab.consume(lab.effect)
    assert await inbox.retry_due(now=datetime.now(UTC)) == 0  # not due yet
    assert await inbox.retry_due(now=datetime.now(UTC) + timedelta(seconds=RETRY_DELAYS_SECONDS[0] + 1)) == 1
    assert (await lab.count("notes.inbox"), await lab.count("notes.effects"), await lab.count("notes.parked")) == (1, 1, 0)


async def test_what_fails_every_time_is_parked_after_its_attempts_and_can_be_replayed(lab: Lab) -> None:
    async def never(tx: Any, event: Any, envelope: Any) -> None:
        raise NotFound("no_such_order", "never")

    inbox = lab.consume(never)
    await inbox.take(await message(lab), DocumentIssued.type)
    later = datetime.now(UTC)
    for _ in RETRY_DELAYS_SECONDS:
        later += timedelta(hours=2)
        assert await inbox.retry_due(now=later) == 1
    assert await inbox.retry_due(now=later + timedelta(days=30)) == 0
    assert await lab.count("notes.parked where state = 'parked' and attempts = 9 and reason = 'no_such_order'") == 1
    async with lab.database.transaction("lab.replay") as tx:  # what `aftersale parked retry` does
        await tx.execute(sa.update(tx.kernel.parked).values(state="waiting", next_attempt_at=later))
    assert await lab.consume(lab.effect).retry_due(now=later) == 1
    assert (await lab.count("notes.effects"), await lab.count("notes.parked")) == (1, 0)


async def test_what_an_outside_cause_keeps_waiting_is_never_parked_and_tried_every_twenty_seconds(lab: Lab) -> None:
    async def locked(tx: Any, event: Any, envelope: Any) -> None:
        raise Transient("try_again", "somebody holds the row")

    inbox = lab.consume(locked)
    await inbox.take(await message(lab), DocumentIssued.type)
    began = datetime.now(UTC)
    for attempt in range(2, 30):
        assert await inbox.retry_due(now=began + timedelta(seconds=OUTSIDE_DELAYS_SECONDS[1] * attempt)) == 1
    assert await lab.count("notes.parked where state = 'waiting' and attempts = 1 and next_attempt_at - last_failed_at = '20 s'") == 1
    assert await lab.consume(lab.effect).retry_due(now=began + timedelta(hours=1)) == 1
    assert (await lab.count("notes.effects"), await lab.count("notes.parked")) == (1, 0)


async def test_a_refusal_is_parked_at_once(lab: Lab) -> None:
    async def refuses(tx: Any, event: Any, envelope: Any) -> None:
        raise Refused("too_late", "It is over.")

    await lab.consume(refuses).take(await message(lab), DocumentIssued.type)
    assert await lab.count("notes.parked where state = 'parked' and reason = 'too_late' and next_attempt_at is null") == 1


async def test_a_message_that_waits_and_comes_again_is_recorded_once(lab: Lab) -> None:
    async def not_today(tx: Any, event: Any, envelope: Any) -> None:
        raise Transient

    inbox = lab.consume(not_today)
    body = await message(lab)
    await inbox.take(body, DocumentIssued.type)
    await inbox.take(body, DocumentIssued.type)
    assert await lab.count("notes.parked") == 1


async def test_the_same_row_gives_the_same_bytes(lab: Lab) -> None:
    event = an_event(number="৳ “ü”")
    first = await message(lab, event)
    events = lab.database.kernel.events
    async with lab.database.reading() as tx:
        columns = [column for column in events.c if column.name != "data"]
        row = await tx.first(sa.select(*columns, sa.cast(events.c.data, sa.Text).label("data")))
    assert row is not None
    assert cloud_event("documents", row) == first
