"""The tax of a refund, decided with it: each part's share of its own tax, so that all shares of a part add up (real-shops.md 2.5)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from itertools import groupby
from typing import Any

from services.refunds.state import SHIPPING, KnownOrder, RefundLine
from shared.contracts.events import TaxRow
from shared.contracts.money import divide_half_up, share, split


@dataclass(frozen=True, slots=True)
class Taxed:
    """The taxes of a refund. Every tax is None, and the tables are empty, for an order whose taxes are not known."""

    lines: tuple[RefundLine, ...]
    shipping_tax: int | None
    shipping_kept_tax: int | None
    taxes: tuple[TaxRow, ...]
    payout_taxes: tuple[TaxRow, ...]
    shipping_tax_rate: str | None = None
    shipping_tax_code: str | None = None

    @property
    def figures(self) -> dict[str, Any]:
        """By the field names of a refund."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


@dataclass(frozen=True, slots=True)
class _Part:
    code: str | None
    rate: str | None
    gross: int
    tax: int


def taxed(
    order: KnownOrder,
    lines: Sequence[RefundLine],
    credited: Mapping[int, int],
    *,
    payout: int,
    shipping_kept: int = 0,
    kept_before: int = 0,
) -> Taxed:
    """The taxes of a refund with these `lines`, after what was `credited` of each part before. Minor units.

    `payout` is what is paid out of the credit; `shipping_kept` stays, after `kept_before`.
    """
    known = {line.line: line for line in order.lines}
    if order.shipping_tax is None or any(line.tax is None for line in order.lines):
        return Taxed(tuple(lines), None, None, (), ())
    with_tax = tuple(
        replace(line, tax=share(at.tax or 0, at.total, credited.get(line.line, 0), line.goods), tax_rate=at.tax_rate, tax_code=at.tax_code)
        for line in lines
        for at in (known[line.line],)
    )
    shipping, before = sum(line.shipping for line in lines), credited.get(SHIPPING, 0)
    shipping_tax = share(order.shipping_tax, order.shipping, before, shipping)
    kept_tax = share(order.shipping_tax, order.shipping, before + shipping + kept_before, shipping_kept)
    parts = [_Part(line.tax_code, line.tax_rate, line.goods, line.tax or 0) for line in with_tax]
    parts.append(_Part(order.shipping_tax_code, order.shipping_tax_rate, shipping, shipping_tax))
    at_rate = (order.shipping_tax_rate, order.shipping_tax_code)
    return Taxed(with_tax, shipping_tax, kept_tax, _table(parts), _table(parts, payout), *at_rate)


def _table(parts: Sequence[_Part], payout: int | None = None) -> tuple[TaxRow, ...]:
    """One row per code and rate, without rows of nothing.

    With a `payout`, of what is paid out of the credit: it is spread over the parts, and each row has tax in proportion to its money, so
    that it never has more tax than money. Rounded once per row: real-shops.md says per part, which gives 0.51 in its own case 41.
    """
    paid = [part.gross for part in parts] if payout is None else split(payout, [part.gross for part in parts])

    def key(one: tuple[_Part, int]) -> tuple[str, str]:
        return one[0].code or "", one[0].rate or ""

    rows = []
    for (code, rate), group in groupby(sorted(zip(parts, paid, strict=True), key=key), key=key):
        of = list(group)
        credit, tax, gross = sum(part.gross for part, _ in of), sum(part.tax for part, _ in of), sum(money for _, money in of)
        if gross:
            tax = divide_half_up(tax * gross, credit)
            rows.append(TaxRow(tax_code=code or None, tax_rate=rate or None, net=gross - tax, tax=tax, gross=gross))
    return tuple(rows)
