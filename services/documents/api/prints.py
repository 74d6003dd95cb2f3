"""The print buttons of an order. They print something in every state of the order."""

import asyncio
from typing import Annotated, Literal

from fastapi import Query, Response

from services.documents import queries
from services.documents.api import answers
from services.documents.commands import renderings
from services.documents.rendering.papers import paper_of
from services.documents.rendering.present import view_of
from services.documents.rendering.printable import page
from services.documents.rendering.renderer import renderer
from services.documents.rules import prints
from services.documents.rules.prints import Button, Desk
from services.documents.rules.series import issuing_day
from services.documents.state import Contents, Paper
from shared.contracts.errors import NotFound
from shared.contracts.ids import OrderId
from shared.web.call import Call, Calling, Router, problems

router = Router()


@router.get(
    "/v1/prints/{order_id}/{button}", operation_id="documents_order_print", response_class=Response,
    responses={**problems(NotFound), **answers.PRINT_RESPONSES},
)  # fmt: skip
async def print_button(
    order_id: OrderId,
    button: Button,
    call: Call,
    format: Literal["pdf", "html"] = "pdf",  # noqa: A002  (the name in the URL)
    paper: Annotated[Paper | None, Query(description="By default what the store's settings say.")] = None,
) -> Response:
    """Print a receipt, an invoice or a packing slip of any order.

    If an issued document exists for it, that document is printed: its stored bytes, or on another `paper` the same contents anew.
    Otherwise an order receipt (marked UNPAID until it is paid; lists every payment, latest first) or a draft invoice is
    printed; neither is numbered. A packing slip shows the current shipping address;
    the slip of a pickup order is for its collection, that of a digital one says that nothing is shipped.
    """
    async with renderer(call.settings).preparing.of():
        contents = await _contents(call, order_id, button)
        if format == "html":
            return answers.html(await _html(call, contents, paper))
    if contents.document_id is not None and paper in (None, paper_of(contents)):
        kept = await renderings.pdf_of(call.db, call.settings, call.actor.store, contents.document_id)
        return answers.pdf(kept, contents.number or "", kept=True)
    made = await renderings.picture(call.db, call.settings, call.actor.store, contents, paper=paper)
    return answers.pdf(made, contents.number or f"{contents.kind}_{contents.order_number}", kept=False)


async def _html(call: Calling, contents: Contents, paper: Paper | None) -> str:
    async with call.reading() as tx:
        logo = await queries.logo(tx, call.actor.store, contents.logo_sha256)
    return await asyncio.to_thread(lambda: page(view_of(contents, code=renderings.check_code(contents), logo=logo, paper=paper)))


async def _contents(call: Calling, order_id: str, button: Button) -> Contents:
    """What the button prints now. Raises NotFound."""
    store = call.actor.store
    async with call.reading() as tx:
        order, personal = await queries.order_for(tx, call.actor, order_id)
        issued = await queries.references_of(tx, store, order_id)
        standing = prints.issued_for(button, order)
        if standing is not None and standing in issued:
            return await queries.contents_of(tx, store, issued[standing].document_id)
        office = await queries.office(tx, store)
    desk = Desk(office.letterhead, issuing_day(call.now, office.time_zone), office.time_zone, office.slip_shows_due)
    if button == "receipt":
        numbers = {subject: reference.number for (cause, subject), reference in issued.items() if cause == "payment"}
        return await asyncio.to_thread(prints.order_receipt, order, desk, numbers)
    made = prints.draft_invoice if button == "invoice" else prints.slip
    return await asyncio.to_thread(made, order, personal, desk)
