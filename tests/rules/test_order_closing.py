"""Closing a difference: who, when, how much; and what follows for what is due and overpaid."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.orders.rules.attention import needs_attention
from services.orders.rules.closing import may_close
from services.orders.rules.payments import payment_state
from services.orders.rules.room import MAX_CLOSINGS
from shared.contracts.events import By, Closing, ClosingKind, Order
from tests.rules.orders import ACTORS, NOW, PLATFORM, STAFF, STATUSES, SYSTEM, order


def closing(kind: ClosingKind, amount: int, number: int = 0) -> Closing:
    return Closing(
        closing_id=f"closing_01jd0000000000000000000{number:03}", kind=kind, amount=amount, reason="other",
        by=By(role="staff", id="staff-1"), occurred_at=NOW, order_version=2,
    )  # fmt: skip


def short(by: int, *closings: Closing, **changes: Any) -> Order:
    """Order P, confirmed, with `by` still to pay; overpaid if `by` is negative."""
    return order("confirmed", collected=11_000 - by, closings=closings, **changes)


def test_who_and_when() -> None:
    for status in STATUSES:
        one = order(status, collected=10_997)
        said = {name: may_close(one, actor, 3).code for name, actor in ACTORS.items()}
        here = {"pending": "pending_is_amended", "cancelled": "already_cancelled"}.get(status)
        shop = dict.fromkeys(("staff", "platform", "system"), here)
        assert said == shop | dict.fromkeys(("customer", "on_behalf", "guest"), "shop_only") | {"reader": "read_only"}


@pytest.mark.parametrize(
    ("by", "kind", "amount", "code"),
    [
        (3, "written_off", 3, None), (3, "written_off", 1, None), (3, "written_off", 4, "no_such_difference"),
        (3, "kept", 1, "no_such_difference"), (0, "written_off", 1, "no_such_difference"), (0, "kept", 1, "no_such_difference"),
        (-500, "kept", 500, None), (-500, "kept", 501, "no_such_difference"), (-500, "written_off", 1, "no_such_difference"),
    ],
)  # fmt: skip
def test_no_more_than_there_is(by: int, kind: ClosingKind, amount: int, code: str | None) -> None:
    decision = may_close(short(by), PLATFORM, 0, kind, amount)
    assert decision.code == code
    if code:
        assert decision.facts == {"due": max(0, by), "overpaid": max(0, -by)}


def test_staff_have_a_limit_for_each_order_and_kind() -> None:
    """What anybody closed counts, each kind by itself; the platform and the system have none."""
    before = (closing("written_off", 60), closing("kept", 30, 1))
    due = short(160, *before)
    for amount, code in ((40, None), (41, "above_closing_limit"), (100, "above_closing_limit"), (101, "no_such_difference")):
        assert may_close(due, STAFF, 100, "written_off", amount).code == code
        assert may_close(due, PLATFORM, 0, "written_off", amount).code == (code if code == "no_such_difference" else None)
        assert may_close(due, SYSTEM, 0, "written_off", amount).code == (code if code == "no_such_difference" else None)
    assert may_close(due, STAFF, 100, "written_off", 41).facts == {"limit": 100, "closed": 60}
    over = short(-130, *before)
    assert [may_close(over, STAFF, 100, "kept", amount).code for amount in (70, 71)] == [None, "above_closing_limit"]


def test_the_action_is_about_whichever_difference_there_is() -> None:
    cases = ((3, 100, None), (-3, 100, None), (0, 100, "no_such_difference"), (3, 0, "above_closing_limit"), (-3, 0, "above_closing_limit"))
    for by, limit, code in cases:
        assert may_close(short(by), STAFF, limit).code == code


def test_there_is_room_for_so_many() -> None:
    many = tuple(closing("written_off", 1, number) for number in range(MAX_CLOSINGS))
    assert may_close(short(100, *many[1:]), PLATFORM, 0, "written_off", 1).allowed
    assert may_close(short(100, *many), PLATFORM, 0, "written_off", 1).code == "too_many_closings"


@given(
    total=st.integers(0, 1_000), collected=st.integers(0, 1_500), later=st.integers(0, 500),
    tries=st.lists(st.tuples(st.sampled_from(["written_off", "kept"]), st.integers(1, 600)), max_size=6),
)  # fmt: skip
def test_what_is_closed_never_exceeds_the_difference(total: int, collected: int, later: int, tries: list[tuple[ClosingKind, int]]) -> None:
    """However often it is tried: written off up to what was due, kept up to what was overpaid, and never both above 0."""
    one = order("confirmed", goods_total=total, shipping=0, total=total, collected=collected)
    due, overpaid = one.position.due, one.position.overpaid
    for number, (kind, amount) in enumerate(tries):
        left = one.position.due if kind == "written_off" else one.position.overpaid
        decision = may_close(one, PLATFORM, 0, kind, amount)
        assert decision.allowed == (amount <= left)
        if decision.allowed:
            one = one.model_copy(update={"closings": (*one.closings, closing(kind, amount, number))})
    position = one.position
    assert (position.written_off + position.due, position.kept + position.overpaid) == (due, overpaid)
    assert payment_state(position) == ("paid" if position.written_off == due else "unpaid")
    assert needs_attention(position, misaddressed=False, oversold=False) == (("overpaid",) if position.kept < overpaid else ())
    paid_after_all = one.model_copy(update={"collected": collected + min(later, due)}).position
    assert paid_after_all.overpaid == overpaid - position.kept, "a tolerance: money that still comes is no money too much"
    assert paid_after_all.due == max(0, due - min(later, due) - position.written_off)
