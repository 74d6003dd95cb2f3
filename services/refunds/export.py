"""Refunds as a file: CSV for people's tables, JSON Lines for programs; a page in memory, so that a million cost what a hundred do."""

import csv
import io
import json
from collections.abc import AsyncGenerator, Callable, Sequence
from datetime import datetime
from typing import Any, Literal

from sqlalchemy.engine import Row

from services.refunds.queries.refunds import SUMMARY, Filter, Place, page, resolved
from services.refunds.schemas.views import SummaryView
from shared.contracts.money import Money
from shared.data.set_aside import shown
from shared.web.app import Calling
from shared.web.exports import PAGE_ROWS

Format = Literal["csv", "jsonl"]
MEDIA_TYPES: dict[Format, str] = {"csv": "text/csv; charset=utf-8", "jsonl": "application/jsonl"}
COLUMNS = (*(name for name in SUMMARY if name not in ("overdue_at", "version")), "amount_decimal")
FORMULA_BEGINS = ("=", "+", "-", "@", "\t", "\r")


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
    SummaryView.of(row, row.requested_at)  # raises for what is no refund, which a table would print as it is
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
