"""The tax of refunds: worked cases 23, 24 and 27 of real-shops.md as tables, and that the shares of every part add up."""

from dataclasses import replace
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from services.refunds.rules.amounts import refund_amount
from services.refunds.rules.lines import lines_of_units
from services.refunds.rules.taxes import Taxed, taxed
from services.refunds.state import SHIPPING, KnownOrder, Units
from tests.rules.test_refund_amounts import order_of


def with_tax(order: KnownOrder, shipping_tax: int, *taxes: int, rates: tuple[str | None, ...] = ()) -> KnownOrder:
    """The order with the tax of its shipping and of each line."""
    rated = [*rates, *[None] * len(taxes)]
    lines = tuple(replace(line, tax=tax, tax_rate=rate) for line, tax, rate in zip(order.lines, taxes, rated, strict=False))
    return replace(order, lines=lines, shipping_tax=shipping_tax)


def refunded(order: KnownOrder, claim: dict[int, list[tuple[int, int]]], credited: dict[int, int], *, payout: int | None = None) -> Taxed:
    """The taxes of a refund of these units; `credited` is moved on."""
    amount = refund_amount(order, {line: [Units(*one) for one in units] for line, units in claim.items()}, credited, deduct_shipping=False)
    lines = lines_of_units(order, amount, dict.fromkeys(claim, "discard"))
    made = taxed(order, lines, dict(credited), payout=amount.total if payout is None else payout)
    for line in lines:
        credited[line.line] = credited.get(line.line, 0) + line.goods
    credited[SHIPPING] = credited.get(SHIPPING, 0) + amount.shipping
    return made


def test_case_24_dinar_one_by_one() -> None:
    order, credited = with_tax(order_of((3, 1_000), shipping=500), 65, 130), dict[int, int]()
    made = [refunded(order, {1: [(unit, unit)]}, credited) for unit in (1, 2, 3)]
    assert [(one.lines[0].tax, one.shipping_tax) for one in made] == [(43, 22), (44, 21), (43, 22)]


def test_case_23_yen_two_units_before_and_after() -> None:
    order, credited = with_tax(order_of((3, 100), shipping=10), 1, 9), dict[int, int]()
    first = refunded(order, {1: [(1, 1)]}, credited)
    assert (first.lines[0].goods, first.lines[0].shipping, first.lines[0].tax, first.shipping_tax) == (33, 3, 3, 0)


def test_a_row_per_rate() -> None:
    lines = order_of((1, 5_000), (1, 11_900), shipping=1_190)
    order = replace(with_tax(lines, 190, 327, 1_900, rates=("7", "19")), shipping_tax_rate="19")
    made = refunded(order, {1: [(1, 1)], 2: [(1, 1)]}, {})
    assert [(row.tax_rate, row.net, row.tax, row.gross) for row in made.taxes] == [("19", 11_000, 2_090, 13_090), ("7", 4_673, 327, 5_000)]


def test_a_payout_never_has_more_tax_than_money() -> None:
    order = with_tax(order_of((2, 10_000), shipping=1_000), 100, 1_000)
    made = refunded(order, {1: [(1, 1)]}, {}, payout=500)
    assert [(row.gross, row.tax) for row in made.taxes] == [(5_500, 550)]
    assert [(row.gross, row.tax) for row in made.payout_taxes] == [(500, 50)]
    assert refunded(order, {1: [(1, 1)]}, {}, payout=0).payout_taxes == ()


def test_kept_shipping_has_the_rest_of_its_tax() -> None:
    order = with_tax(order_of((2, 10_000), shipping=1_000), 100, 1_000)
    first = taxed(order, (), {}, payout=0, shipping_kept=335)
    second = taxed(order, (), {}, payout=0, shipping_kept=665, kept_before=335)
    assert (first.shipping_kept_tax, second.shipping_kept_tax) == (34, 66)


def test_unknown_taxes_stay_unknown() -> None:
    made = refunded(order_of((2, 10_000), shipping=1_000), {1: [(1, 1)]}, {})
    assert (made.lines[0].tax, made.shipping_tax, made.shipping_kept_tax, made.taxes, made.payout_taxes) == (None, None, None, (), ())


@given(
    st.lists(st.tuples(st.integers(1, 9), st.integers(0, 10_000), st.integers(0, 100)), min_size=1, max_size=4),
    st.integers(0, 3_000),
    st.randoms(use_true_random=False),
)
def test_the_taxes_of_all_refunds_add_up(lines: list[tuple[int, int, int]], shipping: int, random: Random) -> None:
    sold = order_of(*((quantity, total) for quantity, total, _ in lines), shipping=shipping)
    order = with_tax(sold, shipping // 7, *(total * percent // 100 for _, total, percent in lines))
    units = [(line.line, unit) for line in order.lines for unit in range(1, line.quantity + 1)]
    random.shuffle(units)
    credited: dict[int, int] = {}
    made = [refunded(order, {line: [(unit, unit)]}, credited) for line, unit in units]
    for line in order.lines:
        assert sum(part.tax or 0 for one in made for part in one.lines if part.line == line.line) == line.tax
    assert sum(one.shipping_tax or 0 for one in made) == order.shipping_tax
    assert all(0 <= (part.tax or 0) <= part.goods for one in made for part in one.lines)
    assert all(row.net >= 0 and row.tax >= 0 for one in made for row in (*one.taxes, *one.payout_taxes))
