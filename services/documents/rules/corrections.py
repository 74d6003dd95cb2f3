"""An invoice whose buyer was stated wrongly: credited whole, and issued anew (real-shops.md 3.3). Lines and money never differ."""

from collections.abc import Mapping
from typing import Any

from services.documents.requests import CorrectionInput
from services.documents.rules.compose import Issue, frame
from services.documents.rules.e_invoice import asked
from services.documents.rules.series import issuing_time
from services.documents.rules.taxes import explained
from services.documents.state import Contents, Document, DocumentReference, Terms
from shared.contracts.actor import Decision, allowed, refused
from shared.contracts.events import Address, Order, TaxRegistration

Issued = Mapping[tuple[str, str], DocumentReference]
"""The documents of an order, by cause and subject."""


def newest_invoice(issued: Issued, order_id: str) -> DocumentReference | None:
    """The order's invoice as it stands: the last of those that replaced one another. None before there is one of ours."""
    newest = issued.get(("order", order_id))
    while newest is not None and ("replacement", newest.document_id) in issued:
        newest = issued["replacement", newest.document_id]
    return newest


def may_correct(document: Document, issued: Issued, *, elsewhere: bool, credited: bool) -> Decision:
    """Whether the document is an invoice that may be corrected.

    `elsewhere`: another system issues the order's invoice; `credited`: a credit note stands on this document.
    """
    newest = newest_invoice(issued, document.order_id)
    if elsewhere and newest is None:
        return refused("elsewhere", "Another system issues the order's invoice: correct it there.")
    if document.kind != "invoice" or ("replacement", document.document_id) in issued:
        detail = f"Only the newest invoice can be corrected: {newest.number}." if newest else "Only an invoice can be corrected."
        return refused("not_the_newest", detail, newest=newest and newest.document_id)
    if credited:
        return refused("already_credited", "A credit note stands on this invoice: it can be corrected only before anything is credited.")
    return allowed()


def replacement(old: Contents, request: CorrectionInput, said: Contents, *, country: str) -> Contents:
    """The new invoice: `said`, with what is stated now of the buyer of the `old` one. `country`: of the supply."""
    buyer: dict[str, Any] = {}
    if request.company is not None:
        buyer["company"] = request.company
    if request.tax_numbers is not None:
        buyer["tax_numbers"] = tuple(TaxRegistration(**number.model_dump()) for number in request.tax_numbers)
    if request.buyer_reference is not None:
        buyer["reference"] = request.buyer_reference
    address = old.address
    if request.billing_address is not None:
        buyer["name"], address = "", Address(**request.billing_address.model_dump())  # a name stands where there is no address
    terms = old.order_terms if request.supplied_on is None else old.order_terms.model_copy(update={"supplied_on": request.supplied_on})
    about = {"buyer": old.buyer.model_copy(update=buyer), "address": address, "order_terms": terms, "country": country}
    return said.model_copy(update=about | {"kind": "invoice", "cause": "replacement"})


def whole_credit(old: Contents, said: Contents) -> Contents:
    """The credit note over the whole `old` invoice, with the buyer as it was stated."""
    named = Terms(supplied_on=old.order_terms.supplied_on, place_of_supply=old.order_terms.place_of_supply)
    about = {"kind": "credit_note", "cause": "correction", "nature": "correction", "order_terms": named, "paid": None, "balance": None}
    return said.model_copy(update=about)


SEALED = (
    "schema_version", "order_number", "ordered_on", "ordered_at", "currency", "prices_include_tax", "address", "buyer", "country",
    "order_terms", "lines", "goods", "shipping", "shipping_tax", "overpaid", "tax", "taxes", "discount", "total", "paid", "balance",
    "delivery",
)  # fmt: skip
"""What a correction repeats of the invoice, letter by letter: the supply. Seller, language and words are those of the settings in force."""


def anew(old: Contents, order: Order, corrected: DocumentReference, issue: Issue) -> Contents:
    """What the invoice says of its supply, as a new document about the `corrected` one."""
    own = {"document_id": issue.document_id, "number": issue.number, "refers_to": corrected}
    made = frame(order, issue.letterhead, day=issue.day, time_zone=issue.time_zone).model_copy(
        update={name: getattr(old, name) for name in SEALED} | own | {"issued_at": issuing_time(issue.at, issue.time_zone)}
    )
    return asked(explained(made, issue.letterhead), order, issue.letterhead)
