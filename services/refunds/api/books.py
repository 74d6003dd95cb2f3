"""Sums for a dashboard, and the journal as a file: what went back, for the books and for comparing with what a bank says."""

from functools import partial
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import Query, Response
from fastapi.responses import StreamingResponse

from services.refunds.queries.figures import figures_of
from services.refunds.queries.journal import journal_page
from services.refunds.queries.policies import time_zone
from services.refunds.requests import RefundJournalQuery
from services.refunds.state import RefundJournalEntry
from services.refunds.views.books import RefundFiguresView, RefundJournalEntryView, journal_cells
from shared.contracts.actor import shop_only
from shared.contracts.errors import Forbidden
from shared.web.call import Call, Router, problems
from shared.web.exports import FILE, MEDIA_TYPES, PAGE_ROWS, Export, Table, pieces
from shared.web.figures import FiguresQuery

router = Router(tags=["refunds"])

COLUMNS = ("day", "number", "order_id", "refund_id", "method", "reference", "amount", "currency", "payment_id", "occurred_at")


@router.get("/v1/refunds/figures", operation_id="refunds_figures_read", response_model=RefundFiguresView, responses=problems(Forbidden))
async def figures(query: Annotated[FiguresQuery, Query()], call: Call) -> Response:
    """Refunds requested, credited, approved to be paid back, and sent, by hour or day of the store's time zone and by currency.

    `credited` and `paid_back` count when a refund was approved, `sent` when it was reported. `to_send` is what is approved and not sent
    yet. What had been refunded before an order was imported is in none of them.
    """
    async with call.walking() as tx:
        found = await figures_of(tx, call.actor, query)
    return call.show(RefundFiguresView.of(found))


@router.get(
    "/v1/refunds/journal", operation_id="refunds_journal_export", response_class=StreamingResponse, responses=FILE | problems(Forbidden)
)
async def journal(query: Annotated[RefundJournalQuery, Query()], call: Call) -> Export:
    """All money that went back and matches, in parts as it was reported, oldest first, as CSV or JSON Lines, built while it is sent.

    A report that failed or counts nothing is not in it. No cell starts like a formula. It is not a snapshot: what exists throughout is
    included once.
    """
    shop_only(call.actor, to_read=True).or_raise()
    async with call.walking() as tx:
        zone = ZoneInfo(await time_zone(tx, call.actor.store))

    async def read(after: str | None) -> tuple[list[RefundJournalEntry], str | None]:
        async with call.reading() as tx:
            page = await journal_page(tx, call.actor, query, cursor=after, limit=PAGE_ROWS)
        return page.items, page.next_cursor

    def line(entry: RefundJournalEntry) -> str:
        return RefundJournalEntryView.of(entry, zone).model_dump_json()

    def key(entry: RefundJournalEntry) -> tuple[str, str]:
        return call.actor.store, f"{entry.refund_id} {entry.reference}"

    cells = partial(journal_cells, zone=zone)
    exporting = call.running.exporting
    table = Table("settlements", COLUMNS, lambda entry: [cells(entry)], line, key)
    content = pieces(exporting, call.db, table, read, query)
    return Export(content, exporting, file_name=f"refund-journal.{query.format}", media_type=MEDIA_TYPES[query.format])
