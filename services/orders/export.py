"""Exports that stream: constant memory, whatever the size; no cell that a spreadsheet would run."""

import csv
import io
from collections.abc import AsyncIterator, Iterable
from typing import Literal

from services.orders.queries.lists import OrderFilter, matching
from services.orders.schemas.views import SummaryView
from services.orders.state import Summary
from shared.actor import Actor
from shared.db import Database
from shared.money import Money

Format = Literal["csv", "jsonl"]

CSV_COLUMNS = (
    "number", "placed_at", "customer_id", "customer_name", "status", "payment", "refund_state", "currency", "total", "collected",
    "refunded_total", "external_ref", "order_id", "version",
)  # fmt: skip
MEDIA_TYPES: dict[Format, str] = {"csv": "text/csv; charset=utf-8", "jsonl": "application/jsonl"}
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
CHUNK_ROWS = 200


async def exported(db: Database, actor: Actor, wanted: OrderFilter, form: Format) -> AsyncIterator[bytes]:
    """Every matching order, newest first, a chunk at a time; the CSV has a header and amounts in decimal."""
    if form == "csv":
        yield _csv([CSV_COLUMNS])
    chunk: list[Summary] = []
    async with db.transaction("orders.export") as tx:
        async for row in tx.stream(matching(actor, wanted)):
            chunk.append(Summary(**row._mapping))
            if len(chunk) == CHUNK_ROWS:
                yield _rendered(chunk, form)
                chunk.clear()
    if chunk:
        yield _rendered(chunk, form)


def harmless(text: str) -> str:
    """`text` as a cell that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


def _rendered(chunk: list[Summary], form: Format) -> bytes:
    if form == "csv":
        return _csv(_cells(summary) for summary in chunk)
    return b"".join(SummaryView.of(summary).model_dump_json().encode() + b"\n" for summary in chunk)


def _cells(summary: Summary) -> list[str]:
    values = summary.fields()
    for name in ("total", "collected", "refunded_total"):
        values[name] = Money(values[name], summary.currency).decimal
    values["placed_at"] = summary.placed_at.isoformat()
    return ["" if values[name] is None else harmless(str(values[name])) for name in CSV_COLUMNS]


def _csv(rows: Iterable[Iterable[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()
