"""Reads a store's events for good: goes on after the last position that its cursor holds, waits for new events, and misses none."""

import asyncio
import os
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path
from typing import Protocol

from kit.client.answers.events import FeedEventView
from kit.client.client import Client

WAIT_SECONDS = 20
PAGE = 200


class Cursor(Protocol):
    """Where a reader has got to. Store it together with what the events cause, in one transaction, if each must take effect once."""

    async def load(self) -> int:
        """The position of the last event that was dealt with; 0 at first."""

    async def store(self, position: int) -> None:
        """Everything up to this position has been dealt with."""


class FileCursor:
    """A cursor in a file, which is replaced whole, so that a reader that is killed never leaves half a number."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def load(self) -> int:
        """The position in the file; 0 if there is none."""
        return await asyncio.to_thread(self._read)

    async def store(self, position: int) -> None:
        """Replace the file."""
        await asyncio.to_thread(self._write, position)

    def _read(self) -> int:
        return int(self._path.read_text()) if self._path.exists() else 0

    def _write(self, position: int) -> None:
        beside = self._path.with_name(f"{self._path.name}.{os.getpid()}")
        beside.write_text(str(position))
        beside.replace(self._path)


async def read_feed(
    client: Client, cursor: Cursor, *, types: Sequence[str] | None = None, subject: str | None = None
) -> AsyncGenerator[FeedEventView, None]:
    """Every event after the cursor, in the order of arrival, without end.

    The cursor moves on once the next event is asked for: an event whose handling was interrupted comes again. Raises ClientError.
    """
    after = await cursor.load()
    while True:
        page = await client.events.list(after=after, types=types, subject=subject, limit=PAGE, wait=WAIT_SECONDS)
        for event in page.items:
            yield event
            await cursor.store(event.position)
        if page.after > max([after, *(one.position for one in page.items)]):
            await cursor.store(page.after)  # events that the filter leaves out need no second look
        after = page.after
