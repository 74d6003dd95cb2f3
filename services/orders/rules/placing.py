"""Computes the figures of a new order: the caller's figures are used if they are consistent, and missing ones are computed.

Σ line totals + shipping = total, to the minor unit, whichever figures are given or omitted (product page, section 1, "Placing"). Tax
is never recomputed: it is the caller's figure, included in the prices or on top of them. A contradiction is refused with both
figures: the one given, and the one that follows from the rest.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from services.orders.requests.placing import LineInput, ShippingInput
from shared.contracts.errors import Invalid
from shared.contracts.money import MAX_AMOUNT_MINOR_UNITS, split


class Figures(Protocol):
    """What a caller says of an order's figures, when placing or amending it."""

    @property
    def lines(self) -> Sequence[LineInput]:
        """Each line's figures."""

    @property
    def shipping(self) -> ShippingInput:
        """The shipping's figures."""

    @property
    def discount(self) -> int:
        """The order's own discount."""

    @property
    def tax(self) -> int | None:
        """Tax of the whole order, if it is said as one sum."""

    @property
    def total(self) -> int | None:
        """The total, if it is said."""

    @property
    def prices_include_tax(self) -> bool:
        """Whether tax is in the prices, or on top of them."""


@dataclass(frozen=True, slots=True)
class LineAmounts:
    """A line's final figures: total = subtotal − discount − order_discount (+ tax if prices exclude it)."""

    subtotal: int
    discount: int
    order_discount: int
    tax: int
    total: int


@dataclass(frozen=True, slots=True)
class OrderAmounts:
    """An order's final figures: goods_total = Σ line totals; goods_total + shipping = total."""

    lines: tuple[LineAmounts, ...]
    goods_total: int
    discount_total: int
    tax_total: int
    shipping: int
    shipping_tax: int
    total: int


def amounts(given: Figures) -> OrderAmounts:
    """Every figure of the order.

    Raises Invalid `figures_missing` (a line without any price), `figures_do_not_add_up` (with `given` and `computed`),
    `discount_too_large`, `tax_too_large`, `amount_too_large`.
    """
    taxes, shipping_tax = _taxes(given)
    subtotals = [_subtotal(at, line, taxes[at], given) for at, line in enumerate(given.lines)]
    shares = _order_discount_shares(given, subtotals, taxes)
    lines = tuple(
        _line(f"/lines/{at}", (subtotal, line.discount, share), tax, given)
        for at, (line, subtotal, share, tax) in enumerate(zip(given.lines, subtotals, shares, taxes, strict=True))
    )
    shipping = _shipping(given, shipping_tax)
    goods_total = sum(line.total for line in lines)
    if goods_total + shipping > MAX_AMOUNT_MINOR_UNITS:
        raise Invalid("amount_too_large", f"The total of an order can be at most {MAX_AMOUNT_MINOR_UNITS} minor units.", at="/total")
    _same("/total", given.total, goods_total + shipping, "lines + shipping + tax − discounts")
    return OrderAmounts(
        lines=lines,
        goods_total=goods_total,
        discount_total=sum(line.discount + line.order_discount for line in lines),
        tax_total=sum(taxes) + shipping_tax,
        shipping=shipping,
        shipping_tax=shipping_tax,
        total=goods_total + shipping,
    )


def _taxes(given: Figures) -> tuple[list[int], int]:
    """Tax of each line and of shipping. If only the order's tax is given, it is spread over lines and shipping."""
    given_taxes = [line.tax for line in given.lines] + [given.shipping.tax]
    if given.tax is not None and all(tax is None for tax in given_taxes):
        *taxes, shipping_tax = split(given.tax, [*_weights(given), given.shipping.amount - given.shipping.discount])
        return taxes, shipping_tax
    known = [tax or 0 for tax in given_taxes]
    _same("/tax", given.tax, sum(known), "Σ tax of lines and shipping")
    return known[:-1], known[-1]


def _weights(given: Figures) -> list[int]:
    net = [
        (line.quantity * line.unit_price if line.unit_price is not None else line.subtotal or line.total or 0) - line.discount
        for line in given.lines
    ]
    return [max(0, weight) for weight in net]


def _subtotal(at: int, line: LineInput, tax: int, given: Figures) -> int:
    if line.unit_price is not None:
        subtotal = line.quantity * line.unit_price
        _same(f"/lines/{at}/subtotal", line.subtotal, subtotal, "quantity × unit price")
    elif line.subtotal is not None:
        subtotal = line.subtotal
    elif line.total is not None:
        subtotal = line.total + line.discount - _on_top(tax, given)
    else:
        raise Invalid("figures_missing", "The line needs a unit_price, a subtotal or a total.", at=f"/lines/{at}/unit_price")
    if not line.discount <= subtotal <= MAX_AMOUNT_MINOR_UNITS:
        code, what = ("discount_too_large", "discount") if line.discount > subtotal else ("amount_too_large", "unit_price")
        accepted = f"A discount can be at most the line's {subtotal}, which can be at most {MAX_AMOUNT_MINOR_UNITS}."
        raise Invalid(code, accepted, at=f"/lines/{at}/{what}")
    return subtotal


def _order_discount_shares(given: Figures, subtotals: list[int], taxes: list[int]) -> list[int]:
    """Each line's share of the order's discount: fixed for lines whose total the caller gave, and split over the others."""
    shares: dict[int, int] = {}
    for at, line in enumerate(given.lines):
        if line.total is not None:
            shares[at] = subtotals[at] - line.discount + _on_top(taxes[at], given) - line.total
            if shares[at] < 0:
                _same(f"/lines/{at}/total", line.total, line.total + shares[at], "subtotal − discount + tax")
    free = [at for at in range(len(subtotals)) if at not in shares]
    left = given.discount - sum(shares.values())
    if left < 0 or (left and not free):
        _same("/discount", given.discount, sum(shares.values()), "what the lines' totals leave for the order's discount")
    net = [subtotals[at] - given.lines[at].discount for at in free]
    if left > sum(net):
        raise Invalid("discount_too_large", f"The order's discount can be at most {sum(net)}, the sum of its lines.", at="/discount")
    if free:
        shares.update(zip(free, split(left, net), strict=True))
    return [shares[at] for at in range(len(subtotals))]


def _line(pointer: str, price: tuple[int, int, int], tax: int, given: Figures) -> LineAmounts:
    subtotal, discount, share = price
    total = subtotal - discount - share + _on_top(tax, given)
    if given.prices_include_tax and tax > total:
        raise Invalid("tax_too_large", f"Prices include tax, so the tax can be at most {total}, the line's total.", at=f"{pointer}/tax")
    return LineAmounts(subtotal=subtotal, discount=discount, order_discount=share, tax=tax, total=total)


def _shipping(given: Figures, tax: int) -> int:
    shipping = given.shipping
    if shipping.discount > shipping.amount:
        raise Invalid("discount_too_large", f"The discount can be at most {shipping.amount}, the shipping amount.", at="/shipping/discount")
    total = shipping.amount - shipping.discount + _on_top(tax, given)
    if given.prices_include_tax and tax > total:
        raise Invalid("tax_too_large", f"Prices include tax, so the tax can be at most {total}, the shipping total.", at="/shipping/tax")
    _same("/shipping/total", shipping.total, total, "amount − discount + tax")
    return total


def _on_top(tax: int, given: Figures) -> int:
    return 0 if given.prices_include_tax else tax


def _same(pointer: str, given: int | None, computed: int, formula: str) -> None:
    if given is not None and given != computed:
        detail = f"{pointer}: {given} was given, but {formula} makes {computed}."
        accepted = f"{formula} makes {computed}."
        raise Invalid("figures_do_not_add_up", detail, at=pointer, accepted=accepted, pointer=pointer, given=given, computed=computed)
