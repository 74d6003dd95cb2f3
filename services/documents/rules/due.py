"""Which documents an order requires: product.md section 4, as one function of the copy and the approved refunds.

The result depends only on facts, never on the events that carried them, so neither the order nor the repetition of events matters.
A document is due once for each (cause, subject); the issuing command skips those that are already issued.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from shared.contracts.events import DocumentKind, Order, Refund
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
    """
    made = [one for one in order.payments if one.lines_version == order.lines_version]
    due = [
        Due("receipt" if one.reverses is None else "cancelling_receipt", "payment", one.payment_id, abs(one.amount))
        for one in sorted(made, key=lambda one: (one.order_version, one.payment_id))
    ]
    return sorted(due, key=lambda one: ISSUING_ORDER.index(one.kind))


def _counts(refund: Refund, order: Order) -> bool:
    return refund.status == "approved" and refund.order_version <= order.version


def _invoices(order: Order, refunds: list[Refund]) -> Iterable[Due]:
    if is_invoiced(order):
        yield Due("invoice", "order", order.order_id, order.total)
    for refund in refunds:
        # Only a cancellation's refunds are invoiced for the shipping that the shop keeps, each for its own part. A requested refund keeps
        # shipping by crediting less: the original invoice still covers it, so a second invoice would charge it twice.
        if refund.cause in ("cancellation", "payment") and refund.shipping_kept > 0:
            yield Due("invoice", "shipping_kept", refund.refund_id, refund.shipping_kept)


def _credit_notes(order: Order, refunds: list[Refund]) -> Iterable[Due]:
    if not is_invoiced(order):
        return
    parts = part_refunds(refunds)
    if order.status == "cancelled" and {one.part_cancellation_id for one in order.part_cancellations} <= parts.keys():
        yield Due("credit_note", "cancellation", order.order_id, order.total - sum(refund.credited for refund in parts.values()))
    for refund in refunds:
        # The credit note of a cancellation already covers its own refunds, and a credit of nothing needs none.
        if refund.cause == "request" or (refund.cause == "part_cancellation" and refund.credited):
            yield Due("credit_note", "refund", refund.refund_id, refund.credited)


def part_refunds(refunds: Iterable[Refund]) -> dict[str | None, Refund]:
    """The refunds of part cancellations, by what they credit. A cancellation's credit note waits for all: it is over the rest."""
    return {refund.part_cancellation_id: refund for refund in refunds if refund.cause == "part_cancellation"}


def _refund_receipts(order: Order, refunds: list[Refund]) -> Iterable[Due]:
    if is_invoiced(order):
        return
    for refund in refunds:
        yield Due("refund_receipt", "refund", refund.refund_id, refund.amount)
