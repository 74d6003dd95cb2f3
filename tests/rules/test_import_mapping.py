"""What becomes of each kind of row of the Online Retail file, and what is asked of the APIs for it."""

import gzip
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from kit.client.requests.orders import HistoryInput
from kit.importing import asking
from kit.importing.mapping import Plan, plan
from kit.importing.online_retail import COLUMNS, Source, Unreadable, parse, read

HEADING = ",".join(COLUMNS)


def source(*rows: str) -> Source:
    return Source(tuple(parse("\n".join((HEADING, *rows)).encode())), "d1")


def planned(*rows: str) -> Plan:
    return plan(source(*rows))


def outcomes(*rows: str) -> list[str]:
    made = planned(*rows)
    return [made.outcomes[number] for number in range(1, len(rows) + 1)]


def sale(
    invoice: str = "536365",
    code: str = "85123A",
    quantity: int = 6,
    price: str = "2.55",
    *,
    customer: str = "17850",
    at: str = "2010-12-01 08:26",
) -> str:
    return f"{invoice},{code},A THING,{quantity},{at},{price},{customer},United Kingdom"


def back(
    code: str = "85123A",
    quantity: int = 6,
    price: str = "2.55",
    *,
    customer: str = "17850",
    invoice: str = "C540000",
    at: str = "2011-01-05 10:00",
) -> str:
    return sale(invoice, code, -quantity, price, customer=customer, at=at)


CARRIAGE = sale(code="POST", quantity=1, price="18.00")


def history(made: Plan, invoice: str = "536365") -> HistoryInput:
    said = asking.order(made.orders[invoice])["history"]
    assert said is not None
    return said


@pytest.mark.parametrize(
    ("row", "outcome"),
    [
        (sale(), "line"),
        (sale(customer=""), "line"),  # beside a priced row of a customer it is that customer's; the file never mixes them
        (sale(price="0.0"), "free_line"),
        (sale(code="POST", price="18.00", quantity=1), "shipping"),
        (sale(code="DOT"), "shipping"),
        (sale(code="C2"), "shipping"),
        (sale(code="M"), "not_a_product"),
        (sale(code="m"), "not_a_product"),
        (sale(code="PADS", price="0.001"), "not_a_product"),
        (sale(code="AMAZONFEE"), "not_a_product"),
        (sale(code="BANK CHARGES"), "not_a_product"),
        (sale(quantity=-2, price="0.0"), "write_off"),
        (sale(code="DCGSSGIRL"), "line"),
        (sale(code="gift_0001_20"), "line"),
    ],
)
def test_a_row_beside_a_priced_product(row: str, outcome: str) -> None:
    expected = "line_of_a_guest" if row.split(",")[6] == "" else outcome
    assert outcomes(sale(code="71053"), row)[1] == expected


@pytest.mark.parametrize(
    ("row", "outcome"),
    [
        (sale(code="POST", price="18.00"), "carriage_alone"),
        (sale(price="0.0"), "nothing_sold"),
        (sale(quantity=-5, price="0.0"), "write_off"),
    ],
)
def test_an_invoice_without_a_priced_product_is_no_order(row: str, outcome: str) -> None:
    made = planned(row)
    assert (list(made.orders), made.outcomes[1]) == ([], outcome)


def test_a_guest_is_a_customer_of_one_invoice() -> None:
    made = planned(sale("1", customer=""), sale("2", customer=""))
    assert [order.customer for order in made.orders.values()] == ["guest-1", "guest-2"]
    assert outcomes(sale(customer="")) == ["line_of_a_guest"]


def test_the_same_product_twice_stays_two_lines_and_carriage_adds_up() -> None:
    [order] = planned(
        sale(), sale(quantity=2), sale(code="POST", quantity=1, price="18.00"), sale(code="C2", quantity=2, price="1.05")
    ).orders.values()
    assert [(line.row.quantity, line.subtotal) for line in order.lines] == [(6, 1530), (2, 510)]
    assert (order.goods, order.shipping, order.total) == (2040, 2010, 4050)


@pytest.mark.parametrize(
    ("price", "quantity", "subtotal", "asked"),
    [
        ("2.55", 6, 1530, {"unit_price": 255}),
        ("0.4", 3, 120, {"unit_price": 40}),
        ("0.001", 1, 0, {"subtotal": 0}),
        ("0.125", 3, 38, {"subtotal": 38}),  # 37.5 pence, half up, once
        ("0.005", 100, 50, {"subtotal": 50}),
    ],
)
def test_unit_prices_below_a_penny_are_rounded_once_on_the_line(price: str, quantity: int, subtotal: int, asked: dict[str, int]) -> None:
    [order] = planned(sale(), sale(price=price, quantity=quantity)).orders.values()
    line = order.lines[1]
    assert line.subtotal == subtotal
    assert asking.order(order)["lines"][1] == {"sku": "85123A", "name": "A THING", "quantity": quantity, **asked}


def test_an_order_as_it_is_asked_for() -> None:
    made = planned("540001,22138,,4,2011-04-04 11:44,4.95,12431,EIRE", "540001,POST,POSTAGE,1,2011-04-04 11:44,18,12431,EIRE")
    at = datetime(2011, 4, 4, 10, 44, tzinfo=UTC)  # British summer time
    assert asking.order(made.orders["540001"]) == {
        "currency": "GBP",
        "customer": {"id": "12431"},
        "shipping_address": {"country_code": "IE", "street_address": "Street not in the file", "city": "Dublin"},
        "lines": [{"sku": "22138", "name": "22138", "quantity": 4, "unit_price": 495}],
        "number": "540001",
        "external_ref": "online-retail:540001",
        "placed_at": at,
        "total": 3780,
        "metadata": {"source": "online-retail", "first_row": 1, "country": "EIRE"},
        "shipping": {"amount": 1800},
        "payments": [{"amount": 3780, "method": "cash", "reference": "540001", "collected_by": "online-retail", "occurred_at": at}],
        "history": {
            "status": "delivered",
            "delivered_at": at,
            "documents": [{"kind": "invoice", "number": "540001", "issued_on": date(2011, 4, 4)}],
        },
    }


def test_units_come_back_from_the_latest_purchases_that_have_some() -> None:
    made = planned(
        sale("1", quantity=5, at="2010-12-01 08:00"),
        sale("2", quantity=3, at="2010-12-02 08:00"),
        sale("3", quantity=9, at="2010-12-03 08:00", customer="99999"),
        back(quantity=4, invoice="C9"),
        back(quantity=3, invoice="C10"),
        sale("4", quantity=50, at="2011-02-01 08:00"),
    )
    assert [(take.row.invoice, take.order, take.line, take.units, take.refunded) for takes in made.takes.values() for take in takes] == [
        ("C9", "2", 1, 3, 765),
        ("C9", "1", 1, 1, 255),
        ("C10", "1", 1, 3, 765),
    ]
    assert (made.outcomes[4], made.outcomes[5]) == ("refund", "refund")


@pytest.mark.parametrize(
    ("rows", "outcome", "taken"),
    [
        ((back(),), "no_purchase", []),
        ((sale(), back(customer="")), "no_customer", []),
        ((sale(customer="17851"), back()), "no_purchase", []),
        ((sale(), back(quantity=10)), "refund_in_part", [(1, 6, 1530)]),
        ((sale(), back(quantity=2, price="2.00")), "refund", [(1, 2, 400)]),
        ((sale(), back(quantity=6, price="3.00")), "refund_in_part", [(1, 6, 1530)]),
        ((sale(code="85123a"), back(code="85123A")), "refund", [(1, 6, 1530)]),
        ((CARRIAGE, sale(), back(code="POST", quantity=1, price="18.00")), "refund", [(0, 1, 1800)]),
        ((CARRIAGE, sale(), back(code="POST", quantity=1, price="20.00")), "refund_in_part", [(0, 1, 1800)]),
        ((CARRIAGE, back(code="POST", quantity=1, price="18.00")), "no_purchase", []),
        ((sale(code="D"), sale(), back(code="D")), "not_a_product", []),
        ((sale(price="0.0"), sale(code="X1X"), back()), "no_purchase", []),
        ((sale(at="2011-02-01 08:00"), back()), "no_purchase", []),
    ],
)
def test_what_becomes_of_a_cancellation(rows: tuple[str, ...], outcome: str, taken: list[tuple[int, int, int]]) -> None:
    made = planned(*rows)
    number = len(rows)
    assert (made.outcomes[number], [(take.line, take.units, take.refunded) for take in made.takes[number]]) == (outcome, taken)


def test_what_came_back_stands_in_the_history_at_its_own_prices() -> None:
    made = planned(
        sale(quantity=10),
        CARRIAGE,
        back(quantity=2, price="2.00"),
        back(quantity=3),
        back(code="POST", quantity=1, price="5.00", invoice="C540001", at="2011-02-01 10:00"),
    )
    assert history(made) == {
        "status": "delivered",
        "delivered_at": datetime(2010, 12, 1, 8, 26, tzinfo=UTC),
        "documents": [
            {"kind": "invoice", "number": "536365", "issued_on": date(2010, 12, 1)},
            {"kind": "credit_note", "number": "C540000", "issued_on": date(2011, 1, 5)},
            {"kind": "credit_note", "number": "C540001", "issued_on": date(2011, 2, 1)},
        ],
        "refunded": {"lines": [{"line": 1, "quantity": 5, "amount": 1165}], "shipping": 500},
    }


@pytest.mark.parametrize(
    ("rows", "status"),
    [
        ((back(at="2010-12-01 09:00"),), "cancelled"),
        ((back(quantity=4, at="2010-12-01 09:00"), back(quantity=2, at="2010-12-01 10:00")), "cancelled"),
        ((back(quantity=5, at="2010-12-01 09:00"),), "delivered"),
        ((back(quantity=5, at="2010-12-01 09:00"), back(quantity=1, at="2010-12-02 09:00")), "delivered"),
        ((back(),), "delivered"),
        ((sale(code="FREE", price="0.0"), back(at="2010-12-01 09:00")), "cancelled"),
        ((sale(code="71053"), back(at="2010-12-01 09:00")), "delivered"),
    ],
)
def test_an_order_is_cancelled_if_all_that_was_priced_came_back_on_its_day(rows: tuple[str, ...], status: str) -> None:
    assert history(planned(sale(), *rows))["status"] == status


def test_a_cancelled_order_ends_with_its_last_cancellation() -> None:
    made = planned(sale(), back(quantity=4, at="2010-12-01 09:00"), back(quantity=2, at="2010-12-01 10:00"))
    said = history(made)
    assert said["cancelled"] == {"from": "confirmed", "at": datetime(2010, 12, 1, 10, tzinfo=UTC)}
    assert (said["confirmed_at"], "delivered_at" in said) == (datetime(2010, 12, 1, 8, 26, tzinfo=UTC), False)


def test_the_same_file_asks_the_same_under_the_same_keys() -> None:
    rows = [sale(str(number)) for number in range(1, 450)]
    first, second = planned(*rows), planned(*rows)
    sizes = [len(chunk) for chunk in asking.chunks(first.orders)]
    assert sizes == [100, 100, 100, 100, 49]
    bodies = [[asking.order(order) for order in chunk] for made in (first, second) for chunk in asking.chunks(made.orders)]
    keys = [asking.key("d1", body) for body in bodies]
    assert keys[:5] == keys[5:]
    assert len(set(keys)) == 5


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"a,b\n1,2\n", "no column"),
        (f"{HEADING}\nX,85123A,A,1,2010-12-01 08:26,1.0,1,UK\n".encode(), "Row 1"),
        (f"{HEADING}\n1,85123A,A,1.5,2010-12-01 08:26,1.0,1,UK\n".encode(), "Row 1"),
        (f"{HEADING}\n1,85123A,A,1,2010-12-01 08:26,NaN,1,UK\n".encode(), "Row 1"),
        (f"{HEADING}\n1,85123A,A,1,01.12.2010,1.0,1,UK\n".encode(), "Row 1"),
        (f"{HEADING}\n1,85123A\n".encode(), "Row 1"),
        (b"\xff\xfe", "UTF-8"),
    ],
)
def test_what_is_no_such_file_is_said_with_its_row(content: bytes, why: str) -> None:
    with pytest.raises(Unreadable, match=why):
        list(parse(content))


def test_packed_or_not_it_is_the_same_file(tmp_path: Path) -> None:
    content = f"{HEADING}\n{sale()}\n".encode()
    (tmp_path / "a.csv").write_bytes(content)
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(content))
    assert read(tmp_path / "a.csv") == read(tmp_path / "a.csv.gz")
    assert read(tmp_path / "a.csv").rows[0].value == Decimal("15.30")
