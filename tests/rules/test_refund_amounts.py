"""The amount of a refund: the worked cases of product section 8 as pure tables, and the property that everything adds up."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.refunds.rules import units
from services.refunds.rules.amounts import Amount, MoneyBack, money_back, refund_amount
from services.refunds.state import SHIPPING, KnownOrder, Line, Units


def order_of(*lines: tuple[int, int], shipping: int, currency: str = "EUR") -> KnownOrder:
    """An order of (quantity, line total in minor units) lines."""
    return KnownOrder(
        order_id="order_01h455vb4pex5vsknk084sn02q",
        number="1",
        customer_id="c1",
        version=5,
        status="delivered",
        currency=currency,
        lines=tuple(Line(number, f"SKU-{number}", quantity, total) for number, (quantity, total) in enumerate(lines, start=1)),
        shipping=shipping,
    )


P = order_of((2, 10_000), shipping=1_000)
YEN = order_of((3, 100), shipping=10, currency="JPY")
DINAR = order_of((3, 1_000), shipping=500, currency="KWD")
TWO_LINES = order_of((2, 10_000), (1, 5_000), shipping=1_500)
FREE_GOODS = order_of((1, 0), (3, 0), shipping=1_000)


@pytest.mark.parametrize(
    ("order", "claim", "deduct", "goods", "shipping", "total"),
    [
        pytest.param(P, {1: [(1, 2)]}, True, 10_000, 0, 10_000, id="case 1, on"),
        pytest.param(P, {1: [(1, 2)]}, False, 10_000, 1_000, 11_000, id="case 1, off"),
        pytest.param(YEN, {1: [(1, 1)]}, False, 33, 3, 36, id="case 2, first"),
        pytest.param(YEN, {1: [(2, 2)]}, False, 34, 4, 38, id="case 2, second"),
        pytest.param(YEN, {1: [(3, 3)]}, False, 33, 3, 36, id="case 2, third"),
        pytest.param(YEN, {1: [(1, 1), (3, 3)]}, True, 66, 0, 66, id="case 3, C"),
        pytest.param(DINAR, {1: [(1, 1)]}, False, 333, 167, 500, id="case 4, first"),
        pytest.param(DINAR, {1: [(2, 2)]}, False, 334, 166, 500, id="case 4, second"),
        pytest.param(DINAR, {1: [(3, 3)]}, False, 333, 167, 500, id="case 4, third"),
        pytest.param(TWO_LINES, {2: [(1, 1)]}, False, 5_000, 500, 5_500, id="case 5"),
        pytest.param(TWO_LINES, {1: [(1, 2)]}, False, 10_000, 1_000, 11_000, id="case 5, the rest"),
        pytest.param(FREE_GOODS, {1: [(1, 1)]}, False, 0, 250, 250, id="free goods share shipping by unit"),
        pytest.param(FREE_GOODS, {2: [(1, 3)]}, False, 0, 750, 750, id="free goods, the rest"),
        pytest.param(P, {}, False, 0, 0, 0, id="nothing"),
    ],
)
def test_what_a_refund_pays(
    order: KnownOrder, claim: dict[int, list[tuple[int, int]]], *, deduct: bool, goods: int, shipping: int, total: int
) -> None:
    amount = refund_amount(order, {line: [Units(*pair) for pair in pairs] for line, pairs in claim.items()}, {}, deduct_shipping=deduct)
    assert (amount.goods, amount.shipping, amount.total) == (goods, shipping, total)


def test_what_is_deducted_is_the_share_that_would_have_been_paid() -> None:
    amount = refund_amount(TWO_LINES, {2: [Units(1, 1)]}, {}, deduct_shipping=True)
    assert (amount.total, amount.shipping, amount.shipping_deducted, amount.shipping_share) == (5_000, 0, 500, 500)


def test_a_line_of_a_million_units_is_counted_by_ranges() -> None:
    order = order_of((1_000_000, 7_777_777_777), shipping=12_345)
    odd = refund_amount(order, {1: [Units(1, 499_999)]}, {}, deduct_shipping=False)
    rest = refund_amount(order, {1: [Units(500_000, 1_000_000)]}, {}, deduct_shipping=False)
    assert odd.total + rest.total == 7_777_777_777 + 12_345


# -- which units ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("quantity", "taken", "expected"),
    [
        (3, [], [(1, 3)]),
        (3, [(2, 2)], [(1, 1), (3, 3)]),
        (3, [(1, 3)], []),
        (9, [(7, 9), (1, 2)], [(3, 6)]),
        (1_000_000, [(1, 999_999)], [(1_000_000, 1_000_000)]),
    ],
)
def test_free_units(quantity: int, taken: list[tuple[int, int]], expected: list[tuple[int, int]]) -> None:
    assert units.free(quantity, [Units(*pair) for pair in taken]) == [Units(*pair) for pair in expected]


@pytest.mark.parametrize(
    ("ranges", "wanted", "expected"),
    [
        ([(1, 1), (3, 3)], 2, [(1, 1), (3, 3)]),
        ([(5, 9), (1, 2)], 4, [(1, 2), (5, 6)]),
        ([(5, 9)], 0, []),
        ([(5, 6)], 9, [(5, 6)]),
    ],
)
def test_lowest_units(ranges: list[tuple[int, int]], wanted: int, expected: list[tuple[int, int]]) -> None:
    assert units.lowest([Units(*pair) for pair in ranges], wanted) == tuple(Units(*pair) for pair in expected)


def added(credited: dict[int, int], amount: Amount | MoneyBack) -> dict[int, int]:
    """What is credited of each part after one more refund."""
    now = {line.line: line.goods for line in amount.lines} if isinstance(amount, Amount) else {n: g for n, (g, _) in amount.lines.items()}
    now[SHIPPING] = amount.shipping
    return {part: credited.get(part, 0) + now.get(part, 0) for part in {*credited, *now}}


@pytest.mark.parametrize(
    ("credited", "goods", "shipping"),
    [
        ({}, 5_000, 500),
        ({1: 4_999, SHIPPING: 499}, 5_000, 500),
        ({1: 6_000}, 4_000, 500),
        ({1: 10_000, SHIPPING: 1_000}, 0, 0),
        ({SHIPPING: 700}, 5_000, 300),
    ],
)
def test_units_are_worth_at_most_what_is_left(credited: dict[int, int], goods: int, shipping: int) -> None:
    amount = refund_amount(P, {1: [Units(2, 2)]}, credited, deduct_shipping=False)
    assert (amount.goods, amount.shipping) == (goods, shipping)


def test_shipping_that_is_left_goes_to_the_first_lines() -> None:
    amount = refund_amount(TWO_LINES, {1: [Units(1, 2)], 2: [Units(1, 1)]}, {SHIPPING: 200}, deduct_shipping=False)
    assert [(line.goods, line.shipping) for line in amount.lines] == [(10_000, 1_000), (5_000, 300)]


# -- everything adds up -----------------------------------------------------------------------------------------------

orders = st.builds(
    lambda lines, shipping, currency: order_of(*lines, shipping=shipping, currency=currency),
    st.lists(st.tuples(st.integers(1, 40), st.integers(0, 100_000)), min_size=1, max_size=5),
    st.integers(0, 5_000),
    st.sampled_from(["JPY", "EUR", "KWD"]),
)


@given(orders, st.booleans(), st.data())
def test_requests_withdrawals_and_part_approvals_in_any_order_add_up(order: KnownOrder, deduct: bool, data: st.DataObject) -> None:
    """Play any life of an order's refunds, then request and approve all that is free: no minor unit is lost or made."""
    open_requests: list[dict[int, tuple[Units, ...]]] = []
    approved: list[dict[int, tuple[Units, ...]]] = []

    def free_units(line: Line) -> list[Units]:
        claims = [*open_requests, *approved]
        return units.free(line.quantity, [taken for claim in claims for taken in claim.get(line.line, ())])

    for _ in range(data.draw(st.integers(0, 12))):
        match data.draw(st.sampled_from(["request", "withdraw", "approve"])):
            case "request":
                line = data.draw(st.sampled_from(order.lines))
                wanted = data.draw(st.integers(1, line.quantity))
                if units.count(free_units(line)) >= wanted:
                    open_requests.append({line.line: units.lowest(free_units(line), wanted)})
            case "withdraw" if open_requests:
                open_requests.pop(data.draw(st.integers(0, len(open_requests) - 1)))
            case "approve" if open_requests:
                claim = open_requests.pop(data.draw(st.integers(0, len(open_requests) - 1)))
                approved.append({n: units.lowest(r, data.draw(st.integers(1, units.count(r)))) for n, r in claim.items()})
    approved += open_requests
    open_requests = []
    approved.append({line.line: tuple(free_units(line)) for line in order.lines})

    amounts, credited = [], dict[int, int]()
    for claim in approved:
        amounts.append(refund_amount(order, claim, credited, deduct_shipping=deduct))
        credited = added(credited, amounts[-1])
    assert all(amount.total >= 0 and amount.goods >= 0 and amount.shipping >= 0 for amount in amounts)
    assert sum(amount.goods for amount in amounts) == order.goods
    assert sum(amount.shipping_share for amount in amounts) == order.shipping
    assert sum(amount.total for amount in amounts) == order.goods + order.shipping - sum(a.shipping_deducted for a in amounts)
    for line in order.lines:
        assert sum(part.goods for amount in amounts for part in amount.lines if part.line == line.line) == line.total


@given(orders, st.lists(st.integers(0, 60_000), min_size=1, max_size=6))
def test_money_given_back_in_parts_fills_the_order_once(order: KnownOrder, payments: list[int]) -> None:
    before, goods, shipping, overpaid = 0, 0, 0, 0
    credited: dict[int, int] = {}
    by_line: dict[int, int] = {}
    for payment in payments:
        part = money_back(order, credited, payment)
        credited = added(credited, part)
        assert part.goods + part.shipping + part.overpaid == payment
        assert min(part.goods, part.shipping, part.overpaid) >= 0
        for number, (of_goods, _) in part.lines.items():
            by_line[number] = by_line.get(number, 0) + of_goods
        before, goods, shipping, overpaid = before + payment, goods + part.goods, shipping + part.shipping, overpaid + part.overpaid
    assert goods == min(before, order.goods)
    assert shipping == min(before - goods, order.shipping)
    assert overpaid == max(0, before - order.goods - order.shipping)
    assert all(by_line.get(line.line, 0) <= line.total for line in order.lines)


def test_money_back_of_the_worked_case() -> None:
    first = money_back(P, {}, 3_000)
    second = money_back(P, added({}, first), 8_000)
    assert (first.goods, first.shipping, first.overpaid) == (3_000, 0, 0)
    assert (second.goods, second.shipping, second.overpaid) == (7_000, 1_000, 0)
    assert money_back(replace(P, shipping=0), {}, 11_000).overpaid == 1_000


def test_shipping_that_is_kept_is_not_given_back_as_shipping() -> None:
    back = money_back(P, {}, 10_500, shipping_kept=1_000)
    assert (back.goods, back.shipping, back.overpaid) == (10_000, 0, 500)
