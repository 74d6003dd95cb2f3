"""Refunds as a file: CSV for people's tables, JSON Lines for programs; one page in memory at a time, however many there are."""

import csv
import io
import json
from collections.abc import AsyncGenerator, Callable, Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import Query
from fastapi.responses import StreamingResponse
from sqlalchemy.engine import Row

from services.refunds.queries.refunds import SUMMARY, Filter, Place, page, resolved
from services.refunds.requests import RefundExport
from services.refunds.views import RefundSummaryView
from shared.contracts.money import Money
from shared.data.set_aside import shown
from shared.web.app import Call, Calling, Router, problems
from shared.web.exports import PAGE_ROWS, Export

router = Router(tags=["refunds"])
FILE: dict[int | str, dict[str, Any]] = {
    200: {"description": "A file", "content": {kind: {"schema": {"type": "string"}} for kind in ("text/csv", "application/jsonl")}}
}
Format = Literal["csv", "jsonl"]
MEDIA_TYPES: dict[Format, str] = {"csv": "text/csv; charset=utf-8", "jsonl": "application/jsonl"}
COLUMNS = (*(name for name in SUMMARY if name not in ("overdue_at", "version")), "amount_decimal")
FORMULA_BEGINS = ("=", "+", "-", "@", "\t", "\r")


@router.get("/v1/refunds/export", operation_id="refunds_refund_export", response_class=StreamingResponse, responses=FILE | problems())
async def export(query: Annotated[RefundExport, Query()], call: Call) -> Export:
    """Every refund that matches, the last requested first, as CSV or JSON Lines. No cell begins as a formula would.

    Made while it is sent, so not one moment's picture: a refund that exists throughout is in it once, as it was when its page was read.
    """
    pieces = exported(call, query.filter(call.now), query.format)
    return Export(pieces, call.running.exporting, file_name=f"refunds.{query.format}", media_type=MEDIA_TYPES[query.format])


async def exported(call: Calling, wanted: Filter, kind: Format) -> AsyncGenerator[bytes, None]:
    """Every refund that matches and that the caller may see, the last requested first, a page at a time."""
    async with call.reading() as tx:
        meant = await resolved(tx, call.actor, wanted)

    async def read(after: Place | None) -> tuple[Sequence[Row[Any]], Place | None]:
        async with call.reading() as tx:
            return await page(tx, call.actor, meant, after=after, limit=PAGE_ROWS)

    header = _csv(COLUMNS) if kind == "csv" else ""
    async for rows in call.running.exporting.pages(read):
        lines = await shown(call.db, "refunds", rows, _line_of(kind), lambda row: (call.actor.store, row.refund_id))
        yield (header + "".join(lines)).encode()
        header = ""


def _line_of(kind: Format) -> Callable[[Row[Any]], str]:
    if kind == "csv":
        return lambda row: _csv(_values(row).values())
    return lambda row: json.dumps(_values(row), ensure_ascii=False) + "\n"


def _values(row: Row[Any]) -> dict[str, Any]:
    RefundSummaryView.of(row, row.requested_at)  # raises for what is no refund, which a table would print as it is
    found = {name: row._mapping[name] for name in COLUMNS if name != "amount_decimal"}
    plain = {name: value.isoformat() if isinstance(value, datetime) else value for name, value in found.items()}
    return plain | {"amount_decimal": Money(row.amount, row.currency).decimal}


def _csv(values: Any) -> str:
    line = io.StringIO()
    csv.writer(line).writerow(["" if value is None else _cell(str(value)) for value in values])
    return line.getvalue()


def _cell(text: str) -> str:
    """Text that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(FORMULA_BEGINS) else text
