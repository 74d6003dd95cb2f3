"""Two implementations of the specification's shares, written apart, agree; and the worked cases come out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.operator.reconcile.shares import automatic, requested
from services.refunds.rules.amounts import refund_amount
from services.refunds.state import KnownOrder, Line, Units
from shared.contracts.refund_shares import goods_of, shipping_of

lines = st.lists(st.tuples(st.integers(0, 10**7), st.integers(1, 60)), min_size=1, max_size=6)


@pytest.mark.parametrize(
    ("total", "quantity", "goods"),
    [(100, 3, [33, 34, 33]), (1000, 3, [333, 334, 333]), (5, 2, [3, 2]), (0, 2, [0, 0])],
)
def test_goods_unit_by_unit(total: int, quantity: int, goods: list[int]) -> None:
    assert [goods_of(total, quantity, unit, unit) for unit in range(1, quantity + 1)] == goods


def test_shipping_unit_by_unit() -> None:
    assert [shipping_of(10, [(100, 3)], 1, unit, unit) for unit in (1, 2, 3)] == [3, 4, 3]
    assert [shipping_of(500, [(1000, 3)], 1, unit, unit) for unit in (1, 2, 3)] == [167, 166, 167]
    assert shipping_of(1500, [(10_000, 2), (5_000, 1)], 2, 1, 1) == 500
    assert [shipping_of(101, [(0, 1), (0, 2)], line, 1, units) for line, units in ((1, 1), (2, 2))] == [34, 67]


@given(lines, st.integers(0, 10**6), st.data())
def test_both_implementations_agree(order: list[tuple[int, int]], shipping: int, data: st.DataObject) -> None:
    known_lines = tuple(Line(number, f"sku-{number}", quantity, total) for number, (total, quantity) in enumerate(order, 1))
    known = KnownOrder(
        order_id="order_1", version=1, number="1", customer_id="c", status="delivered", currency="EUR", shipping=shipping,
        lines=known_lines, payments=(), delivered_at=None, cancellation=None,
    )  # fmt: skip
    line = data.draw(st.integers(1, len(order)))
    first = data.draw(st.integers(1, order[line - 1][1]))
    last = data.draw(st.integers(first, order[line - 1][1]))
    theirs = refund_amount(known, {line: [Units(first, last)]}, {}, deduct_shipping=False)
    assert (goods_of(*order[line - 1], first, last), shipping_of(shipping, order, line, first, last)) == (theirs.goods, theirs.shipping)


def test_case_9_a_cancelled_order_that_had_left() -> None:
    payments = [{"payment_id": "a", "amount": 3_000, "order_version": 2}, {"payment_id": "b", "amount": 8_000, "order_version": 5}]
    refund = {
        "order": [[10_000, 2, 1, 0]],
        "credited": {},
        "shipping": 1_000,
        "deduct": True,
        "left_from": "shipped",
        "payments": payments,
        "cancelled": 4,
    }
    first = automatic(refund | {"payment": None, "version": 4, "before": 0, "kept_before": 0})
    second = automatic(refund | {"payment": "b", "version": 5, "before": 2_000, "kept_before": 1_000, "credited": {"1": 2_000}})
    assert (first.amount, first.kept, second.amount, second.kept) == (2_000, 1_000, 8_000, 0)
    off = refund | {"deduct": False}
    assert automatic(off | {"payment": None, "version": 4, "before": 0, "kept_before": 0}).amount == 3_000
    assert automatic(off | {"payment": "b", "version": 5, "before": 3_000, "kept_before": 0, "credited": {"1": 3_000}}).amount == 8_000


def test_a_request_under_a_policy_that_keeps_shipping() -> None:
    refund = {"order": [[10_000, 2, 1, 0]], "credited": {}, "shipping": 1_000, "status": "processing", "lines": [[1, 0, 0, [[1, 1]], 0]]}
    assert requested(refund | {"deduct": True}).lines == {1: (5_000, 0)}
    assert requested(refund | {"deduct": False}).lines == {1: (5_000, 500)}
