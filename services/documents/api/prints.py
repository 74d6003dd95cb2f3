"""The print buttons of an order. They print something in every state of the order."""

import asyncio
from typing import Annotated, Literal

from fastapi import Query, Response
from pydantic import BaseModel, Field

from services.documents import queries
from services.documents.api import answers
from services.documents.api.printing import contents_of
from services.documents.commands import renderings
from services.documents.rendering.papers import paper_of
from services.documents.rendering.present import view_of
from services.documents.rendering.printable import page
from services.documents.rendering.renderer import renderer
from services.documents.state import Button, Contents, Paper
from shared.contracts.errors import NotFound
from shared.contracts.ids import OrderId, RefundId
from shared.web.call import Call, Calling, Router, problems

router = Router()


class How(BaseModel):
    """How something is printed, and which of several."""

    format: Literal["pdf", "html"] = "pdf"
    paper: Paper | None = Field(None, description="By default what the store's settings say.")
    refund_id: RefundId | None = Field(None, description="Of a `refund-request`: which; by default the newest.")


@router.get(
    "/v1/prints/{order_id}/{button}", operation_id="documents_order_print", response_class=Response,
    responses={**problems(NotFound), **answers.PRINT_RESPONSES},
)  # fmt: skip
async def print_button(order_id: OrderId, button: Button, call: Call, how: Annotated[How, Query()]) -> Response:
    """Print a receipt, an invoice or a packing slip of any order, or what was asked for in a refund request.

    If an issued document exists for it, that document is printed: its stored bytes, or on another `paper` the same contents anew.
    Otherwise an order receipt (marked UNPAID until it is paid; lists every payment, latest first) or a draft invoice is
    printed, or a copy that names the number where another system issues the invoice; none of them is numbered.
    A packing slip shows the current shipping address; the slip of a pickup order is for its collection, that of a digital one says that
    nothing is shipped.
    """
    async with renderer(call.settings).preparing.of():
        contents = await contents_of(call.db, call.actor, order_id, button, now=call.now, refund_id=how.refund_id)
        if how.format == "html":
            return answers.html(await _html(call, contents, how.paper))
    if contents.document_id is not None and how.paper in (None, paper_of(contents)):
        kept = await renderings.pdf_of(call.db, call.settings, call.actor.store, contents.document_id)
        return answers.pdf(kept, contents.number or "", kept=True)
    made = await renderings.picture(call.db, call.settings, call.actor.store, contents, paper=how.paper)
    return answers.pdf(made, contents.number or f"{contents.kind}_{contents.order_number}", kept=False)


async def _html(call: Calling, contents: Contents, paper: Paper | None) -> str:
    async with call.reading() as tx:
        logo = await queries.logo(tx, call.actor.store, contents.logo_sha256)
    return await asyncio.to_thread(lambda: page(view_of(contents, code=renderings.check_code(contents), logo=logo, paper=paper)))
