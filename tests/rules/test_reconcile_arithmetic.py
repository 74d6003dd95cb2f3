"""Two implementations of the specification's shares, written apart, agree; and the worked cases come out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.operator.reconcile.shares import of_history, of_money, of_units
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


CANCELLED = {
    "order": [[10_000, 2, 1, 0]], "credited": {}, "shipping": 1_000, "shipping_credited": 0, "policy": True, "left": True, "kept_before": 0,
    "paid_before": None, "history": None,
}  # fmt: skip


def test_case_9_a_cancelled_order_that_had_left() -> None:
    later = {"collected_seen": 11_000, "credited": {"1": 2_000}}
    first = of_money(CANCELLED | {"collected_seen": 3_000, "before": 0})
    second = of_money(CANCELLED | later | {"before": 2_000, "kept_before": 1_000})
    assert (first.amount, first.kept, second.amount, second.kept) == (2_000, 1_000, 8_000, 0)
    off = CANCELLED | {"policy": False}
    assert of_money(off | {"collected_seen": 3_000, "before": 0}).amount == 3_000
    assert of_money(off | later | {"before": 3_000, "credited": {"1": 3_000}}).amount == 8_000


def test_case_51_only_what_was_recorded_after_the_import_goes_back() -> None:
    """30.00 collected and 20.00 refunded then, 80.00 recorded now; and the same where the first payment was reversed since."""
    past = CANCELLED | {"history": {"lines": [{"line": 1, "quantity": 1, "amount": 2_000}], "shipping": 0}, "paid_before": 3_000}
    assert (of_history(past).lines, of_history(past).amount) == ({1: (2_000, 0)}, 2_000)
    later = of_money(past | {"collected_seen": 11_000, "before": 2_000, "credited": {"1": 2_000}})
    assert (later.amount, later.kept, later.lines) == (8_000, 0, {1: (8_000, 0)})
    assert of_money(past | {"paid_before": 0, "collected_seen": 8_000, "before": 2_000, "credited": {"1": 2_000}}).amount == 6_000


def test_shipping_that_had_gone_back_fills_one_line_after_the_other() -> None:
    two = CANCELLED | {"order": [[5_000, 1, 1, 0], [5_000, 1, 2, 0]], "history": {"lines": [], "shipping": 700}}
    assert of_history(two).lines == {1: (0, 500), 2: (0, 200)}


def test_what_never_left_keeps_no_shipping() -> None:
    assert of_money(CANCELLED | {"left": False, "collected_seen": 3_000, "before": 0}).kept == 0


def test_shipping_that_a_part_cancellation_credited_or_paid_back_is_not_kept_again() -> None:
    credited = of_money(CANCELLED | {"collected_seen": 3_000, "before": 500, "shipping_credited": 400, "credited": {"1": 100, "0": 400}})
    assert (credited.amount, credited.kept) == (1_900, 600)
    paid_back = of_money(CANCELLED | {"collected_seen": 2_500, "before": 2_000, "credited": {"1": 2_000}})
    assert (paid_back.amount, paid_back.kept) == (0, 500)


@pytest.mark.parametrize(
    ("choice", "policy", "shipping"),
    [(None, True, 0), (None, False, 500), ("policy", True, 0), ("policy", False, 500), ("keep", False, 0), ("refund", True, 500)],
)
def test_who_says_whether_shipping_is_kept(choice: str | None, policy: bool, shipping: int) -> None:
    refund = {"order": [[10_000, 2, 1, 0]], "credited": {}, "shipping": 1_000, "status": "processing", "lines": [[1, 0, 0, [[1, 1]], 0]]}
    assert of_units(refund | {"fees": 0, "choice": choice, "policy": policy}).lines == {1: (5_000, shipping)}
