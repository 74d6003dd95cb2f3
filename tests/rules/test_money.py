"""The only rounding, the split that loses nothing, and the digits of a currency."""

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from iso4217 import Currency

from shared.contracts.currencies import MINOR_UNITS, WITHDRAWN
from shared.contracts.money import decimal_text, divide_half_up, exponent, in_use, split

AMOUNTS = st.integers(-(10**12), 10**12)


@pytest.mark.parametrize(
    ("numerator", "denominator", "expected"),
    [
        (100, 3, 33),
        (200, 3, 67),
        (1, 2, 1),
        (3, 2, 2),
        (-1, 2, 0),
        (-3, 2, -1),
        (0, 7, 0),
        (7, 7, 1),
        (-7, 7, -1),
        (10**17 + 1, 2, 5 * 10**16 + 1),
    ],
)
def test_halves_round_up(numerator: int, denominator: int, expected: int) -> None:
    assert divide_half_up(numerator, denominator) == expected


@pytest.mark.parametrize(
    ("total", "weights", "expected"),
    [
        (100, [1, 1, 1], [33, 34, 33]),
        (1000, [1, 1, 1], [333, 334, 333]),
        (10, [1, 1, 1], [3, 4, 3]),
        (500, [1, 1, 1], [167, 166, 167]),
        (5, [0, 0], [3, 2]),
        (7, [0, 3, 0], [0, 7, 0]),
        (-100, [1, 1, 1], [-33, -34, -33]),
        (0, [5, 5], [0, 0]),
    ],
)
def test_a_split_is_cumulated_and_rounded_half_up_in_order(total: int, weights: list[int], expected: list[int]) -> None:
    assert split(total, weights) == expected


@given(AMOUNTS, st.lists(st.integers(0, 10**9), min_size=1, max_size=50))
def test_a_split_never_loses_a_unit_and_stays_within_one_of_its_share(total: int, weights: list[int]) -> None:
    parts = split(total, weights)
    whole = sum(weights) or len(weights)
    shares = weights if any(weights) else [1] * len(weights)
    assert sum(parts) == total
    assert all(abs(part * whole - total * share) <= whole for part, share in zip(parts, shares, strict=True))


@pytest.mark.parametrize("weights", [[], [1, -1]])
def test_a_split_over_nothing_or_less_is_refused(weights: list[int]) -> None:
    with pytest.raises(ValueError, match="at least one part"):
        split(10, weights)


@pytest.mark.parametrize(
    ("currency", "digits"),
    [("JPY", 0), ("BDT", 2), ("GBP", 2), ("KWD", 3), ("IQD", 3), ("LAK", 2), ("CLF", 4), ("HRK", 2), ("ITL", 0), ("BGN", 2)],
)  # Babel says 0 for IQD and LAK
def test_digits_are_those_of_iso_4217(currency: str, digits: int) -> None:
    assert exponent(currency) == digits


def test_every_currency_of_today_is_in_our_own_table() -> None:
    """A new one of the library is added to shared/contracts/currencies.py; one that the library drops gets a day in WITHDRAWN."""
    today = {one.code: one.exponent for one in Currency if one.exponent is not None}
    assert {code: digits for code, digits in MINOR_UNITS.items() if code not in WITHDRAWN} == today


@pytest.mark.parametrize(
    ("currency", "at", "accepted"),
    [
        ("HRK", "2022-06-01T10:00:00Z", True),
        ("HRK", "2023-01-15T11:59:59Z", True),  # still the 14th somewhere
        ("HRK", "2023-01-15T12:00:00Z", False),
        ("BGN", "2025-12-01T10:00:00Z", True),
        ("DEM", "2002-06-01T00:00:00Z", False),
        ("EUR", "2099-01-01T00:00:00Z", True),
    ],
)
def test_a_withdrawn_currency_is_in_use_until_its_last_day_everywhere(currency: str, at: str, accepted: bool) -> None:
    assert in_use(currency, datetime.fromisoformat(at)) is accepted


@pytest.mark.parametrize("currency", ["XTS", "bdt", "", "EURO", "XAU"])
def test_what_is_no_currency_with_minor_units_is_refused(currency: str) -> None:
    with pytest.raises(ValueError, match="ISO 4217"):
        exponent(currency)


@pytest.mark.parametrize(
    ("amount", "currency", "text"), [(125050, "BDT", "1250.50"), (-5, "JPY", "-5"), (5, "KWD", "0.005"), (0, "EUR", "0.00")]
)
def test_the_decimal_text_has_the_currencys_digits(amount: int, currency: str, text: str) -> None:
    assert decimal_text(amount, currency) == text
