"""Money: integer minor units and an ISO 4217 currency. The only rounding in the product, and a split that loses nothing."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from shared.contracts.currencies import MINOR_UNITS, WITHDRAWN

MAX_AMOUNT_MINOR_UNITS = 10**15  # leaves room to multiply by a quantity inside PostgreSQL's bigint and Python's JSON readers


ANYWHERE_ON_EARTH = timedelta(hours=12)
"""How much later than in UTC a day ends in the last time zone."""


def exponent(currency: str) -> int:
    """Decimal digits of `currency` (JPY 0, EUR 2, KWD 3) as in ISO 4217; Babel's tables differ from it for 13 currencies.

    Raises ValueError for a code that is not a currency with minor units, of today or withdrawn.
    """
    digits = MINOR_UNITS.get(currency)
    if digits is None:
        raise ValueError(f"{currency!r} is not an ISO 4217 currency code such as BDT, EUR or JPY")
    return digits


def in_use(currency: str, at: datetime) -> bool:
    """Whether `currency` was legal tender at that moment, wherever on Earth it was."""
    withdrawn = WITHDRAWN.get(currency)
    return withdrawn is None or (at - ANYWHERE_ON_EARTH).date() < withdrawn


def divide_half_up(numerator: int, denominator: int) -> int:
    """`numerator / denominator` rounded half up (towards +infinity at exactly one half); the product's only rounding."""
    return (2 * numerator + denominator) // (2 * denominator)


def split(total: int, weights: Sequence[int]) -> list[int]:
    """Spread `total` minor units over parts in proportion to `weights`, in order, by rounding the running totals half up.

    The parts always add up to `total`. If every weight is 0, all parts weigh the same, so that nothing is lost.
    Raises ValueError for no parts or a negative weight.
    """
    if not weights or min(weights) < 0:
        raise ValueError("split needs at least one part and no negative weight")
    if not any(weights):
        weights = [1] * len(weights)
    whole = sum(weights)
    parts, upto, before = [], 0, 0
    for weight in weights:
        upto += weight
        cumulated = divide_half_up(total * upto, whole)
        parts.append(cumulated - before)
        before = cumulated
    return parts


def share(amount: int, whole: int, before: int, part: int) -> int:
    """The share of `amount` for `part` of `whole`, after `before` of it; 0 of nothing. Shares add up exactly (real-shops.md, section 0)."""
    if whole == 0:
        return 0
    return divide_half_up(amount * (before + part), whole) - divide_half_up(amount * before, whole)


def decimal_text(amount: int, currency: str) -> str:
    """Minor units as text with the currency's digits: 125050 BDT -> "1250.50"."""
    return format(Decimal(amount).scaleb(-exponent(currency)), "f")
