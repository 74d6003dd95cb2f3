"""Live streams: rows of the events table, told as they come, to any number of listeners in any number of API processes.

One look at the database per process and moment, not one per listener: the hub finds whose rows are new and wakes those. The
rows are the truth, so a stream resumes anywhere by the id of the last event it saw (docs/decisions/0105-live-streams.md).
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import aclosing, contextmanager
from contextvars import Context
from typing import Any
from weakref import WeakKeyDictionary

import sqlalchemy as sa
import structlog
from sqlalchemy.engine import Row

from services.orders.models import metadata
from services.orders.schemas.live import LiveEvent
from shared.actor import Actor
from shared.db import Database
from shared.errors import Transient, Unavailable
from shared.service import Running

log = structlog.get_logger()

LOOK_SECONDS = 0.5  # how stale a stream may be when another process made the change
HEARTBEAT_SECONDS = 15.0  # keeps proxies from closing a silent stream
LIFETIME_SECONDS = 3600.0  # then the client comes again, with a token that is looked at again
LATE_SECONDS = 10  # an event may commit this much later than one with a higher position
ROWS_PER_LOOK = 500
READS_AT_ONCE = 4

events = metadata.tables["orders.events"]
Key = tuple[str, str | None]

# Rows of each store that somebody listens to, newer than where it was looked at LATE_SECONDS ago.
NEWER = sa.text("""
select e.store_id, e.subject, e.position
from unnest(cast(:stores as text[]), cast(:since as bigint[])) as s(store_id, since) cross join lateral (
    select store_id, subject, position from orders.events where store_id = s.store_id
    and position > coalesce(s.since, (select max(position) from orders.events where store_id = s.store_id) - 1)
) e
""").bindparams(sa.bindparam("stores", type_=sa.ARRAY(sa.Text)), sa.bindparam("since", type_=sa.ARRAY(sa.BigInteger)))


class Seen:
    """Positions that were seen lately, and the one before all of them: what commits late is still found, once."""

    def __init__(self, since: int | None = None) -> None:
        self.since = since
        self._at: dict[int, float] = {}

    def is_new(self, position: int) -> bool:
        """Whether `position` was not seen yet; from now on it was."""
        if position in self._at:
            return False
        self._at[position] = time.monotonic()
        return True

    def forget_old(self) -> None:
        """Move up to where nothing can commit late any more."""
        late = time.monotonic() - LATE_SECONDS
        for position in [position for position, at in self._at.items() if at < late]:
            del self._at[position]
            self.since = max(self.since or 0, position)

    @property
    def positions(self) -> list[int]:
        """Those seen lately."""
        return list(self._at)


class Hub:
    """One per process: looks for new rows while anybody listens, and wakes whom they concern."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._listeners: dict[Key, set[asyncio.Event]] = defaultdict(set)
        self._seen: dict[str, Seen] = {}
        self._task: asyncio.Task[None] | None = None
        self._slots = asyncio.Semaphore(READS_AT_ONCE)

    async def rows(self, query: sa.Select[Any]) -> Sequence[Row[Any]]:
        """What a stream reads: a few at a time, so that thousands leave connections for calls; again while the database is away."""
        while True:
            try:
                async with self._slots, self._database.reading() as tx:
                    return await tx.all(query)
            except (Transient, Unavailable) as failure:
                log.warning("live_read_failed", error=repr(failure))
                await asyncio.sleep(LOOK_SECONDS)

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

    async def _run(self) -> None:
        while self._listeners:
            try:
                await self._look()
            except Exception as error:  # whatever it was, the next look may work; meanwhile streams look at every heartbeat
                log.warning("live_look_failed", error=repr(error))
            await asyncio.sleep(LOOK_SECONDS)
        self._seen = {}

    async def _look(self) -> None:
        stores = {store for store, _ in self._listeners}
        self._seen = {store: self._seen.get(store, Seen()) for store in sorted(stores)}
        async with self._database.reading() as tx:
            since = [seen.since for seen in self._seen.values()]
            rows = await tx.all(NEWER, {"stores": list(self._seen), "since": since})
        for row in rows:
            if self._seen[row.store_id].is_new(row.position):
                for key in ((row.store_id, row.subject), (row.store_id, None)):
                    for woken in self._listeners.get(key, ()):
                        woken.set()
        for seen in self._seen.values():
            seen.forget_old()


_HUBS: "WeakKeyDictionary[Running, Hub]" = WeakKeyDictionary()


def hub_of(running: Running) -> Hub:
    """The hub of this process."""
    hub = _HUBS.get(running)
    if hub is None:
        hub = _HUBS[running] = Hub(running.database)
    return hub


async def order_stream(running: Running, actor: Actor, order_id: str, last: int | None) -> AsyncGenerator[bytes]:
    """What happens to one order, for whoever may see it: its events after version `last`, else how it stands, and then what comes."""
    hub = hub_of(running)
    with hub.listening(actor.store, order_id) as woken:
        if last is None:
            ((newest,),) = await hub.rows(_newest_of_order(actor, order_id))
            last = newest - 1
        async with aclosing(_moments(running, woken)) as moments:
            async for _ in moments:
                rows = await hub.rows(_of_order(actor, order_id, last))
                for row in rows:
                    last = row.sequence
                    yield _framed(row, str(row.sequence), actor)
                if not rows:
                    yield b": still here\n\n"


async def store_stream(running: Running, actor: Actor, last: int | None) -> AsyncIterator[bytes]:
    """What happens to every order of the store, for the shop. A resumed stream may repeat the last seconds: `event_id` tells."""
    hub = hub_of(running)
    with hub.listening(actor.store, None) as woken:
        ((after,),) = await hub.rows(_resume(actor, last))
        seen = Seen(after)
        async with aclosing(_moments(running, woken)) as moments:
            async for _ in moments:
                rows = await hub.rows(_of_store(actor, seen))
                for row in rows:
                    seen.is_new(row.position)
                    yield _framed(row, str(row.position), actor)
                seen.forget_old()
                if not rows:
                    yield b": still here\n\n"


async def _moments(running: Running, woken: asyncio.Event) -> AsyncGenerator[None]:
    """Now, then whenever woken, at least at every heartbeat; ends when the service stops or the stream is old."""
    stopping = asyncio.create_task(running.stopping.wait())
    deadline = asyncio.get_running_loop().time() + LIFETIME_SECONDS
    try:
        while not stopping.done() and asyncio.get_running_loop().time() < deadline:
            woken.clear()
            yield
            waiting = asyncio.create_task(woken.wait())
            try:
                await asyncio.wait((waiting, stopping), timeout=HEARTBEAT_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            finally:  # a client that leaves cancels us just here
                waiting.cancel()
    finally:
        stopping.cancel()


def _of_order(actor: Actor, order_id: str, last: int) -> sa.Select[Any]:
    mine = (events.c.store_id == actor.store) & (events.c.subject == order_id) & (events.c.sequence > last)
    return sa.select(events).where(mine, events.c.public).order_by(events.c.sequence).limit(ROWS_PER_LOOK)


def _of_store(actor: Actor, seen: Seen) -> sa.Select[Any]:
    told = sa.literal(seen.positions, sa.ARRAY(sa.BigInteger))
    mine = (events.c.store_id == actor.store) & (events.c.position > seen.since) & (events.c.position != sa.all_(told))
    return sa.select(events).where(mine, events.c.type.like("order.%")).order_by(events.c.position).limit(ROWS_PER_LOOK)


def _newest_of_order(actor: Actor, order_id: str) -> sa.Select[Any]:
    return sa.select(sa.func.max(events.c.sequence)).where(events.c.store_id == actor.store, events.c.subject == order_id)


def _resume(actor: Actor, last: int | None) -> sa.Select[Any]:
    """The position after which to tell: a little before `last`, for what committed late; the newest where nothing was seen."""
    mine = events.c.store_id == actor.store
    if last is None:
        return sa.select(sa.func.coalesce(sa.func.max(events.c.position), 0)).where(mine)
    at = sa.select(events.c.recorded_at).where(mine, events.c.position <= last).order_by(events.c.position.desc()).limit(1)
    late = sa.text(f"interval '{LATE_SECONDS} seconds'")
    earlier = sa.select(events.c.position).where(mine, events.c.position < last, events.c.recorded_at < at.scalar_subquery() - late)
    return sa.select(sa.func.coalesce(earlier.order_by(events.c.position.desc()).limit(1).scalar_subquery(), 0))


def _framed(row: Row[Any], event_id: str, actor: Actor) -> bytes:
    shown = LiveEvent.of(row, actor).model_dump_json()
    return f"id: {event_id}\nevent: {row.type}\ndata: {shown}\n\n".encode()
