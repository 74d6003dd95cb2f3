"""Lists of orders: pages, counts, exports."""

from functools import partial
from typing import Annotated

from fastapi import Query, Response
from fastapi.responses import StreamingResponse

from services.orders.api.export import exported
from services.orders.queries.counts import counts_of
from services.orders.queries.lists import page_of, search_for
from services.orders.queries.settings import settings_of
from services.orders.requests.lists import ExportQuery, PageQuery
from services.orders.views.lists import OrderCountsView, OrderPage, OrderSummaryView
from shared.contracts.errors import Forbidden
from shared.web.call import Call, Router, problems
from shared.web.exports import FILE, MEDIA_TYPES, Export

router = Router()


@router.get("/orders", operation_id="orders_order_list", response_model=OrderPage, responses=problems())
async def list_orders(query: Annotated[PageQuery, Query()], call: Call) -> Response:
    """Orders that the caller may see, newest first or as they changed. A page may be short and still have a next one: follow the cursor."""
    async with call.walking() as tx:
        search = await search_for(tx, call.actor, query)
        page = await page_of(tx, call.actor, query, search, cursor=query.cursor, limit=query.limit, sort=query.sort)
    return await call.page(OrderPage, page, "orders", partial(OrderSummaryView.of, actor=call.actor), lambda order: order.order_id)


@router.get("/orders/counts", operation_id="orders_counts_read", response_model=OrderCountsView, responses=problems(Forbidden))
async def counts(call: Call) -> Response:
    """How many of the store's orders have each status, payment and refund state."""
    async with call.reading() as tx:
        return call.show(OrderCountsView(**await counts_of(tx, call.actor)))


@router.get("/orders/export", operation_id="orders_order_export", response_class=StreamingResponse, responses=FILE | problems())
async def export(query: Annotated[ExportQuery, Query()], call: Call) -> Export:
    """Every order that matches, newest first, as CSV or JSON Lines, built while it is sent. No cell starts like a formula.

    A CSV has the columns that are asked for, with a row for each order or each of its lines; a line of JSON Lines is a whole order, as the
    caller may see it. It is not a snapshot: an order that exists throughout is included once, in its state when its page was read.
    """
    async with call.walking() as tx:
        search = await search_for(tx, call.actor, query)
        zone = (await settings_of(tx, call.actor.store)).time_zone if query.time == "local" else "UTC"
    exporting = call.running.exporting
    pieces = exported(exporting, call.db, call.actor, query, search, zone=zone)
    return Export(pieces, exporting, file_name=f"orders.{query.format}", media_type=MEDIA_TYPES[query.format])
