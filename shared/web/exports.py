"""Files made while they are sent: a page of rows at a time, each from a short read of its own, and nothing held while writing.

What a slow or silent reader holds up is its own export: a slot of its store's exports, no connection. An export is not one
moment's picture: pages follow each other by the key of the list, so whatever exists throughout is in it exactly once, as it is when
its page is read.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from functools import partial
from typing import TypeVar

from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from shared.contracts.errors import Transient, Unavailable
from shared.data.shares import Rules, Shares
from shared.web.settings import WebSettings

PAGE_ROWS = 200
TRIES = 5
AGAIN_SECONDS = 1.0
PAGE_WAIT_SECONDS = 60.0

K = TypeVar("K")
R = TypeVar("R")


class Exporting:
    """A process's exports of one service: how many run at once, and that each store has one page made at a time."""

    def __init__(self, settings: WebSettings) -> None:
        part = settings.share_part_percent / 100
        running = Rules(settings.export_slots, part=part, alone=part, queue=settings.share_queue)
        making = Rules(4, part=0.25, alone=0.25, queue=settings.share_queue)  # a page keeps the event loop busy: one of a store's at a time
        self.running = Shares(f"{settings.service}.exports", running, wait_seconds=settings.export_wait_seconds, what="exports")
        self.making = Shares(f"{settings.service}.export_pages", making, wait_seconds=PAGE_WAIT_SECONDS, what="exports")

    async def pages(self, read: Callable[[K | None], Awaitable[tuple[R, K | None]]]) -> AsyncIterator[R]:
        """What `read(after)` makes of each page, from the first (None) to the last (which names no next).

        A page whose read fails for a moment is read again, so that a busy second does not cut an export of an hour.
        """
        after: K | None = None
        more = True
        while more:
            async with self.making.of():
                page, after = await patiently(partial(read, after))
            more = after is not None
            yield page


async def patiently(work: Callable[[], Awaitable[R]]) -> R:
    """The result of `work`, tried again a few times while the database is busy or away. Raises as the last try did."""
    for _ in range(TRIES - 1):
        try:
            return await work()
        except (Transient, Unavailable):
            await asyncio.sleep(AGAIN_SECONDS)
    return await work()


class Export(StreamingResponse):
    """The answer: holds one of its store's export slots until its last byte is sent, or its reader is gone.

    What fails before the first piece is answered as a problem; later, the connection ends without the end of the file.
    Raises StoreBusy while the store has its share of exports running.
    """

    def __init__(self, pieces: AsyncGenerator[bytes, None], exporting: Exporting, *, file_name: str, media_type: str) -> None:
        headers = {
            "Content-Disposition": f'attachment; filename="{file_name}"',
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
        }
        super().__init__(_nothing(), media_type=media_type, headers=headers)
        self._pieces = pieces
        self._exporting = exporting

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Make and send it."""
        async with self._exporting.running.of(), aclosing(self._pieces) as pieces:
            self.body_iterator = _after(await anext(pieces, b""), pieces)
            await super().__call__(scope, receive, send)


async def _nothing() -> AsyncIterator[bytes]:
    for _ in ():
        yield b""


async def _after(first: bytes, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for piece in pieces:
        yield piece
