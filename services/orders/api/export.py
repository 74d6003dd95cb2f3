"""Exports: a page of rows in memory, whatever the size; no cell that a spreadsheet would run."""

import csv
import io
from collections.abc import AsyncGenerator, Callable, Iterable
from typing import Literal

from services.orders.queries.lists import OrderFilter, page_of
from services.orders.state import Summary
from services.orders.views.orders import SummaryView
from shared.contracts.actor import Actor
from shared.contracts.money import Money
from shared.data.db import Database
from shared.data.set_aside import shown
from shared.web.exports import PAGE_ROWS, Exporting

Format = Literal["csv", "jsonl"]

CSV_COLUMNS = (
    "number", "placed_at", "customer_id", "customer_name", "status", "payment", "refund_state", "currency", "total", "collected",
    "refunded_total", "external_ref", "order_id", "version",
)  # fmt: skip
MEDIA_TYPES: dict[Format, str] = {"csv": "text/csv; charset=utf-8", "jsonl": "application/jsonl"}
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


async def exported(exporting: Exporting, db: Database, actor: Actor, wanted: OrderFilter, form: Format) -> AsyncGenerator[bytes, None]:
    """Every matching order, newest first, a page at a time; the CSV has a header and amounts in decimal."""

    async def read(after: str | None) -> tuple[list[Summary], str | None]:
        async with db.reading() as tx:
            page = await page_of(tx, actor, wanted, cursor=after, limit=PAGE_ROWS)
        return page.items, page.next_cursor

    header = _csv([CSV_COLUMNS]) if form == "csv" else b""
    async for page in exporting.pages(read):
        rows = await shown(db, "orders", page, _row_of(form), lambda summary: (actor.store, summary.order_id))
        yield header + b"".join(rows)
        header = b""


def harmless(text: str) -> str:
    """`text` as a cell that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


def _row_of(form: Format) -> Callable[[Summary], bytes]:
    if form == "csv":
        return lambda summary: _csv([_cells(summary)])
    return lambda summary: SummaryView.of(summary).model_dump_json().encode() + b"\n"


def _cells(summary: Summary) -> list[str]:
    SummaryView.of(summary)  # raises for what is no order, which a table would print as it is
    values = summary.fields()
    for name in ("total", "collected", "refunded_total"):
        values[name] = Money(values[name], summary.currency).decimal
    values["placed_at"] = summary.placed_at.isoformat()
    return ["" if values[name] is None else harmless(str(values[name])) for name in CSV_COLUMNS]


def _csv(rows: Iterable[Iterable[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()
