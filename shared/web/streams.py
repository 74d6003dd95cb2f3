"""Live streams (server-sent events): what happens, as it happens, to any number of listeners in any number of API processes.

One look at the database per process and moment, not one per listener: the service's feed finds whom something new concerns, and the hub
wakes them. A woken stream reads on, page after page, behind the last position that it sent; what listeners at the same place read then
is read and written once for all of them. The rows are the truth, so a stream resumes anywhere by the id of the last event that was seen;
a feed's positions never appear behind a reader (P21, docs/decisions/0105-live-streams.md).

A stream ends with the caller's token, with a guest's link, when its caller may no longer see what it follows, and when the service stops.
"""

import asyncio
import itertools
import time
from collections import defaultdict
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Hashable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import Context
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, Generic, Protocol, TypeVar
from weakref import WeakKeyDictionary

import structlog
from fastapi import Header
from fastapi.responses import StreamingResponse
from fastapi.sse import format_sse_event
from pydantic import BaseModel

from shared.contracts.actor import Actor
from shared.contracts.errors import Failure, Transient, Unavailable
from shared.data.db import Database, Transaction
from shared.data.guests import while_valid
from shared.data.set_aside import Unusable, set_aside
from shared.data.shares import Rules, Shares
from shared.web.call import Calling
from shared.web.serving import Serving

log = structlog.get_logger()

LOOK_SECONDS = 0.5  # how stale a stream may be when another process made the change
HEARTBEAT_SECONDS = 15.0  # keeps proxies from closing a silent stream
LIFETIME_SECONDS = 3600.0  # then the client reconnects, so that connections spread over the replicas that there are
RECONNECT_MILLISECONDS = 1_000
READS_AT_ONCE = 4  # of this process, by turns over the stores
PART_OF_READS = 0.5  # what one store may hold of them beside others: the next store always finds one soon
READ_WAIT_SECONDS = 30.0
MAX_WAITING = 10_000  # of one store: one event wakes all its listeners

Key = tuple[str, str | None]
"""What somebody follows: a store and one of its subjects, or (None) the whole store."""

R = TypeVar("R")
V = TypeVar("V")

LastSeen = Annotated[int | None, Header(alias="Last-Event-ID", ge=0, lt=2**63, description="The id of the last event that was seen.")]
STREAM: dict[int | str, dict[str, Any]] = {200: {"description": "A stream", "content": {"text/event-stream": {}}}}
HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


class Feed(Protocol):
    """Knows whom something new concerns. A hub has one for as long as anybody listens."""

    async def moved(self, tx: Transaction, keys: Collection[Key]) -> tuple[Collection[Key], bool]:
        """Those about which something may have come since the last call, all new ones among `keys`; and whether more waits already."""


@dataclass(frozen=True, slots=True)
class Found:
    """What one look of a stream found: frames to send, rows that cannot be shown, and where the next look goes on."""

    frames: Sequence[bytes]
    unusable: Sequence[Unusable]
    last: int
    full: bool  # more follows at once


Start = Callable[[Transaction], Awaitable[int]]
"""The position behind which a stream begins."""

Look = Callable[[Transaction, int], Awaitable[Found]]
"""The next events behind a position. Loading is authorising: whatever it raises ends the stream, unless the database is away."""


def frame(position: int, event: str, view: BaseModel) -> bytes:
    """One event."""
    return format_sse_event(id=str(position), event=event, data_str=view.model_dump_json())


def resumed(last: int | None, newest: int, *, fresh: int) -> int:
    """Where a stream begins: behind `last`, which its reader has seen, or `fresh` for a new reader.

    A number that was never given here is of another history (a backup was restored): all of this one is sent.
    """
    if last is None:
        return fresh
    return last if last <= newest else 0


class Streams:
    """The live streams of one service, each process with a hub of its own."""

    def __init__(self, service: str, feed: Callable[[], Feed]) -> None:
        self._service = service
        self._feed = feed
        self._hubs: WeakKeyDictionary[Serving, _Hub] = WeakKeyDictionary()

    def follow(self, call: Calling, subject: str | None, start: Start, look: Look) -> StreamingResponse:
        """The answer to a call that follows `subject` of its store (None: the store), until one of the ends that the module names."""
        hub = self._hubs.get(call.running)
        if hub is None:
            hub = self._hubs[call.running] = _Hub(self._service, call.db, self._feed)
        frames = while_valid(call.db, call.actor, _frames(hub, call, (call.actor.store, subject), start, look))
        return StreamingResponse(frames, media_type="text/event-stream", headers=HEADERS)


async def _frames(hub: "_Hub", call: Calling, key: Key, start: Start, look: Look) -> AsyncGenerator[bytes]:
    """First where the stream stands, so that whoever loses it before anything happened can resume; then events as they come."""
    with hub.listening(key) as woken:
        pace = _Pace(call, woken)
        try:
            after = await hub.read(pace, start)
            yield format_sse_event(id=str(after or 0), retry=RECONNECT_MILLISECONDS, comment="following")
            while after is not None and not pace.over:
                woken.clear()  # whatever comes from here on is noticed by wait()
                found = await hub.page(pace, key, call.actor, after, look)
                if found is None:
                    return
                yield b"".join(found.frames) or format_sse_event(comment="still here")
                after = found.last
                if not found.full:
                    await pace.wait()
        except Failure:
            return


class _Pace:
    """When a stream looks again, and when it is over: the service stops, the stream is old, or the caller's token ends."""

    def __init__(self, call: Calling, woken: asyncio.Event) -> None:
        self._stopping = call.running.stopping
        self._woken = woken
        self._until = min(call.until, time.time() + LIFETIME_SECONDS)

    @property
    def over(self) -> bool:
        """Whether the stream ends now."""
        return self._stopping.is_set() or time.time() >= self._until

    async def wait(self) -> None:
        """Until woken, at most until the next heartbeat or the end."""
        waits = [asyncio.ensure_future(self._woken.wait()), asyncio.ensure_future(self._stopping.wait())]
        try:
            most = max(0.0, min(HEARTBEAT_SECONDS, self._until - time.time()))
            await asyncio.wait(waits, timeout=most, return_when=asyncio.FIRST_COMPLETED)
        finally:  # a client that leaves cancels us just here
            for wait in waits:
                wait.cancel()


class Flights(Generic[V]):
    """One read for all who ask the same at the same moment: results by key, while they are made and for `fresh_seconds` after that.

    What is asked must be in the key, with whatever tells an old state from a new one: nobody is given what was read before they
    knew of something newer.
    """

    def __init__(self, fresh_seconds: float) -> None:
        self._fresh_seconds = fresh_seconds
        self._flying: dict[Hashable, asyncio.Future[V]] = {}

    async def get(self, key: Hashable, make: Callable[[], Awaitable[V]]) -> V:
        """What `make` returns, made once for all who ask for `key`, by the first of them. Raises as `make` did, for each of them."""
        flying = self._flying.get(key)
        if flying is None:
            flying = self._flying[key] = asyncio.ensure_future(make())
            flying.add_done_callback(lambda done: self._landed(key, done))
        return await asyncio.shield(flying)  # whoever leaves does not take it away from the others

    def _landed(self, key: Hashable, done: "asyncio.Future[V]") -> None:
        if done.cancelled() or done.exception() is not None:
            self._flying.pop(key, None)
        else:
            asyncio.get_running_loop().call_later(self._fresh_seconds, self._flying.pop, key, None)


class _Hub:
    """One per process: asks the feed while anybody listens, and wakes whom something new concerns."""

    def __init__(self, service: str, database: Database, feed: Callable[[], Feed]) -> None:
        self.database = database
        self.place = f"{service}.stream"
        self._feed = feed
        self._listeners: dict[Key, set[asyncio.Event]] = defaultdict(set)
        self._task: asyncio.Task[None] | None = None
        self._numbers = itertools.count()
        self._wakes: dict[Key, int] = {}  # a number that no other wake of this hub ever had
        self._pages: Flights[Found | None] = Flights(LOOK_SECONDS)
        rules = Rules(READS_AT_ONCE, headroom=1, part=PART_OF_READS, queue=MAX_WAITING)
        self._reads = Shares(f"{service}.live", rules, wait_seconds=READ_WAIT_SECONDS, what="streams")

    async def read(self, pace: _Pace, work: Callable[[Transaction], Awaitable[R]]) -> R | None:
        """What `work` reads for a stream; again while the database is away. None where the stream is over meanwhile."""
        return await self._patiently(pace, partial(self._once, work))

    async def page(self, pace: _Pace, key: Key, actor: Actor, after: int, look: Look) -> Found | None:
        """As read(), for what `look` finds behind `after`: read and written once for all listeners of one actor who are woken together.

        The number of the last wake is part of what is asked: who was woken by a row reads after that, and nobody misses it.
        """

        async def found() -> Found:
            made = await self._once(lambda tx: look(tx, after))
            await set_aside(self.database, self.place, made.unusable)  # before the frames: a client may leave once it has them
            return made

        return await self._patiently(pace, lambda: self._pages.get((key, actor, after, self._wakes[key]), found))

    async def _once(self, work: Callable[[Transaction], Awaitable[R]]) -> R:
        """A few reads at a time and by turns over stores, so that thousands of streams leave connections for calls."""
        async with self._reads.of(), self.database.reading() as tx:
            return await work(tx)

    async def _patiently(self, pace: _Pace, work: Callable[[], Awaitable[R]]) -> R | None:
        while not pace.over:
            try:
                return await work()
            except (Transient, Unavailable) as failure:
                log.warning("live_read_failed", error=repr(failure))
                await asyncio.sleep(LOOK_SECONDS)
        return None

    @contextmanager
    def listening(self, key: Key) -> Iterator[asyncio.Event]:
        """An asyncio.Event that is set whenever there may be something new about `key`."""
        woken = asyncio.Event()
        if key not in self._listeners:
            self._wakes[key] = next(self._numbers)
        self._listeners[key].add(woken)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run(), name=self.place, context=Context())  # nobody's share
        try:
            yield woken
        finally:
            self._listeners[key].discard(woken)
            if not self._listeners[key]:
                del self._listeners[key]
                del self._wakes[key]

    async def _run(self) -> None:
        feed = self._feed()
        while self._listeners:
            try:
                while await self._look(feed):
                    pass
            except Exception as error:  # whatever it was, the next look may work; meanwhile streams look at every heartbeat
                log.warning("live_look_failed", error=repr(error))
            await asyncio.sleep(LOOK_SECONDS)

    async def _look(self, feed: Feed) -> bool:
        asked = set(self._listeners)
        async with self.database.reading() as tx:
            moved, more = await feed.moved(tx, list(asked))
        came_meanwhile = self._listeners.keys() - asked  # what they read may be older than where the feed now stands
        for key in self._listeners.keys() & {*moved, *came_meanwhile}:
            self._wakes[key] = next(self._numbers)
            for woken in self._listeners[key]:
                woken.set()
        return more
