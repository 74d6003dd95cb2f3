"""Composes the contents of each issued document from the order, the refund and earlier documents."""

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from services.documents.rules.contents import language_of
from services.documents.rules.credits import credit_of, receipt_of, rest_of
from services.documents.rules.due import Due, credited_apart
from services.documents.rules.e_invoice import E_INVOICES, asked
from services.documents.rules.series import issuing_day, issuing_time
from services.documents.rules.taxes import explained, row_of, tax_table, taxes_of
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
from shared.contracts.events import Address, Order, OrderPersonal, Payment, Refund
from shared.contracts.money import share

VERSION = 2
"""Of the contents that are composed now."""


@dataclass(frozen=True, slots=True)
class Issue:
    """What every document needs when it is issued: its identity, its day, and the shop's letterhead."""

    document_id: str
    number: str
    day: date
    time_zone: str
    letterhead: Letterhead
    at: datetime


@dataclass(frozen=True, slots=True)
class Addressee:
    """Who is billed, and the country that the supply goes to (empty: not known). Credit notes repeat those of their invoice."""

    address: Address | None = None
    buyer: Buyer = field(default_factory=Buyer)
    country: str = ""


@dataclass(frozen=True, slots=True)
class Background:
    """What a document needs to know besides its own cause."""

    addressee: Addressee = field(default_factory=Addressee)
    refunds: tuple[Refund, ...] = ()
    refers_to: DocumentReference | None = None
    refers_to_external: ExternalReference | None = None
    delivery: Address | None = None
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
            "issued_at": issuing_time(issue.at, issue.time_zone),
        }
    )
    if due.cause == "payment":
        return blank.model_copy(update=_payment(order, due.subject_id, issue.time_zone))
    to = background.addressee
    about = {"address": to.address, "buyer": to.buyer, "country": to.country}
    said = explained(blank.model_copy(update=about | _supply(due, order, background)), issue.letterhead)
    return asked(said, order, issue.letterhead) if due.kind in E_INVOICES else said


def _supply(due: Due, order: Order, background: Background) -> dict[str, Any]:
    """What a document says of the supply that it is about, or of what is credited of it."""
    named = Terms(supplied_on=order.supplied_on, place_of_supply=order.place_of_supply)
    if due.cause == "cancellation":
        return rest_of(order, list(credited_apart(background.refunds).values())) | {"order_terms": named}
    if due.cause == "refund":
        refund = _refund(due, background)
        if due.kind == "credit_note":
            return credit_of(order, refund, background.shipping_before) | {"order_terms": named}
        return receipt_of(order, refund, background.refunds)
    if due.cause == "shipping_kept":
        return _shipping_kept(order, _refund(due, background), due.amount, background.shipping_before)
    terms = {"order_terms": Terms.like(order)} if due.kind == "invoice" else {}
    return whole_order(order) | _paid_when_confirmed(order) | terms | {"delivery": background.delivery}


def _refund(due: Due, background: Background) -> Refund:
    return next(refund for refund in background.refunds if refund.refund_id == due.subject_id)


def _shipping_kept(order: Order, refund: Refund, kept: int, before: int) -> dict[str, Any]:
    """The shipping that a cancelled order's customer pays all the same, with the tax in it."""
    tax = refund.shipping_kept_tax
    if tax is None:
        tax = share(order.shipping_tax, order.shipping, before, kept)
    row = row_of(kept, tax, order.shipping_tax_code, order.shipping_tax_rate)
    return {"shipping": kept, "shipping_tax": tax, "tax": tax, "taxes": tax_table([row])}


def buyer_of(personal: OrderPersonal) -> Buyer:
    """What an invoice says of the buyer beside the billing address; the name only where there is no address."""
    name = "" if personal.billing_address else personal.customer_name
    return Buyer(name=name, company=personal.company, tax_numbers=personal.tax_numbers, reference=personal.buyer_reference)


def delivery_place(order: Order, personal: OrderPersonal, letterhead: Letterhead) -> Address | None:
    """Where an invoice says that the goods go, if the settings ask for it: to the shipping address as at confirmation, whatever was
    corrected since. A draft, and an order from before it was recorded, say the present one; what is not shipped goes nowhere.
    """
    if not letterhead.print_delivery_place or order.fulfilment != "shipping":
        return None
    return personal.invoiced_address or personal.shipping_address


def addressee_of(personal: OrderPersonal) -> Addressee:
    """Whom an invoice is addressed to. The supply goes to the shipping address, or else to the billing address."""
    supplied = personal.shipping_address or personal.billing_address
    return Addressee(personal.billing_address, buyer_of(personal), supplied.country_code if supplied else "")


def frame(order: Order, letterhead: Letterhead, *, day: date, time_zone: str) -> Contents:
    """The contents that every document about `order` shares: seller, order, day and language, but no lines or sums."""
    return Contents(
        **printed(letterhead, language_of(order.language, letterhead.language)),
        schema_version=VERSION,
        kind="draft_invoice",
        issued_on=day,
        letterhead_version=letterhead.version,
        order_id=order.order_id,
        order_number=order.number,
        ordered_on=issuing_day(order.placed_at, time_zone),
        ordered_at=issuing_time(order.placed_at, time_zone),
        customer_id=order.customer_id,
        currency=order.currency,
        prices_include_tax=order.prices_include_tax,
        total=order.total,
    )


def whole_order(order: Order) -> dict[str, Any]:
    """Lines, sums and taxes of the whole order, as on its invoice."""
    lines = tuple(SaidLine.like(one, discount=one.discount + one.order_discount, amount=one.total) for one in order.lines)
    return {
        "lines": lines,
        "goods": sum(line.amount for line in lines),
        "shipping": order.shipping,
        "shipping_tax": order.shipping_tax,
        "tax": sum(line.tax for line in lines) + order.shipping_tax,
        "taxes": taxes_of(order, lines, order.shipping, order.shipping_tax),
        "discount": sum(line.discount for line in lines),
    }


def payments_of(order: Order, time_zone: str, receipts: dict[str, str]) -> tuple[SaidPayment, ...]:
    """Every payment of the order, latest first, each with its receipt's number if it has one."""
    ordered = sorted(order.payments, key=lambda one: (one.order_version, one.payment_id), reverse=True)
    return tuple(_said(payment, time_zone, receipts.get(payment.payment_id)) for payment in ordered)


def _payment(order: Order, payment_id: str, time_zone: str) -> dict[str, Any]:
    """A receipt's sums: this payment, and the total collected up to it. Payments are append-only, so these never change.

    It has no taxes: it is about money, and those of the supply are the invoice's.
    """
    payment = next(one for one in order.payments if one.payment_id == payment_id)
    paid = sum(one.amount for one in order.payments if one.order_version <= payment.order_version)
    return whole_order(order) | {
        "payments": (_said(payment, time_zone, None),),
        "paid": paid,
        "balance": max(0, order.total - paid),
        "taxes": (),
    }


def _paid_when_confirmed(order: Order) -> dict[str, Any]:
    """What was paid, and is still to pay, as of the version that confirmed the order: later payments never change what an invoice says."""
    if order.confirmed_version is None:
        return {}
    paid = sum(one.amount for one in order.payments if one.order_version <= order.confirmed_version)
    return {"paid": paid, "balance": max(0, order.total - paid)}


def _said(payment: Payment, time_zone: str, receipt: str | None) -> SaidPayment:
    return SaidPayment.like(payment, paid_on=issuing_day(payment.occurred_at, time_zone), receipt=receipt)
