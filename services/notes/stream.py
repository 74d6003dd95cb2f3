"""The live stream of an order: server-sent events read from the database, resumable, ended at once when the service stops.

One look per process and interval at the counters of all watched orders; a stream is woken when its order's has moved, and reads
what its actor may see. The event id is the count of changes for that side, so a customer's ids tell nothing of private notes.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import contextmanager
from contextvars import Context
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
import structlog
from fastapi.sse import format_sse_event
from sqlalchemy.engine import Row

from services.notes import queries
from services.notes.models import orders
from services.notes.schemas import EntryView, NoteView
from shared.contracts.errors import Failure, Invalid
from shared.data.db import Database
from shared.data.set_aside import Unusable, each_readable, set_aside
from shared.web.app import Calling

log = structlog.get_logger()

LOOK_SECONDS = 0.25
KEEP_ALIVE_SECONDS = 15.0
LONGEST_STREAM_SECONDS = 900.0  # then the client comes back with a fresh token and its Last-Event-ID
RECONNECT_MILLISECONDS = 1_000
BATCH = 100
PLACE = "notes.stream"
MAX_POSITION = 2**63 - 1


@dataclass(eq=False, slots=True)
class Watcher:
    """One open stream: which order, how far it has read (the shop's count), and what wakes it."""

    store_id: str
    order_id: str
    seen: int = -1
    moved: asyncio.Event = field(default_factory=asyncio.Event)


class Watch:
    """The watched orders of one process, and the one task that looks at them while there are any."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._watchers: set[Watcher] = set()
        self._looking: asyncio.Task[None] | None = None

    @contextmanager
    def over(self, store_id: str, order_id: str) -> Iterator[Watcher]:
        """A watcher of this order for as long as the block runs."""
        watcher = Watcher(store_id, order_id)
        self._watchers.add(watcher)
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look_while_watched(), name="notes-watch", context=Context())  # nobody's share
        try:
            yield watcher
        finally:
            self._watchers.discard(watcher)

    async def _look_while_watched(self) -> None:
        while self._watchers:
            try:
                await self.look()
            except Exception as error:  # whatever it was, the next look may work
                log.warning("watch_failed", error=repr(error))
            await asyncio.sleep(LOOK_SECONDS)

    async def look(self) -> None:
        """Wake every watcher whose order has moved on since it read."""
        watched = sorted({(watcher.store_id, watcher.order_id) for watcher in self._watchers})
        key = sa.tuple_(orders.c.store_id, orders.c.order_id)
        async with self._database.reading() as tx:
            rows = await tx.all(sa.select(orders.c.store_id, orders.c.order_id, orders.c.shop_position).where(key.in_(watched)))
        now_at = {(row.store_id, row.order_id): row.shop_position for row in rows}
        for watcher in self._watchers:
            if now_at.get((watcher.store_id, watcher.order_id), -1) > watcher.seen:
                watcher.moved.set()


def _watch_of(call: Calling) -> Watch:
    """The watch of this process's API."""
    state = call.request.app.state
    if not hasattr(state, "watch"):
        state.watch = Watch(call.db)
    watch: Watch = state.watch
    return watch


def starting_position(last_event_id: str | None) -> int:
    """Where a stream goes on; from the beginning without Last-Event-ID. Raises Invalid("bad_last_event_id")."""
    if last_event_id is None or last_event_id == "":
        return 0
    if not (last_event_id.isascii() and last_event_id.isdigit() and len(last_event_id) < 20) or int(last_event_id) > MAX_POSITION:
        raise Invalid("bad_last_event_id", "Last-Event-ID is a number that this stream sent before.")
    return int(last_event_id)


async def stream(call: Calling, order_id: str, after: int) -> AsyncGenerator[bytes]:
    """The order's changes after position `after` as server-sent events, then new ones as they come, until somebody stops.

    The first frame says where it stands. The order is loaded, and so authorised, at every look: a stream ends when its actor may no
    longer see it, and when the caller's token ends.
    """
    ends_at = min(call.until, time.time() + LONGEST_STREAM_SECONDS)
    stopping = call.running.stopping
    with _watch_of(call).over(call.actor.store, order_id) as watcher:
        yield format_sse_event(id=str(after), retry=RECONNECT_MILLISECONDS, comment="aftersale")
        while not stopping.is_set() and time.time() < ends_at:
            watcher.moved.clear()
            try:
                page = await _changes(call, order_id, after)
            except Failure:
                return
            await set_aside(call.db, PLACE, page.unusable)
            for frame in page.frames:
                yield frame
            after = page.last
            if page.full:
                continue
            watcher.seen = page.seen
            if not await _woken(watcher.moved, stopping, min(KEEP_ALIVE_SECONDS, ends_at - time.time())):
                yield format_sse_event(comment="keep-alive")


@dataclass(frozen=True, slots=True)
class Page:
    """What one look found: frames to send, rows that cannot be shown, and where the next look goes on."""

    frames: Sequence[bytes]
    unusable: Sequence[Unusable]
    last: int
    full: bool  # more follows at once
    seen: int  # the shop's count of the order when it was read


async def _changes(call: Calling, order_id: str, after: int) -> Page:
    """Up to BATCH changes after `after`, each thing as it is now, in the order of their positions."""
    async with call.reading() as tx:
        order = await queries.order_for(tx, call.actor, order_id)  # first: it bounds what is read below
        notes = await queries.notes_changed(tx, call.actor, order, after=after, limit=BATCH)
        entries = await queries.entries_added(tx, call.actor, order, after=after, limit=BATCH)
        revisions = await queries.revisions_of(tx, call.actor, [note.note_id for note in notes])
        _, answers_allowed = await queries.settings_of(tx, call.actor.store)

    def framed(change: tuple[int, str, Row[Any]]) -> bytes:
        position, kind, row = change
        if kind == "note":
            own = revisions.get(row.note_id, ())
            shown = NoteView.of(row, call.actor, revisions=own, answers_allowed=answers_allowed).model_dump_json()
        else:
            shown = EntryView.of(row, call.actor).model_dump_json()
        return format_sse_event(id=str(position), event=kind, data_str=shown)

    def key(change: tuple[int, str, Row[Any]]) -> tuple[str, str]:
        _, kind, row = change
        return row.store_id, f"note {row.note_id}" if kind == "note" else f"entry {row.event_id}"

    changes = [(queries.position_for(call.actor, note), "note", note) for note in notes]
    changes += [(queries.position_for(call.actor, entry), "entry", entry) for entry in entries]
    page = sorted(changes, key=lambda change: change[0])[:BATCH]
    good, bad = each_readable(page, framed, key)
    return Page([frame for _, frame in good], bad, page[-1][0] if page else after, len(page) == BATCH, order.shop_position)


async def _woken(moved: asyncio.Event, stopping: asyncio.Event, most_seconds: float) -> bool:
    """Wait for either; False when neither came before it is time for a sign of life."""
    waits = [asyncio.ensure_future(moved.wait()), asyncio.ensure_future(stopping.wait())]
    try:
        done, _ = await asyncio.wait(waits, timeout=max(0.0, most_seconds), return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
    return bool(done)
