"""What an invoice or a credit note is about, net and tax apart, as an e-invoice says it: its lines, its shipping, and a row per category
and rate of tax. All from the sealed contents; minor units.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

from services.documents.state import Contents, SaidLine, SaidTaxCode
from shared.contracts.money import divide_half_up, exponent

_RATE = re.compile(r"(0|[1-9][0-9]{0,2})(\.[0-9]{1,4})?", re.ASCII)
PRICE_PLACES = Decimal("0.000001")


@dataclass(frozen=True, slots=True)
class Supply:
    """A line, or the shipping (`line` is None), after discounts and without what was kept of it; `at` points to it in the order."""

    at: str
    line: SaidLine | None
    quantity: int
    net: int
    tax: int
    code: str | None
    rate: Decimal | None  # per cent; None: none is said, or none that is a rate


@dataclass(slots=True)
class Group:
    """What has one category and one rate of tax: a row of an e-invoice's taxes. `notes`: why no tax is charged."""

    category: str
    rate: Decimal
    supplies: list[Supply] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def net(self) -> int:
        """The sum of its supplies without tax."""
        return sum(one.net for one in self.supplies)

    @property
    def tax(self) -> int:
        """The sum of their taxes, each rounded by itself."""
        return sum(one.tax for one in self.supplies)

    @property
    def rounding(self) -> int:
        """How much the tax is above net × rate, rounded half up."""
        exact = self.net * Fraction(self.rate) / 100
        return self.tax - divide_half_up(exact.numerator, exact.denominator)


def supplies_of(contents: Contents) -> list[Supply]:
    """The lines, and then the shipping if there is any. A credit without units counts as one of what it is about."""
    said = [_line(index, line) for index, line in enumerate(contents.lines)]
    if not contents.shipping and not contents.shipping_tax:
        return said
    kept = sum(fee.amount for fee in contents.fees) - sum(line.fee for line in contents.lines)
    net = contents.shipping - kept - contents.shipping_tax
    rate, code = _rate(contents.shipping_tax_rate), contents.shipping_tax_code
    return [*said, Supply("/shipping", None, 1, net, contents.shipping_tax, code, rate)]


def groups_of(supplies: Iterable[Supply], codes: dict[str, SaidTaxCode]) -> list[Group]:
    """A group per category and rate, in the order of their first supply; without what has no known code or no rate."""
    groups: dict[tuple[str, Decimal], Group] = {}
    for one in supplies:
        known = codes.get(one.code or "")
        if known is None or one.rate is None:
            continue
        group = groups.setdefault((known.category, one.rate), Group(known.category, one.rate))
        group.supplies.append(one)
        if known.note not in group.notes:
            group.notes.append(known.note)
    return list(groups.values())


def codes_of(contents: Contents) -> dict[str, SaidTaxCode]:
    """What the settings said of each code when the document was issued."""
    return {one.code: one for one in contents.tax_codes}


def decimal_of(minor: int, currency: str) -> Decimal:
    """An amount of a currency as a decimal number."""
    return Decimal(minor).scaleb(-exponent(currency))


def price_of(supply: Supply, currency: str) -> Decimal:
    """The net price of one unit, to six places."""
    exact = decimal_of(supply.net, currency) / supply.quantity
    return exact.quantize(PRICE_PLACES, rounding=ROUND_HALF_UP)


def _line(index: int, line: SaidLine) -> Supply:
    net = line.amount - line.fee - line.tax
    return Supply(f"/lines/{index}", line, max(1, line.quantity), net, line.tax, line.tax_code, _rate(line.tax_rate))


def _rate(said: str | None) -> Decimal | None:
    """19, 19.0 and 19.00 are one rate."""
    if said is None or not _RATE.fullmatch(said):
        return None
    return Decimal(said).normalize() + 0
