"""Files that are made while they are sent: one page of rows at a time, each in a short read, with no connection held while sending.

A Table is a list as a file: CSV for people, in which no cell begins like a formula, and JSON Lines for programs.

A slow or silent reader delays only its own export: it holds one of its store's export slots and no connection. An export is not a
snapshot: its pages follow the key of the list, so a row that exists during the whole export is in it exactly once, in its state when
its page is read.
"""

import asyncio
import csv
import io
import re
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import BaseModel, Field
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from shared.contracts.errors import Transient, Unavailable
from shared.data.db import Database
from shared.data.set_aside import shown
from shared.data.shares import Rules, Shares
from shared.web.settings import WebSettings

PAGE_ROWS = 200
TRIES = 5
AGAIN_SECONDS = 1.0
PAGE_WAIT_SECONDS = 60.0

BOM = "\ufeff"
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
NEGATIVE = re.compile(r"-[0-9]+(\.[0-9]+)?")  # a number begins like a formula, but is none

Format = Literal["csv", "jsonl"]
MEDIA_TYPES: dict[Format, str] = {"csv": "text/csv; charset=utf-8", "jsonl": "application/jsonl"}
FILE: dict[int | str, dict[str, Any]] = {
    200: {"description": "A file", "content": {kind: {"schema": {"type": "string"}} for kind in ("text/csv", "application/jsonl")}}
}

K = TypeVar("K")
R = TypeVar("R")


class FileQuery(BaseModel):
    """The format in which a caller wants a list as a file."""

    format: Format = "csv"
    bom: Annotated[bool, Field(description="Begin a CSV file with a byte order mark, so that Excel recognises it as UTF-8.")] = False


@dataclass(frozen=True, slots=True)
class Table(Generic[R]):
    """A list as a file: its name, and how a row is written.

    `cells` gives a row of the file or several. It and `line` raise for an unreadable row, which is then set aside under its `key`
    (store, row).
    """

    name: str
    columns: Sequence[str]
    cells: Callable[[R], Sequence[Mapping[str, Any]]]
    line: Callable[[R], str]
    key: Callable[[R], tuple[str, str]]

    def csv_line(self, row: R) -> str:
        """A row as CSV."""
        return "".join(csv_line(cells[name] for name in self.columns) for cells in self.cells(row))

    def json_line(self, row: R) -> str:
        """A row as JSON Lines."""
        return self.line(row) + "\n"


def csv_line(values: Iterable[Any]) -> str:
    """A line of CSV without formulas that a spreadsheet would run. Absent values are empty, times and days are ISO 8601."""
    text = io.StringIO()
    csv.writer(text).writerow([_cell(value) for value in values])
    return text.getvalue()


def _cell(value: Any) -> str:
    text = "" if value is None else value.isoformat() if isinstance(value, date) else str(value)
    return f"'{text}" if text.startswith(FORMULA_STARTS) and not NEGATIVE.fullmatch(text) else text


class Exporting:
    """One service's exports in this process: limits how many run at once, and makes one page of each store at a time."""

    def __init__(self, settings: WebSettings) -> None:
        part = settings.share_part_percent / 100
        running = Rules(settings.export_slots, part=part, alone=part, queue=settings.share_queue)
        making = Rules(4, part=0.25, alone=0.25, queue=settings.share_queue)  # a page keeps the event loop busy: one at a time for a store
        self.running = Shares(f"{settings.service}.exports", running, wait_seconds=settings.export_wait_seconds, what="exports")
        self.making = Shares(f"{settings.service}.export_pages", making, wait_seconds=PAGE_WAIT_SECONDS, what="exports")

    async def pages(self, read: Callable[[K | None], Awaitable[tuple[R, K | None]]]) -> AsyncIterator[R]:
        """Yields `read(after)` for each page, from the first (`after` is None) to the last (which returns no next `after`).

        A page whose read fails temporarily is read again, so that one busy second does not break an export that takes an hour.
        """
        after: K | None = None
        more = True
        while more:
            async with self.making.of():
                page, after = await patiently(partial(read, after))
            more = after is not None
            yield page


async def pieces(
    exporting: Exporting,
    database: Database,
    table: Table[R],
    read: Callable[[K | None], Awaitable[tuple[Sequence[R], K | None]]],
    how: FileQuery,
) -> AsyncGenerator[bytes, None]:
    """The list that `read` reads page by page, as a file. Only one page is in memory: a million rows need no more than a hundred."""
    is_csv = how.format == "csv"
    head = (BOM if how.bom else "") + csv_line(table.columns) if is_csv else ""
    async for rows in exporting.pages(read):
        lines = await shown(database, table.name, rows, table.csv_line if is_csv else table.json_line, table.key)
        yield (head + "".join(lines)).encode()
        head = ""


async def patiently(work: Callable[[], Awaitable[R]]) -> R:
    """The result of `work`, retried a few times while the database is busy or down. Raises the error of the last try."""
    for _ in range(TRIES - 1):
        try:
            return await work()
        except (Transient, Unavailable):
            await asyncio.sleep(AGAIN_SECONDS)
    return await work()


class Export(StreamingResponse):
    """The response: holds one of its store's export slots until its last byte is sent, or its reader is gone.

    An error before the first piece is answered as a problem; after a later one, the connection closes before the end of the file.
    Raises StoreBusy while the store has its share of exports running.
    """

    def __init__(self, pieces: AsyncGenerator[bytes, None], exporting: Exporting, *, file_name: str, media_type: str) -> None:
        headers = {
            "Content-Disposition": f'attachment; filename="{file_name}"',
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
        }
        super().__init__((), media_type=media_type, headers=headers)
        self._pieces = pieces
        self._exporting = exporting

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Make and send the file."""
        async with self._exporting.running.of(), aclosing(self._pieces) as pieces:
            self.body_iterator = _after(await anext(pieces, b""), pieces)
            await super().__call__(scope, receive, send)


async def _after(first: bytes, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for piece in pieces:
        yield piece
