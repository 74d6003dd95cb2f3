"""Refunds that nobody asks for: worked cases 8, 9 and 10 as pure tables, and that the order of arrival never matters."""

from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.refunds.rules.automatic import Already, Due, due_refunds
from services.refunds.rules.policy import DEFAULT_POLICY
from services.refunds.state import KnownOrder, KnownPayment, Line
from shared.contracts.events import By, Cancellation, OrderStatus, RefundedBefore

T = datetime(2026, 3, 1, 12, tzinfo=UTC)
ON = replace(DEFAULT_POLICY, deduct_shipping=True)
OFF = DEFAULT_POLICY


def cancelled(
    origin: OrderStatus, *payments: tuple[str, int, int], at_version: int = 5, reverses: dict[str, str] | None = None
) -> KnownOrder:
    """Order P (2 units = 100.00, shipping 10.00), cancelled at a version, with (id, amount, version) payments."""
    return KnownOrder(
        order_id="order_01h455vb4pex5vsknk084sn02q",
        number="1",
        customer_id="c1",
        version=max([at_version, *(version for _, _, version in payments)]),
        status="cancelled",
        currency="EUR",
        lines=(Line(1, "SKU", 2, 10_000),),
        shipping=1_000,
        payments=tuple(KnownPayment(key, amount, version, (reverses or {}).get(key)) for key, amount, version in payments),
        cancellation=Cancellation(
            by=By(role="customer", id="c1"), cancelled_from=origin, reason="", order_version=at_version, occurred_at=T, recorded_at=T
        ),
    )


def live(order: KnownOrder, deduct: bool) -> list[Due]:
    """What is made when every version is seen as it happens."""
    made: list[Due] = []
    for version in range(1, order.version + 1):
        known = replace(order, version=version, payments=tuple(p for p in order.payments if p.order_version <= version))
        if order.cancellation and version < order.cancellation.order_version:
            known = replace(known, status="shipped", cancellation=None)
        made += due_refunds(known, ON if deduct else OFF, already(made))
    return made


def already(made: list[Due]) -> Already:
    return Already(approved=sum(d.amount for d in made), shipping_kept=sum(d.shipping_kept for d in made), keys={d.key for d in made})


@pytest.mark.parametrize(
    ("order", "deduct", "expected"),
    [
        pytest.param(cancelled("picked_up"), False, [(None, 0, 0)], id="case 8: no money, goods come back"),
        pytest.param(
            cancelled("shipped", ("a", 3_000, 4), ("b", 8_000, 6)), True, [(None, 2_000, 1_000), ("b", 8_000, 0)], id="case 9, on"
        ),
        pytest.param(cancelled("shipped", ("a", 3_000, 4), ("b", 8_000, 6)), False, [(None, 3_000, 0), ("b", 8_000, 0)], id="case 9, off"),
        pytest.param(cancelled("pending", ("a", 11_000, 6)), True, [("a", 11_000, 0)], id="case 10: nothing kept of what never left"),
        pytest.param(cancelled("pending"), False, [], id="neither money nor goods"),
        pytest.param(cancelled("confirmed", ("a", 11_000, 2)), True, [(None, 11_000, 0)], id="paid, never left"),
        pytest.param(
            cancelled("shipped", ("a", 500, 6), ("b", 10_500, 7)),
            True,
            [(None, 0, 0), ("a", 0, 500), ("b", 10_000, 500)],
            id="less than kept",
        ),
        pytest.param(
            cancelled("shipped", ("a", 1_000, 6), ("b", 10_000, 7)), True, [(None, 0, 0), ("a", 0, 1_000), ("b", 10_000, 0)], id="case 52"
        ),
        pytest.param(
            cancelled("shipped", ("a", 500, 4), ("b", 10_500, 7)), True, [(None, 0, 500), ("b", 10_000, 500)], id="kept in two parts"
        ),
        pytest.param(cancelled("confirmed", ("a", 12_000, 2)), False, [(None, 12_000, 0)], id="overpaid comes back too"),
        pytest.param(
            cancelled("shipped", ("a", 3_000, 3), ("r", -3_000, 4), reverses={"r": "a"}), False, [(None, 0, 0)], id="reversed before"
        ),
    ],
)
def test_what_a_cancelled_order_is_owed(order: KnownOrder, deduct: bool, expected: list[tuple[str | None, int, int]]) -> None:
    at_once = due_refunds(order, ON if deduct else OFF, Already())
    assert [(due.key, due.amount, due.shipping_kept) for due in at_once] == expected
    assert [(due.key, due.amount, due.shipping_kept) for due in live(order, deduct)] == expected
    assert due_refunds(order, ON if deduct else OFF, already(at_once)) == []


def test_an_order_that_is_not_cancelled_is_owed_nothing() -> None:
    order = replace(cancelled("shipped", ("a", 11_000, 2)), status="delivered", cancellation=None)
    assert due_refunds(order, OFF, Already()) == []


@pytest.mark.parametrize(("back", "expected"), [(4_000, [("a", 11_000), ("b", 1_000)]), (11_000, [("b", 5_000)])])
def test_case_37_a_payment_counts_as_reversed_when_nothing_of_it_stands(back: int, expected: list[tuple[str, int]]) -> None:
    whole = ("a", 11_000, 6), ("b", 5_000, 7)
    once = cancelled("pending", *whole, ("r", -back, 8), reverses={"r": "a"})
    twice = cancelled("pending", *whole, ("r", -1_000, 8), ("s", 1_000 - back, 9), reverses={"r": "a", "s": "a"})
    for order in (once, twice):
        assert [(d.key, d.amount) for d in due_refunds(order, OFF, Already())] == expected


def test_money_known_to_be_reversed_is_not_paid_out() -> None:
    order = cancelled("confirmed", ("a", 11_000, 2), ("r", -11_000, 6), ("b", 5_000, 7), reverses={"r": "a"})
    assert [(d.key, d.amount) for d in live(order, False)] == [(None, 11_000)]  # paid before the reversal was known: needs attention
    assert [(d.key, d.amount) for d in due_refunds(order, OFF, Already())] == [(None, 5_000)]


payments = st.lists(st.integers(1, 20_000), max_size=6)


@given(payments, st.integers(0, 6), st.sampled_from(["pending", "confirmed", "picked_up", "shipped"]), st.booleans(), st.data())
def test_whatever_is_seen_when_the_same_refunds_come_out(
    amounts: list[int], cancelled_after: int, origin: OrderStatus, deduct: bool, data: st.DataObject
) -> None:
    cancelled_after = min(cancelled_after, len(amounts))
    versions = [n + 2 if n < cancelled_after else n + 3 for n in range(len(amounts))]
    entries = [(f"p{n}", amount, version) for n, (amount, version) in enumerate(zip(amounts, versions, strict=True))]
    order = cancelled(origin, *entries, at_version=cancelled_after + 2)
    policy = ON if deduct else OFF
    expected = due_refunds(order, policy, Already())

    seen = sorted({order.version, *data.draw(st.sets(st.integers(cancelled_after + 2, order.version)))})
    made: list[Due] = []
    for version in seen:
        known = replace(order, version=version, payments=tuple(p for p in order.payments if p.order_version <= version))
        made += due_refunds(known, policy, already(made))
    assert [(d.key, d.amount, d.shipping_kept) for d in made] == [(d.key, d.amount, d.shipping_kept) for d in expected]

    kept = min(sum(amounts), 1_000) if deduct and origin in ("picked_up", "shipped") else 0
    assert sum(due.amount for due in made) == sum(amounts) - kept
    if any(made) and order.version == seen[-1] and sum(amounts) > kept:
        assert sum(due.amount + due.shipping_kept for due in made) == sum(amounts)
    approved = [sum(d.amount for d in made[:n]) for n in range(len(made) + 1)]
    assert all(before + due.amount <= due.collected or due.amount == 0 for (before, _), due in zip(pairwise(approved), made, strict=True))


@given(
    st.tuples(payments, st.integers(0, 20_000)), payments, st.sampled_from(["pending", "confirmed", "picked_up", "shipped"]),
    st.booleans(), st.data(),
)  # fmt: skip
def test_of_an_order_imported_as_cancelled_exactly_what_is_recorded_afterwards_goes_back(
    then: tuple[list[int], int], later: list[int], origin: OrderStatus, deduct: bool, data: st.DataObject
) -> None:
    """Whatever had stayed with the shop, whichever versions are seen; and no approval is above what was collected."""
    before, refunded = then
    entries = [(f"before{n}", amount, 1) for n, amount in enumerate(before)] + [(f"p{n}", amount, n + 2) for n, amount in enumerate(later)]
    went_back = min(refunded, sum(before))
    past: dict[str, Any] = {"imported": True, "refunded_before": RefundedBefore(shipping=went_back) if went_back else None}
    order = replace(cancelled(origin, *entries, at_version=1), **past)
    made: list[Due] = []
    for version in sorted({order.version, *data.draw(st.sets(st.integers(1, order.version)))}):
        known = replace(order, version=version, payments=tuple(p for p in order.payments if p.order_version <= version))
        done = already(made)
        made += due_refunds(known, ON if deduct else OFF, replace(done, approved=done.approved + went_back))
    assert [(due.key, due.amount, due.shipping_kept) for due in made] == [
        (key, amount, 0) for key, amount, version in entries if version > 1
    ]
    approved = [went_back + sum(due.amount for due in made[:n]) for n in range(len(made) + 1)]
    assert all(after <= due.collected for after, due in zip(approved[1:], made, strict=True))


def test_a_payment_of_before_that_is_reversed_did_not_stay() -> None:
    """30.00 then, 20.00 of them refunded then; 80.00 now, and the 30.00 never were: 60.00 are left to go back."""
    past: dict[str, Any] = {"imported": True, "refunded_before": RefundedBefore(shipping=2_000)}
    one = cancelled("shipped", ("a", 3_000, 1), ("b", 8_000, 2), ("r", -3_000, 3), at_version=1, reverses={"r": "a"})
    assert [(due.key, due.amount) for due in due_refunds(replace(one, **past), OFF, Already(approved=2_000))] == [("b", 6_000)]
