"""Amending: what stays, what is new, and what must be said again (real-shops.md 1.1)."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.orders.requests.amending import AmendOrder
from services.orders.rules.amend import amended, changed_parts, freed, may_amend
from shared.contracts.errors import Failure
from shared.contracts.events import Option, Order, OrderLine
from tests.rules.orders import ACTORS, STAFF, STATUSES, order


def wanted(*lines: dict[str, Any], **more: Any) -> AmendOrder:
    return AmendOrder.model_validate({"reason": "by phone", "lines": list(lines), **more})


def made(before: Order, request: AmendOrder, *, tracked: tuple[str, ...] = (), last_line: int = 0) -> Order:
    return amended(before, request, tracked=tracked, last_line=last_line or len(before.lines))


def refusal(before: Order, request: AmendOrder, **more: Any) -> str:
    with pytest.raises(Failure) as failure:
        made(before, request, **more)
    return failure.value.code


CAP = {"sku": "CAP-1", "name": "Cap", "quantity": 3, "unit_price": 2_000}


def test_only_while_pending_and_only_by_the_shop() -> None:
    codes = {(status, name): may_amend(order(status), actor).code for status in STATUSES for name, actor in ACTORS.items()}
    assert {key for key, code in codes.items() if code is None} == {("pending", who) for who in ("staff", "platform", "system")}
    assert all(codes[status, "staff"] == "lines_frozen" for status in STATUSES if status != "pending")
    assert may_amend(order("pending"), STAFF).allowed


def test_case_38_one_less_and_another_article() -> None:
    before = order()
    after = made(before, wanted({"line": 1, "quantity": 1}, CAP, shipping={"amount": 500}), tracked=("CAP-1",))
    assert [(line.line, line.sku, line.quantity, line.total, line.stock_tracked) for line in after.lines] == [
        (1, "TEE-1", 1, 5_000, True),
        (2, "CAP-1", 3, 6_000, True),
    ]
    assert (after.total, after.goods_total, after.shipping, after.lines_version) == (11_500, 11_000, 500, 2)
    assert changed_parts(before, after) == ("lines", "shipping")
    assert freed(before, after) == {"TEE-1": 1, "CAP-1": -3}


def test_a_removed_line_comes_back_as_another() -> None:
    once = made(order(), wanted({"line": 1, "quantity": 1}, CAP))
    twice = made(once, wanted({"line": 2}, {"sku": "TEE-1", "name": "T-shirt", "quantity": 1, "unit_price": 700}), last_line=2)
    assert [line.line for line in twice.lines] == [2, 3]
    assert freed(once, twice) == {"TEE-1": 1}, "the new line reserves nothing: its SKU is not tracked now"
    assert twice.lines_version == 3


def test_what_is_not_said_stays() -> None:
    line = OrderLine(
        line=1, sku="A", name="A", quantity=2, unit_price=5_000, subtotal=10_000, discount=1_000, order_discount=500, tax=700, total=8_500
    )
    before = order(lines=(line,), goods_total=8_500, shipping=1_000, shipping_tax=90, total=9_500, discount_total=1_500, tax_total=790)
    after = made(before, wanted({"line": 1}, {"sku": "B", "name": "B", "quantity": 1, "unit_price": 9_000}))
    assert (after.lines[0].quantity, after.lines[0].discount, after.lines[0].tax) == (2, 1_000, 700)
    assert [one.order_discount for one in after.lines] == [250, 250], "the order's discount is spread anew"
    assert (after.shipping, after.shipping_tax, after.tax_total) == (1_000, 90, 790)
    assert (after.goods_total, after.total) == (8_750 + 8_750, 18_500)


def test_tax_never_goes_stale_in_silence() -> None:
    taxed = OrderLine(line=1, sku="A", name="A", quantity=2, unit_price=5_000, subtotal=10_000, tax=1_000, total=10_000)
    before = order(lines=(taxed,), shipping_tax=100, tax_total=1_100)
    for said in ({"quantity": 1}, {"unit_price": 4_000}, {"discount": 1}):
        assert refusal(before, wanted({"line": 1, **said})) == "figures_missing"
    assert refusal(before, wanted({"line": 1}, shipping={"amount": 500})) == "figures_missing"
    assert made(before, wanted({"line": 1, "quantity": 1, "tax": 500})).lines[0].tax == 500
    assert made(before, wanted({"line": 1, "quantity": 1, "tax": 0})).lines[0].tax == 0
    spread = made(before, wanted({"line": 1, "quantity": 1}, tax=600))
    assert (spread.lines[0].tax, spread.shipping_tax, spread.tax_total) == (500, 100, 600)
    assert made(before, wanted({"line": 1, "name": "B"})).lines[0].tax == 1_000


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (wanted(), "no_lines_left"),
        (wanted({"line": 2}), "unknown_line"),
        (wanted({"line": 1}, {"line": 1, "quantity": 1}), "line_twice"),
        (wanted({"line": 1, "sku": "CAP-1"}), "line_is_another_sku"),
        (wanted({"line": 1}), "nothing_changed"),
        (wanted({"line": 1, "quantity": 2, "unit_price": 5_000}, shipping={"amount": 1_000}, discount=0), "nothing_changed"),
        (wanted({"line": 1, "quantity": 1}, total=1), "figures_do_not_add_up"),
        (wanted({"line": 1, "quantity": 1, "discount": 5_001}), "discount_too_large"),
        (wanted({"line": 1, "quantity": 1}, discount=5_001), "discount_too_large"),
    ],
)
def test_what_cannot_be(request_: AmendOrder, code: str) -> None:
    assert refusal(order(), request_) == code


def test_numbers_are_never_used_again() -> None:
    assert refusal(order(), wanted({"line": 1}, CAP), last_line=10_000) == "line_numbers_used_up"
    assert made(order(), wanted(CAP), last_line=9_999).lines[0].line == 10_000


@given(st.lists(st.tuples(st.integers(1, 9), st.integers(0, 9_999)), min_size=1, max_size=5), st.integers(0, 2_000), st.booleans())
def test_every_amendment_adds_up(new: list[tuple[int, int]], shipping: int, keep: bool) -> None:
    lines = [{"sku": f"S-{n}", "name": "x", "quantity": quantity, "unit_price": price} for n, (quantity, price) in enumerate(new)]
    after = made(order(), wanted(*([{"line": 1}] if keep else []), *lines, shipping={"amount": shipping}))
    assert after.total == sum(line.total for line in after.lines) + after.shipping
    assert after.goods_total == sum(line.total for line in after.lines)
    assert [line.line for line in after.lines] == sorted({line.line for line in after.lines})


def test_what_lines_print_stays_unless_it_is_said() -> None:
    size, colour = Option(name="Size", value="M"), {"name": "Colour", "value": "red"}
    said = {"options": (size,), "tax_rate": "15", "tax_code": "S", "commodity_code": "6109"}
    before = order(
        lines=(order().lines[0].model_copy(update=said),), shipping_tax_rate="15", shipping_tax_code="S", coupon_codes=("EID10",)
    )
    after = made(before, wanted({"line": 1, "quantity": 1}, shipping={"amount": 500}))
    assert {name: getattr(after.lines[0], name) for name in said} == said
    assert (after.shipping_tax_rate, after.shipping_tax_code, after.coupon_codes) == ("15", "S", ("EID10",))
    cases: list[tuple[AmendOrder, tuple[str, ...]]] = [
        (wanted({"line": 1, "options": [colour]}), ("lines",)),
        (wanted({"line": 1, "options": []}), ("lines",)),
        (wanted({"line": 1, "commodity_code": "6110"}), ("lines",)),
        (wanted({"line": 1}, shipping={"amount": 1_000, "tax_rate": "7"}), ("shipping",)),
        (wanted({"line": 1}, coupon_codes=[]), ("discount",)),
    ]
    for request, parts in cases:
        assert changed_parts(before, made(before, request)) == parts
    assert (
        refusal(before, wanted({"line": 1, "tax_rate": "15", "options": [size.model_dump()]}, coupon_codes=["EID10"])) == "nothing_changed"
    )
