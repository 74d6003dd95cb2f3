"""What each unit of a line is worth: a second implementation, written from the specification alone (product page, section 2, "Amount").

Each unit of a line has a fixed share c(k) − c(k−1) with c(k) = line total × k ÷ quantity, rounded half up; its share of shipping is
S − S of the unit before, with S = shipping × G ÷ G(all), rounded half up, and G the unrounded goods up to the unit (by unit count
where all goods are free). It deliberately shares no code with the refund service: if the two agree, both are likely to be right.
"""

from collections.abc import Sequence
from fractions import Fraction
from math import floor

HALF = Fraction(1, 2)


def rounded(value: Fraction) -> int:
    """Half up."""
    return floor(value + HALF)


def goods_of(total: int, quantity: int, first: int, last: int) -> int:
    """Minor units of a line's `total` that fall on units `first`..`last` (from 1, inclusive)."""
    return rounded(Fraction(total * last, quantity)) - rounded(Fraction(total * (first - 1), quantity))


def shipping_of(shipping: int, lines: Sequence[tuple[int, int]], line: int, first: int, last: int) -> int:
    """Minor units of `shipping` that fall on units `first`..`last` of line number `line` (from 1); `lines` are (total, quantity)."""
    weights = [total for total, _ in lines] if any(total for total, _ in lines) else [quantity for _, quantity in lines]
    before, quantity = sum(weights[: line - 1]), lines[line - 1][1]

    def upto(unit: int) -> int:
        goods = before + Fraction(weights[line - 1] * unit, quantity)
        return rounded(shipping * goods / sum(weights))

    return upto(last) - upto(first - 1)
