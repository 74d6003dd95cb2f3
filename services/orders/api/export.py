"""Orders as a file."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy.engine import Row

from services.orders.queries.lists import page_of
from services.orders.queries.orders import rows_of, state_of
from services.orders.queries.search import Search
from services.orders.requests.lists import ExportQuery
from services.orders.rules.exporting import SUMMARY, columns_of
from services.orders.state import Summary
from services.orders.views.files import line_cells, order_cells, summary_cells
from services.orders.views.orders import OrderView
from shared.contracts.actor import Actor
from shared.data.db import Database, Transaction
from shared.web.exports import PAGE_ROWS, Exporting, Table, pieces
from shared.web.pages import Walked

MAX_WHOLE_ORDERS = 50
MAX_WHOLE_LINES = 1_000  # of orders that are read at once, unless one alone has more


@dataclass(frozen=True, slots=True)
class Place:
    """Where a file of whole orders goes on: with those of a page that are left, then with the page at `cursor`."""

    cursor: str | None
    left: Sequence[Summary] = ()


@dataclass(frozen=True, slots=True)
class OrderFile:
    """One export: the orders that match, as its caller may see them."""

    db: Database
    actor: Actor
    query: ExportQuery
    search: Search | None
    zone: ZoneInfo

    async def summaries(self, after: str | None) -> tuple[list[Summary], str | None]:
        """A page of rows of the list."""
        async with self.db.reading() as tx:
            page = await self._page(tx, after)
        return page.items, page.next_cursor

    async def whole(self, after: Place | None) -> tuple[list[Row[Any]], Place | None]:
        """Some whole orders of a page, by one query."""
        place = after or Place(None)
        async with self.db.reading() as tx:
            if not place.left:
                page = await self._page(tx, place.cursor)
                place = Place(page.next_cursor, page.items)
            now = fitting(place.left)
            rows = await rows_of(tx, self.actor, [summary.order_id for summary in place.left[:now]]) if now else []
        left = place.left[now:]
        return rows, Place(place.cursor, left) if left or place.cursor else None

    async def _page(self, tx: Transaction, cursor: str | None) -> Walked[Summary]:
        return await page_of(tx, self.actor, self.query, self.search, cursor=cursor, limit=PAGE_ROWS)

    def view(self, row: Row[Any]) -> OrderView:
        """The order of a row, as its GET shows it to this caller."""
        return OrderView.of(state_of(row), self.actor)

    def cells(self, row: Row[Any]) -> list[dict[str, Any]]:
        """One row for the order, or one for each of its lines."""
        order = self.view(row)
        mine = order_cells(order, self.at)
        return [mine | line_cells(line) for line in order.lines] if self.query.rows == "lines" else [mine]

    def at(self, moment: datetime) -> datetime:
        """The moment in the zone of the file."""
        return moment.astimezone(self.zone)


def exported(
    exporting: Exporting, db: Database, actor: Actor, query: ExportQuery, search: Search | None, *, zone: str = "UTC"
) -> AsyncGenerator[bytes, None]:
    """Every matching order, newest first, with times of `zone` in a CSV. Raises Invalid (see rules.exporting)."""
    columns, file = columns_of(query), OrderFile(db, actor, query, search, ZoneInfo(zone))
    if query.format == "csv" and query.rows == "orders" and set(columns) <= set(SUMMARY):
        few: Table[Summary] = Table(
            "orders", columns, lambda one: [summary_cells(one, actor, file.at)], lambda one: "", lambda one: (actor.store, one.order_id)
        )
        return pieces(exporting, db, few, file.summaries, query)
    table = Table("orders", columns, file.cells, lambda row: file.view(row).model_dump_json(), lambda row: (row.store_id, row.order_id))
    return pieces(exporting, db, table, file.whole, query)


def fitting(orders: Sequence[Summary]) -> int:
    """How many of the orders are read at once: at least one."""
    number = lines = 0
    for order in orders[:MAX_WHOLE_ORDERS]:
        lines += order.line_count
        if number and lines > MAX_WHOLE_LINES:
            break
        number += 1
    return number
