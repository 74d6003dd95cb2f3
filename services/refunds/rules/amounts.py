"""Computes what units are worth. Every unit has a fixed share of its line and of the shipping, so any set of refunds adds up exactly.

Product section 2, "Amount": c(k) = line total × k ÷ quantity, rounded half up, and a unit's share is c(k) − c(k − 1); its
share of shipping is S − S of the unit before, with S = shipping × G ÷ G(all) and G the goods up to and including the unit, unrounded.
No part of an order (a line, or the shipping) is credited more than its total: units are worth at most what is left of it.
Integers throughout: minor units in, minor units out.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from services.refunds.state import SHIPPING, KnownOrder, Line, Units
from shared.contracts.events import RefundedBefore
from shared.contracts.money import divide_half_up, split

Claim = Mapping[int, Sequence[Units]]
"""Units by line number."""
CreditedBefore = Mapping[int, int]
"""What was credited so far, by part."""


@dataclass(frozen=True, slots=True)
class LineAmount:
    """One refund's part of one line: what its units are worth, and what of that is a fee.

    `shipping` is the units' share, whether or not it is paid back.
    """

    line: int
    units: tuple[Units, ...]
    goods: int
    shipping: int
    fee: int = 0  # of `goods`
    shipping_fee: int = 0  # of `shipping`


@dataclass(frozen=True, slots=True)
class Amount:
    """The credit of a requested refund: goods + shipping − the shipping that the shop keeps − the fees."""

    lines: tuple[LineAmount, ...]
    deduct_shipping: bool

    @property
    def goods(self) -> int:
        """The goods' part of the credit."""
        return sum(line.goods - line.fee for line in self.lines)

    @property
    def fees(self) -> int:
        """The part of the value that is not credited, because it is kept as a fee."""
        return sum(line.fee + line.shipping_fee for line in self.lines)

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
        """The shipping that is credited."""
        return self.shipping_share - self.shipping_deducted - sum(line.shipping_fee for line in self.lines)

    @property
    def total(self) -> int:
        """What the refund credits."""
        return self.goods + self.shipping


def refund_amount(order: KnownOrder, claim: Claim, credited: CreditedBefore, *, deduct_shipping: bool) -> Amount:
    """The credit of a refund of `claim`: the sum of its units' shares, at most what is left, without the shipping that the shop keeps."""
    lines, shipping_left = [], order.shipping - credited.get(SHIPPING, 0)
    for line, shares in _shipping_shares(order):
        if line.line in claim:
            units = tuple(claim[line.line])
            goods = min(sum(goods_share(line, one) for one in units), line.total - credited.get(line.line, 0))
            shipping = min(sum(shares.of(one) for one in units), shipping_left)
            lines.append(LineAmount(line.line, units, goods, shipping))
            shipping_left -= shipping
    return Amount(tuple(lines), deduct_shipping)


def less_fees(amount: Amount, fees: int) -> Amount:
    """The same with `fees` kept: spread over the goods of each line and the shipping, and the shipping's over the lines' shares.

    `fees` is at most the credit; each part of it is at most what it is kept of. It stays left in its parts, to be credited later.
    """
    *of_goods, of_shipping = split(fees, [*(line.goods for line in amount.lines), amount.shipping])
    shares = split(of_shipping, [0 if amount.deduct_shipping else line.shipping for line in amount.lines])
    lines = zip(amount.lines, of_goods, shares, strict=True)
    return replace(amount, lines=tuple(replace(line, fee=fee, shipping_fee=shipping) for line, fee, shipping in lines))


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


def money_back(order: KnownOrder, credited: CreditedBefore, amount: int, *, shipping_kept: int = 0) -> MoneyBack:
    """Divide `amount`, which goes back for a cancelled order, over what is left of the order.

    Used for refunds of collected money rather than of requested units. Money fills what is left of each line's goods, in line order, then
    the shipping but what is kept of it, each line's share in turn; what is above the total was overpaid. So successive parts add up.
    """
    left, lines = amount, dict[int, tuple[int, int]]()
    for line in order.lines:
        goods = min(left, line.total - credited.get(line.line, 0))
        lines[line.line], left = (goods, 0), left - goods
    start = credited.get(SHIPPING, 0)
    end = start + max(0, min(left, order.shipping - start - shipping_kept))
    return MoneyBack(_with_shipping(order, lines, start, end), overpaid=left - (end - start))


def refunded_before(order: KnownOrder, refunded: RefundedBefore) -> MoneyBack:
    """What had gone back before the order was imported: the goods as said, and the shipping in each line's share in turn."""
    goods = {one.line: (one.amount, 0) for one in refunded.lines}
    return MoneyBack(_with_shipping(order, goods, 0, refunded.shipping), overpaid=0)


def left_of(order: KnownOrder, credited: CreditedBefore) -> dict[int, int]:
    """What is left of each part of the order: the lines in line order, then the shipping."""
    whole = {line.line: line.total for line in order.lines} | {SHIPPING: order.shipping}
    return {part: total - credited.get(part, 0) for part, total in whole.items()}


def money_of_parts(order: KnownOrder, credited: CreditedBefore, parts: Mapping[int, int]) -> MoneyBack:
    """So much of each of these parts, within what is left of it; the shipping falls on the next minor units of the lines' shares."""
    start = credited.get(SHIPPING, 0)
    goods = {part: (amount, 0) for part, amount in parts.items() if part != SHIPPING}
    return MoneyBack(_with_shipping(order, goods, start, start + parts.get(SHIPPING, 0)), overpaid=0)


def _with_shipping(order: KnownOrder, goods: Mapping[int, tuple[int, int]], start: int, end: int) -> dict[int, tuple[int, int]]:
    """These lines with the minor units `start` to `end` of the shipping, as they fall on the lines' shares; without lines of nothing."""
    lines, upto = dict[int, tuple[int, int]](), 0
    for line, shares in _shipping_shares(order):
        share = shares.of(Units(1, line.quantity))
        lines[line.line] = (goods.get(line.line, (0, 0))[0], max(0, min(end, upto + share) - max(start, upto)))
        upto += share
    return {number: money for number, money in lines.items() if any(money)}


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
