"""P14: no byte that a customer can reach tells of a private note: not its text, not its count, not that it exists."""

import asyncio
import json
from pathlib import Path

from shared.contracts import events
from tests.services.notes.story import Story, Teller
from tests.services.notes.test_notes_stream import listening
from tests.shop import Caller, Shop, eventually
from tests.stack import Stack

CANARY = "canary-7f3a"


def reads(story: Story) -> list[str]:
    notes, timeline = f"/notes/v1/notes?order_id={story.order_id}", f"/notes/v1/timeline/{story.order_id}"
    return [notes, f"{notes}&limit=1", timeline, f"{timeline}?limit=1", "/notes/v1/notes/unread"]


async def answers(caller: Caller, story: Story) -> list[bytes]:
    """Every byte of every answer, and the headers that vary with what is in it."""
    found = []
    for path in reads(story):
        answer = (await caller.get(path)).ok()
        found.append(answer.content + repr([answer.headers.get(name) for name in ("etag", "link", "content-length")]).encode())
    return found


async def test_private_notes_change_no_byte_that_a_customer_or_guest_gets(shop: Shop, tells: Teller, story: Story) -> None:
    """The strongest form: two worlds, one with private notes and staff's entries, one without, cannot be told apart."""
    await shop.staff.post("/notes/v1/notes", {"order_id": story.order_id, "audience": "customer", "text": "Hello"})
    outsiders = [shop.customer(), shop.caller("guest", story.order_id)]
    before = [await answers(outsider, story) for outsider in outsiders]
    note = (await shop.staff.post("/notes/v1/notes", {"order_id": story.order_id, "audience": "private", "text": CANARY})).ok()["note_id"]
    await shop.staff.patch(f"/notes/v1/notes/{note}", {"text": f"{CANARY} again"})
    await shop.staff.post("/notes/v1/notes", {"order_id": story.order_id, "audience": "private", "text": f"{CANARY} two"})
    await shop.staff.post(f"/notes/v1/notes/{note}/retract")
    await tells.tell(shop, story.refunded(events.RefundRequested, 1, 5, refund=story.refund(reason=CANARY)))
    assert [await answers(outsider, story) for outsider in outsiders] == before


async def test_a_private_note_is_no_note_to_a_customer(shop: Shop, story: Story) -> None:
    note = (await shop.staff.post("/notes/v1/notes", {"order_id": story.order_id, "audience": "private", "text": CANARY})).ok()["note_id"]
    tried = [
        await shop.customer().patch(f"/notes/v1/notes/{note}", {"text": "x"}),
        await shop.customer().patch(f"/notes/v1/notes/{note}", {"text": "x"}, headers={"If-Match": '"v9"'}),
        await shop.customer().post(f"/notes/v1/notes/{note}/retract"),
        await shop.customer().post(f"/notes/v1/timeline/{story.order_id}/read", {"through": note}),
    ]
    assert [(answer.status, answer.code) for answer in tried] == [(404, "not_found")] * 4
    assert not any(CANARY.encode() in answer.content for answer in tried)


async def test_the_key_of_staff_gives_a_customer_nothing(shop: Shop, story: Story) -> None:
    """The stored response of a private note belongs to who wrote it, whoever else learns its key."""
    path, body = "/notes/v1/notes", {"order_id": story.order_id, "audience": "private", "text": CANARY}
    (await shop.staff.post(path, body, key="k-1")).ok()
    stolen = await shop.customer().post(path, body, key="k-1")
    assert (stolen.status, stolen.code) == (403, "shop_only")
    assert CANARY.encode() not in stolen.content


async def test_canaries_in_every_stream_event_and_log(shop: Shop, stack: Stack, tells: Teller, story: Story) -> None:
    async with listening(shop.customer(), story) as heard:
        await shop.staff.post("/notes/v1/notes", {"order_id": story.order_id, "audience": "private", "text": CANARY})
        await shop.staff.post("/notes/v1/notes", {"order_id": story.order_id, "audience": "private", "text": f"{CANARY}\x01"})
        reversed_payment = story.ordered(events.OrderPaymentReversed, 2, 2, payment_id=story.payment_id, reason=CANARY)
        await tells.tell(shop, reversed_payment)
        await shop.staff.post("/notes/v1/notes", {"order_id": story.order_id, "audience": "customer", "text": "Hello"})
        await eventually(lambda: heard.has(3))
    assert [at for at, _, _ in heard.events] == [1, 2, 3]
    assert CANARY.encode() not in bytes(heard.raw)
    told = await shop.events("notes")
    assert CANARY not in json.dumps(told)
    assert [(event["sequence"], event["public"]) for event in told if event["subject"] == story.order_id] == [(1, True)]
    assert CANARY not in await asyncio.to_thread(Path(stack.log).read_text, errors="replace")
    timeline = await shop.customer().get(f"/notes/v1/timeline/{story.order_id}")
    assert CANARY.encode() not in timeline.content
