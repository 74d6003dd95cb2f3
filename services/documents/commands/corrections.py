"""Corrects an invoice: its credit note and a new invoice, in one transaction."""

from dataclasses import asdict
from datetime import datetime

import sqlalchemy as sa

from services.documents import queries
from services.documents.commands.issuing import Desk, issue, leave
from services.documents.commands.turns import issuing_turn
from services.documents.requests import CorrectionInput
from services.documents.rules import corrections as rules
from services.documents.rules.compose import Issue
from services.documents.rules.due import Due, is_invoiced_elsewhere
from services.documents.state import Contents, Copy, Document, DocumentReference
from services.documents.state.issuing import Correction
from services.documents.tables import corrections
from shared.contracts.actor import Actor, shop_only
from shared.contracts.errors import NotFound
from shared.data.db import Transaction


async def correct(
    tx: Transaction, actor: Actor, document_id: str, request: CorrectionInput, *, now: datetime
) -> tuple[Correction, Document, Document]:
    """Credit an invoice whole and issue it anew with other facts of its buyer: the record, the credit note and the new invoice.

    The invoice is ours, so both are issued whatever the modes are by now; the new invoice first, as series are locked in that order.
    Raises Forbidden, NotFound, Refused `elsewhere`, `not_the_newest`, `already_credited`.
    """
    shop_only(actor).or_raise()
    document = await queries.document_for(tx, actor, document_id)
    copy = await queries.copy(tx, actor.store, document.order_id, lock=True)
    if copy.order is None:
        raise NotFound
    order = copy.order
    await issuing_turn(tx, actor.store)
    office, issued = await queries.office(tx, actor.store), await queries.references_of(tx, actor.store, order.order_id)
    rules.may_correct(
        document,
        issued,
        elsewhere=is_invoiced_elsewhere(order, office.modes),
        credited=await queries.credited(tx, actor.store, order.order_id, document_id),
    ).or_raise()

    old = await queries.contents_of(tx, actor.store, document_id)
    corrected = DocumentReference(document_id=document_id, kind="invoice", number=document.number, issued_on=document.issued_on)
    desk = Desk(actor.store, order, copy, office, issued, now)

    def invoice(new: Issue) -> Contents:
        return rules.replacement(old, request, rules.anew(old, order, corrected, new), country=_country(old, request, copy))

    def credit(new: Issue) -> Contents:
        return rules.whole_credit(old, rules.anew(old, order, corrected, new))

    ids = []
    for due, say in (
        (Due("invoice", "replacement", document_id, document.total), invoice),
        (Due("credit_note", "correction", document_id, document.total), credit),
    ):
        await issue(tx, desk, due, say)
        ids.append(desk.issued[due.key].document_id)
    await leave(tx, desk)
    by = {"role": actor.role, "id": actor.id, "via": actor.via}
    reason = "" if copy.erased else request.reason  # of an erased customer's order no free text is stored
    record = Correction(document_id, order.order_id, reason, corrected_at=now, corrected_by=by)
    await tx.execute(sa.insert(corrections).values(store_id=actor.store, **asdict(record)))
    new_invoice, note = [await queries.document_for(tx, actor, one) for one in ids]
    return record, note, new_invoice


def _country(old: Contents, request: CorrectionInput, copy: Copy) -> str:
    """Where the supply went: to the shipping address, or else the new billing address. An erased one no longer says if it had one."""
    shipped = copy.erased or copy.personal is None or copy.personal.shipping_address is not None
    return old.country if shipped or request.billing_address is None else request.billing_address.country_code
