"""Lists of orders: pages, counts."""

from typing import Annotated

from fastapi import Query, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from services.orders.addresses.phones import phone_or_none
from services.orders.api.export import exported
from services.orders.queries.counts import counts_of
from services.orders.queries.lists import OrderFilter, page_of, search_for
from services.orders.views.orders import OrderCountsView, OrderPage, OrderSummaryView
from shared.contracts.actor import MAX_ID_CHARACTERS, Actor
from shared.contracts.errors import Forbidden
from shared.contracts.events import OrderStatus, PaymentState, RefundState
from shared.contracts.money import MAX_AMOUNT_MINOR_UNITS
from shared.data.db import Transaction
from shared.data.set_aside import shown
from shared.web.call import Call, Router, problems
from shared.web.exports import FILE, MEDIA_TYPES, Export, FileQuery
from shared.web.inputs import Moment
from shared.web.pages import DEFAULT_LIMIT, MAX_LIMIT

router = Router()

Total = Annotated[int, Field(ge=0, le=MAX_AMOUNT_MINOR_UNITS)]


class OrderQuery(BaseModel):
    """What to list. A name that is not here is an error, not an ignored filter."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    status: list[OrderStatus] = []
    payment: list[PaymentState] = []
    refund_state: list[RefundState] = []
    customer_id: Annotated[str | None, Field(max_length=MAX_ID_CHARACTERS)] = None
    currency: Annotated[str | None, Field(pattern="^[A-Z]{3}$")] = None
    placed_from: Annotated[Moment | None, Field(alias="placed_at.gte")] = None
    placed_before: Annotated[Moment | None, Field(alias="placed_at.lt")] = None
    total_from: Annotated[Total | None, Field(alias="total.gte", description="Minor units; give currency with it")] = None
    total_to: Annotated[Total | None, Field(alias="total.lte", description="Minor units; give currency with it")] = None
    needs_attention: Annotated[bool, Field(description="Only orders of which more was collected than their total")] = False
    q: Annotated[
        str | None,
        Field(min_length=1, max_length=200, description="A number, reference, e-mail, phone or SKU as a whole, else a part of a name"),
    ] = None

    async def resolved(self, tx: Transaction, actor: Actor) -> OrderFilter:
        """As the query takes it, once it is known what `q` names."""
        search = None if self.q is None else await search_for(tx, actor, self.q.strip(), phone_or_none(self.q))
        return OrderFilter(
            status=tuple(self.status), payment=tuple(self.payment), refund_state=tuple(self.refund_state), customer_id=self.customer_id,
            currency=self.currency, placed_from=self.placed_from, placed_before=self.placed_before, total_from=self.total_from,
            total_to=self.total_to, needs_attention=self.needs_attention, search=search,
        )  # fmt: skip


class PageQuery(OrderQuery):
    """What to list, and which page of it."""

    limit: Annotated[int, Field(ge=1, le=MAX_LIMIT)] = DEFAULT_LIMIT
    cursor: Annotated[str | None, Field(max_length=500)] = None


class ExportQuery(OrderQuery, FileQuery):
    """What to export, and how."""


@router.get("/orders", operation_id="orders_order_list", response_model=OrderPage, responses=problems())
async def list_orders(query: Annotated[PageQuery, Query()], call: Call) -> Response:
    """Orders, newest first, that the caller may see. A page may be short and still have a next one: follow the cursor."""
    async with call.walking() as tx:
        page = await page_of(tx, call.actor, await query.resolved(tx, call.actor), cursor=query.cursor, limit=query.limit)
    items = await shown(call.db, "orders", page.items, OrderSummaryView.of, lambda item: (call.actor.store, item.order_id))
    return call.show(OrderPage(items=items, next_cursor=page.next_cursor, previous_cursor=page.previous_cursor))


@router.get("/orders/counts", operation_id="orders_counts_read", response_model=OrderCountsView, responses=problems(Forbidden))
async def counts(call: Call) -> Response:
    """How many orders of the store there are of each status, payment and refund state."""
    async with call.reading() as tx:
        return call.show(OrderCountsView(**await counts_of(tx, call.actor)))


@router.get("/orders/export", operation_id="orders_order_export", response_class=StreamingResponse, responses=FILE | problems())
async def export(query: Annotated[ExportQuery, Query()], call: Call) -> Export:
    """Every order that matches, newest first, as CSV or JSON Lines, made while it is sent. No cell begins as a formula would.

    Not one moment's picture: an order that exists throughout is in it once, as it was when its page was read.
    """
    async with call.walking() as tx:
        wanted = await query.resolved(tx, call.actor)
    exporting = call.running.exporting
    pieces = exported(exporting, call.db, call.actor, wanted, query)
    return Export(pieces, exporting, file_name=f"orders.{query.format}", media_type=MEDIA_TYPES[query.format])
