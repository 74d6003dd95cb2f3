"""What a print button prints now: the same for one order and for many."""

import asyncio
from datetime import datetime

from services.documents import queries
from services.documents.rules import prints
from services.documents.rules.due import is_invoiced_elsewhere
from services.documents.rules.prints import Desk
from services.documents.rules.series import issuing_day
from services.documents.state import Button, Contents, Office
from shared.contracts.actor import Actor
from shared.data.db import Database


async def contents_of(
    database: Database, actor: Actor, order_id: str, button: Button, *, now: datetime, refund_id: str | None = None
) -> Contents:
    """The contents of the issued document that stands, or else of a print composed now.

    Raises NotFound `order_not_here_yet`, `no_refund_request`.
    """
    store = actor.store
    async with database.reading() as tx:
        order, personal = await queries.order_for(tx, actor, order_id)
        if button == "refund-request":
            asked = await queries.request_of(tx, store, order_id, refund_id)
            return prints.refund_request(order, personal, asked, desk_of(await queries.office(tx, store), now=now))
        issued = await queries.references_of(tx, store, order_id)
        standing = prints.issued_for(button, order, issued)
        if standing is not None:
            return await queries.contents_of(tx, store, standing.document_id)
        office = await queries.office(tx, store)
    desk = desk_of(office, now=now)
    if button == "receipt":
        numbers = {subject: reference.number for (cause, subject), reference in issued.items() if cause == "payment"}
        return await asyncio.to_thread(prints.order_receipt, order, desk, numbers)
    made = prints.slip
    if button == "invoice":
        made = prints.invoice_copy if is_invoiced_elsewhere(order, office.modes) else prints.draft_invoice
    return await asyncio.to_thread(made, order, personal, desk)


def desk_of(office: Office, *, now: datetime) -> Desk:
    """A store's settings as a print needs them, today."""
    return Desk(office.letterhead, issuing_day(now, office.time_zone), office.time_zone, office.slip_shows_due)
