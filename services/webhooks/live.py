"""The feed live: a stream of the store's events, and the long poll of a page."""

import asyncio
import json
from collections.abc import Collection, Sequence
from time import monotonic

import sqlalchemy as sa
from fastapi.responses import StreamingResponse
from fastapi.sse import format_sse_event

from services.webhooks import queries
from services.webhooks.state import FeedPage
from services.webhooks.tables import counters
from shared.data.db import Transaction
from shared.web.call import Calling
from shared.web.streams import Found, Key, Streams, resumed

EVENTS_PER_LOOK = 200


class Counters:
    """The hub's feed: the last position of every store that has readers."""

    def __init__(self) -> None:
        self._known: dict[Key, int] = {}

    async def moved(self, tx: Transaction, keys: Collection[Key]) -> tuple[Collection[Key], bool]:
        """See shared.web.streams.Feed."""
        stores = sorted({store for store, _ in keys})
        rows = await tx.all(sa.select(counters).where(counters.c.store_id.in_(stores)))
        lasts = {row.store_id: row.last for row in rows}
        known: dict[Key, int] = {key: lasts.get(key[0], 0) for key in keys}
        moved = [key for key, last in known.items() if self._known.get(key) != last]
        self._known = known
        return moved, False


STREAMS = Streams("webhooks", Counters)


def feed_stream(call: Calling, last: int | None, *, types: Sequence[str] | None, subject: str | None) -> StreamingResponse:
    """The store's events after position `last` (if it is None, only new ones), and then new ones as they come."""

    async def start(tx: Transaction) -> int:
        newest = await queries.newest_position(tx, call.actor.store)
        return resumed(last, newest, fresh=newest)

    async def look(tx: Transaction, after: int) -> Found:
        page = await queries.events_after(tx, call.actor, after, types=types, subject=subject, limit=EVENTS_PER_LOOK)
        frames = [format_sse_event(id=str(one.position), event=one.type, data_str=one.body) for one in page.items]
        return Found(frames, [], page.after, page.more)

    return STREAMS.follow(call, _question(types, subject), start, look)


async def next_events(
    call: Calling, after: int, *, types: Sequence[str] | None, subject: str | None, limit: int, wait_seconds: float
) -> FeedPage:
    """A page of events after a position; if there are none yet, waits up to `wait_seconds` for the first. Holds no connection meanwhile."""
    until = monotonic() + wait_seconds
    with STREAMS.listening(call, _question(types, subject)) as woken:
        while True:
            woken.clear()
            async with call.reading() as tx:
                page = await queries.events_after(tx, call.actor, after, types=types, subject=subject, limit=limit)
            if page.items or (not page.more and not await _woken(call, woken, until - monotonic())):
                return page
            after = page.after


async def _woken(call: Calling, woken: asyncio.Event, seconds: float) -> bool:
    """Whether something new came within these seconds, before the service stops."""
    if seconds <= 0:
        return False
    waits = [asyncio.ensure_future(woken.wait()), asyncio.ensure_future(call.running.stopping.wait())]
    try:
        await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        return woken.is_set()
    finally:
        for wait in waits:
            wait.cancel()


def _question(types: Sequence[str] | None, subject: str | None) -> str:
    """Names what a reader asks for: readers of one actor who ask for the same share their reads."""
    return json.dumps([types, subject])
