"""Which documents an order requires: product.md section 4, as one function of the copy and the approved refunds.

The result depends only on facts, never on the events that carried them, so neither the order nor the repetition of events matters. A
store's modes are part of it by the time of each fact: what a mode was then never changes.
A document is due once for each (cause, subject); the issuing command skips those that are already issued.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from services.documents.state.issuing import ALL_HERE, Mode, Modes
from shared.contracts.events import DocumentKind, ExternalDocument, Order, Refund
from shared.contracts.lifecycle import furthest, invoiced

Cause = Literal["order", "shipping_kept", "payment", "cancellation", "refund", "correction", "replacement"]

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


@dataclass(frozen=True, slots=True)
class Basis:
    """The invoice that a credit is about: ours, one that the order names, one that another system has yet to name, or none."""

    invoice: Literal["ours", "external", "awaited", "none"]
    external: ExternalDocument | None = None


def is_invoiced(order: Order) -> bool:
    """Whether the order has, or should have, an invoice: it was confirmed or later, even if it is cancelled now."""
    return invoiced(furthest(order.status, order.cancellation))


def invoice_mode(order: Order, modes: Modes) -> Mode:
    """Who issues the order's invoice, by the mode of when it was confirmed; `off` where there is none, and of an order of the past."""
    if order.imported or not is_invoiced(order):
        return "off"
    return modes.at("invoice", order.confirmed_at or order.placed_at)


def is_invoiced_elsewhere(order: Order, modes: Modes) -> bool:
    """Whether the order's invoice is another system's: of an order of the past, by the mode, or because the order names one."""
    if order.imported or invoice_mode(order, modes) == "elsewhere":
        return True
    return basis_of(order, order.version, modes).invoice == "external"


def basis_of(order: Order, version: int, modes: Modes) -> Basis:
    """What a credit that was decided on this version of the order is about.

    Where another system's invoice was named by then, the newest of then. Where it was named only later, the first: whatever arrives when,
    every copy that has it finds the same.
    """
    mode = invoice_mode(order, modes)
    if mode == "on":
        return Basis("ours")
    named = sorted((one for one in order.external_documents if one.kind == "invoice"), key=lambda one: one.order_version)
    by_then = [one for one in named if one.order_version <= version]
    if by_then:
        return Basis("external", by_then[-1])
    if mode != "elsewhere":
        return Basis("none")
    first = [one for one in named if one.order_version == named[0].order_version]
    return Basis("external", first[-1]) if first else Basis("awaited")


def basis_of_cancellation(order: Order, modes: Modes) -> Basis:
    """What the credit note of the order's cancellation is about. One that was imported was dealt with elsewhere, and has none."""
    if order.cancellation is None or order.cancelled_before:
        return Basis("none")
    return basis_of(order, order.cancellation.order_version, modes)


def is_credited(order: Order, refund: Refund, modes: Modes) -> bool:
    """Whether the refund is a matter of a credit note, here or elsewhere: its own, or that of the order's cancellation."""
    if refund.cause == "overpaid":
        return False  # nothing was credited: what was paid too much goes back
    if refund.cause in ("cancellation", "payment"):
        return basis_of_cancellation(order, modes).invoice != "none"
    return basis_of(order, refund.order_version, modes).invoice != "none"


def due_documents(order: Order, refunds: Iterable[Refund], modes: Modes = ALL_HERE) -> list[Due]:
    """Every document that should be issued for this copy of `order` and these refunds, in issuing order.

    A refund decided on a version of the order that the copy has not reached is left out until the copy has that version. By default,
    every kind is issued here: where nothing is due of an order then, without refunds, nothing is due of it in any mode.
    """
    known = _known(order, refunds)
    notes = (due for due, basis in _credit_notes(order, known, modes) if basis.invoice != "awaited")
    due = [*_invoices(order, known, modes), *due_receipts(order, modes), *notes, *_refund_receipts(order, known, modes)]
    return sorted(due, key=lambda one: ISSUING_ORDER.index(one.kind))  # stable: chronological within a kind


def waiting_documents(order: Order, refunds: Iterable[Refund], modes: Modes) -> list[Due]:
    """The credit notes that are due once the order names the invoice that another system issued for it."""
    return [due for due, basis in _credit_notes(order, _known(order, refunds), modes) if basis.invoice == "awaited"]


def due_receipts(order: Order, modes: Modes = ALL_HERE) -> list[Due]:
    """The receipts, and cancelling receipts, of payments that were made on these lines of the order: they print them and their total.

    Payments on other lines are left out. The event of each had its lines, and whenever that arrives, it issues the receipt.
    What was paid before an import has none, nor what reverses it. A cancelling receipt follows its receipt, whenever it is made.
    """
    before = {one.payment_id for one in order.payments if order.imported and one.order_version == 1}
    made = [one for one in order.payments if one.lines_version == order.lines_version and not {one.payment_id, one.reverses} & before]
    recorded = {one.payment_id: one.recorded_at for one in order.payments}
    due = [
        Due("receipt" if one.reverses is None else "cancelling_receipt", "payment", one.payment_id, abs(one.amount))
        for one in sorted(made, key=lambda one: (one.order_version, one.payment_id))
        if modes.at("receipt", recorded.get(one.reverses or one.payment_id, one.recorded_at)) == "on"
    ]
    return sorted(due, key=lambda one: ISSUING_ORDER.index(one.kind))


def decided_at(refund: Refund) -> datetime:
    """When the refund was decided; of an event from before refunds said so, when it was asked for."""
    return refund.decided_at or refund.requested_at


def _known(order: Order, refunds: Iterable[Refund]) -> list[Refund]:
    there = (refund for refund in refunds if refund.status == "approved" and refund.order_version <= order.version)
    return sorted(there, key=lambda refund: (refund.order_version, refund.refund_id))


def _invoices(order: Order, refunds: list[Refund], modes: Modes) -> Iterable[Due]:
    if invoice_mode(order, modes) == "on":
        yield Due("invoice", "order", order.order_id, order.total)
    if basis_of_cancellation(order, modes).invoice == "none":
        return
    for refund in refunds:
        # Only a cancellation's refunds are invoiced for the shipping that the shop keeps, each for its own part. A requested refund keeps
        # shipping by crediting less: the original invoice still covers it, so a second invoice would charge it twice.
        of_cancellation = refund.cause in ("cancellation", "payment") and refund.shipping_kept > 0
        if of_cancellation and modes.at("invoice", decided_at(refund)) == "on":
            yield Due("invoice", "shipping_kept", refund.refund_id, refund.shipping_kept)


def _credit_notes(order: Order, refunds: list[Refund], modes: Modes) -> Iterable[tuple[Due, Basis]]:
    """The credit notes that we issue, each with the invoice that it is about, also where that is not known yet."""
    apart, cancellation, whole = credited_apart(refunds), order.cancellation, basis_of_cancellation(order, modes)
    if cancellation and whole.invoice != "none" and _called_for(order) <= apart.keys():
        rest = order.total - sum(refund.credited for refund in apart.values())
        if modes.at("credit_note", cancellation.recorded_at) == "on":
            yield Due("credit_note", "cancellation", order.order_id, rest), whole
    for refund in refunds:
        # The credit note of a cancellation already covers its own refunds, and a credit of nothing needs none.
        own = refund.cause == "request" or (refund.cause in ("part_cancellation", "adjustment") and refund.credited)
        basis = basis_of(order, refund.order_version, modes)
        if own and basis.invoice != "none" and modes.at("credit_note", decided_at(refund)) == "on":
            yield Due("credit_note", "refund", refund.refund_id, refund.credited), basis


def credited_apart(refunds: Iterable[Refund]) -> dict[str | None, Refund]:
    """The refunds of part cancellations, by what they credit, and what was refunded before an import (None).

    A cancellation's credit note is over the rest, and waits for all of them.
    """
    return {refund.part_cancellation_id: refund for refund in refunds if refund.cause in ("part_cancellation", "history")}


def _called_for(order: Order) -> set[str | None]:
    """What credited_apart has once all of it is here."""
    before: set[str | None] = {None} if order.history is not None and order.history.refunded is not None else set()
    return before | {one.part_cancellation_id for one in order.part_cancellations}


def _refund_receipts(order: Order, refunds: list[Refund], modes: Modes) -> Iterable[Due]:
    """Of refunds that no credit note covers; what pays nothing, or went back before an import, has none."""
    for refund in refunds:
        paid = refund.amount and refund.cause != "history" and modes.at("refund_receipt", decided_at(refund)) == "on"
        if paid and not is_credited(order, refund, modes):
            yield Due("refund_receipt", "refund", refund.refund_id, refund.amount)
