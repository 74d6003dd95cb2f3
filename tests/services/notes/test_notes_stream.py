"""The live stream: what changes comes at once, to whom it may come, and again from where it broke off."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx2
import pytest

from shared.contracts import events
from tests.services.notes.story import Story, Teller
from tests.shop import PATIENCE_SECONDS, Caller, Shop, eventually
from tests.stack import Stack


@dataclass
class Heard:
    """What a listener has heard: (id, kind, data), and every byte."""

    events: list[tuple[int, str, dict[str, Any]]] = field(default_factory=list)
    raw: bytearray = field(default_factory=bytearray)

    @property
    def said(self) -> list[tuple[int, str]]:
        """Positions with a note's text or an entry's type."""
        return [(at, data["text"] if kind == "note" else data["type"]) for at, kind, data in self.events]

    async def has(self, count: int) -> bool:
        return len(self.events) >= count


@asynccontextmanager
async def listening(caller: Caller, story: Story, last_event_id: int | None = None) -> AsyncIterator[Heard]:
    """A listener of the order's stream for as long as the block runs."""
    heard, opened = Heard(), asyncio.Event()
    sent = {"Authorization": f"Bearer {caller.token}"} | ({} if last_event_id is None else {"Last-Event-ID": str(last_event_id)})
    url = f"{caller._urls['notes']}/v1/timeline/{story.order_id}/stream"

    async def listen() -> None:
        async with httpx2.AsyncClient(timeout=60) as client, client.stream("GET", url, headers=sent) as answer:
            assert answer.status_code == 200
            opened.set()
            fields: dict[str, str] = {}
            async for line in answer.aiter_lines():
                heard.raw += line.encode() + b"\n"
                if line:
                    name, _, value = line.partition(":")
                    fields[name] = value.removeprefix(" ")
                elif "data" in fields:
                    heard.events.append((int(fields["id"]), fields["event"], json.loads(fields["data"])))
                    fields = {}

    task = asyncio.create_task(listen())
    try:
        await asyncio.wait_for(opened.wait(), PATIENCE_SECONDS)
        yield heard
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def write(caller: Caller, story: Story, audience: str, text: str) -> str:
    return str((await caller.post("/notes/v1/notes", {"order_id": story.order_id, "audience": audience, "text": text})).ok()["note_id"])


async def test_both_sides_hear_what_is_theirs_as_it_happens(shop: Shop, tells: Teller, story: Story) -> None:
    async with listening(shop.customer(), story) as customer, listening(shop.staff, story) as staff:
        await write(shop.staff, story, "private", "watch this one")
        await tells.tell(shop, story.refunded(events.RefundRequested, 1, 5))
        note = await write(shop.staff, story, "customer", "Ready")
        await eventually(lambda: customer.has(2))
        await shop.staff.patch(f"/notes/v1/notes/{note}", {"text": "Ready at noon"})
        await eventually(lambda: customer.has(3))
        await eventually(lambda: staff.has(5))
    assert customer.said == [(1, "order.placed"), (2, "Ready"), (3, "Ready at noon")]
    assert staff.said == [(1, "order.placed"), (2, "watch this one"), (3, "refund.requested"), (4, "Ready"), (5, "Ready at noon")]
    assert b"watch this one" not in customer.raw
    assert b"private" not in customer.raw


async def test_listeners_share_only_what_they_may_both_see(shop: Shop, story: Story) -> None:
    """What is read at once is read for one actor: the same person may listen with credentials that only read."""
    reader = shop.caller("staff", "staff-1", read_only=True)
    async with listening(shop.staff, story) as writing, listening(reader, story) as reading, listening(shop.staff, story) as again:
        await write(shop.staff, story, "private", "mine to edit")
        for heard in (writing, reading, again):
            await eventually(lambda heard=heard: heard.has(2))  # type: ignore[misc]  # mypy infers no default
    edits = [heard.events[1][2]["actions"]["edit"] for heard in (writing, reading, again)]
    assert [(edit["allowed"], edit["code"]) for edit in edits] == [(True, None), (False, "read_only"), (True, None)]


async def test_it_resumes_where_it_broke_off(shop: Shop, story: Story) -> None:
    for text in ("one", "two", "three"):
        await write(shop.staff, story, "customer", text)
    page = (await shop.customer().get(f"/notes/v1/notes?order_id={story.order_id}")).ok()
    assert page["last_event_id"] == 4
    async with listening(shop.customer(), story, 2) as heard:
        await eventually(lambda: heard.has(2))
        await write(shop.customer(), story, "customer", "four")
        await eventually(lambda: heard.has(3))
    assert heard.said == [(3, "two"), (4, "three"), (5, "four")]


@pytest.mark.parametrize("bad", ["x", "-1", "1.5", "9" * 19 + "9"])
async def test_a_last_event_id_that_is_none(shop: Shop, story: Story, bad: str) -> None:
    answer = await shop.staff.get(f"/notes/v1/timeline/{story.order_id}/stream", headers={"Last-Event-ID": bad})
    assert (answer.status, answer.code) == (422, "invalid")


async def test_open_streams_end_when_the_service_stops(shop: Shop, stack: Stack, story: Story) -> None:
    """And nobody waits for them: SIGTERM ends the process by itself, with its exit code 0."""
    leaving = stack.run("notes", roles=("api",))
    await asyncio.to_thread(leaving.wait_until_ready)
    caller = Caller(shop.staff._client, leaving.urls, shop.staff.token)
    async with listening(caller, story) as heard:
        await eventually(lambda: heard.has(1))
        assert await asyncio.to_thread(leaving.stop) == 0
    assert heard.said == [(1, "order.placed")]
