"""Orders as a file."""

from collections.abc import AsyncGenerator
from dataclasses import asdict
from typing import Any

from services.orders.queries.lists import page_of
from services.orders.queries.search import Search
from services.orders.requests.lists import ExportQuery
from services.orders.state import Summary
from services.orders.views.lists import OrderSummaryView
from shared.contracts.actor import Actor
from shared.contracts.money import decimal_text
from shared.data.db import Database
from shared.web.exports import PAGE_ROWS, Exporting, Table, pieces

AMOUNTS = ("total", "collected", "refunded_total")
COLUMNS = (
    "number", "placed_at", "customer_id", "customer_name", "status", "payment", "refund_state", "currency", *AMOUNTS,
    "external_ref", "order_id", "version",
)  # fmt: skip


def exported(exporting: Exporting, db: Database, actor: Actor, query: ExportQuery, search: Search | None) -> AsyncGenerator[bytes, None]:
    """Every matching order, newest first; amounts in a CSV are decimal."""

    async def read(after: str | None) -> tuple[list[Summary], str | None]:
        async with db.reading() as tx:
            page = await page_of(tx, actor, query, search, cursor=after, limit=PAGE_ROWS)
        return page.items, page.next_cursor

    def line(summary: Summary) -> str:
        return OrderSummaryView.of(summary, actor).model_dump_json()

    def cells(summary: Summary) -> dict[str, Any]:
        OrderSummaryView.of(summary, actor)  # validates: a CSV would print an invalid row unchecked
        values = asdict(summary)
        return values | {name: decimal_text(values[name], summary.currency) for name in AMOUNTS}

    table = Table("orders", COLUMNS, cells, line, lambda summary: (actor.store, summary.order_id))
    return pieces(exporting, db, table, read, query)
