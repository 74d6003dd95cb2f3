"""Which documents an order requires: product.md section 4, as one function of the copy and the approved refunds.

The result depends only on facts, never on the events that carried them, so neither the order nor the repetition of events matters.
A document is due once for each (cause, subject); the issuing command skips those that are already issued.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from shared.contracts.events import DocumentKind, ExternalDocument, Order, Refund
from shared.contracts.lifecycle import furthest, invoiced

Cause = Literal["order", "shipping_kept", "payment", "cancellation", "refund"]

ISSUING_ORDER: tuple[DocumentKind, ...] = ("invoice", "receipt", "cancelling_receipt", "credit_note", "refund_receipt")
"""Series are always locked in this order, so that no two issuers deadlock; a document that others refer to comes first."""


@dataclass(frozen=True, slots=True)
class Due:
    """One document that must exist: its kind, cause, subject and amount (minor units, never negative)."""

    kind: DocumentKind
    cause: Cause
    subject_id: str
    amount: int

    @property
    def key(self) -> tuple[str, str]:
        """The document's unique key within a store."""
        return self.cause, self.subject_id


def is_invoiced(order: Order) -> bool:
    """Whether the order has, or should have, an invoice: it was confirmed or later, even if it is cancelled now."""
    return invoiced(furthest(order.status, order.cancellation))


def external_invoice(order: Order, version: int) -> ExternalDocument | None:
    """The newest invoice of another system that a version of an imported order names. Of any other order ours is the one to credit."""
    named = [one for one in order.external_documents if one.kind == "invoice" and one.order_version <= version]
    return named[-1] if order.imported and named else None


def may_credit(order: Order, version: int) -> bool:
    """Whether there is an invoice, ours or one that this version names, that a credit note can be about."""
    return external_invoice(order, version) is not None if order.imported else is_invoiced(order)


def is_cancelled_by_note(order: Order) -> bool:
    """Whether the order's cancellation has a credit note over the invoice. One that was imported was dealt with elsewhere."""
    cancellation = order.cancellation
    return cancellation is not None and not order.cancelled_before and may_credit(order, cancellation.order_version)


def is_credited(order: Order, refund: Refund) -> bool:
    """Whether a credit note covers the refund: its own, or that of the order's cancellation."""
    if refund.cause == "overpaid":
        return False  # nothing was credited: what was paid too much goes back
    if order.imported and refund.cause in ("cancellation", "payment"):
        return is_cancelled_by_note(order)
    return may_credit(order, refund.order_version)


def due_documents(order: Order, refunds: Iterable[Refund]) -> list[Due]:
    """Every document that should be issued for this copy of `order` and these refunds, in issuing order.

    A refund decided on a version of the order that the copy has not reached is left out until the copy has that version.
    """
    known = sorted((refund for refund in refunds if _counts(refund, order)), key=lambda refund: (refund.order_version, refund.refund_id))
    due = [*_invoices(order, known), *due_receipts(order), *_credit_notes(order, known), *_refund_receipts(order, known)]
    return sorted(due, key=lambda one: ISSUING_ORDER.index(one.kind))  # stable: chronological within a kind


def due_receipts(order: Order) -> list[Due]:
    """The receipts, and cancelling receipts, of payments that were made on these lines of the order: they print them and their total.

    Payments on other lines are left out. The event of each had its lines, and whenever that arrives, it issues the receipt.
    What was paid before an import has none, nor what reverses it.
    """
    before = {one.payment_id for one in order.payments if order.imported and one.order_version == 1}
    made = [one for one in order.payments if one.lines_version == order.lines_version and not {one.payment_id, one.reverses} & before]
    due = [
        Due("receipt" if one.reverses is None else "cancelling_receipt", "payment", one.payment_id, abs(one.amount))
        for one in sorted(made, key=lambda one: (one.order_version, one.payment_id))
    ]
    return sorted(due, key=lambda one: ISSUING_ORDER.index(one.kind))


def _counts(refund: Refund, order: Order) -> bool:
    return refund.status == "approved" and refund.order_version <= order.version


def _invoices(order: Order, refunds: list[Refund]) -> Iterable[Due]:
    if is_invoiced(order) and not order.imported:
        yield Due("invoice", "order", order.order_id, order.total)
    if order.imported and not is_cancelled_by_note(order):
        return
    for refund in refunds:
        # Only a cancellation's refunds are invoiced for the shipping that the shop keeps, each for its own part. A requested refund keeps
        # shipping by crediting less: the original invoice still covers it, so a second invoice would charge it twice.
        if refund.cause in ("cancellation", "payment") and refund.shipping_kept > 0:
            yield Due("invoice", "shipping_kept", refund.refund_id, refund.shipping_kept)


def _credit_notes(order: Order, refunds: list[Refund]) -> Iterable[Due]:
    apart = credited_apart(refunds)
    if is_cancelled_by_note(order) and _called_for(order) <= apart.keys():
        yield Due("credit_note", "cancellation", order.order_id, order.total - sum(refund.credited for refund in apart.values()))
    for refund in refunds:
        # The credit note of a cancellation already covers its own refunds, and a credit of nothing needs none.
        own = refund.cause == "request" or (refund.cause in ("part_cancellation", "adjustment") and refund.credited)
        if own and may_credit(order, refund.order_version):
            yield Due("credit_note", "refund", refund.refund_id, refund.credited)


def credited_apart(refunds: Iterable[Refund]) -> dict[str | None, Refund]:
    """The refunds of part cancellations, by what they credit, and what was refunded before an import (None).

    A cancellation's credit note is over the rest, and waits for all of them.
    """
    return {refund.part_cancellation_id: refund for refund in refunds if refund.cause in ("part_cancellation", "history")}


def _called_for(order: Order) -> set[str | None]:
    """What credited_apart has once all of it is here."""
    before: set[str | None] = {None} if order.history is not None and order.history.refunded is not None else set()
    return before | {one.part_cancellation_id for one in order.part_cancellations}


def _refund_receipts(order: Order, refunds: list[Refund]) -> Iterable[Due]:
    """Of refunds that no credit note covers; what pays nothing, or went back before an import, has none."""
    for refund in refunds:
        if refund.amount and refund.cause != "history" and not is_credited(order, refund):
            yield Due("refund_receipt", "refund", refund.refund_id, refund.amount)
