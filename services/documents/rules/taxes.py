"""The taxes of a document: one row per code and rate, over lines and shipping (real-shops.md 3.1)."""

from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction
from itertools import groupby

from services.documents.state import Contents, Letterhead, SaidLine, SaidTax, SaidTaxCode, TaxCode
from shared.contracts.events import Order, TaxRow
from shared.contracts.money import divide_half_up


def tax_table(rows: Iterable[TaxRow]) -> tuple[SaidTax, ...]:
    """One row per code and rate, by code and then rate; without rows of nothing. Minor units."""
    return tuple(row for (_, _), group in groupby(sorted(rows, key=_key), key=_key) if (row := _sum(list(group))).gross or row.tax)


def row_of(gross: int, tax: int, code: str | None, rate: str | None) -> TaxRow:
    """The row of one line, or of the shipping."""
    return TaxRow(tax_code=code, tax_rate=rate, net=gross - tax, tax=tax, gross=gross)


def taxes_of(order: Order, lines: Iterable[SaidLine], shipping: int, shipping_tax: int) -> tuple[SaidTax, ...]:
    """The table of these lines and this shipping of an order."""
    rows = [row_of(line.amount, line.tax, line.tax_code, line.tax_rate) for line in lines]
    return tax_table([*rows, row_of(shipping, shipping_tax, order.shipping_tax_code, order.shipping_tax_rate)])


def explained(contents: Contents, letterhead: Letterhead, others: Iterable[str] = ()) -> Contents:
    """The contents with what the store's settings say of each code that its taxes name, and of the `others`."""
    used = sorted({row.tax_code for row in contents.taxes if row.tax_code} | set(others))
    said = tuple(_said(code, letterhead.tax_codes[code]) for code in used if code in letterhead.tax_codes)
    return contents.model_copy(update={"tax_codes": said}) if said else contents


def _said(code: str, known: TaxCode) -> SaidTaxCode:
    return SaidTaxCode.like(known, code=code)


def _key(row: TaxRow) -> tuple[str, Decimal]:
    return row.tax_code or "", Decimal(-1) if row.tax_rate is None else Decimal(row.tax_rate)


def _sum(rows: list[TaxRow]) -> SaidTax:
    net, tax = sum(row.net for row in rows), sum(row.tax for row in rows)
    code, rate = rows[0].tax_code, rows[0].tax_rate
    return SaidTax(tax_code=code, tax_rate=rate, net=net, tax=tax, gross=net + tax, rounding=_rounding(net, tax, rate))


def _rounding(net: int, tax: int, rate: str | None) -> int:
    """How much the tax is above net × rate, rounded half up; 0 where no rate is known. Shown, never mended."""
    if rate is None:
        return 0
    exact = net * Fraction(rate) / 100
    return tax - divide_half_up(exact.numerator, exact.denominator)
