"""A period's documents as one ZIP, built while it is sent: memory holds a page of rows and one PDF, never the whole archive."""

import io
import zipfile
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from functools import partial
from typing import Any

from services.documents import queries
from services.documents.commands import renderings
from services.documents.rendering.renderer import RenderingFailed
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
           "refers_to_external", "sha256", "file", "problem")  # fmt: skip
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


async def archive(database: Database, settings: WebSettings, actor: Actor, wanted: Wanted) -> AsyncGenerator[bytes, None]:
    """The ZIP in pieces: every PDF, then `index.csv` over all of them. Documents issued meanwhile are included if they match."""
    sink, index = _Sink(), [BOM, csv_line(COLUMNS)]
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_STORED) as pack:  # PDFs are compressed already
        cursor, more = None, True
        while more:
            page = await patiently(partial(_page, database, actor, wanted, cursor))
            good, bad = each_readable(page.items, partial(_values, put=_Put(MISSING)), lambda row: (row.store_id, row.document_id))
            await set_aside(database, "documents", bad)
            for row, _ in good:
                put = await _put(database, settings, pack, row)
                index.append(csv_line(_values(row, put)))
                yield sink.taken()
            cursor, more = page.next_cursor, page.next_cursor is not None
        pack.writestr(zipfile.ZipInfo("index.csv"), "".join(index))
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


def _values(document: Document, put: _Put) -> tuple[Any, ...]:
    total = decimal_text(document.total, document.currency)
    return (
        document.number, document.kind, document.issued_on, document.order_number, document.customer_id,
        document.currency, total, document.refers_to, (document.refers_to_external or {}).get("number"), document.sha256,
        put.name, put.problem,
    )  # fmt: skip
