"""Refunds as a file."""

import json
from collections.abc import AsyncGenerator, Sequence
from datetime import datetime
from typing import Annotated, Any

from fastapi import Query
from fastapi.responses import StreamingResponse
from sqlalchemy.engine import Row

from services.refunds.queries.refunds import SUMMARY, Filter, page, resolved
from services.refunds.requests import RefundExport
from services.refunds.views import RefundSummaryView
from shared.contracts.money import Money
from shared.web.app import Call, Calling, Router, problems
from shared.web.exports import FILE, MEDIA_TYPES, PAGE_ROWS, Export, FileQuery, Table, pieces

router = Router(tags=["refunds"])
COLUMNS = (*(name for name in SUMMARY if name not in ("overdue_at", "version")), "amount_decimal")


@router.get("/v1/refunds/export", operation_id="refunds_refund_export", response_class=StreamingResponse, responses=FILE | problems())
async def export(query: Annotated[RefundExport, Query()], call: Call) -> Export:
    """Every refund that matches, the last requested first, as CSV or JSON Lines. No cell begins as a formula would.

    Made while it is sent, so not one moment's picture: a refund that exists throughout is in it once, as it was when its page was read.
    """
    async with call.reading() as tx:
        wanted = await resolved(tx, call.actor, query.filter(call.now))
    content = exported(call, wanted, query)
    return Export(content, call.running.exporting, file_name=f"refunds.{query.format}", media_type=MEDIA_TYPES[query.format])


def exported(call: Calling, wanted: Filter, how: FileQuery) -> AsyncGenerator[bytes, None]:
    """Every refund that matches and that the caller may see, the last requested first."""

    async def read(after: str | None) -> tuple[Sequence[Row[Any]], str | None]:
        async with call.reading() as tx:
            found = await page(tx, call.actor, wanted, cursor=after, limit=PAGE_ROWS)
        return found.items, found.next_cursor

    table = Table("refunds", COLUMNS, _cells, _line, lambda row: (call.actor.store, row.refund_id))
    return pieces(call.running.exporting, call.db, table, read, how)


def _cells(row: Row[Any]) -> dict[str, Any]:
    RefundSummaryView.of(row, row.requested_at)  # raises for what is no refund, which a table would print as it is
    return {name: row._mapping[name] for name in COLUMNS if name in row._mapping} | {
        "amount_decimal": Money(row.amount, row.currency).decimal
    }


def _line(row: Row[Any]) -> str:
    plain = {name: value.isoformat() if isinstance(value, datetime) else value for name, value in _cells(row).items()}
    return json.dumps(plain, ensure_ascii=False)
