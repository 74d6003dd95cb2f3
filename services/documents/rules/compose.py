"""Composes the contents of each issued document from the order, the refund and earlier documents."""

from dataclasses import dataclass, field
from datetime import date

from services.documents.rules.contents import language_of
from services.documents.rules.due import Due, credited_apart
from services.documents.rules.series import issuing_day
from services.documents.state import (
    Buyer,
    Contents,
    DocumentReference,
    ExternalReference,
    Letterhead,
    SaidLine,
    SaidPayment,
    Terms,
    printed,
)
from shared.contracts.events import Address, Order, OrderLine, OrderPersonal, Payment, Refund, RefundLine
from shared.contracts.money import share


@dataclass(frozen=True, slots=True)
class Issue:
    """What every document needs when it is issued: its identity, its day, and the shop's letterhead."""

    document_id: str
    number: str
    day: date
    time_zone: str
    letterhead: Letterhead


@dataclass(frozen=True, slots=True)
class Background:
    """What a document needs to know besides its own cause."""

    billing_address: Address | None
    refunds: tuple[Refund, ...] = ()
    refers_to: DocumentReference | None = None
    refers_to_external: ExternalReference | None = None
    buyer: Buyer = field(default_factory=Buyer)
    shipping_before: int = 0  # minor units of the order's shipping on earlier documents of this cause, so that its tax is split exactly


def compose(due: Due, order: Order, background: Background, issue: Issue) -> Contents:
    """The contents of the document that is `due`."""
    blank = frame(order, issue.letterhead, day=issue.day, time_zone=issue.time_zone).model_copy(
        update={
            "document_id": issue.document_id,
            "number": issue.number,
            "kind": due.kind,
            "cause": due.cause,
            "total": due.amount,
            "refers_to": background.refers_to,
            "refers_to_external": background.refers_to_external,
        }
    )
    if due.cause == "payment":
        return blank.model_copy(update=_payment(order, due.subject_id, issue.time_zone))
    addressed = blank.model_copy(update={"address": background.billing_address, "buyer": background.buyer})
    if due.cause == "refund":
        refund = next(refund for refund in background.refunds if refund.refund_id == due.subject_id)
        said = _refunded(order, refund, background.shipping_before)
        return addressed.model_copy(update=said | (_set_off(refund) if due.kind == "credit_note" else _paid_out(refund)))
    if due.cause == "shipping_kept":
        refund = next(refund for refund in background.refunds if refund.refund_id == due.subject_id)
        tax = refund.shipping_kept_tax
        if tax is None:
            tax = share(order.shipping_tax, order.shipping, background.shipping_before, due.amount)
        return addressed.model_copy(update={"shipping": due.amount, "tax": tax})
    if due.cause == "cancellation":
        return addressed.model_copy(update=_rest(order, list(credited_apart(background.refunds).values())))
    terms = {"order_terms": Terms.like(order)} if due.kind == "invoice" else {}
    return addressed.model_copy(update=whole_order(order) | _paid_when_confirmed(order) | terms)


def buyer_of(personal: OrderPersonal) -> Buyer:
    """What an invoice says of the buyer beside the billing address; the name only where there is no address."""
    name = "" if personal.billing_address else personal.customer_name
    return Buyer(name=name, company=personal.company, tax_numbers=personal.tax_numbers, reference=personal.buyer_reference)


def frame(order: Order, letterhead: Letterhead, *, day: date, time_zone: str) -> Contents:
    """The contents that every document about `order` shares: seller, order, day and language, but no lines or sums."""
    return Contents(
        **printed(letterhead),
        kind="draft_invoice",
        issued_on=day,
        language=language_of(order.language, letterhead.language),
        letterhead_version=letterhead.version,
        order_id=order.order_id,
        order_number=order.number,
        ordered_on=issuing_day(order.placed_at, time_zone),
        customer_id=order.customer_id,
        currency=order.currency,
        prices_include_tax=order.prices_include_tax,
        total=order.total,
    )


def whole_order(order: Order) -> dict[str, object]:
    """Lines and sums of the whole order, as on its invoice and on the credit note of its cancellation."""
    return {
        "lines": tuple(SaidLine.like(one, discount=one.discount + one.order_discount, amount=one.total) for one in order.lines),
        "goods": sum(line.total for line in order.lines),
        "shipping": order.shipping,
        "tax": sum(line.tax for line in order.lines) + order.shipping_tax,
        "discount": sum(line.discount + line.order_discount for line in order.lines),
    }


def _rest(order: Order, credited: list[Refund]) -> dict[str, object]:
    """Lines and sums of what a cancellation credits: the whole order less what was credited apart from it."""
    before: dict[int, list[RefundLine]] = {}
    for refund in credited:
        for part in refund.lines:
            before.setdefault(part.line, []).append(part)
    lines = []
    for line in order.lines:
        parts = before.get(line.line, [])
        quantity, amount = line.quantity - sum(one.quantity for one in parts), line.total - sum(one.goods for one in parts)
        if quantity or amount:
            said = SaidLine.like(line, quantity=quantity, discount=line.discount + line.order_discount, amount=amount)
            if parts:  # the rest of a line is worth what is left of it, which is no price times quantity
                left = {"unit_price": None, "discount": 0, "tax": line.tax - sum(one.tax or 0 for one in parts)}
                said = said.model_copy(update=left)
            lines.append(said)
    shipping, shipping_tax = sum(refund.shipping for refund in credited), sum(refund.shipping_tax or 0 for refund in credited)
    return {
        "lines": tuple(lines),
        "goods": sum(line.amount for line in lines),
        "shipping": order.shipping - shipping,
        "tax": sum(line.tax for line in lines) + order.shipping_tax - shipping_tax,
        "discount": sum(line.discount for line in lines),
    }


def payments_of(order: Order, time_zone: str, receipts: dict[str, str]) -> tuple[SaidPayment, ...]:
    """Every payment of the order, latest first, each with its receipt's number if it has one."""
    ordered = sorted(order.payments, key=lambda one: (one.order_version, one.payment_id), reverse=True)
    return tuple(_said(payment, time_zone, receipts.get(payment.payment_id)) for payment in ordered)


def _payment(order: Order, payment_id: str, time_zone: str) -> dict[str, object]:
    """A receipt's sums: this payment, and the total collected up to it. Payments are append-only, so these never change."""
    payment = next(one for one in order.payments if one.payment_id == payment_id)
    paid = sum(one.amount for one in order.payments if one.order_version <= payment.order_version)
    return whole_order(order) | {
        "payments": (_said(payment, time_zone, None),),
        "paid": paid,
        "balance": max(0, order.total - paid),
    }


def _paid_when_confirmed(order: Order) -> dict[str, object]:
    """What was paid, and is still to pay, as of the version that confirmed the order: later payments never change what an invoice says."""
    if order.confirmed_version is None:
        return {}
    paid = sum(one.amount for one in order.payments if one.order_version <= order.confirmed_version)
    return {"paid": paid, "balance": max(0, order.total - paid)}


def _said(payment: Payment, time_zone: str, receipt: str | None) -> SaidPayment:
    return SaidPayment.like(payment, paid_on=issuing_day(payment.occurred_at, time_zone), receipt=receipt)


def _refunded(order: Order, refund: Refund, shipping_before: int) -> dict[str, object]:
    """Lines and sums of a refund, with the taxes that the refund says.

    One from before refunds said their taxes: a unit carries the same share of its line's tax whichever refund it is part of.
    """
    placed = {line.line: line for line in order.lines}
    lines = tuple(_refunded_line(placed[line.line], line) for line in refund.lines if line.quantity > 0)
    shipping_tax = refund.shipping_tax
    if shipping_tax is None:
        shipping_tax = share(order.shipping_tax, order.shipping, shipping_before, refund.shipping)
    return {
        "lines": lines,
        "goods": refund.goods,
        "shipping": refund.shipping,
        "overpaid": refund.overpaid,
        # money without units has its tax too, though no line of the document
        "tax": sum(line.tax for line in lines) + sum(one.tax or 0 for one in refund.lines if not one.quantity) + shipping_tax,
    }


def _set_off(refund: Refund) -> dict[str, object]:
    """How much of a credit was paid back, where the rest was set off against what was due."""
    return {"paid": refund.amount, "balance": refund.credited - refund.amount} if refund.amount < refund.credited else {}


def _paid_out(refund: Refund) -> dict[str, object]:
    """The tax in the money that was paid out, if the refund says it."""
    return {"tax": sum(row.tax for row in refund.payout_taxes)} if refund.shipping_tax is not None else {}


def _refunded_line(placed: OrderLine, refunded: RefundLine) -> SaidLine:
    tax = refunded.tax
    if tax is None:
        tax = sum(share(placed.tax, placed.quantity, units.first - 1, units.last - units.first + 1) for units in refunded.units)
    return SaidLine(
        line=placed.line,
        sku=placed.sku,
        name=placed.name,
        quantity=refunded.quantity,
        tax=tax,
        amount=refunded.goods,
        options=placed.options,
    )
