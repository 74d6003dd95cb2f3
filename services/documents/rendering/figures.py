"""The figures of a document as strings: its lines, its taxes and its sums. Pure, like everything that makes a view."""

from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction
from typing import Any

from services.documents.rendering.catalogues import Catalogue, digits
from services.documents.rendering.papers import RECEIPTS, on_roll, scale_on
from services.documents.rendering.words import amount, count, money, percent, printable
from services.documents.state import SLIPS, Contents, SaidClosing, SaidLine, SaidTax, SaidTaxCode
from shared.contracts.money import split

ABOUT_MONEY = frozenset({"receipt", "cancelling_receipt"})

MAX_ROLL_LINES = 150  # a longer receipt on a roll states how many more lines there are: nobody reads a longer strip of paper
RATE_PLACES = 4
MEASURED = 200  # values of a column that are measured; all others are no longer than these


def table(contents: Contents, words: Catalogue) -> dict[str, Any]:
    """Columns and rows; a column that would be empty is left out. `carried` is the running total, each row included."""
    is_roll, is_slip = on_roll(contents), contents.kind in SLIPS
    lines = contents.lines[:MAX_ROLL_LINES] if is_roll and contents.kind in RECEIPTS else contents.lines
    columns = _columns(contents, lines, words)
    rows, so_far = [], 0
    for index, line in enumerate(lines):
        so_far += line.amount
        carried = "" if is_roll or is_slip else amount(so_far, contents.currency, contents.language)
        name, under = _named(line, words, is_roll=is_roll, is_slip=is_slip)
        rows.append({"name": name, "sku": under, "cells": [column[1][index] for column in columns], "carried": carried})
    hidden = len(contents.lines) - len(lines)
    return {
        "scale": words.scale * scale_on(contents.paper, columns),
        "description": words.label["description"],
        "columns": [name for name, _ in columns],
        "widest": [_widest(values) for _, values in columns],
        "rows": rows,
        "with_sku": contents.kind not in RECEIPTS,
        "more": words.label["more_lines"].format(count=digits(str(hidden), contents.language)) if hidden else "",
        "carried": words.label["carried"],
        "brought": words.label["brought"],
    }


def _widest(values: list[str]) -> list[str]:
    """Those of a column's values that may be the widest: digits of some scripts differ in width."""
    longest = max(map(len, values), default=0)
    return [value for value in dict.fromkeys(values) if len(value) >= longest - 1][:MEASURED]


def _named(line: SaidLine, words: Catalogue, *, is_roll: bool, is_slip: bool) -> tuple[str, str]:
    """A line's name, and what stands under it. A roll has one line for a name and its options."""
    options = [f"{printable(one.name)}: {printable(one.value)}" for one in line.options]
    name = " · ".join([printable(line.name), *(options if is_roll else [])])
    under = [*([] if is_roll else options), printable(line.sku), printable(line.personalisation)]
    if line.commodity_code and not is_slip:
        under.append(f"{words.label['commodity_code']} {printable(line.commodity_code)}")
    return name, " · ".join(text for text in under if text)


def _columns(contents: Contents, lines: tuple[SaidLine, ...], words: Catalogue) -> list[tuple[str, list[str]]]:
    """Name and values of each column after the description."""
    label, language = words.label, contents.language

    def amounts(values: Iterable[int], zero: str | None = None) -> list[str]:
        return [zero if zero is not None and value == 0 else amount(value, contents.currency, language) for value in values]

    # money that was credited without units has no quantity to print
    quantities = ["" if contents.itemised and not line.quantity else count(line.quantity, language) for line in lines]
    columns = [(label["quantity"], quantities)]
    if contents.kind in SLIPS:
        return columns
    if not on_roll(contents):
        prices = [line.unit_price for line in lines if line.unit_price is not None]
        if lines and len(prices) == len(lines):
            columns.append((label["unit_price"], amounts(prices)))
        if any(line.discount for line in lines):
            columns.append((label["discount"], amounts((-line.discount for line in lines), zero="")))
        columns += _tax_columns(contents, lines, label, amounts)
    return [*columns, (label["amount"], amounts(line.amount for line in lines))]


def _tax_columns(contents: Contents, lines: tuple[SaidLine, ...], label: dict[str, str], amounts: Any) -> list[tuple[str, list[str]]]:
    """Net, rate and tax of each line. Where a fee was kept there are none: a line's amount is its full value, its tax that of less."""
    if not any(line.tax for line in lines) and not any(line.tax_rate for line in lines):
        return []
    taxes = (label["tax"], amounts(line.tax for line in lines))
    if not contents.itemised:
        return [taxes] if any(line.tax for line in lines) else []
    if contents.fees:
        return []
    columns = [(label["net"], amounts(line.amount - line.tax for line in lines))]
    if any(line.tax_rate for line in lines):
        columns.append((label["tax_rate"], [percent(line.tax_rate, contents.language) if line.tax_rate else "" for line in lines]))
    return [*columns, taxes]


_TOTALS = {"credit_note": "credited", "refund_receipt": "refunded", "receipt": "received", "cancelling_receipt": "reversed",
           "refund_request": "asked_for"}  # fmt: skip


def sums(contents: Contents, label: dict[str, str]) -> list[dict[str, Any]]:
    """The sums below the lines: goods, shipping, what was kept of them, the total, and the tax and discounts that it includes."""

    def row(name: str, minor: int, *, strong: bool = False) -> dict[str, Any]:
        text = (money if strong else amount)(minor, contents.currency, contents.language)
        return {"label": name, "value": text, "strong": strong}

    if contents.kind in SLIPS:
        units = sum(line.quantity for line in contents.lines)
        return [{"label": label["units"], "value": count(units, contents.language), "strong": False}]
    parts = [("goods", contents.goods), ("shipping", contents.shipping), ("overpaid", contents.overpaid)]
    made = [row(label[name], minor) for name, minor in parts if minor or (name == "goods" and contents.lines)]
    made += [row(printable(fee.name), -fee.amount) for fee in contents.fees]
    if contents.kind in ABOUT_MONEY:
        made.append(row(label["total"], contents.goods + contents.shipping))
    if contents.kind == "refund_receipt" and contents.balance:
        made.append(row(label["set_off"], -contents.balance))
    made.append(row(label[_TOTALS.get(contents.kind, "total")], contents.total, strong=True))
    if contents.kind not in ABOUT_MONEY:
        made += [
            row(label[name], minor) for name, minor in (("tax_included", contents.tax), ("discount_included", contents.discount)) if minor
        ]
    if contents.paid is not None and contents.balance is not None and contents.kind != "refund_receipt":
        paid, balance = ("paid_back", "set_off") if contents.kind == "credit_note" else ("paid", "balance")
        made.append(row(label[paid], contents.paid))
        made += [row(_closed(one, label), one.amount) for one in contents.closings]
        made.append(row(label[balance], contents.balance))
    return made


def _closed(closing: SaidClosing, label: dict[str, str]) -> str:
    """Written off: rounding."""
    return f"{label[closing.kind]}: {label[closing.reason]}"


def prices(contents: Contents, label: dict[str, str]) -> str:
    """Whether the prices above include the tax, where there is one."""
    if not contents.itemised or contents.kind in SLIPS or contents.kind in ABOUT_MONEY or not contents.tax:
        return ""
    return label["prices_with_tax" if contents.prices_include_tax else "prices_without_tax"]


def taxes(contents: Contents, words: Catalogue) -> dict[str, Any]:
    """The taxes by code and rate, the taxes that each is split into, and the notes of the codes, each once."""
    label, codes = words.label, {code.code: code for code in contents.tax_codes}
    shown = contents.taxes if any(row.tax or row.tax_rate or row.tax_code for row in contents.taxes) else ()
    rows = [each for row in shown for each in _tax_rows(row, contents, codes.get(row.tax_code or ""), label)]
    if len(shown) > 1:
        both = [sum(row.net for row in shown), sum(row.tax for row in shown), sum(row.gross for row in shown)]
        rows.append(_tax_row(label["total"], both, contents))
    is_roll = on_roll(contents)
    columns = [label["taxes"], label["net"], label["tax"], label["amount"]] if rows and not is_roll else []
    notes = [line for code in contents.tax_codes if (line := printable(code.note))]
    return {"columns": columns, "rows": [_on_roll(row, label) for row in rows] if is_roll else rows, "notes": notes if shown else []}


def _tax_rows(row: SaidTax, contents: Contents, code: SaidTaxCode | None, label: dict[str, str]) -> list[dict[str, Any]]:
    """One row of the table, and one for each tax that it is split into."""
    language, currency = contents.language, contents.currency
    own = printable(code.label) if code and code.label else " ".join(text for text in (label["tax"], printable(row.tax_code or "")) if text)
    name = " ".join([own, *([percent(row.tax_rate, language)] if row.tax_rate else [])])
    under = ""
    if row.rounding:
        sign = "+" if row.rounding > 0 else ""
        under = label["contains_rounding"].format(amount=sign + amount(row.rounding, currency, language))
    made = [_tax_row(name, [row.net, row.tax, row.gross], contents, under)]
    parts = code.split if code else ()
    for part, tax in zip(parts, split(row.tax, [part.weight for part in parts]) if parts else [], strict=True):
        rate = _part_of_rate(row.tax_rate, part.weight, sum(one.weight for one in parts))
        text = " ".join([printable(part.label), *([percent(rate, language)] if rate else [])])
        made.append({"name": text, "under": "", "cells": ["", amount(tax, currency, language), ""], "part": True})
    return made


def _tax_row(name: str, figures: list[int], contents: Contents, under: str = "") -> dict[str, Any]:
    return {"name": name, "under": under, "cells": [amount(one, contents.currency, contents.language) for one in figures], "part": False}


def _on_roll(row: dict[str, Any], label: dict[str, str]) -> dict[str, Any]:
    """A row on a narrow paper: its tax beside its name, its net amount under it."""
    net, tax, _ = row["cells"]
    under = " · ".join(text for text in (f"{label['net']} {net}" if net else "", row["under"]) if text)
    return {**row, "under": under, "cells": [tax]}


def _part_of_rate(rate: str | None, weight: int, whole: int) -> str:
    """The rate of one of the taxes that a tax is split into; nothing where it has no short decimal form, or no rate is known."""
    if rate is None or not whole:
        return ""
    exact = Fraction(rate) * weight / whole
    text = format(Decimal(exact.numerator) / Decimal(exact.denominator), f".{RATE_PLACES}f")
    return text.rstrip("0").rstrip(".") if Fraction(text) == exact else ""
