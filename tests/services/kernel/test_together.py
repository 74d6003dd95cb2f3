"""Group commit: events that wait together take effect together, and each fails, repeats and is told of by itself."""

import asyncio
from typing import Any

import structlog

from shared.contracts.errors import Refused
from shared.contracts.events import DocumentIssued
from shared.contracts.ids import public_id, uuid_of
from shared.messaging.inbox import Inbox, always
from tests.services.kernel.lab import Lab, an_event
from tests.services.kernel.test_inbox import message

ORDERS = [public_id("order", uuid_of("order", f"order_01jd00000000000000000000{at:02}")) for at in range(6)]


def together(lab: Lab, handler: Any) -> Inbox:
    """Handle document.issued with `handler`, in groups."""
    inbox = lab.consume(handler)
    lab.consumers.together["document.issued.v1"] = always
    return inbox


async def messages(lab: Lab) -> list[bytes]:
    """One event for each order, the last order's first."""
    return [await message(lab, an_event(order_id=order)) for order in reversed(ORDERS)]


async def test_what_waits_is_one_transaction_in_order_of_subject(lab: Lab) -> None:
    told, seen = await messages(lab), []

    async def handler(tx: Any, event: Any, envelope: Any) -> None:
        seen.append(event.order_id)
        await lab.effect(tx, event, envelope)

    inbox = together(lab, handler)
    await asyncio.gather(*(inbox.take(body, DocumentIssued.type) for body in told))
    assert seen == ORDERS
    assert await lab.count("notes.effects") == len(ORDERS)
    assert await lab.count("(select distinct xmin::text from notes.inbox union select xmin::text from notes.effects) commits") == 1


async def test_repeats_within_a_group_and_after_it_take_effect_once(lab: Lab) -> None:
    told = await messages(lab)
    inbox = together(lab, lab.effect)
    for _ in range(2):
        await asyncio.gather(*(inbox.take(body, DocumentIssued.type) for body in told * 3))
    assert await lab.count("notes.effects") == len(ORDERS)
    assert (await lab.count("notes.inbox"), await lab.count("notes.parked")) == (len(ORDERS), 0)


async def test_one_that_fails_is_parked_alone(lab: Lab) -> None:
    async def handler(tx: Any, event: Any, envelope: Any) -> None:
        await lab.effect(tx, event, envelope)
        if event.order_id == ORDERS[2]:
            raise Refused("too_late", "It is over.")

    inbox = together(lab, handler)
    await asyncio.gather(*(inbox.take(body, DocumentIssued.type) for body in await messages(lab)))
    assert await lab.count("notes.parked where reason = 'too_late'") == await lab.count("notes.parked") == 1
    assert await lab.count("notes.effects") == await lab.count("notes.inbox") == len(ORDERS) - 1


async def test_one_that_hangs_holds_up_no_other(lab: Lab) -> None:
    goes_on = asyncio.Event()

    async def handler(tx: Any, event: Any, envelope: Any) -> None:
        if event.order_id == ORDERS[2]:
            await goes_on.wait()
        await lab.effect(tx, event, envelope)

    inbox = together(lab, handler)
    told = await messages(lab)
    taken = [asyncio.create_task(inbox.take(body, DocumentIssued.type)) for body in told]
    hanging = taken.pop(ORDERS[::-1].index(ORDERS[2]))
    await asyncio.gather(*taken)
    assert await lab.count("notes.effects") == len(ORDERS) - 1
    assert not hanging.done()
    goes_on.set()
    await hanging
    assert await lab.count("notes.effects") == len(ORDERS)


async def test_a_cancellation_that_nobody_asked_for_undoes_the_group_and_loses_nothing(lab: Lab) -> None:
    calls = 0

    async def handler(tx: Any, event: Any, envelope: Any) -> None:
        nonlocal calls
        calls += 1
        await lab.effect(tx, event, envelope)
        if calls == 2:
            raise asyncio.CancelledError

    inbox = together(lab, handler)
    await asyncio.gather(*(inbox.take(body, DocumentIssued.type) for body in await messages(lab)))
    assert await lab.count("notes.effects") == await lab.count("notes.inbox") == len(ORDERS)


async def test_each_handler_has_its_own_log_context(lab: Lab) -> None:
    said = []

    async def handler(tx: Any, event: Any, envelope: Any) -> None:
        said.append((structlog.contextvars.get_contextvars()["event_id"], str(envelope.id)))

    inbox = together(lab, handler)
    await asyncio.gather(*(inbox.take(body, DocumentIssued.type) for body in await messages(lab)))
    assert len(said) == len(ORDERS)
    assert all(bound == own for bound, own in said)
