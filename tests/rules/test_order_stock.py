"""What an amendment takes though it is not there, and who may hand an order over: tables, and properties over any levels."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.orders.rules.hand_over import may_hand_over
from services.orders.rules.stock import oversold_with, taken
from services.orders.state import Shortage
from shared.contracts.actor import Actor, Role

SKUS = st.sampled_from("ABC")


@pytest.mark.parametrize(
    ("freed", "level", "short"),
    [
        (-3, 3, 0),
        (-3, 2, 1),
        (-3, 0, 3),
        (-3, -4, 3),  # what was short before is another order's
        (3, -4, 0),
        (-1, None, 0),  # not tracked
    ],
)
def test_what_is_taken_though_it_is_not_there(freed: int, level: int | None, short: int) -> None:
    levels = {} if level is None else {"A": level}
    assert taken({"A": freed}, levels) == ((Shortage("A", short),) if short else ())


@given(st.dictionaries(SKUS, st.integers(-9, 9).filter(bool)), st.dictionaries(SKUS, st.integers(-9, 9)))
def test_it_is_what_the_levels_fall_below_zero_by(freed: dict[str, int], levels: dict[str, int]) -> None:
    short = {one.sku: one.short for one in taken(freed, levels)}
    for sku, units in freed.items():
        level = levels.get(sku, 0)
        fell = max(0, -(level + units)) - max(0, -level) if units < 0 and sku in levels else 0
        assert short.get(sku, 0) == fell


@given(st.lists(st.lists(st.builds(Shortage, SKUS, st.integers(1, 9)))))
def test_it_adds_up_by_sku_in_any_order(each: list[list[Shortage]]) -> None:
    said: tuple[Shortage, ...] = ()
    for more in each:
        said = oversold_with(said, more)
    assert said == oversold_with((), [one for more in reversed(each) for one in more])
    assert [one.sku for one in said] == sorted({one.sku for more in each for one in more})


@pytest.mark.parametrize(
    ("role", "read_only", "code"),
    [
        ("platform", False, None), ("platform", True, "read_only"), ("staff", False, "platform_only"), ("customer", False, "platform_only"),
        ("guest", True, "platform_only"), ("system", False, "platform_only"),
    ],
)  # fmt: skip
def test_who_may_hand_an_order_over(role: Role, read_only: bool, code: str | None) -> None:
    assert may_hand_over(Actor("store", role, "somebody", read_only=read_only)).code == code
