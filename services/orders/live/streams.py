"""Reads the streams of orders: rows of the events table after the reader's position.

An order's positions are its versions, which increase under its row lock; a store's are numbers assigned after the commit (numbers.py).
In neither can an event appear behind a reader's position (docs/decisions/0109-positions-of-the-stream.md).
"""

from collections.abc import Collection
from typing import Any

import sqlalchemy as sa
from fastapi.responses import StreamingResponse

from services.orders.live.event import Happened, LiveEvent
from services.orders.tables import metadata, stream, stream_heads
from shared.contracts.actor import Actor
from shared.contracts.times import EARLIEST, LATEST
from shared.data.db import Transaction
from shared.data.set_aside import each_readable
from shared.web.call import Calling
from shared.web.streams import Found, Key, Streams, frame, resumed

ROWS_PER_LOOK = 500

events = metadata.tables["orders.events"]

# New stream numbers of each store with listeners, after the last one seen, each with the order that it is about.
NEWER = sa.text("""
select n.store_id, n.stream_position, e.subject
from unnest(cast(:stores as text[]), cast(:since as bigint[])) as s(store_id, since) cross join lateral (
    select store_id, stream_position, position from orders.stream
    where store_id = s.store_id and stream_position > s.since order by stream_position limit :rows
) n join orders.events e on e.store_id = n.store_id and e.position = n.position
order by n.stream_position
""").bindparams(
    sa.bindparam("stores", type_=sa.ARRAY(sa.Text)),
    sa.bindparam("since", type_=sa.ARRAY(sa.BigInteger)),
    sa.bindparam("rows", type_=sa.Integer),
)


class Numbers:
    """The feed: each store's numbers, from its head at the time when the first listener came."""

    def __init__(self) -> None:
        self._since: dict[str, int] = {}

    async def moved(self, tx: Transaction, keys: Collection[Key]) -> tuple[Collection[Key], bool]:
        """See shared.web.streams.Feed. For a new store it is unknown what came since its listeners last read, so each reads once more."""
        stores = {store for store, _ in keys}
        since = {store: number for store, number in self._since.items() if store in stores}
        new = stores - since.keys()
        if new:
            heads = await tx.all(sa.select(stream_heads).where(stream_heads.c.store_id.in_(sorted(new))))
            since |= dict.fromkeys(new, 0) | {row.store_id: row.last for row in heads}
        rows = await tx.all(NEWER, {"stores": list(since), "since": list(since.values()), "rows": ROWS_PER_LOOK})
        moved: set[Key] = {key for key in keys if key[0] in new}
        for row in rows:
            since[row.store_id] = row.stream_position
            moved |= {(row.store_id, row.subject), (row.store_id, None)}
        self._since = since
        return moved, len(rows) >= ROWS_PER_LOOK


STREAMS = Streams("orders", Numbers)


def order_stream(call: Calling, order_id: str, last: int | None) -> StreamingResponse:
    """One order's events after version `last` (from the latest one if it is None), and then new ones as they happen."""

    async def start(tx: Transaction) -> int:
        mine = (events.c.store_id == call.actor.store) & (events.c.subject == order_id)
        newest = await tx.scalar(sa.select(sa.func.max(events.c.sequence)).where(mine)) or 0
        return resumed(last, newest, fresh=max(0, newest - 1))

    async def look(tx: Transaction, after: int) -> Found:
        mine = (events.c.store_id == call.actor.store) & (events.c.subject == order_id) & (events.c.sequence > after)
        shown = sa.select(*SHOWN, events.c.sequence.label("id")).where(mine, events.c.public)
        return await _found(tx, shown.order_by(events.c.sequence), call.actor, after)

    return STREAMS.follow(call, order_id, start, look)


def store_stream(call: Calling, last: int | None) -> StreamingResponse:
    """The events of all the store's orders, for the shop: those after `last` (if it is None, only new ones), and then new ones."""

    async def start(tx: Transaction) -> int:
        newest = await tx.scalar(sa.select(sa.func.max(stream.c.stream_position)).where(stream.c.store_id == call.actor.store)) or 0
        return resumed(last, newest, fresh=newest)

    async def look(tx: Transaction, after: int) -> Found:
        its = (events.c.store_id == stream.c.store_id) & (events.c.position == stream.c.position)
        mine = (stream.c.store_id == call.actor.store) & (stream.c.stream_position > after)
        shown = sa.select(*SHOWN, stream.c.stream_position.label("id")).select_from(stream.join(events, its)).where(mine)
        return await _found(tx, shown.order_by(stream.c.stream_position), call.actor, after)

    return STREAMS.follow(call, None, start, look)


_in_range = (events.c.occurred_at >= EARLIEST) & (events.c.occurred_at < LATEST)
# Every one of these columns can be read: a time beyond the driver's range is null. One row must not fail its page.
SHOWN = (
    events.c.store_id,
    events.c.position,
    events.c.event_id,
    sa.func.left(events.c.type, 200).label("type"),
    sa.case((_in_range, events.c.occurred_at)).label("occurred_at"),
    sa.cast(events.c.data, sa.Text).label("data"),
)


async def _found(tx: Transaction, statement: sa.Select[Any], actor: Actor, after: int) -> Found:
    """A page of events as frames; unreadable ones are skipped."""
    happened = [Happened(**row._mapping) for row in await tx.all(statement.limit(ROWS_PER_LOOK))]
    good, bad = each_readable(
        happened,
        lambda event: frame(event.id, event.type, LiveEvent.of(event, actor)),
        lambda event: (event.store_id, str(event.position)),
    )
    last = max((event.id for event in happened), default=after)
    return Found([shown for _, shown in good], bad, last, len(happened) >= ROWS_PER_LOOK)
