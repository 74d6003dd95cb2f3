"""Live streams: rows of the events table, told as they come, to any number of listeners in any number of API processes.

One look at the database per process and moment, not one per listener: the hub finds whose rows are new and wakes those, and what
listeners at the same place read then is read and written once for all of them. The rows are the truth, so a stream resumes anywhere by
the id of the last event it saw. An order's ids are its versions, which rise under its row lock; a store's are numbers given after the
commit (stream_numbers.py). In neither can anything appear behind a reader
(docs/decisions/0105-live-streams.md, 0109-positions-of-the-stream.md).
"""

import asyncio
import json
import time
from collections import defaultdict
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import aclosing, contextmanager
from contextvars import Context
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import sqlalchemy as sa
import structlog
from sqlalchemy.engine import Row

from services.orders.models import metadata, stream, stream_heads
from services.orders.schemas.live import LiveEvent
from shared.actor import Actor
from shared.db import Database
from shared.errors import Transient, Unavailable
from shared.events import EVENTS
from shared.flights import Flights
from shared.service import Running
from shared.set_aside import each_readable, set_aside
from shared.shares import Rules, Shares
from shared.times import EARLIEST, LATEST

log = structlog.get_logger()

LOOK_SECONDS = 0.5  # how stale a stream may be when another process made the change
HEARTBEAT_SECONDS = 15.0  # keeps proxies from closing a silent stream
LIFETIME_SECONDS = 3600.0  # then the client comes again, so that connections spread over the replicas that there are
RECONNECT_MILLISECONDS = 1_000
ROWS_PER_LOOK = 500
READS_AT_ONCE = 4  # of this process, by turns over the stores
READ_WAIT_SECONDS = 30.0
MAX_WAITING = 10_000  # of one store: one event wakes all its listeners
PLACE = "orders.stream"

events = metadata.tables["orders.events"]
Key = tuple[str, str | None]

# Numbers of each store that somebody listens to, beyond the last that was looked at, with whom they are about.
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


class Hub:
    """One per process: looks for new rows while anybody listens, and wakes whom they concern."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._listeners: dict[Key, set[asyncio.Event]] = defaultdict(set)
        self._since: dict[str, int] = {}
        self._task: asyncio.Task[None] | None = None
        rules = Rules(READS_AT_ONCE, headroom=1, part=0.5, queue=MAX_WAITING)
        self._wakes: dict[Key, int] = defaultdict(int)
        self._pages: Flights[Page] = Flights(LOOK_SECONDS)
        self._newest: Flights[int] = Flights(0)
        self._reads = Shares("orders.live", rules, wait_seconds=READ_WAIT_SECONDS, what="streams")

    async def rows(self, query: sa.Select[Any]) -> Sequence[Row[Any]]:
        """What a stream reads: a few at a time and by turns over stores, so that thousands leave connections for calls."""
        async with self._reads.of(), self.database.reading() as tx:
            return await tx.all(query)

    async def newest(self, about: Key, last: int | None, query: sa.Select[Any], pace: "Pace") -> int:
        """The last id that there is; tried again while the database is away, 0 where the stream is over meanwhile.

        Shared by who came with the same `last`: nobody is compared with a state from before they saw theirs.
        """

        async def read() -> int:
            rows = await self.rows(query)
            return int(rows[0][0] or 0) if rows else 0

        while not pace.over:
            try:
                return await self._newest.get((about, last), read)
            except (Transient, Unavailable) as failure:
                log.warning("live_read_failed", error=repr(failure))
                await asyncio.sleep(LOOK_SECONDS)
        return 0

    async def page(self, about: Key, actor: Actor, after: int, query: sa.Select[Any], pace: "Pace") -> "Page | None":
        """What follows `after`, as `actor` may see it; None where the stream is over. Read once for all who are woken together.

        The number of wakes is in the key: who was woken by a row reads after that, and nobody misses it.
        """
        audience = ("shop", "") if actor.is_shop else (actor.role, actor.id)

        async def read() -> Page:
            rows = await self.rows(query)
            good, bad = each_readable(rows, lambda row: _framed(row, actor), lambda row: (row.store_id, str(row.position)))
            await set_aside(self.database, PLACE, bad)  # before the frames: a client that has what it wants is gone after them
            return Page(b"".join(frame for _, frame in good), rows[-1].id if rows else after, len(rows) == ROWS_PER_LOOK)

        while not pace.over:
            try:
                return await self._pages.get((about, audience, after, self._wakes[about]), read)
            except (Transient, Unavailable) as failure:
                log.warning("live_read_failed", error=repr(failure))
                await asyncio.sleep(LOOK_SECONDS)
        return None

    @contextmanager
    def listening(self, store_id: str, subject: str | None) -> Iterator[asyncio.Event]:
        """An asyncio.Event that is set whenever there may be something new about `subject` (None: about the store)."""
        key = (store_id, subject)
        woken = asyncio.Event()
        self._listeners[key].add(woken)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run(), name="orders-live", context=Context())  # nobody's share
        try:
            yield woken
        finally:
            self._listeners[key].discard(woken)
            if not self._listeners[key]:
                del self._listeners[key]
                self._wakes.pop(key, None)

    async def _run(self) -> None:
        while self._listeners:
            try:
                while await self._look():
                    pass
            except Exception as error:  # whatever it was, the next look may work; meanwhile streams look at every heartbeat
                log.warning("live_look_failed", error=repr(error))
            await asyncio.sleep(LOOK_SECONDS)
        self._since = {}

    async def _look(self) -> bool:
        """Wake whom something new concerns; whether some store had more of it than one look takes."""
        stores = {store for store, _ in self._listeners}
        self._since = {store: since for store, since in self._since.items() if store in stores}
        new = sorted(stores - self._since.keys())
        async with self.database.reading() as tx:
            if new:
                heads = await tx.all(sa.select(stream_heads).where(stream_heads.c.store_id.in_(new)))
                self._since |= dict.fromkeys(new, 0) | {row.store_id: row.last for row in heads}
            bounds = {"stores": list(self._since), "since": list(self._since.values()), "rows": ROWS_PER_LOOK}
            rows = await tx.all(NEWER, bounds)
        for row in rows:
            self._since[row.store_id] = row.stream_position
            self._wake((row.store_id, row.subject), (row.store_id, None))
        # Of a store that is new here nobody knows what came since its listeners read: each reads once more.
        self._wake(*(key for key in list(self._listeners) if key[0] in new))
        return len(rows) >= ROWS_PER_LOOK

    def _wake(self, *keys: Key) -> None:
        for key in keys:
            if key in self._listeners:
                self._wakes[key] += 1
                for woken in self._listeners[key]:
                    woken.set()


@dataclass(frozen=True, slots=True)
class Page:
    """Frames, the id of the last row that was read for them, and whether more follows at once."""

    frames: bytes
    last: int
    full: bool


_HUBS: "WeakKeyDictionary[Running, Hub]" = WeakKeyDictionary()


def hub_of(running: Running) -> Hub:
    """The hub of this process."""
    hub = _HUBS.get(running)
    if hub is None:
        hub = _HUBS[running] = Hub(running.database)
    return hub


class Pace:
    """When a stream looks again, and when it is over: the service stops, the stream is old, or the caller's token ends."""

    def __init__(self, running: Running, woken: asyncio.Event, until: float) -> None:
        """`until` is the Unix second at which the token ends."""
        self._stopping = running.stopping
        self._woken = woken
        self._until = min(until, time.time() + LIFETIME_SECONDS)

    @property
    def over(self) -> bool:
        """Whether the stream ends now."""
        return self._stopping.is_set() or time.time() >= self._until

    def looks(self) -> None:
        """What wakes it from here on is noticed by wait()."""
        self._woken.clear()

    async def wait(self) -> None:
        """Until woken, at most until the next heartbeat or the end."""
        waits = [asyncio.ensure_future(self._woken.wait()), asyncio.ensure_future(self._stopping.wait())]
        try:
            most = max(0.0, min(HEARTBEAT_SECONDS, self._until - time.time()))
            await asyncio.wait(waits, timeout=most, return_when=asyncio.FIRST_COMPLETED)
        finally:  # a client that leaves cancels us just here
            for wait in waits:
                wait.cancel()


async def order_stream(running: Running, actor: Actor, order_id: str, last: int | None, until: float) -> AsyncGenerator[bytes]:
    """What happens to one order, for whoever may see it: its events after version `last`, else how it stands, and then what comes.

    Ends at `until` (Unix seconds), when the caller's token does.
    """
    hub = hub_of(running)
    with hub.listening(actor.store, order_id) as woken:
        pace = Pace(running, woken, until)
        newest = await hub.newest((actor.store, order_id), last, _newest_of_order(actor, order_id), pace)
        after = max(0, newest - 1) if last is None else _resumed(last, newest)
        async with aclosing(_told(hub, actor, pace, after, order_id)) as told:
            async for frame in told:
                yield frame


async def store_stream(running: Running, actor: Actor, last: int | None, until: float) -> AsyncIterator[bytes]:
    """What happens to every order of the store, for the shop: what came after `last`, else from now on. Ends at `until`."""
    hub = hub_of(running)
    with hub.listening(actor.store, None) as woken:
        pace = Pace(running, woken, until)
        newest = await hub.newest((actor.store, None), last, _newest_of_store(actor), pace)
        after = newest if last is None else _resumed(last, newest)
        async with aclosing(_told(hub, actor, pace, after, None)) as told:
            async for frame in told:
                yield frame


def _resumed(last: int, newest: int) -> int:
    """Where to go on. A number that was never given here is of another history (a backup was restored): all of this one is told."""
    return last if last <= newest else 0


async def _told(hub: Hub, actor: Actor, pace: Pace, after: int, order_id: str | None) -> AsyncGenerator[bytes]:
    """Frames: first where the stream stands, so that whoever loses it before anything happened can resume; then events as they come.

    A full page is followed by the next at once. A row that cannot be read is set aside and passed by.
    """
    yield f"retry: {RECONNECT_MILLISECONDS}\nid: {after}\n: following\n\n".encode()
    while not pace.over:
        pace.looks()
        query = _of_store(actor, after) if order_id is None else _of_order(actor, order_id, after)
        page = await hub.page((actor.store, order_id), actor, after, query, pace)
        if page is None:
            return
        yield page.frames or b": still here\n\n"
        after = page.last
        if not page.full:
            await pace.wait()


def _in_range(time: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    """A time, or null where the driver could not read it."""
    return sa.case((sa.and_(time >= EARLIEST, time < LATEST), time))


# Nothing of it can fail to be read: one row must not fail its page.
TOLD = (
    events.c.store_id,
    events.c.position,
    events.c.event_id,
    sa.func.left(events.c.type, 200).label("type"),
    _in_range(events.c.occurred_at).label("occurred_at"),
    sa.cast(events.c.data, sa.Text).label("data"),
)


def _of_order(actor: Actor, order_id: str, after: int) -> sa.Select[Any]:
    mine = (events.c.store_id == actor.store) & (events.c.subject == order_id) & (events.c.sequence > after)
    told = sa.select(*TOLD, events.c.sequence.label("id")).where(mine, events.c.public)
    return told.order_by(events.c.sequence).limit(ROWS_PER_LOOK)


def _of_store(actor: Actor, after: int) -> sa.Select[Any]:
    its = (events.c.store_id == stream.c.store_id) & (events.c.position == stream.c.position)
    mine = (stream.c.store_id == actor.store) & (stream.c.stream_position > after)
    told = sa.select(*TOLD, stream.c.stream_position.label("id")).select_from(stream.join(events, its))
    return told.where(mine).order_by(stream.c.stream_position).limit(ROWS_PER_LOOK)


def _newest_of_order(actor: Actor, order_id: str) -> sa.Select[Any]:
    return sa.select(sa.func.max(events.c.sequence)).where(events.c.store_id == actor.store, events.c.subject == order_id)


def _newest_of_store(actor: Actor) -> sa.Select[Any]:
    return sa.select(sa.func.max(stream.c.stream_position)).where(stream.c.store_id == actor.store)


def _framed(row: Row[Any], actor: Actor) -> bytes:
    """One event as a frame. Raises whatever its data make of it, where they are none."""
    if row.type not in EVENTS:
        raise ValueError("a type that this version does not know")
    shown = LiveEvent.of(row, json.loads(row.data), actor).model_dump_json()
    return f"id: {row.id}\nevent: {row.type}\ndata: {shown}\n\n".encode()
