"""What the reference model of refunds (reference.py) is made of: refunds, what causes them, and the only two ways to round."""

from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from math import floor

STATUSES = ("pending", "confirmed", "picked_up", "shipped", "delivered")
SHIPPING = 0
Unit = tuple[int, int]
"""(line, the number of the unit on its line), both from 1."""
Row = tuple[str, int, int, int]
"""(rate, net, tax, gross)."""


def half_up(value: Fraction) -> int:
    return floor(value + Fraction(1, 2))


def spread(amount: int, weights: list[int]) -> list[int]:
    """An amount over weights: each part ends at the rounded share of all weights up to it."""
    whole = sum(weights)
    ends = [half_up(Fraction(amount * sum(weights[:at]), whole)) if whole else 0 for at in range(len(weights) + 1)]
    return [end - start for start, end in pairwise(ends)]


@dataclass
class Rules:
    """A store's refund settings."""

    manage_stock: bool = False
    attachments: bool = True
    deduct_shipping: bool = False


@dataclass
class Part:
    """A refund."""

    units: list[Unit]
    rules: Rules
    status: str = "processing"
    settlement: str = "none"
    cause: str = "request"
    version: int = 1
    dispositions: dict[int, str] = field(default_factory=dict)
    inspected: dict[int, int] = field(default_factory=dict)
    reports: list[tuple[str, str, int]] = field(default_factory=list)
    settled: int = 0  # what has gone back
    sent: list[tuple[int, int]] = field(default_factory=list)  # (payment, amount) of what has gone back to a payment
    somewhere: bool = False  # whether anybody said where the money goes
    money: dict[int, int] = field(default_factory=dict)  # credited of each part, after fees; the shipping is part 0
    overpaid: int = 0
    fees: int = 0
    paid: int | None = None  # what goes back; None: all of it
    shipping_kept: int = 0
    tax: dict[int, int] = field(default_factory=dict)  # of each part, once it is approved; without any where taxes are not known
    kept_tax: int = 0
    taxes: list[Row] = field(default_factory=list)
    payout_taxes: list[Row] = field(default_factory=list)

    @property
    def credit(self) -> int:
        return sum(self.money.values())

    @property
    def amount(self) -> int:
        return self.credit + self.overpaid if self.paid is None else self.paid

    @property
    def sums(self) -> tuple[int, int, int]:
        """Goods, shipping, overpaid."""
        shipping = self.money.get(SHIPPING, 0)
        return self.credit - shipping, shipping, self.overpaid

    def count(self, line: int) -> int:
        return sum(1 for number, _ in self.units if number == line)

    def waiting(self, line: int) -> int:
        return self.count(line) - self.inspected.get(line, 0) if self.dispositions.get(line) == "inspect" else 0


@dataclass
class Cause:
    """What happened to the order that makes a refund once it is seen, with what was collected and written off then."""

    kind: str
    collected: int
    written_off: int
    rules: Rules
    units: dict[int, int] = field(default_factory=dict)
    keeps: bool = False
    payment: int | None = None
    made: bool = False


@dataclass
class Seen:
    """What of an order was seen."""

    status: str = "pending"
    payments: list[tuple[int, int]] = field(default_factory=list)  # (amount, what of it was reversed)
    written_off: int = 0
    kept: int = 0

    @property
    def collected(self) -> int:
        return sum(amount - back for amount, back in self.payments)
