"""The journal as a file: what was collected, for the books and for comparing with what a courier remits."""

from functools import partial
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import Query
from fastapi.responses import StreamingResponse

from services.orders.queries.journal import journal_page
from services.orders.queries.settings import settings_of
from services.orders.requests.journal import JournalQuery
from services.orders.state import JournalEntry
from services.orders.views.journal import JournalEntryView, journal_cells
from shared.contracts.actor import shop_only
from shared.contracts.errors import Forbidden
from shared.web.call import Call, Router, problems
from shared.web.exports import FILE, MEDIA_TYPES, PAGE_ROWS, Export, Table, pieces

router = Router()

COLUMNS = (
    "day", "number", "order_id", "external_ref", "method", "reference", "collected_by", "amount", "courier_charge", "currency",
    "payment_id", "reverses", "occurred_at", "recorded_at",
)  # fmt: skip


@router.get("/orders/journal", operation_id="orders_journal_export", response_class=StreamingResponse, responses=FILE | problems(Forbidden))
async def journal(query: Annotated[JournalQuery, Query()], call: Call) -> Export:
    """Every payment and reversal that matches, oldest first, as CSV or JSON Lines, built while it is sent. No cell starts like a formula.

    A reversal has a negative amount. It is not a snapshot: what exists throughout is included once.
    """
    shop_only(call.actor, to_read=True).or_raise()
    async with call.walking() as tx:
        zone = ZoneInfo((await settings_of(tx, call.actor.store)).time_zone)

    async def read(after: str | None) -> tuple[list[JournalEntry], str | None]:
        async with call.reading() as tx:
            page = await journal_page(tx, call.actor, query, cursor=after, limit=PAGE_ROWS)
        return page.items, page.next_cursor

    def line(entry: JournalEntry) -> str:
        return JournalEntryView.of(entry, zone).model_dump_json()

    cells = partial(journal_cells, zone=zone)
    table = Table("payments", COLUMNS, lambda entry: [cells(entry)], line, lambda entry: (call.actor.store, entry.payment_id))
    exporting = call.running.exporting
    content = pieces(exporting, call.db, table, read, query)
    return Export(content, exporting, file_name=f"journal.{query.format}", media_type=MEDIA_TYPES[query.format])
