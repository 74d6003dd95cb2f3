"""The prints of many orders as one PDF, bound while it is sent: memory holds one of them, and no connection is held."""

import asyncio
from collections.abc import AsyncGenerator
from functools import partial

import structlog
from fastapi import Response
from fastapi.responses import StreamingResponse

from services.documents import queries
from services.documents.api.answers import PDF
from services.documents.api.printing import contents_of, desk_of
from services.documents.commands import renderings
from services.documents.rendering.binding import Binder
from services.documents.rendering.papers import paper_of
from services.documents.rendering.present import not_printed_view
from services.documents.rendering.renderer import RenderingFailed, renderer
from services.documents.requests import PrintsInput
from services.documents.rules import PROBLEMS
from services.documents.rules.prints import MOST_PRINTS, blank
from services.documents.state import Unprinted
from shared.contracts.actor import shop_only
from shared.contracts.errors import Forbidden, Invalid, NotFound, Unavailable, UnreadableRow
from shared.web.call import SHOP_ONLY, WITHOUT_KEY, Call, Calling, Router, problems
from shared.web.exports import Export, patiently

router = Router()
log = structlog.get_logger()


@router.post(
    "/v1/prints",
    operation_id="documents_orders_print",
    response_class=StreamingResponse,
    responses={**problems(Forbidden, Invalid, NotFound), 200: {"description": "One PDF.", "content": {PDF: {}}}},
    openapi_extra=WITHOUT_KEY | SHOP_ONLY,
)
async def print_many(request: PrintsInput, call: Call) -> Response:
    """Print what a button prints of each of these orders, in this order and each on a new page, as one PDF that is sent while it is made.

    Where an issued document stands, its stored bytes are bound in. Nothing is printed if an order is missing, unless `skip_missing` is
    set: the last page then lists those that are missing, and any whose picture could not be made.
    """
    shop_only(call.actor, to_read=True).or_raise()
    if len(request.order_ids) > MOST_PRINTS:
        raise Invalid("too_many_prints", PROBLEMS["too_many_prints"], at="/order_ids", accepted=f"Up to {MOST_PRINTS} orders.")
    async with call.reading() as tx:
        there = await queries.orders_there(tx, call.actor.store, request.order_ids, requested=request.button == "refund-request")
    missing = [one for one in dict.fromkeys(request.order_ids) if one not in there]
    if missing and not request.skip_missing:
        raise NotFound("orders_missing", PROBLEMS["orders_missing"], order_ids=missing)
    return Export(_bound(call, request, missing), call.running.exporting, file_name=f"{request.button}.pdf", media_type=PDF)


async def _bound(call: Calling, request: PrintsInput, missing: list[str]) -> AsyncGenerator[bytes, None]:
    """The PDF in pieces, one for each order."""
    binder, unprinted = Binder(), [Unprinted(order_id, "order_missing") for order_id in missing]
    yield binder.head()
    for order_id in request.order_ids:
        if order_id in missing:
            continue
        try:
            yield await patiently(partial(_one, call, request, binder, order_id))
        except (RenderingFailed, UnreadableRow, NotFound, Unavailable, ValueError) as error:
            log.warning("print_failed", store_id=call.actor.store, order_id=order_id, error=repr(error))
            unprinted.append(Unprinted(order_id, "print_failed"))
    if unprinted:
        yield await patiently(partial(_last_page, call, request, binder, unprinted))
    yield binder.tail()


async def _one(call: Calling, request: PrintsInput, binder: Binder, order_id: str) -> bytes:
    """The pages of one order, made at the store's turn like any single print."""
    store = call.actor.store
    async with renderer(call.settings).preparing.of():
        contents = await contents_of(call.db, call.actor, order_id, request.button, now=call.now)
    if contents.document_id is not None and request.paper in (None, paper_of(contents)):
        made = await renderings.pdf_of(call.db, call.settings, store, contents.document_id)
    else:
        made = await renderings.picture(call.db, call.settings, store, contents, paper=request.paper)
    return await asyncio.to_thread(binder.add, made.pdf)


async def _last_page(call: Calling, request: PrintsInput, binder: Binder, unprinted: list[Unprinted]) -> bytes:
    """The list of those that are not printed."""
    async with call.reading() as tx:
        contents = blank(desk_of(await queries.office(tx, call.actor.store), now=call.now))
    made = await renderer(call.settings).pdf(lambda: not_printed_view(contents, unprinted, paper=request.paper), call.actor.store)
    return await asyncio.to_thread(binder.add, made)
