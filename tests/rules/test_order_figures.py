"""The figures of an order: what is given stands, what is absent is computed, what contradicts is refused with both figures."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.orders.rules.placing import LineFigures, OrderFigures, ShippingFigures, amounts
from shared.contracts.errors import Invalid


def figures(*lines: LineFigures, **order: Any) -> OrderFigures:
    return OrderFigures(lines=lines, **order)


def test_order_p() -> None:
    made = amounts(figures(LineFigures(2, 5000), shipping=ShippingFigures(1000)))
    assert (made.goods_total, made.shipping, made.total, made.tax_total, made.discount_total) == (10000, 1000, 11000, 0, 0)


def test_tax_on_top_and_tax_inside() -> None:
    line, shipping = LineFigures(3, 1000, discount=300, tax=270), ShippingFigures(500, discount=100, tax=40)
    on_top = amounts(figures(line, shipping=shipping, prices_include_tax=False))
    assert (on_top.lines[0].total, on_top.shipping, on_top.total, on_top.tax_total) == (2970, 440, 3410, 310)
    inside = amounts(figures(line, shipping=shipping))
    assert (inside.lines[0].total, inside.shipping, inside.total, inside.tax_total) == (2700, 400, 3100, 310)


def test_the_orders_discount_is_spread_without_losing_a_unit() -> None:
    made = amounts(figures(LineFigures(1, 333), LineFigures(1, 333), LineFigures(1, 334), discount=100))
    assert [line.order_discount for line in made.lines] == [33, 34, 33]
    assert (made.total, made.discount_total) == (900, 100)


def test_the_orders_tax_is_spread_where_lines_say_none() -> None:
    made = amounts(figures(LineFigures(1, 1000), LineFigures(1, 2000), shipping=ShippingFigures(1000), tax=401, prices_include_tax=False))
    assert [line.tax for line in made.lines] == [100, 201]
    assert (made.shipping_tax, made.total) == (100, 4401)


def test_a_line_may_give_only_its_total() -> None:
    made = amounts(figures(LineFigures(3, total=100, tax=10), prices_include_tax=False))
    assert (made.lines[0].subtotal, made.total) == (90, 100)


def test_given_line_totals_say_where_the_discount_went() -> None:
    made = amounts(figures(LineFigures(1, 100, total=80), LineFigures(1, 100), discount=50))
    assert [line.order_discount for line in made.lines] == [20, 30]


@pytest.mark.parametrize(
    ("order", "pointer", "said", "computed"),
    [
        (figures(LineFigures(2, 5000), total=9999), "/total", 9999, 10000),
        (figures(LineFigures(2, 5000, subtotal=9999)), "/lines/0/subtotal", 9999, 10000),
        (figures(LineFigures(2, 5000, total=10001)), "/lines/0/total", 10001, 10000),
        (figures(LineFigures(1, 100, total=100), LineFigures(1, 100, total=100), discount=10), "/discount", 10, 0),
        (figures(LineFigures(1, 100, tax=5), tax=7), "/tax", 7, 5),
        (figures(LineFigures(1, 100), shipping=ShippingFigures(10, total=11)), "/shipping/total", 11, 10),
        (figures(LineFigures(1, 100, tax=20), total=100, prices_include_tax=False), "/total", 100, 120),
    ],
)
def test_a_contradiction_shows_both_figures(order: OrderFigures, pointer: str, said: int, computed: int) -> None:
    with pytest.raises(Invalid) as refusal:
        amounts(order)
    assert (refusal.value.code, refusal.value.facts) == ("figures_do_not_add_up", {"pointer": pointer, "given": said, "computed": computed})


@pytest.mark.parametrize(
    ("order", "code"),
    [
        (figures(LineFigures(2)), "figures_missing"),
        (figures(LineFigures(1, 100, discount=101)), "discount_too_large"),
        (figures(LineFigures(1, 100), discount=101), "discount_too_large"),
        (figures(LineFigures(1, 100), shipping=ShippingFigures(10, discount=11)), "discount_too_large"),
        (figures(LineFigures(1, 100, tax=101)), "tax_too_large"),
        (figures(LineFigures(1, 100), shipping=ShippingFigures(10, tax=11)), "tax_too_large"),
        (figures(LineFigures(1_000_000, 10**15)), "amount_too_large"),
        (figures(LineFigures(1, 10**15), LineFigures(1, 10**15)), "amount_too_large"),
    ],
)
def test_what_cannot_be(order: OrderFigures, code: str) -> None:
    with pytest.raises(Invalid) as refusal:
        amounts(order)
    assert refusal.value.code == code


lines = st.lists(
    st.builds(
        lambda quantity, price, share, tax: LineFigures(quantity, price, discount=quantity * price * share // 100, tax=tax),
        st.integers(1, 50), st.integers(0, 10_000), st.integers(0, 100), st.none() | st.just(0),
    ),
    min_size=1, max_size=12,
)  # fmt: skip


@given(lines=lines, share=st.integers(0, 100), shipping=st.integers(0, 5000), tax=st.integers(0, 9999), inclusive=st.booleans())
def test_it_always_adds_up(lines: list[LineFigures], share: int, shipping: int, tax: int, *, inclusive: bool) -> None:
    net = sum(line.quantity * (line.unit_price or 0) - line.discount for line in lines)
    discount = net * share // 100
    whole = OrderFigures(lines, ShippingFigures(shipping), discount, tax=None if inclusive else tax, prices_include_tax=inclusive)
    if any(line.tax is not None for line in lines) and not inclusive and tax:
        return
    made = amounts(whole)
    assert sum(line.total for line in made.lines) + made.shipping == made.total
    assert sum(line.order_discount for line in made.lines) == discount
    assert made.total == net - discount + shipping + (0 if inclusive else tax)
    assert all(line.total >= 0 and line.order_discount >= 0 for line in made.lines)
