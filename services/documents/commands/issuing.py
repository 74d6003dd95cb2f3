"""Issues due documents: a number from the gapless series, the data, its hash and its event, all in the caller's transaction."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import partial

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from services.documents import queries
from services.documents.commands.turns import issuing_turn
from services.documents.commands.waiting import keep_waiting
from services.documents.rules.compose import Addressee, Background, Issue, addressee_of, compose, delivery_place
from services.documents.rules.contents import canonical, heading_of, sha256_of
from services.documents.rules.corrections import newest_invoice
from services.documents.rules.due import (
    Due,
    basis_of,
    basis_of_cancellation,
    due_documents,
    due_receipts,
    invoice_mode,
    waiting_documents,
)
from services.documents.rules.e_invoice import e_invoice_of
from services.documents.rules.modes import first_number
from services.documents.rules.series import document_number, issuing_day
from services.documents.state import Contents, Copy, DocumentReference, ExternalReference, Office
from services.documents.tables import documents, orders, renderings, series
from shared.contracts.events import Address, DocumentIssued, Order, Refund
from shared.contracts.ids import new_id
from shared.data.db import Transaction
from shared.messaging.outbox import emit


@dataclass(slots=True)
class Desk:
    """The working state of one issuing run: the order, the store's settings, and the order's documents so far. See leave()."""

    store_id: str
    order: Order  # of our copy, or an older version
    copy: Copy
    office: Office
    issued: dict[tuple[str, str], DocumentReference]
    now: datetime
    refunds: tuple[Refund, ...] = ()
    addressee: Addressee = field(default_factory=Addressee)
    added: int = 0

    @property
    def day(self) -> date:
        """The store's calendar day on which these documents are issued."""
        return issuing_day(self.now, self.office.time_zone)


async def issue_due(tx: Transaction, store_id: str, copy: Copy, known: tuple[Refund, ...], *, now: datetime) -> int:
    """Issue every missing document that the copy and the `known` refunds require. Returns how many.

    The caller holds the lock of the copy's row, so two events of one order never issue concurrently; the unique (cause, subject) of the
    table is the safety net. Series are locked in one fixed order of kinds, so that issuers never deadlock.
    """
    order = copy.order
    if order is None or copy.personal is None:
        return 0
    possible = {due.key for due in due_documents(order, known)}  # in any mode; in some, a refund has a receipt of its own beside them
    if not possible and not known:
        return 0
    issued = await queries.references_of(tx, store_id, copy.order_id)
    if possible | {("refund", refund.refund_id) for refund in known} <= issued.keys():
        return 0
    desk = Desk(store_id, order, copy, await _office(tx, store_id), issued, now, known)
    modes = desk.office.modes
    if invoice_mode(order, modes) == "elsewhere":
        await keep_waiting(tx, store_id, order, waiting_documents(order, known, modes), known)
    return await _issue_missing(tx, desk, due_documents(order, known, modes))


async def issue_receipts(tx: Transaction, store_id: str, copy: Copy, older: Order, *, now: datetime) -> int:
    """Issue the missing receipts of payments that were made on the lines of an `older` version than our copy. Returns how many."""
    issued = await queries.references_of(tx, store_id, copy.order_id)
    if {due.key for due in due_receipts(older)} <= issued.keys():
        return 0
    desk = Desk(store_id, older, copy, await _office(tx, store_id), issued, now)
    return await _issue_missing(tx, desk, due_receipts(older, desk.office.modes))


async def _office(tx: Transaction, store_id: str) -> Office:
    """The settings in force, whose modes stay in force until the commit."""
    await issuing_turn(tx, store_id)
    return await queries.office(tx, store_id)


async def _issue_missing(tx: Transaction, desk: Desk, wanted: list[Due]) -> int:
    """Issue those of the `wanted` documents that are missing. Returns how many."""
    missing = [due for due in wanted if due.key not in desk.issued]
    receipts = desk.issued.keys() | {due.key for due in missing}
    reversed_by = {payment.payment_id: payment.reverses for payment in desk.order.payments}
    missing = [due for due in missing if due.kind != "cancelling_receipt" or ("payment", reversed_by[due.subject_id]) in receipts]
    if not missing:
        return 0
    desk.addressee = await _addressee(tx, desk)
    for due in missing:
        await issue(tx, desk, due, partial(compose, due, desk.order, _background(desk, due)))
    await leave(tx, desk)
    return len(missing)


async def leave(tx: Transaction, desk: Desk) -> None:
    """Store how many documents the order now has, once the last is issued."""
    mine = (orders.c.store_id == desk.store_id) & (orders.c.order_id == desk.order.order_id)
    await tx.execute(sa.update(orders).where(mine).values(event_sequence=desk.copy.event_sequence + desk.added))


async def issue(tx: Transaction, desk: Desk, due: Due, say: Callable[[Issue], Contents]) -> None:
    """Issue one document, of which `say` composes the contents."""
    year = desk.day.year
    prefix, counted = await _next_number(tx, desk, due.kind, year)
    new = Issue(
        document_id=new_id("document"),
        number=document_number(prefix, year, counted),
        day=desk.day,
        time_zone=desk.office.time_zone,
        letterhead=desk.office.letterhead,
        at=desk.now,
    )
    contents = say(new)
    text = canonical(contents)
    await tx.execute(sa.insert(documents).values(**_row(desk, due, contents, counted, text)))
    picture = {"store_id": desk.store_id, "document_id": new.document_id, "next_attempt_at": desk.now}
    await tx.execute(sa.insert(renderings).values(**picture, ahead=desk.office.letterhead.render == "ahead"))
    desk.issued[due.key] = DocumentReference(document_id=new.document_id, kind=due.kind, number=new.number, issued_on=new.day)
    desk.added += 1
    corrected = contents.refers_to.document_id if contents.refers_to else None
    said = heading_of(text)
    figures = {"net": said.net, "tax": said.tax, "taxes": said.taxes}
    event = DocumentIssued.like(contents, occurred_at=desk.now, sha256=sha256_of(text), refers_to=corrected, **figures)
    await emit(tx, event, store_id=desk.store_id, sequence=desk.copy.event_sequence + desk.added, recorded_at=desk.now)


async def _next_number(tx: Transaction, desk: Desk, kind: str, year: int) -> tuple[str, int]:
    """The series' prefix and next number. Its row stays locked until commit, and a rollback returns the number: no gaps."""
    prefix, start = desk.office.prefixes[kind], first_number(desk.office.starts, kind, year)
    first = insert(series).values(store_id=desk.store_id, kind=kind, year=year, prefix=prefix, first=start, last=start)
    counted = first.on_conflict_do_update(index_elements=["store_id", "kind", "year"], set_={"last": series.c.last + 1})
    row = (await tx.execute(counted.returning(series.c.prefix, series.c.last))).one()
    return row.prefix, row.last


async def _addressee(tx: Transaction, desk: Desk) -> Addressee:
    """That of the newest invoice, so that credit notes repeat it; before there is one, our copy's."""
    invoice = newest_invoice(desk.issued, desk.order.order_id)
    if invoice is not None:
        issued = await queries.contents_of(tx, desk.store_id, invoice.document_id)
        return Addressee(issued.address, issued.buyer, issued.country)
    return addressee_of(desk.copy.personal) if desk.copy.personal is not None else Addressee()


def _background(desk: Desk, due: Due) -> Background:
    """What the document refers to, and how much of the shipping earlier documents of its cause covered."""
    earlier = [refund for refund in desk.refunds if (due.cause, refund.refund_id) in desk.issued]
    before = sum(refund.shipping_kept if due.cause == "shipping_kept" else refund.shipping for refund in earlier)
    return Background(
        desk.addressee,
        desk.refunds,
        refers_to=_referred(desk, due),
        refers_to_external=_external(desk, due),
        delivery=_delivery(desk),
        shipping_before=before,
    )


def _delivery(desk: Desk) -> Address | None:
    personal = desk.copy.personal
    return None if personal is None else delivery_place(desk.order, personal, desk.office.letterhead)


def _referred(desk: Desk, due: Due) -> DocumentReference | None:
    if due.kind == "credit_note":
        return newest_invoice(desk.issued, desk.order.order_id)
    if due.kind == "cancelling_receipt":
        reversing = next(payment for payment in desk.order.payments if payment.payment_id == due.subject_id)
        return desk.issued.get(("payment", reversing.reverses or ""))
    return None


def _external(desk: Desk, due: Due) -> ExternalReference | None:
    """The invoice of another system that a credit note is about, as of what it credits."""
    if due.kind != "credit_note":
        return None
    decided = {refund.refund_id: refund.order_version for refund in desk.refunds}
    modes = desk.office.modes
    of_refund = due.cause == "refund"
    basis = basis_of(desk.order, decided[due.subject_id], modes) if of_refund else basis_of_cancellation(desk.order, modes)
    return ExternalReference.like(basis.external) if basis.external else None


def _row(desk: Desk, due: Due, contents: Contents, counted: int, text: str) -> dict[str, object]:
    said = e_invoice_of(contents)
    same = ("document_id", "order_id", "order_number", "customer_id", "number", "issued_on", "currency", "total")
    return {
        **{name: getattr(contents, name) for name in same},
        "store_id": desk.store_id, "kind": due.kind, "cause": due.cause, "subject_id": due.subject_id, "year": desk.day.year,
        "counted": counted, "issued_at": desk.now, "refers_to": contents.refers_to.document_id if contents.refers_to else None,
        "refers_to_external": contents.refers_to_external and contents.refers_to_external.model_dump(mode="json"),
        "data": text, "sha256": sha256_of(text), "e_invoice": said and said.model_dump(mode="json"),
    }  # fmt: skip
