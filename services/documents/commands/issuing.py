"""Issues due documents: a number from the gapless series, the data, its hash and its event, all in the caller's transaction."""

from dataclasses import dataclass, field
from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from services.documents import queries
from services.documents.rules.compose import Background, Issue, buyer_of, compose, country_of
from services.documents.rules.contents import canonical, heading_of, sha256_of
from services.documents.rules.due import Due, due_documents, due_receipts, external_invoice
from services.documents.rules.e_invoice import e_invoice_of
from services.documents.rules.series import document_number, issuing_day
from services.documents.state import Buyer, Contents, Copy, DocumentReference, ExternalReference, Office
from services.documents.tables import documents, orders, renderings, series
from shared.contracts.events import Address, DocumentIssued, Order, Refund
from shared.contracts.ids import new_id
from shared.data.db import Transaction
from shared.messaging.outbox import emit


@dataclass(slots=True)
class _Desk:
    """The working state of one issuing run: the order, the store's settings, and the order's documents so far."""

    store_id: str
    order: Order
    buyer: tuple[Address | None, Buyer, str]  # with the billing address before, and the country after
    office: Office
    refunds: tuple[Refund, ...]
    now: datetime
    sequence: int
    issued: dict[tuple[str, str], DocumentReference] = field(default_factory=dict)

    @property
    def day(self) -> date:
        """The store's calendar day on which these documents are issued."""
        return issuing_day(self.now, self.office.time_zone)


async def issue_due(tx: Transaction, store_id: str, copy: Copy, known: tuple[Refund, ...], *, now: datetime) -> int:
    """Issue every missing document that the copy and the `known` refunds require. Returns how many.

    The caller holds the lock of the copy's row, so two events of one order never issue concurrently; the unique (cause, subject) of the
    table is the safety net. Series are locked in one fixed order of kinds, so that issuers never deadlock.
    """
    if copy.order is None or copy.personal is None:
        return 0
    return await _issue_missing(tx, store_id, copy, copy.order, due_documents(copy.order, known), known=known, now=now)


async def issue_receipts(tx: Transaction, store_id: str, copy: Copy, older: Order, *, now: datetime) -> int:
    """Issue the missing receipts of payments that were made on the lines of an `older` version than our copy. Returns how many."""
    return await _issue_missing(tx, store_id, copy, older, due_receipts(older), now=now)


async def _issue_missing(
    tx: Transaction, store_id: str, copy: Copy, order: Order, wanted: list[Due], *, known: tuple[Refund, ...] = (), now: datetime
) -> int:
    """Issue those of the `wanted` documents that are missing, from this version of the order. Returns how many."""
    if not wanted:
        return 0
    issued = await queries.references_of(tx, store_id, copy.order_id)
    missing = [due for due in wanted if due.key not in issued]
    receipts = issued.keys() | {due.key for due in missing}
    reversed_by = {payment.payment_id: payment.reverses for payment in order.payments}
    missing = [due for due in missing if due.kind != "cancelling_receipt" or ("payment", reversed_by[due.subject_id]) in receipts]
    if not missing:
        return 0
    office = await queries.office(tx, store_id)
    buyer = await _frozen_buyer(tx, store_id, issued.get(("order", copy.order_id)), copy)
    desk = _Desk(store_id, order, buyer, office, known, now, copy.event_sequence, issued)
    for due in missing:
        await _issue(tx, desk, due)
    mine = (orders.c.store_id == store_id) & (orders.c.order_id == copy.order_id)
    await tx.execute(sa.update(orders).where(mine).values(event_sequence=desk.sequence))
    return len(missing)


async def _issue(tx: Transaction, desk: _Desk, due: Due) -> None:
    """Issue one document."""
    year = desk.day.year
    prefix, counted = await _next_number(tx, desk.store_id, due.kind, year, desk.office.prefixes[due.kind])
    issue = Issue(
        document_id=new_id("document"),
        number=document_number(prefix, year, counted),
        day=desk.day,
        time_zone=desk.office.time_zone,
        letterhead=desk.office.letterhead,
        at=desk.now,
    )
    contents = compose(due, desk.order, _background(desk, due), issue)
    text = canonical(contents)
    await tx.execute(sa.insert(documents).values(**_row(desk, due, contents, counted, text)))
    picture = {"store_id": desk.store_id, "document_id": issue.document_id, "next_attempt_at": desk.now}
    await tx.execute(sa.insert(renderings).values(**picture, ahead=desk.office.letterhead.render == "ahead"))
    desk.issued[due.key] = DocumentReference(document_id=issue.document_id, kind=due.kind, number=issue.number, issued_on=issue.day)
    desk.sequence += 1
    corrected = contents.refers_to.document_id if contents.refers_to else None
    said = heading_of(text)
    figures = {"net": said.net, "tax": said.tax, "taxes": said.taxes}
    event = DocumentIssued.like(contents, occurred_at=desk.now, sha256=sha256_of(text), refers_to=corrected, **figures)
    await emit(tx, event, store_id=desk.store_id, sequence=desk.sequence, recorded_at=desk.now)


async def _next_number(tx: Transaction, store_id: str, kind: str, year: int, prefix: str) -> tuple[str, int]:
    """The series' prefix and next number. Its row stays locked until commit, and a rollback returns the number: no gaps."""
    first = insert(series).values(store_id=store_id, kind=kind, year=year, prefix=prefix, last=1)
    counted = first.on_conflict_do_update(index_elements=["store_id", "kind", "year"], set_={"last": series.c.last + 1})
    row = (await tx.execute(counted.returning(series.c.prefix, series.c.last))).one()
    return row.prefix, row.last


async def _frozen_buyer(tx: Transaction, store_id: str, invoice: DocumentReference | None, copy: Copy) -> tuple[Address | None, Buyer, str]:
    """Billing address, buyer and country of the invoice, so that credit notes repeat them; before there is an invoice, our copy's."""
    if invoice is not None:
        issued = await queries.contents_of(tx, store_id, invoice.document_id)
        return issued.address, issued.buyer, issued.country
    if copy.personal is None:
        return None, Buyer(), ""
    return copy.personal.billing_address, buyer_of(copy.personal), country_of(copy.personal)


def _background(desk: _Desk, due: Due) -> Background:
    """What the document refers to, and how much of the shipping earlier documents of its cause covered."""
    earlier = [refund for refund in desk.refunds if (due.cause, refund.refund_id) in desk.issued]
    before = sum(refund.shipping_kept if due.cause == "shipping_kept" else refund.shipping for refund in earlier)
    address, buyer, country = desk.buyer
    return Background(
        address,
        desk.refunds,
        refers_to=_referred(desk, due),
        refers_to_external=_external(desk, due),
        buyer=buyer,
        country=country,
        shipping_before=before,
    )


def _referred(desk: _Desk, due: Due) -> DocumentReference | None:
    if due.kind == "credit_note":
        return desk.issued.get(("order", desk.order.order_id))
    if due.kind == "cancelling_receipt":
        reversing = next(payment for payment in desk.order.payments if payment.payment_id == due.subject_id)
        return desk.issued.get(("payment", reversing.reverses or ""))
    return None


def _external(desk: _Desk, due: Due) -> ExternalReference | None:
    """The invoice of another system that a credit note is about, as of what it credits."""
    if due.kind != "credit_note":
        return None
    decided = {refund.refund_id: refund.order_version for refund in desk.refunds}
    cancellation = desk.order.cancellation
    version = decided[due.subject_id] if due.cause == "refund" else cancellation.order_version if cancellation else 0
    invoice = external_invoice(desk.order, version)
    return None if invoice is None else ExternalReference.like(invoice)


def _row(desk: _Desk, due: Due, contents: Contents, counted: int, text: str) -> dict[str, object]:
    said = e_invoice_of(contents)
    same = ("document_id", "order_id", "order_number", "customer_id", "number", "issued_on", "currency", "total")
    return {
        **{name: getattr(contents, name) for name in same},
        "store_id": desk.store_id, "kind": due.kind, "cause": due.cause, "subject_id": due.subject_id, "year": desk.day.year,
        "counted": counted, "issued_at": desk.now, "refers_to": contents.refers_to.document_id if contents.refers_to else None,
        "refers_to_external": contents.refers_to_external and contents.refers_to_external.model_dump(mode="json"),
        "data": text, "sha256": sha256_of(text), "e_invoice": said and said.model_dump(mode="json"),
    }  # fmt: skip
