"""Live streams (server-sent events): events as they happen, for any number of listeners in any number of API processes.

Each process polls the database once for all its listeners: the service's feed finds which of them have something new, and the hub wakes
them. A woken stream reads on, page by page, after the last position that it sent; listeners at the same position share one read and one
encoding. Streams read stored rows, so a stream can resume in any process by the id of the last event that was seen; new rows never
appear at positions that a reader has already passed (P21, docs/decisions/0105-live-streams.md).

A stream ends when the caller's token expires, when a guest's link is revoked, when the caller may no longer see what it follows, and
when the service stops.
"""

import asyncio
import itertools
import time
from collections import defaultdict
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Hashable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
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

LOOK_SECONDS = 0.5  # how late a stream may be if another process made the change
HEARTBEAT_SECONDS = 15.0  # keeps proxies from closing a silent stream
LIFETIME_SECONDS = 3600.0  # then the client reconnects, so that connections spread over the current replicas
RECONNECT_MILLISECONDS = 1_000
READS_AT_ONCE = 4  # in this process; stores take turns
PART_OF_READS = 0.5  # the part that one store may hold while others are there, so that the next store soon gets one
READ_WAIT_SECONDS = 30.0
MAX_WAITING = 10_000  # of one store: one event wakes all its listeners

Key = tuple[str, str | None]
"""What a stream follows: a store and one of its subjects, or (None) the whole store."""

R = TypeVar("R")
V = TypeVar("V")

LastSeen = Annotated[int | None, Header(alias="Last-Event-ID", ge=0, lt=2**63, description="The id of the last event that was seen.")]
STREAM: dict[int | str, dict[str, Any]] = {200: {"description": "A stream", "content": {"text/event-stream": {}}}}
HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


class Feed(Protocol):
    """Finds the keys that have something new. A hub has one for as long as there are listeners."""

    async def moved(self, tx: Transaction, keys: Collection[Key]) -> tuple[Collection[Key], bool]:
        """The keys with possibly new events since the last call (always including those that are new in `keys`), and whether more waits."""


@dataclass(frozen=True, slots=True)
class Found:
    """The result of one read of a stream: frames to send, rows that cannot be shown, and where the next read continues."""

    frames: Sequence[bytes]
    unusable: Sequence[Unusable]
    last: int
    full: bool  # whether more rows can be read at once


Start = Callable[[Transaction], Awaitable[int]]
"""Finds the position after which a stream begins."""

Look = Callable[[Transaction, int], Awaitable[Found]]
"""Reads the next events after a position. It also checks access: what it raises ends the stream, unless the database is down."""


def frame(position: int, event: str, view: BaseModel) -> bytes:
    """One event as bytes to send."""
    return format_sse_event(id=str(position), event=event, data_str=view.model_dump_json())


def resumed(last: int | None, newest: int, *, fresh: int) -> int:
    """Where a stream begins: after `last`, which its reader has seen, or at `fresh` for a new reader.

    A number that is higher than any here comes from before a backup was restored: the whole history is sent.
    """
    if last is None:
        return fresh
    return last if last <= newest else 0


class Streams:
    """The live streams of one service; each process has its own hub."""

    def __init__(self, service: str, feed: Callable[[], Feed]) -> None:
        self._service = service
        self._feed = feed
        self._hubs: WeakKeyDictionary[Serving, _Hub] = WeakKeyDictionary()

    def follow(self, call: Calling, subject: str | None, start: Start, look: Look) -> StreamingResponse:
        """The response to a call that follows `subject` of its store (None: the whole store); the module says when it ends."""
        frames = while_valid(call.db, call.actor, _frames(self._hub(call), call, (call.actor.store, subject), start, look))
        return StreamingResponse(frames, media_type="text/event-stream", headers=HEADERS)

    def listening(self, call: Calling, subject: str | None) -> AbstractContextManager[asyncio.Event]:
        """For a call that waits once instead of following: an asyncio.Event that is set whenever there may be something new."""
        return self._hub(call).listening((call.actor.store, subject))

    def _hub(self, call: Calling) -> "_Hub":
        hub = self._hubs.get(call.running)
        if hub is None:
            hub = self._hubs[call.running] = _Hub(self._service, call.db, self._feed)
        return hub


async def _frames(hub: "_Hub", call: Calling, key: Key, start: Start, look: Look) -> AsyncGenerator[bytes]:
    """First the stream's position, so that a client that loses it before the first event can resume; then events as they come."""
    with hub.listening(key) as woken:
        pace = _Pace(call, woken)
        try:
            after = await hub.read(pace, start)
            yield format_sse_event(id=str(after or 0), retry=RECONNECT_MILLISECONDS, comment="following")
            while after is not None and not pace.over:
                woken.clear()  # wait() notices everything that comes from here on
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
    """When a stream reads again, and when it ends: the service stops, the stream is too old, or the caller's token expires."""

    def __init__(self, call: Calling, woken: asyncio.Event) -> None:
        self._stopping = call.running.stopping
        self._woken = woken
        self._until = min(call.until, time.time() + LIFETIME_SECONDS)

    @property
    def over(self) -> bool:
        """Whether the stream ends now."""
        return self._stopping.is_set() or time.time() >= self._until

    async def wait(self) -> None:
        """Wait until woken, at most until the next heartbeat or the end."""
        waits = [asyncio.ensure_future(self._woken.wait()), asyncio.ensure_future(self._stopping.wait())]
        try:
            most = max(0.0, min(HEARTBEAT_SECONDS, self._until - time.time()))
            await asyncio.wait(waits, timeout=most, return_when=asyncio.FIRST_COMPLETED)
        finally:  # a client that disconnects cancels us here
            for wait in waits:
                wait.cancel()


class Flights(Generic[V]):
    """One read for all callers that ask for the same at the same moment: keeps results by key while they are made and for `fresh_seconds`.

    The key must contain the whole question, and something that changes with the state, so that nobody gets a result that was read
    before they knew of something newer.
    """

    def __init__(self, fresh_seconds: float) -> None:
        self._fresh_seconds = fresh_seconds
        self._flying: dict[Hashable, asyncio.Future[V]] = {}

    async def get(self, key: Hashable, make: Callable[[], Awaitable[V]]) -> V:
        """The result of `make`, which only the first caller with this `key` runs. If it raises, every caller gets the error."""
        flying = self._flying.get(key)
        if flying is None:
            flying = self._flying[key] = asyncio.ensure_future(make())
            flying.add_done_callback(lambda done: self._landed(key, done))
        return await asyncio.shield(flying)  # a caller that is cancelled must not cancel it for the others

    def _landed(self, key: Hashable, done: "asyncio.Future[V]") -> None:
        if done.cancelled() or done.exception() is not None:
            self._flying.pop(key, None)
        else:
            asyncio.get_running_loop().call_later(self._fresh_seconds, self._flying.pop, key, None)


class _Hub:
    """One per process: polls the feed while there are listeners, and wakes those that have something new."""

    def __init__(self, service: str, database: Database, feed: Callable[[], Feed]) -> None:
        self.database = database
        self.place = f"{service}.stream"
        self._feed = feed
        self._listeners: dict[Key, set[asyncio.Event]] = defaultdict(set)
        self._task: asyncio.Task[None] | None = None
        self._numbers = itertools.count()
        self._wakes: dict[Key, int] = {}  # a number that this hub uses for no other wake
        self._pages: Flights[Found | None] = Flights(LOOK_SECONDS)
        rules = Rules(READS_AT_ONCE, headroom=1, part=PART_OF_READS, queue=MAX_WAITING)
        self._reads = Shares(f"{service}.live", rules, wait_seconds=READ_WAIT_SECONDS, what="streams")

    async def read(self, pace: _Pace, work: Callable[[Transaction], Awaitable[R]]) -> R | None:
        """The result of `work`, retried while the database is down. None if the stream ends in the meantime."""
        return await self._patiently(pace, partial(self._once, work))

    async def page(self, pace: _Pace, key: Key, actor: Actor, after: int, look: Look) -> Found | None:
        """Like read(), for what `look` finds after `after`: read and encoded once for all listeners of one actor who are woken together.

        The number of the last wake is part of the key: a listener that a row woke gets a read that began after the wake, so it does
        not miss the row.
        """

        async def found() -> Found:
            made = await self._once(lambda tx: look(tx, after))
            await set_aside(self.database, self.place, made.unusable)  # before sending the frames: a client may leave once it has them
            return made

        return await self._patiently(pace, lambda: self._pages.get((key, actor, after, self._wakes[key]), found))

    async def _once(self, work: Callable[[Transaction], Awaitable[R]]) -> R:
        """Read, a few at a time and with stores taking turns, so that thousands of streams leave connections for calls."""
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
            self._task = asyncio.create_task(self._run(), name=self.place, context=Context())  # charged to no store
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
            except Exception as error:  # the next poll may work; until then streams read at every heartbeat
                log.warning("live_look_failed", error=repr(error))
            await asyncio.sleep(LOOK_SECONDS)

    async def _look(self, feed: Feed) -> bool:
        asked = set(self._listeners)
        async with self.database.reading() as tx:
            moved, more = await feed.moved(tx, list(asked))
        came_meanwhile = self._listeners.keys() - asked  # what they read may be older than the feed's position
        for key in self._listeners.keys() & {*moved, *came_meanwhile}:
            self._wakes[key] = next(self._numbers)
            for woken in self._listeners[key]:
                woken.set()
        return more
