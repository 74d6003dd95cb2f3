"""Reads an order's live stream: its notes and timeline entries that changed after the reader's position, in their current state.

Positions count the changes that one side may see, under the order's lock: a customer's positions reveal nothing about private notes.
"""

from collections.abc import Collection

import sqlalchemy as sa
from fastapi.responses import StreamingResponse

from services.notes import queries
from services.notes.rules.writing import position_for
from services.notes.state import Note, TimelineEntry
from services.notes.tables import orders
from services.notes.views import NoteView, TimelineEntryView
from shared.contracts.actor import Actor
from shared.data.db import Transaction
from shared.data.set_aside import each_readable
from shared.web.call import Calling
from shared.web.streams import Found, Key, Streams, frame, resumed

CHANGES_PER_LOOK = 100


class Counts:
    """The feed: the change count of every order that has followers."""

    def __init__(self) -> None:
        self._known: dict[Key, int] = {}

    async def moved(self, tx: Transaction, keys: Collection[Key]) -> tuple[Collection[Key], bool]:
        """See shared.web.streams.Feed."""
        key = sa.tuple_(orders.c.store_id, orders.c.order_id)
        rows = await tx.all(sa.select(orders.c.store_id, orders.c.order_id, orders.c.shop_position).where(key.in_(list(keys))))
        counts: dict[Key, int] = dict.fromkeys(keys, 0) | {(row.store_id, row.order_id): row.shop_position for row in rows}
        moved = [one for one, count in counts.items() if self._known.get(one) != count]
        self._known = counts
        return moved, False


STREAMS = Streams("notes", Counts)


def order_stream(call: Calling, order_id: str, last: int | None) -> StreamingResponse:
    """The order's changes after `last` (from the first if it is None), and then new changes as they happen.

    Every look loads the order and so authorises the reader again.
    """

    async def start(tx: Transaction) -> int:
        order = await queries.order_for(tx, call.actor, order_id)
        return resumed(last, position_for(call.actor, order), fresh=0)

    async def look(tx: Transaction, after: int) -> Found:
        return await _changes(tx, call.actor, order_id, after)

    return STREAMS.follow(call, order_id, start, look)


async def _changes(tx: Transaction, actor: Actor, order_id: str, after: int) -> Found:
    """The next changes, in the order of their positions."""
    order = await queries.order_for(tx, actor, order_id)  # first: its position bounds the reads below
    notes = await queries.notes_changed(tx, actor, order, after=after, limit=CHANGES_PER_LOOK)
    entries = await queries.entries_added(tx, actor, order, after=after, limit=CHANGES_PER_LOOK)
    revisions = await queries.revisions_of(tx, actor, [note.note_id for note in notes])
    answers_allowed = (await queries.settings_of(tx, actor.store)).customer_answers

    def framed(change: tuple[int, Note | TimelineEntry]) -> bytes:
        position, one = change
        if isinstance(one, TimelineEntry):
            return frame(position, "entry", TimelineEntryView.of(one, actor))
        own = revisions.get(one.note_id, ())
        return frame(position, "note", NoteView.of(one, actor, revisions=own, answers_allowed=answers_allowed))

    def key(change: tuple[int, Note | TimelineEntry]) -> tuple[str, str]:
        one = change[1]
        return one.store_id, f"entry {one.event_id}" if isinstance(one, TimelineEntry) else f"note {one.note_id}"

    changes: list[tuple[int, Note | TimelineEntry]] = [(position_for(actor, note), note) for note in notes]
    changes += [(position_for(actor, entry), entry) for entry in entries]
    page = sorted(changes, key=lambda change: change[0])[:CHANGES_PER_LOOK]
    good, bad = each_readable(page, framed, key)
    return Found([shown for _, shown in good], bad, page[-1][0] if page else after, len(page) == CHANGES_PER_LOOK)
