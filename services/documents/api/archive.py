"""A period's documents as one ZIP, built while it is sent: memory holds a page of rows and one PDF, never the whole archive.

`index.csv` has a row for each document, `taxes.csv` one for each of its taxes. What takes money or a supply back is negative in both, so
that a column adds up. A receipt has no taxes: those of the supply are its invoice's. Both files grow beside the archive, on disk where
they are long, and follow the documents.
"""

import io
import tempfile
import zipfile
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import IO, Any

from services.documents import queries
from services.documents.commands import renderings
from services.documents.rendering.renderer import RenderingFailed
from services.documents.rules.contents import Heading, heading_of
from services.documents.state import Document, Wanted
from shared.contracts.actor import Actor
from shared.contracts.errors import Unavailable, UnreadableRow
from shared.contracts.money import decimal_text
from shared.data.db import Database
from shared.data.set_aside import each_readable, set_aside
from shared.web.exports import BOM, csv_line, patiently
from shared.web.pages import Walked
from shared.web.settings import WebSettings

PAGE = 100
COLUMNS = ("number", "kind", "issued_on", "order_number", "customer_id", "currency", "total", "refers_to",
           "refers_to_external", "sha256", "file", "problem", "net", "tax", "country", "place_of_supply", "supplied_on",
           "buyer_tax_numbers")  # fmt: skip
TAX_COLUMNS = ("number", "kind", "issued_on", "currency", "country", "tax_code", "tax_rate", "net", "tax", "gross")
NEGATIVE = frozenset({"credit_note", "refund_receipt", "cancelling_receipt"})
IN_MEMORY = 256_000  # bytes of each file; beyond them it is on disk
PIECE = 64_000
MISSING = "not rendered"


@dataclass(frozen=True, slots=True)
class _Put:
    """Under which name a document's PDF is in the archive, and what is wrong with that."""

    name: str
    problem: str = ""


class _Sink(io.RawIOBase):
    """The ZIP writer's output buffer, drained and sent after each document. It cannot seek, so the writer never goes back."""

    def __init__(self) -> None:
        self._written = bytearray()

    def writable(self) -> bool:
        """Write-only."""
        return True

    def write(self, data: Any) -> int:
        """Buffer `data` until `taken` drains it."""
        self._written += data
        return len(data)

    def taken(self) -> bytes:
        """The bytes written since the last call."""
        taken, self._written = bytes(self._written), bytearray()
        return taken


class _Tables:
    """The two files, while they grow."""

    def __init__(self, index: IO[bytes], taxes: IO[bytes]) -> None:
        self.files = {"index.csv": index, "taxes.csv": taxes}
        self._add("index.csv", COLUMNS, mark=BOM)
        self._add("taxes.csv", TAX_COLUMNS, mark=BOM)

    def add(self, document: Document, heading: Heading, put: _Put) -> None:
        """The rows of a document, and what of it was put into the archive."""
        self._add("index.csv", _index_row(document, heading, put))
        for row in _tax_rows(document, heading):
            self._add("taxes.csv", row)

    def _add(self, file: str, values: Iterable[Any], mark: str = "") -> None:
        self.files[file].write((mark + csv_line(values)).encode())


@contextmanager
def _tables() -> Iterator[_Tables]:
    with tempfile.SpooledTemporaryFile(IN_MEMORY) as index, tempfile.SpooledTemporaryFile(IN_MEMORY) as taxes:
        yield _Tables(index, taxes)


async def archive(database: Database, settings: WebSettings, actor: Actor, wanted: Wanted) -> AsyncGenerator[bytes, None]:
    """The ZIP in pieces: every PDF, then the files over all of them. Documents issued meanwhile are included if they match."""
    sink = _Sink()
    with _tables() as tables, zipfile.ZipFile(sink, "w", zipfile.ZIP_STORED) as pack:  # PDFs are compressed already
        cursor, more = None, True
        while more:
            page = await patiently(partial(_page, database, actor, wanted, cursor))
            good, bad = each_readable(page.items, _heading, lambda row: (row.store_id, row.document_id))
            await set_aside(database, "documents", bad)
            for row, heading in good:
                tables.add(row, heading, await _put(database, settings, pack, row))
                yield sink.taken()
            cursor, more = page.next_cursor, page.next_cursor is not None
        for name, file in tables.files.items():
            file.seek(0)
            with pack.open(zipfile.ZipInfo(name), "w") as out:
                while piece := file.read(PIECE):
                    out.write(piece)
                    yield sink.taken()
    yield sink.taken()


async def _page(database: Database, actor: Actor, wanted: Wanted, cursor: str | None) -> Walked[Document]:
    async with database.reading() as tx:
        return await queries.page_of_documents(tx, actor, wanted, cursor=cursor, limit=PAGE, order=queries.OLDEST)


async def _put(database: Database, settings: WebSettings, pack: zipfile.ZipFile, document: Document) -> _Put:
    """Add a document's PDF to the archive under its number. If it cannot be rendered or is provisional, the index says why."""
    try:
        made = await patiently(partial(renderings.pdf_of, database, settings, document.store_id, document.document_id))
    except (RenderingFailed, UnreadableRow, Unavailable) as failure:
        return _Put(MISSING, failure.detail)
    name = f"{document.kind}/{document.number}.pdf"
    pack.writestr(
        zipfile.ZipInfo(name, date_time=(document.issued_on.year, document.issued_on.month, document.issued_on.day, 0, 0, 0)), made.pdf
    )
    return _Put(name, f"No font has {', '.join(made.missing)}." if made.missing else "")


def _heading(document: Document) -> Heading:
    heading = heading_of(document.data)
    _index_row(document, heading, _Put(MISSING))  # a row that cannot be written is set aside before its PDF is made
    return heading


def _signed(document: Document) -> Callable[[int | None], str | None]:
    """Writes a document's minor units: negative where it takes back."""
    sign = -1 if document.kind in NEGATIVE else 1
    return lambda minor: None if minor is None else decimal_text(sign * minor, document.currency)


def _index_row(document: Document, heading: Heading, put: _Put) -> tuple[Any, ...]:
    shown = _signed(document)
    numbers = "; ".join(f"{one.label} {one.number}" for one in heading.buyer.tax_numbers)
    return (
        document.number, document.kind, document.issued_on, document.order_number, document.customer_id,
        document.currency, shown(document.total), document.refers_to, (document.refers_to_external or {}).get("number"), document.sha256,
        put.name, put.problem, shown(heading.net), shown(heading.tax), heading.country, heading.order_terms.place_of_supply,
        heading.order_terms.supplied_on, numbers,
    )  # fmt: skip


def _tax_rows(document: Document, heading: Heading) -> Iterator[tuple[Any, ...]]:
    shown = _signed(document)
    for row in heading.taxes:
        yield (
            document.number, document.kind, document.issued_on, document.currency, heading.country, row.tax_code, row.tax_rate,
            shown(row.net), shown(row.tax), shown(row.gross),
        )  # fmt: skip
