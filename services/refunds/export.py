"""Refunds as a file: CSV for people's tables, JSON Lines for programs; streamed, so that a million cost the memory of one batch."""

import csv
import io
import json
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any, Literal

from sqlalchemy.engine import Row

from services.refunds.queries.refunds import SUMMARY, Filter, listing, resolved
from shared.actor import Actor
from shared.db import Database
from shared.money import Money

Format = Literal["csv", "jsonl"]
MEDIA_TYPES: dict[Format, str] = {"csv": "text/csv; charset=utf-8", "jsonl": "application/jsonl"}
COLUMNS = (*(name for name in SUMMARY if name not in ("overdue_at", "version")), "amount_decimal")
FORMULA_BEGINS = ("=", "+", "-", "@", "\t", "\r")
LINES_AT_ONCE = 200


async def exported(database: Database, actor: Actor, wanted: Filter, kind: Format) -> AsyncIterator[str]:
    """Every refund that matches and that the actor may see, the last requested first, some lines at a time."""
    lines = [_csv(COLUMNS)] if kind == "csv" else []
    async with database.transaction("refunds.export") as tx:
        async for row in tx.stream(listing(actor, await resolved(tx, actor, wanted))):
            values = _values(row)
            lines.append(_csv(values.values()) if kind == "csv" else json.dumps(values, ensure_ascii=False) + "\n")
            if len(lines) >= LINES_AT_ONCE:
                yield "".join(lines)
                lines = []
    yield "".join(lines)


def _values(row: Row[Any]) -> dict[str, Any]:
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
