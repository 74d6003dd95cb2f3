"""The figures of an order: what is given stands, what is absent is computed, what contradicts is refused with both figures."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.orders.requests.placing import AddressInput, CustomerInput, LineInput, PlaceOrder, ShippingInput
from services.orders.rules.placing import amounts
from shared.contracts.errors import Invalid


def line(quantity: int, unit_price: int | None = None, **more: Any) -> LineInput:
    return LineInput(sku="TEE-1", name="T-shirt", quantity=quantity, unit_price=unit_price, **more)


def shipping(amount: int = 0, **more: Any) -> ShippingInput:
    return ShippingInput(amount=amount, **more)


def figures(*lines: LineInput, **order: Any) -> PlaceOrder:
    customer, address = CustomerInput(id="c-1"), AddressInput(country_code="BD")
    return PlaceOrder(currency="BDT", customer=customer, shipping_address=address, lines=list(lines), **order)


def test_order_p() -> None:
    made = amounts(figures(line(2, 5000), shipping=shipping(1000)))
    assert (made.goods_total, made.shipping, made.total, made.tax_total, made.discount_total) == (10000, 1000, 11000, 0, 0)


def test_tax_on_top_and_tax_inside() -> None:
    order = {"shipping": shipping(500, discount=100, tax=40)}
    on_top = amounts(figures(line(3, 1000, discount=300, tax=270), **order, prices_include_tax=False))
    assert (on_top.lines[0].total, on_top.shipping, on_top.total, on_top.tax_total) == (2970, 440, 3410, 310)
    inside = amounts(figures(line(3, 1000, discount=300, tax=270), **order))
    assert (inside.lines[0].total, inside.shipping, inside.total, inside.tax_total) == (2700, 400, 3100, 310)


def test_the_orders_discount_is_spread_without_losing_a_unit() -> None:
    made = amounts(figures(line(1, 333), line(1, 333), line(1, 334), discount=100))
    assert [line.order_discount for line in made.lines] == [33, 34, 33]
    assert (made.total, made.discount_total) == (900, 100)


def test_the_orders_tax_is_spread_where_lines_say_none() -> None:
    made = amounts(figures(line(1, 1000), line(1, 2000), shipping=shipping(1000), tax=401, prices_include_tax=False))
    assert [line.tax for line in made.lines] == [100, 201]
    assert (made.shipping_tax, made.total) == (100, 4401)


def test_a_line_may_give_only_its_total() -> None:
    made = amounts(figures(line(3, total=100, tax=10), prices_include_tax=False))
    assert (made.lines[0].subtotal, made.total) == (90, 100)


def test_given_line_totals_say_where_the_discount_went() -> None:
    made = amounts(figures(line(1, 100, total=80), line(1, 100), discount=50))
    assert [line.order_discount for line in made.lines] == [20, 30]


@pytest.mark.parametrize(
    ("order", "pointer", "said", "computed"),
    [
        (figures(line(2, 5000), total=9999), "/total", 9999, 10000),
        (figures(line(2, 5000, subtotal=9999)), "/lines/0/subtotal", 9999, 10000),
        (figures(line(2, 5000, total=10001)), "/lines/0/total", 10001, 10000),
        (figures(line(1, 100, total=100), line(1, 100, total=100), discount=10), "/discount", 10, 0),
        (figures(line(1, 100, tax=5), tax=7), "/tax", 7, 5),
        (figures(line(1, 100), shipping=shipping(10, total=11)), "/shipping/total", 11, 10),
        (figures(line(1, 100, tax=20), total=100, prices_include_tax=False), "/total", 100, 120),
    ],
)
def test_a_contradiction_shows_both_figures(order: PlaceOrder, pointer: str, said: int, computed: int) -> None:
    with pytest.raises(Invalid) as refusal:
        amounts(order)
    assert (refusal.value.code, refusal.value.facts) == ("figures_do_not_add_up", {"pointer": pointer, "given": said, "computed": computed})


@pytest.mark.parametrize(
    ("order", "code"),
    [
        (figures(line(2)), "figures_missing"),
        (figures(line(1, 100, discount=101)), "discount_too_large"),
        (figures(line(1, 100), discount=101), "discount_too_large"),
        (figures(line(1, 100), shipping=shipping(10, discount=11)), "discount_too_large"),
        (figures(line(1, 100, tax=101)), "tax_too_large"),
        (figures(line(1, 100), shipping=shipping(10, tax=11)), "tax_too_large"),
        (figures(line(1_000_000, 10**15)), "amount_too_large"),
        (figures(line(1, 10**15), line(1, 10**15)), "amount_too_large"),
    ],
)
def test_what_cannot_be(order: PlaceOrder, code: str) -> None:
    with pytest.raises(Invalid) as refusal:
        amounts(order)
    assert refusal.value.code == code


lines = st.lists(
    st.builds(
        lambda quantity, price, share, tax: line(quantity, price, discount=quantity * price * share // 100, tax=tax),
        st.integers(1, 50), st.integers(0, 10_000), st.integers(0, 100), st.none() | st.just(0),
    ),
    min_size=1, max_size=12,
)  # fmt: skip


@given(lines=lines, share=st.integers(0, 100), shipping=st.integers(0, 5000), tax=st.integers(0, 9999), inclusive=st.booleans())
def test_it_always_adds_up(lines: list[LineInput], share: int, shipping: int, tax: int, *, inclusive: bool) -> None:
    net = sum(line.quantity * (line.unit_price or 0) - line.discount for line in lines)
    discount = net * share // 100
    whole = figures(
        *lines, shipping=ShippingInput(amount=shipping), discount=discount, tax=None if inclusive else tax, prices_include_tax=inclusive
    )
    if any(line.tax is not None for line in lines) and not inclusive and tax:
        return
    made = amounts(whole)
    assert sum(line.total for line in made.lines) + made.shipping == made.total
    assert sum(line.order_discount for line in made.lines) == discount
    assert made.total == net - discount + shipping + (0 if inclusive else tax)
    assert all(line.total >= 0 and line.order_discount >= 0 for line in made.lines)
