"""Turns contents into plain strings for a template, in the words, digits and order of their language.

Pure. Templates only lay out these strings: they format nothing, decide nothing and never see a number.
"""

import re
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date
from babel.numbers import get_currency_symbol

from services.documents.rendering.catalogues import Catalogue, catalogue, digits
from services.documents.rendering.papers import RECEIPTS, SHEETS, on_roll, paper_of, scale_on
from services.documents.state import SLIPS, Contents, Paper, SaidClosing, SaidLine, SaidPayment, SaidRequest, Unprinted
from shared.contracts.events import Address
from shared.contracts.money import exponent

MAX_PRINTED_CHARACTERS = 2_000  # of one text; orders and settings allow less, so only malformed events are ever cut, ending in "…"
MAX_ROLL_LINES = 150  # a longer receipt on a roll states how many more lines there are: nobody reads a longer strip of paper

# Control characters and the marks that reorder text (overrides, embeddings, isolates) are shown as replacement characters, never
# obeyed. The joiners U+200C and U+200D stay: Bengali spelling needs them.
_UNPRINTABLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u200e\u200f\u2028\u2029\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff]"
)
# A word too long for a line gets zero-width spaces, where it may break.
_LONG_WORD = re.compile(r"\S{40,}")
_BREAKABLE = re.compile(r".{1,12}")
_SPACES = re.compile("[\t\n]+")


def printable(text: str) -> str:
    """`text` on one line; unprintable characters become the replacement character."""
    if len(text) > MAX_PRINTED_CHARACTERS:
        text = text[:MAX_PRINTED_CHARACTERS] + "…"
    shown = _UNPRINTABLE.sub("�", _SPACES.sub(" ", text.replace("\r\n", "\n"))).strip()
    return _LONG_WORD.sub(lambda word: "\u200b".join(re.findall(_BREAKABLE, word[0])), shown)


def paragraphs(text: str) -> list[str]:
    """The non-empty lines of `text`."""
    return [line for line in map(printable, text.replace("\r\n", "\n").split("\n")) if line]


def amount(minor: int, currency: str, language: str) -> str:
    """Minor units formatted as a number in the language: 12345678 BDT in Bengali is ১,২৩,৪৫৬.৭৮."""
    places = exponent(currency)
    whole, fraction = divmod(abs(minor), 10**places)
    text = _grouped(str(whole), catalogue(language).groups) + (f".{fraction:0{places}}" if places else "")
    return digits(("−" if minor < 0 else "") + text, language)


def money(minor: int, currency: str, language: str) -> str:
    """An amount with its currency's symbol."""
    return f"{_symbol(currency, catalogue(language).locale)}\u00a0{amount(minor, currency, language)}"


def day(value: date, language: str) -> str:
    """A date in words: 22 November 2026."""
    return digits(_long_date(value, catalogue(language).locale), language)


def moment(value: datetime, time_zone: str, language: str) -> str:
    """A date and the time of day by the clock of a zone, with its distance from UTC: 22 November 2026, 14:05 (UTC+06:00)."""
    there = value.astimezone(ZoneInfo(time_zone))
    offset = there.strftime("%z")
    return f"{day(there.date(), language)}, {digits(f'{there:%H:%M} (UTC{offset[:3]}:{offset[3:5]})', language)}"


def view_of(contents: Contents, *, code: str = "", logo: bytes | None = None, paper: Paper | None = None) -> dict[str, Any]:
    """Everything that a template lays out. `code`: the short form of the document's hash; `logo`: a PNG; `paper`: another than usual."""
    contents = contents.model_copy(update={"paper": paper_of(contents, paper)})
    words = catalogue(contents.language)
    label = words.label
    return {
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
        **_table(contents, words),
        "sums": _sums(contents, label),
        "payments": _payments(contents, words),
        "remarks": _remarks(contents, label),
        "terms": paragraphs(contents.terms) if contents.kind in ("invoice", "draft_invoice") else [],
        "footer": paragraphs(contents.footer),
        "code": f"{label['code']} {code}" if code else "",
        "page_label": label["page"],
    }


def not_printed_view(blank: Contents, unprinted: Sequence[Unprinted], *, paper: Paper | None = None) -> dict[str, Any]:
    """The last page of the prints of many: the orders that are not among them, each with the reason."""
    label = catalogue(blank.language).label
    said = {
        "title": label["not_printed"],
        "description": label["order"],
        "columns": [label["reason"]],
        "sums": [],
        "terms": [],
        "facts": [[label["date"], day(blank.issued_on, blank.language)]],
    }
    view = view_of(blank, paper=paper) | said
    if view["template"] == "roll":
        return view | {"remarks": [f"{one.order_id}: {label[one.why]}" for one in unprinted]}
    return view | {"rows": [{"name": one.order_id, "sku": "", "cells": [label[one.why]], "carried": ""} for one in unprinted]}


def _cash(contents: Contents, label: dict[str, str]) -> str:
    """What whoever hands the goods over is to collect, if the slip says it."""
    if contents.to_collect is None:
        return ""
    if contents.to_collect == 0:
        return label["collect_nothing"]
    return label["collect_cash"].format(amount=money(contents.to_collect, contents.currency, contents.language))


def _facts(contents: Contents, label: dict[str, str]) -> list[list[str]]:
    """Number, dates and references: the facts that a bookkeeper looks for."""
    language = contents.language
    facts = [[label["number"], contents.number or ""], [label["date"], day(contents.issued_on, language)]]
    if contents.refers_to is not None:
        name = label["refers_to_receipt" if contents.kind == "cancelling_receipt" else "refers_to_invoice"]
        facts.append([name, contents.refers_to.number])
    if contents.refers_to_external is not None:
        said = f"{printable(contents.refers_to_external.number)}, {day(contents.refers_to_external.issued_on, language)}"
        facts.append([label["refers_to_invoice"], said])
    if contents.request is not None:
        facts = [[label["received_at"], moment(contents.request.received_at, contents.request.time_zone, language)]]
    facts += [[label["order"], printable(contents.order_number)], [label["ordered_on"], day(contents.ordered_on, language)]]
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
    ]
    return [fact for fact in facts if fact[1]]


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
    parts += [address.sorting_code, address.country_area, _country(address.country_code, catalogue(language).locale), address.phone]
    return [line for line in map(printable, parts) if line]


def _table(contents: Contents, words: Catalogue) -> dict[str, Any]:
    """Columns and rows; a column that would be empty is left out. `carried` is the running total, each row included."""
    is_roll, is_slip = on_roll(contents), contents.kind in SLIPS
    lines = contents.lines[:MAX_ROLL_LINES] if is_roll and contents.kind in RECEIPTS else contents.lines
    columns = _columns(contents, lines, words)
    rows, so_far = [], 0
    for index, line in enumerate(lines):
        so_far += line.amount
        carried = "" if is_roll or is_slip else amount(so_far, contents.currency, contents.language)
        cells = [column[1][index] for column in columns]
        options = [f"{printable(one.name)}: {printable(one.value)}" for one in line.options]
        name = " · ".join([printable(line.name), *(options if is_roll else [])])  # a roll has one line for a name and its options
        under = [*([] if is_roll else options), printable(line.sku), printable(line.personalisation)]
        rows.append({"name": name, "sku": " · ".join(text for text in under if text), "cells": cells, "carried": carried})
    hidden = len(contents.lines) - len(lines)
    more = words.label["more_lines"].format(count=digits(str(hidden), contents.language)) if hidden else ""
    return {
        "scale": words.scale * scale_on(contents.paper, columns),
        "description": words.label["description"],
        "columns": [name for name, _ in columns],
        "rows": rows,
        "more": more,
        "with_sku": contents.kind not in RECEIPTS,
        "carried": words.label["carried"],
        "brought": words.label["brought"],
    }


def _columns(contents: Contents, lines: tuple[SaidLine, ...], words: Catalogue) -> list[tuple[str, list[str]]]:
    """Name and values of each column after the description."""
    label = words.label

    def amounts(values: Iterable[int], zero: str | None = None) -> list[str]:
        return [zero if zero is not None and value == 0 else amount(value, contents.currency, contents.language) for value in values]

    columns = [(label["quantity"], [digits(_grouped(str(line.quantity), words.groups), contents.language) for line in lines])]
    if contents.kind in SLIPS:
        return columns
    if not on_roll(contents):
        prices = [line.unit_price for line in lines if line.unit_price is not None]
        if lines and len(prices) == len(lines):
            columns.append((label["unit_price"], amounts(prices)))
        if any(line.discount for line in lines):
            columns.append((label["discount"], amounts((-line.discount for line in lines), zero="")))
        if any(line.tax for line in lines):
            columns.append((label["tax"], amounts(line.tax for line in lines)))
    return [*columns, (label["amount"], amounts(line.amount for line in lines))]


_TOTALS = {
    "refund_request": "asked_for",
    "credit_note": "credited",
    "refund_receipt": "refunded",
    "receipt": "received",
    "cancelling_receipt": "reversed",
}


def _sums(contents: Contents, label: dict[str, str]) -> list[dict[str, Any]]:
    """The sums below the lines: goods, shipping, total, and the tax and discounts that they include."""
    language, currency = contents.language, contents.currency

    def row(name: str, minor: int, *, strong: bool = False) -> dict[str, Any]:
        text = (money if strong else amount)(minor, currency, language)
        return {"label": label[name], "value": text, "strong": strong}

    if contents.kind in SLIPS:
        units = sum(line.quantity for line in contents.lines)
        return [{"label": label["units"], "value": digits(_grouped(str(units), (3,)), language), "strong": False}]
    total = _TOTALS.get(contents.kind, "total")
    parts = [("goods", contents.goods), ("shipping", contents.shipping), ("overpaid", contents.overpaid)]
    sums = [row(name, minor) for name, minor in parts if minor or (name == "goods" and contents.lines)]
    if contents.kind in ("receipt", "cancelling_receipt"):
        sums.append(row("total", contents.goods + contents.shipping))
    sums.append(row(total, contents.total, strong=True))
    if contents.kind not in ("receipt", "cancelling_receipt"):
        sums += [row(name, minor) for name, minor in (("tax_included", contents.tax), ("discount_included", contents.discount)) if minor]
    if contents.paid is not None and contents.balance is not None:
        paid, balance = ("paid_back", "set_off") if contents.kind == "credit_note" else ("paid", "balance")
        closed = [
            {"label": _closed(one, label), "value": amount(one.amount, currency, language), "strong": False} for one in contents.closings
        ]
        sums += [row(paid, contents.paid), *closed, row(balance, contents.balance)]
    return sums


def _closed(closing: SaidClosing, label: dict[str, str]) -> str:
    """Written off: rounding."""
    return f"{label[closing.kind]}: {label[closing.reason]}"


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
        return _asked(contents.request, label)
    if contents.kind in ("order_receipt", "draft_invoice"):
        return [label["not_a_document"]]
    return []


def _asked(request: SaidRequest, label: dict[str, str]) -> list[str]:
    """The reason of a refund request by its name, or as the store calls it, and the customer's words."""
    reason = label.get(f"reason_{request.reason}", printable(request.reason))
    return [f"{label['reason']}: {reason}", *paragraphs(request.description), *paragraphs(request.further_information),
            label["request_remark"], label["not_a_document"]]  # fmt: skip


def _grouped(whole: str, groups: tuple[int, ...]) -> str:
    """Digits in groups from the right; the last size repeats."""
    parts, sizes = [], list(groups)
    while len(whole) > sizes[0]:
        parts.append(whole[-sizes[0] :])
        whole = whole[: -sizes[0]]
        sizes = sizes[1:] or sizes
    return ",".join([whole, *reversed(parts)])


@lru_cache(maxsize=1024)
def _country(code: str, locale: str) -> str:
    return str(Locale.parse(locale).territories.get(code, code))


@lru_cache(maxsize=1024)
def _symbol(currency: str, locale: str) -> str:
    return get_currency_symbol(currency, locale=locale)


@lru_cache(maxsize=1024)
def _long_date(value: date, locale: str) -> str:
    return format_date(value, "long", locale=locale)
