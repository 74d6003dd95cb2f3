"""Refunds as a file."""

import json
from collections.abc import AsyncGenerator
from dataclasses import fields
from datetime import datetime
from functools import partial
from typing import Annotated, Any

from fastapi import Query
from fastapi.responses import StreamingResponse

from services.refunds.queries.refunds import page, resolved
from services.refunds.requests import RefundExport
from services.refunds.state import RefundRow
from services.refunds.views.refunds import PayToView, RefundSummaryView
from shared.contracts.money import decimal_text
from shared.web.call import Call, Calling, Router, problems
from shared.web.exports import FILE, MEDIA_TYPES, PAGE_ROWS, Export, Table, pieces

router = Router(tags=["refunds"])
PAY_TO = ("method", "account", "holder")
COLUMNS = (
    *(field.name for field in fields(RefundRow) if field.name not in ("overdue_at", "version", "pay_to")),
    *(f"pay_to_{name}" for name in PAY_TO),
    "amount_decimal",
)


@router.get("/v1/refunds/export", operation_id="refunds_refund_export", response_class=StreamingResponse, responses=FILE | problems())
async def export(query: Annotated[RefundExport, Query()], call: Call) -> Export:
    """Every refund that matches, latest request first, as CSV or JSON Lines. No cell starts like a formula.

    It is built while it is sent and so is not a snapshot: a refund that exists throughout is included once, as of when its page was read.
    """
    async with call.reading() as tx:
        wanted = await resolved(tx, call.actor, query)
    content = exported(call, wanted)
    return Export(content, call.running.exporting, file_name=f"refunds.{query.format}", media_type=MEDIA_TYPES[query.format])


def exported(call: Calling, wanted: RefundExport) -> AsyncGenerator[bytes, None]:
    """Every refund that matches and that the caller may see, latest request first."""

    async def read(after: str | None) -> tuple[list[RefundRow], str | None]:
        async with call.reading() as tx:
            found = await page(tx, call.actor, wanted, now=call.now, cursor=after, limit=PAGE_ROWS)
        return found.items, found.next_cursor

    whole = call.actor.is_shop
    line = partial(_line, whole=whole)
    table = Table(
        "refunds", COLUMNS, lambda refund: [_cells(refund, whole=whole)], line, lambda refund: (call.actor.store, refund.refund_id)
    )
    return pieces(call.running.exporting, call.db, table, read, wanted)


def _cells(refund: RefundRow, *, whole: bool) -> dict[str, Any]:
    """A row's cells. The shop's have the whole accounts that money goes to, so that it can be paid out from the file."""
    RefundSummaryView.of(refund, now=refund.requested_at)  # raises for a row that is not a readable refund
    cells = {name: getattr(refund, name) for name in COLUMNS if name != "amount_decimal" and not name.startswith("pay_to_")}
    pay_to = PayToView.of(refund.pay_to, whole=whole)
    accounts = {f"pay_to_{name}": pay_to and getattr(pay_to, name) for name in PAY_TO}
    return cells | accounts | {"amount_decimal": decimal_text(refund.amount, refund.currency)}


def _line(refund: RefundRow, *, whole: bool) -> str:
    plain = {name: value.isoformat() if isinstance(value, datetime) else value for name, value in _cells(refund, whole=whole).items()}
    return json.dumps(plain, ensure_ascii=False)
