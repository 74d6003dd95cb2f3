"""What of a credit is paid out: the table of real-shops.md 2.1, and that no order of refunds and payments pays too much or too little."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.refunds.rules.payout import may_pay, payout
from shared.contracts.position import Position


def position(collected: int, *, credited: int = 0, paid_back: int = 0, written_off: int = 0) -> Position:
    """Order P (2 × 50.00 + 10.00)."""
    return Position(total=11_000, credited=credited, collected=collected, paid_back=paid_back, written_off=written_off)


@pytest.mark.parametrize(
    ("collected", "credit", "paid", "due", "overpaid"),
    [
        (0, 5_500, 0, 5_500, 0), (5_000, 5_500, 0, 500, 0), (5_500, 5_500, 0, 0, 0),
        (6_000, 5_500, 500, 0, 0), (11_000, 5_500, 5_500, 0, 0), (11_500, 5_500, 5_500, 0, 500),
        (0, 5_000, 0, 6_000, 0), (5_000, 5_000, 0, 1_000, 0), (5_500, 5_000, 0, 500, 0),
        (6_000, 5_000, 0, 0, 0), (11_000, 5_000, 5_000, 0, 0), (11_500, 5_000, 5_000, 0, 500),
    ],
)  # fmt: skip
def test_case_16_the_table(collected: int, credit: int, paid: int, due: int, overpaid: int) -> None:
    assert payout(position(collected), credit) == paid
    after = position(collected, credited=credit, paid_back=paid)
    assert (after.due, after.overpaid, after.paid) == (due, overpaid, due == 0)


@pytest.mark.parametrize(
    ("before", "credit", "said", "code"),
    [
        (position(0), 5_500, None, "not_collected"),  # most likely cash that was not recorded yet
        (position(0), 5_500, 0, None),
        (position(0), 5_500, 1, "not_collected"),
        (position(0), 0, None, None),
        (position(5_000), 5_500, None, None),
        (position(11_000), 5_500, 5_500, None),
        (position(11_000), 5_500, 500, "payout_changed"),  # case 20
        (position(11_000), 5_500, 0, "payout_changed"),
        (position(11_000), 5_500, 11_001, "not_collected"),
        (position(0, credited=5_500, paid_back=5_500), 5_500, None, "not_collected"),  # case 47
        (position(0, credited=5_500, paid_back=5_500), 5_500, 0, None),
    ],
)
def test_who_may_pay_what(before: Position, credit: int, said: int | None, code: str | None) -> None:
    assert may_pay(before, credit, said).code == code


def test_what_a_refusal_says() -> None:
    early = may_pay(position(0), 11_000)
    assert (early.kind, early.retry_after_seconds) == ("not_yet", 1)
    assert early.facts == {"amount": 11_000, "collected": 0, "approved_before": 0, "payout": 0}
    assert may_pay(position(11_000), 5_500, 500).facts == {"payout": 5_500, "expected": 500}


@given(st.lists(st.one_of(st.tuples(st.just("pay"), st.integers(1, 9_000)), st.tuples(st.just("credit"), st.integers(1, 9_000)))))
def test_money_goes_out_only_when_nothing_is_owed(steps: list[tuple[str, int]]) -> None:
    now = position(0)
    for what, amount in steps:
        if what == "pay":
            now = position(now.collected + amount, credited=now.credited, paid_back=now.paid_back)
            continue
        credit = min(amount, now.total - now.credited)
        paid = payout(now, credit)
        after = position(now.collected, credited=now.credited + credit, paid_back=now.paid_back + paid)
        assert 0 <= paid <= credit
        assert after.paid_back <= after.collected
        assert after.due <= now.due, "a credit never raises what is due"
        assert paid == 0 or after.due == 0
        assert not (after.due and after.overpaid)
        now = after
    assert now.due - now.overpaid == now.total - now.credited - now.collected + now.paid_back
