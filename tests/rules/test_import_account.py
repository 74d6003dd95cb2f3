"""The account of an import: every row and penny in its column, whatever the system answers."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.importing.account import Columns, account, foreseen
from kit.importing.countries import PLACES, stand_in_address
from kit.importing.results import Placed, Refunded, Refusal
from services.orders.addresses.postal import problems_of
from shared.contracts.events import Address
from tests.rules.test_import_mapping import back, planned, sale

D = Decimal


def test_a_sale_with_carriage_and_a_cancellation_at_another_price() -> None:
    made = planned(sale(quantity=2, price="50.00"), sale(code="POST", quantity=1, price="10.00"), back(quantity=1, price="45.00"))
    off, on = (account(made, foreseen(made, deduct_shipping=switch)) for switch in (False, True))
    assert [entry.columns for entry in off.entries] == [
        Columns(goods=D(100)),
        Columns(shipping=D(10)),
        Columns(goods=D(-50), shipping=D(-5), price_differs=D(5), shipping_by_policy=D(5)),
    ]
    assert on.entries[2].columns == Columns(goods=D(-50), price_differs=D(5))
    for kept in (off, on):
        assert kept.adds_up
        assert (kept.whole.file, kept.whole.columns.total, kept.orders, kept.refunds, kept.matched_rows) == (D(65), D(65), 1, 1, 1)


def test_rounding_has_a_column_of_its_own() -> None:
    made = planned(sale(), sale(price="0.125", quantity=3), sale(code="POST", quantity=1, price="0.005"))
    kept = account(made, foreseen(made, deduct_shipping=False))
    assert [(entry.columns.goods, entry.columns.shipping, entry.columns.rounding) for entry in kept.entries] == [
        (D("15.30"), 0, 0),
        (D("0.38"), 0, D("-0.005")),
        (0, D("0.01"), D("-0.005")),
    ]
    assert kept.adds_up


def test_what_the_system_refuses_is_rejected_with_its_words() -> None:
    made = planned(sale("1"), sale("2"), sale(code="POST", invoice="2", quantity=1, price="3.00"), back(quantity=8))
    results = foreseen(made, deduct_shipping=False)
    results.orders["2"] = Refusal("number_taken", "Taken.")
    results.refunds["C540000", "2"] = Refusal("number_taken", "Taken.")
    kept = account(made, results)
    assert [(entry.outcome, entry.columns.rejected) for entry in kept.entries] == [
        ("line", 0),
        ("refused", D("15.30")),
        ("refused", D("3.00")),
        ("refund", D("-15.30")),
    ]
    assert kept.entries[3].columns.goods == D("-5.10")
    assert kept.entries[1].detail == "number_taken: Taken."
    assert kept.adds_up


@pytest.mark.parametrize("wrong", ["goods", "shipping", "refund"])
def test_an_answer_that_was_not_expected_does_not_add_up(wrong: str) -> None:
    made = planned(sale(), sale(code="POST", quantity=1, price="3.00"), back(quantity=2))
    results = foreseen(made, deduct_shipping=False)
    if wrong == "refund":
        results.refunds["C540000", "536365"] = Refunded("refund_1", 511, 100)
    else:
        results.orders["536365"] = Placed("order_1", 1530 + (wrong == "goods"), 300 + (wrong == "shipping"))
    kept = account(made, results)
    assert not kept.adds_up
    assert (kept.unexplained_rows, abs(kept.whole.unexplained)) == (1, D("0.01"))


def test_what_was_not_tried_is_rejected_too() -> None:
    made = planned(sale("1"), sale("2"), back(quantity=2))
    results = foreseen(made, deduct_shipping=True)
    del results.orders["1"]
    results.refunds.clear()
    kept = account(made, results)
    assert [entry.outcome for entry in kept.entries] == ["refused", "line", "refused"]
    assert kept.adds_up


def day(number: int) -> str:
    return f"2010-12-{number:02} 08:00"


quantities = st.integers(1, 40)
prices = st.decimals("0.00", "9.999", places=3)
customers = st.sampled_from(["", "1", "2"])
sales = st.builds(
    lambda invoice, code, quantity, price, at: sale(str(invoice), code, quantity, str(price), customer=str(invoice % 3 or ""), at=day(at)),
    st.integers(1, 8), st.sampled_from(["A1", "a1", "B2", "POST", "M"]), st.integers(-5, 40).filter(bool), prices, st.integers(1, 28),
)  # fmt: skip
cancellations = st.builds(
    lambda code, quantity, price, customer, invoice: back(code, quantity, str(price), customer=customer, invoice=f"C{invoice}"),
    st.sampled_from(["A1", "B2", "POST", "M"]), quantities, prices, customers, st.integers(1, 4),
)  # fmt: skip


@given(st.lists(st.one_of(sales, cancellations), min_size=1, max_size=25), st.booleans())
def test_any_file_adds_up_row_by_row(rows: list[str], deduct_shipping: bool) -> None:
    made = planned(*rows)
    kept = account(made, foreseen(made, deduct_shipping=deduct_shipping))
    assert len(made.outcomes) == len(rows)
    assert kept.adds_up
    units = {
        (order.invoice, line): planned_line.row.quantity
        for order in made.orders.values()
        for line, planned_line in enumerate(order.lines, 1)
    }
    for refund in made.refunds:
        for line, taken in refund.quantities.items():
            units[refund.order, line] -= taken
    assert min(units.values(), default=0) >= 0


@pytest.mark.parametrize("country", sorted(PLACES))
def test_every_country_accepts_its_stand_in_address(country: str) -> None:
    assert problems_of(Address(**stand_in_address(country)), "/shipping_address") == ()


def test_what_is_no_country_is_where_the_shop_is() -> None:
    assert stand_in_address("Unspecified") == stand_in_address("European Community") == stand_in_address("United Kingdom")
