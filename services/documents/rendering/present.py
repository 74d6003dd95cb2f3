"""Turns contents into plain strings for a template, in the words, digits and order of their language.

Pure. Templates only lay out these strings: they format nothing, decide nothing and never see a number.
"""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from services.documents.rendering.catalogues import Catalogue, catalogue, digits
from services.documents.rendering.figures import prices, sums, table, taxes
from services.documents.rendering.papers import SHEETS, on_roll, paper_of
from services.documents.rendering.words import amount, country, day, isolated, moment, money, paragraphs, printable
from services.documents.state import SLIPS, Contents, Paper, SaidPayment, SaidRequest, Unprinted
from shared.contracts.events import Address

MAX_FOOTER_LINES = 12  # a longer footer is set as one paragraph, so that it leaves room for what it is the foot of


def view_of(contents: Contents, *, code: str = "", logo: bytes | None = None, paper: Paper | None = None) -> dict[str, Any]:
    """Everything that a template lays out. `code`: the short form of the document's hash; `logo`: a PNG; `paper`: another than usual."""
    contents = contents.model_copy(update={"paper": paper_of(contents, paper)})
    words = catalogue(contents.language).said({key: printable(text) for key, text in contents.labels.items()})
    label = words.label
    view = {
        "template": "roll" if on_roll(contents) else "page",
        "language": contents.language,
        "direction": words.direction,
        "fonts": list(words.fonts),
        "digits": words.digits,
        "paper": SHEETS[contents.paper].engine,
        "logo": list(logo) if logo else [],
        "title": label[contents.kind],
        "mark": label[f"{contents.mark}_mark"] if contents.mark else "",
        "cash": _cash(contents, label),
        "facts": _facts(contents, label),
        "seller": _seller(contents),
        "address": _address(contents, label),
        **table(contents, words),
        "prices": prices(contents, label),
        "sums": sums(contents, label),
        "taxes": taxes(contents, words),
        "payments": _payments(contents, words),
        "remarks": _remarks(contents, label),
        "terms": paragraphs(contents.terms) if contents.kind in ("invoice", "draft_invoice", "invoice_copy") else [],
        "footer": _footer(contents),
        "code": f"{label['code']} {code}" if code else "",
        "page_label": label["page"],
    }
    return isolated(view) if words.direction == "rtl" else view


def not_printed_view(blank: Contents, unprinted: Sequence[Unprinted], *, paper: Paper | None = None) -> dict[str, Any]:
    """The last page of the prints of many: the orders that are not among them, each with the reason."""
    label = catalogue(blank.language).said(blank.labels).label
    facts = [[label["date"], day(blank.issued_on, blank.language)]]
    view = view_of(blank, paper=paper) | {"title": label["not_printed"], "facts": facts, "sums": []}
    if view["template"] == "roll":
        return view | {"remarks": [f"{one.order_id}: {label[one.why]}" for one in unprinted]}
    reasons = [label[one.why] for one in unprinted]
    rows = [{"name": one.order_id, "sku": "", "cells": [why], "carried": ""} for one, why in zip(unprinted, reasons, strict=True)]
    return view | {"description": label["order"], "columns": [label["reason"]], "widest": [[*dict.fromkeys(reasons)]], "rows": rows}


def _cash(contents: Contents, label: dict[str, str]) -> str:
    """What whoever hands the goods over is to collect, if the slip says it."""
    if contents.to_collect is None:
        return ""
    if contents.to_collect == 0:
        return label["collect_nothing"]
    return label["collect_cash"].format(amount=money(contents.to_collect, contents.currency, contents.language))


def _footer(contents: Contents) -> list[str]:
    lines = paragraphs(contents.footer)
    return lines if len(lines) <= MAX_FOOTER_LINES else [" · ".join(lines)]


def _facts(contents: Contents, label: dict[str, str]) -> list[list[str]]:
    """Number, dates and references: the facts that a bookkeeper looks for."""
    language = contents.language
    facts = [[label["number"], contents.number or ""], [label["date"], _dated(contents.issued_at, contents.issued_on, language)]]
    if contents.refers_to is not None:
        name = label[_REFERS.get(contents.kind, "refers_to_invoice")]
        dated = f", {day(contents.refers_to.issued_on, language)}" if contents.itemised else ""
        facts.append([name, contents.refers_to.number + dated])
    if contents.refers_to_external is not None:
        said = f"{printable(contents.refers_to_external.number)}, {day(contents.refers_to_external.issued_on, language)}"
        facts.append([label["refers_to_invoice"], said])
    if contents.request is not None:
        facts = [[label["received_at"], _received(contents.request, language)]]
    facts.append([label["reason"], _reason(contents, label)])
    facts.append([label["order"], printable(contents.order_number)])
    facts.append([label["ordered_on"], _dated(contents.ordered_at, contents.ordered_on, language)])
    facts.append([label["tracking"], printable(contents.tracking)])
    terms, words = contents.order_terms, catalogue(language)
    method = terms.payment_method or ""
    facts += [
        [label["buyer_reference"], printable(contents.buyer.reference)],
        [label["shipping_method"], printable(terms.shipping_method or "")],
        [label["payment_method"], words.method.get(method, printable(method))],
        [label["supplied_on"], day(terms.supplied_on, language) if terms.supplied_on else ""],
        [label["payment_due_on"], day(terms.payment_due_on, language) if terms.payment_due_on else ""],
        [label["place_of_supply"], printable(terms.place_of_supply or "")],
        [label["delivery_place"], ", ".join(address_lines(contents.delivery, language)) if contents.delivery else ""],
    ]
    return [fact for fact in facts if fact[1]]


_REFERS = {"cancelling_receipt": "refers_to_receipt", "invoice": "replaces_invoice"}


def _received(request: SaidRequest, language: str) -> str:
    """When a request was received, by the clock of the store's zone and with its distance from UTC."""
    there = request.received_at.astimezone(ZoneInfo(request.time_zone))
    offset = there.strftime("%z")
    return f"{moment(there, language)} (UTC{digits(f'{offset[:3]}:{offset[3:5]}', language)})"


def _dated(at: datetime | None, on: date, language: str) -> str:
    return day(on, language) if at is None else moment(at, language)


def _reason(contents: Contents, label: dict[str, str]) -> str:
    """What a credit is for, and the customer's reason by its name; a shop's own reasons are printed as they are."""
    if contents.request is not None:
        return label.get(f"reason_{contents.request.reason}", printable(contents.request.reason))
    if contents.nature is None:
        return ""
    reason = label.get(f"reason_{contents.reason}", printable(contents.reason))
    return ": ".join(text for text in (label[f"nature_{contents.nature}"], reason) if text)


def _seller(contents: Contents) -> dict[str, Any]:
    seller = contents.seller
    lines = [printable(line) for line in (*seller.address, seller.phone, seller.email, seller.website)]
    taxes = [f"{printable(number.label)} {printable(number.number)}" for number in seller.tax_numbers]
    return {"name": printable(seller.name), "lines": [line for line in lines if line], "taxes": taxes}


_RECIPIENTS = {"packing_slip": "ship_to", "collection_slip": "collected_by", "digital_slip": "made_available_to"}


def _address(contents: Contents, label: dict[str, str]) -> dict[str, Any]:
    """The recipient: the address line by line, the company and its tax numbers, and the contact."""
    buyer = contents.buyer
    lines = address_lines(contents.address, contents.language) if contents.address else [printable(buyer.name)]
    lines += [company for company in (printable(buyer.company),) if company not in lines]
    lines += [f"{printable(number.label)} {printable(number.number)}" for number in buyer.tax_numbers]
    lines = [line for line in lines if line]
    if contents.contact:
        lines.append(printable(contents.contact))
    return {"title": label[_RECIPIENTS.get(contents.kind, "bill_to")] if lines else "", "lines": lines}


def address_lines(address: Address, language: str) -> list[str]:
    """An address line by line, without empty lines."""
    town = " ".join(part for part in (address.postal_code, address.city) if part)
    parts = [address.name, address.company_name, *address.street_address.split("\n"), address.city_area, town]
    parts += [address.sorting_code, address.country_area, country(address.country_code, catalogue(language).locale), address.phone]
    return [line for line in map(printable, parts) if line]


def _payments(contents: Contents, words: Catalogue) -> dict[str, Any]:
    """The payments that the document is about."""
    rows = [_payment(payment, contents, words) for payment in contents.payments]
    return {"title": words.label["payments"] if rows else "", "rows": rows}


def _payment(payment: SaidPayment, contents: Contents, words: Catalogue) -> dict[str, str]:
    method = words.method.get(payment.method, printable(payment.method))
    detail = " · ".join(text for text in (day(payment.paid_on, contents.language), printable(payment.reference), payment.receipt) if text)
    return {"method": method, "detail": detail, "value": amount(payment.amount, contents.currency, contents.language)}


def _remarks(contents: Contents, label: dict[str, str]) -> list[str]:
    """Sentences printed with the figures."""
    if contents.kind in SLIPS:
        nothing_shipped = [label["nothing_shipped"]] if contents.kind == "digital_slip" else []
        return [*nothing_shipped, *paragraphs(contents.note)]
    if contents.cause == "cancellation":
        return [label["cancelled"]]
    if contents.cause == "shipping_kept":
        return [label["shipping_kept"]]
    if contents.request is not None:
        said = [*paragraphs(contents.request.description), *paragraphs(contents.request.further_information)]
        return [*said, label["request_remark"], label["not_a_document"]]
    if contents.kind in ("order_receipt", "draft_invoice", "invoice_copy"):
        return [label["not_a_document"]]
    return []
