"""Computes what units are worth. Every unit has a fixed share of its line and of the shipping, so any set of refunds adds up exactly.

Product section 2, "Amount": c(k) = line total × k ÷ quantity, rounded half up, and a unit's share is c(k) − c(k − 1); its
share of shipping is S − S of the unit before, with S = shipping × G ÷ G(all) and G the goods up to and including the unit, unrounded.
Integers throughout: minor units in, minor units out.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from services.refunds.state import KnownOrder, Line, Units
from shared.contracts.money import divide_half_up

Claim = Mapping[int, Sequence[Units]]
"""Units by line number."""


@dataclass(frozen=True, slots=True)
class LineAmount:
    """One refund's part of one line; `shipping` is the units' share, whether or not it is paid back."""

    line: int
    units: tuple[Units, ...]
    goods: int
    shipping: int


@dataclass(frozen=True, slots=True)
class Amount:
    """The amount of a requested refund: goods + shipping − the shipping that the shop keeps."""

    lines: tuple[LineAmount, ...]
    deduct_shipping: bool

    @property
    def goods(self) -> int:
        """The goods' part of the amount."""
        return sum(line.goods for line in self.lines)

    @property
    def shipping_share(self) -> int:
        """The units' share of the order's shipping, paid back or not."""
        return sum(line.shipping for line in self.lines)

    @property
    def shipping_deducted(self) -> int:
        """The part of that share that the shop keeps."""
        return self.shipping_share if self.deduct_shipping else 0

    @property
    def shipping(self) -> int:
        """The shipping that is paid back."""
        return self.shipping_share - self.shipping_deducted

    @property
    def total(self) -> int:
        """The amount that the refund pays."""
        return self.goods + self.shipping


def refund_amount(order: KnownOrder, claim: Claim, *, deduct_shipping: bool) -> Amount:
    """The amount of a refund of `claim`: the sum of its units' shares, without their shipping if the shop keeps that."""
    lines = tuple(
        LineAmount(
            line=line.line,
            units=tuple(claim[line.line]),
            goods=sum(goods_share(line, units) for units in claim[line.line]),
            shipping=sum(shares.of(units) for units in claim[line.line]),
        )
        for line, shares in _shipping_shares(order)
        if line.line in claim
    )
    return Amount(lines, deduct_shipping)


def goods_share(line: Line, units: Units) -> int:
    """The share of the line's total for `units`."""
    return divide_half_up(line.total * units.last, line.quantity) - divide_half_up(line.total * (units.first - 1), line.quantity)


@dataclass(frozen=True, slots=True)
class MoneyBack:
    """How a refunded sum is divided over an order: (goods, shipping) by line, and the amount collected above the total."""

    lines: dict[int, tuple[int, int]]
    overpaid: int

    @property
    def goods(self) -> int:
        """The goods' part of the amount."""
        return sum(goods for goods, _ in self.lines.values())

    @property
    def shipping(self) -> int:
        """The shipping's part of the amount."""
        return sum(shipping for _, shipping in self.lines.values())


def money_back(order: KnownOrder, before: int, after: int) -> MoneyBack:
    """Divide the money that raises an order's refunds from `before` to `after` over the order.

    Used for refunds of collected money rather than of requested units (a cancelled order). The order's value is laid out in one
    row: the goods of each line, the shipping share of each line, the amount collected above the total; money fills it from
    the left. So successive parts add up, and no line's goods or shipping is ever refunded twice.
    """
    numbers = [line.line for line in order.lines]
    segments = [line.total for line in order.lines]
    segments += [shares.of(Units(1, line.quantity)) for line, shares in _shipping_shares(order)]
    parts, start = [], 0
    for segment in segments:
        parts.append(max(0, min(after, start + segment) - max(before, start)))
        start += segment
    goods, shipping = parts[: len(numbers)], parts[len(numbers) :]
    lines = {number: (g, s) for number, g, s in zip(numbers, goods, shipping, strict=True) if g or s}
    return MoneyBack(lines, overpaid=after - before - sum(parts))


@dataclass(frozen=True, slots=True)
class _ShippingShares:
    """A line's position in the order's goods: its weight over its units, after the weight of the lines before it."""

    shipping: int
    before: int
    weight: int
    quantity: int
    whole: int

    def of(self, units: Units) -> int:
        """The share of the order's shipping for `units` of this line."""
        return self._upto(units.last) - self._upto(units.first - 1)

    def _upto(self, unit: int) -> int:
        return divide_half_up(self.shipping * (self.before * self.quantity + self.weight * unit), self.whole * self.quantity)


def _shipping_shares(order: KnownOrder) -> Iterator[tuple[Line, _ShippingShares]]:
    """Each line with its position in the order's goods, weighted by line totals, or by units if all goods are free of charge."""
    weights = [line.total if order.goods else line.quantity for line in order.lines]
    whole, before = sum(weights), 0
    for line, weight in zip(order.lines, weights, strict=True):
        yield line, _ShippingShares(order.shipping, before, weight, line.quantity, whole)
        before += weight
