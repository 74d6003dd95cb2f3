"""The account of an import: every row and penny in its column, whatever the system answers."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import to_jsonable_python

from kit.importing import asking
from kit.importing.account import Columns, account, foreseen
from kit.importing.countries import PLACES, stand_in_address
from kit.importing.results import Placed, Refusal
from services.orders.addresses.postal import problems_of
from services.orders.requests.placing import PlaceOrder
from services.orders.rules.drafting import drafted
from services.orders.rules.history import with_history
from shared.contracts.events import Address, By, OrderPersonal
from shared.contracts.ids import new_id
from tests.rules.orders import NOW
from tests.rules.test_import_mapping import back, planned, sale

D = Decimal
IMPORTER = By(role="platform", id="platform-1")


def test_a_cancellation_is_refunded_at_its_own_price_and_for_no_more_than_was_paid() -> None:
    made = planned(
        sale(quantity=2, price="50.00"),
        sale(code="POST", quantity=1, price="10.00"),
        back(quantity=1, price="45.00"),
        back(quantity=1, price="60.00", invoice="C540001"),
        back(code="POST", quantity=2, price="10.00"),
    )
    kept = account(made, foreseen(made))
    assert [entry.columns for entry in kept.entries] == [
        Columns(goods=D(100)),
        Columns(shipping=D(10)),
        Columns(goods=D(-45)),
        Columns(goods=D(-55), rejected=D(-5)),
        Columns(shipping=D(-10), rejected=D(-10)),
    ]
    assert kept.adds_up
    assert (kept.whole.file, kept.whole.columns.total, kept.orders, kept.refunds, kept.cancelled) == (D(-15), D(-15), 1, 1, 0)


def test_rounding_has_a_column_of_its_own() -> None:
    made = planned(sale(), sale(price="0.125", quantity=3), sale(code="POST", quantity=1, price="0.005"))
    kept = account(made, foreseen(made))
    assert [(entry.columns.goods, entry.columns.shipping, entry.columns.rounding) for entry in kept.entries] == [
        (D("15.30"), 0, 0),
        (D("0.38"), 0, D("-0.005")),
        (0, D("0.01"), D("-0.005")),
    ]
    assert kept.adds_up


def test_what_the_system_refuses_is_rejected_with_its_words() -> None:
    made = planned(sale("1"), sale("2"), sale(code="POST", invoice="2", quantity=1, price="3.00"), back(quantity=8))
    results = foreseen(made)
    results["2"] = Refusal("number_taken", "Taken.")
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


@pytest.mark.parametrize("wrong", ["goods", "shipping"])
def test_an_answer_that_was_not_expected_does_not_add_up(wrong: str) -> None:
    made = planned(sale(), sale(code="POST", quantity=1, price="3.00"), back(quantity=2))
    results = foreseen(made)
    results["536365"] = Placed("order_1", 1530 + (wrong == "goods"), 300 + (wrong == "shipping"))
    kept = account(made, results)
    assert not kept.adds_up
    assert (kept.unexplained_rows, abs(kept.whole.unexplained)) == (1, D("0.01"))


def test_what_was_not_tried_is_rejected_too() -> None:
    made = planned(sale("1"), sale("2"), back(quantity=2))
    results = foreseen(made)
    del results["2"]
    kept = account(made, results)
    assert [entry.outcome for entry in kept.entries] == ["line", "refused", "refused"]
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


@given(st.lists(st.one_of(sales, cancellations), min_size=1, max_size=25))
def test_any_file_adds_up_row_by_row(rows: list[str]) -> None:
    made = planned(*rows)
    kept = account(made, foreseen(made))
    assert len(made.outcomes) == len(rows)
    assert kept.adds_up
    for order in made.orders.values():
        placed = PlaceOrder.model_validate(to_jsonable_python(asking.order(order)))
        assert placed.history is not None
        bare = drafted(placed, OrderPersonal(), new_id, now=NOW).order
        assert with_history(bare, placed.history, IMPORTER, now=NOW).refunded_before.amount == order.refunded  # orders accepts it
        left = {line: (one.row.quantity, one.subtotal) for line, one in enumerate(order.lines, 1)}
        left[0] = (sum(row.quantity for row in order.carriage), order.shipping)
        for take in order.takes:
            units, money = left[take.line]
            left[take.line] = (units - take.units, money - take.refunded)
        assert min(min(what) for what in left.values()) >= 0


@pytest.mark.parametrize("country", sorted(PLACES))
def test_every_country_accepts_its_stand_in_address(country: str) -> None:
    assert problems_of(Address(**stand_in_address(country)), "/shipping_address") == ()


def test_what_is_no_country_is_where_the_shop_is() -> None:
    assert stand_in_address("Unspecified") == stand_in_address("European Community") == stand_in_address("United Kingdom")
