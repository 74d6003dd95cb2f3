"""How slots are shared by turns: a table of what one may hold, and a property over random days."""

import random
from dataclasses import dataclass

import pytest

from shared.data.shares import SYSTEM, Rules, Turns

TWENTY = Rules(slots=20, headroom=2, reserve=4, part=0.4, queue=200)


def taken(turns: Turns[str], store: str, wanted: int, *, callers: int = 1, now: float = 0.0) -> int:
    return sum(turns.take(store, f"caller-{number % callers}", now) for number in range(wanted))


@pytest.mark.parametrize(
    ("rules", "alone", "beside", "system"),
    [
        (TWENTY, 14, 8, 18),  # 20 less 2 for whoever comes next, less 4 of the system's own
        (Rules(slots=10, headroom=2, reserve=4, part=0.4), 4, 4, 8),
        (Rules(slots=3, headroom=1, part=0.4), 2, 2, 2),
        (Rules(slots=2, headroom=1, part=0.5), 1, 1, 1),
        (Rules(slots=1, headroom=2, reserve=4), 1, 1, 1),
    ],
)
def test_what_one_may_hold(rules: Rules, alone: int, beside: int, system: int) -> None:
    turns = Turns[str](rules)
    assert taken(turns, "greedy", 50) == alone
    turns = Turns[str](rules)
    turns.take("other", "caller-0", 0.0)
    turns.give("other", "caller-0")
    assert taken(turns, "greedy", 50, now=10.0) == beside
    assert taken(Turns[str](rules), SYSTEM, 50) == system


def test_a_store_that_was_there_lately_counts_as_there_and_later_no_more() -> None:
    turns = Turns[str](TWENTY)
    turns.take("other", "caller-0", 0.0)
    turns.give("other", "caller-0")
    assert taken(turns, "greedy", 50, now=10.0) == 8
    assert taken(turns, "greedy", 50, now=10.1) == 14 - 8


def test_our_own_work_makes_no_store_smaller_and_is_never_kept_out() -> None:
    turns = Turns[str](TWENTY)
    assert turns.take(SYSTEM, "", 0.0)
    assert taken(turns, "greedy", 50) == 14
    assert taken(turns, SYSTEM, 50) == 4 - 1  # its own; of the 2 that are left for newcomers it takes none


def test_beside_another_caller_of_the_store_a_caller_has_its_part_of_the_store() -> None:
    turns = Turns[str](TWENTY)
    turns.take("shop", "staff", 0.0)
    assert taken(turns, "shop", 50) == 6  # 40 % of 14
    turns.take("other", "caller-0", 0.0)
    turns.give("shop", "caller-0")
    assert taken(turns, "shop", 50) == 0  # 40 % of 8 is less than the 5 that it still has


def test_a_freed_slot_goes_to_whoever_holds_fewest_then_by_turns() -> None:
    turns = Turns[str](Rules(slots=4, headroom=0, part=1.0))
    assert taken(turns, "greedy", 9) == 4
    turns.give("greedy", "caller-0")
    for number in range(3):
        assert turns.wait("greedy", "caller-0", f"greedy-{number}")
    assert turns.take("second", "one", 0.0)
    assert not turns.take("second", "one", 0.0)
    assert turns.wait("second", "one", "second-0")
    assert not turns.take("third", "one", 0.0)
    assert turns.wait("third", "one", "third-0")
    order = []
    for _ in range(3):
        turns.give("greedy", "caller-0")
        order.append(turns.next_one(0.0))
    assert order == ["third-0", "greedy-0", "second-0"]  # fewest first; of those that hold one, whose turn was longest ago
    assert (turns.held("greedy"), turns.held("second"), turns.held("third"), turns.used) == (1, 2, 1, 4)


def test_of_what_is_left_for_newcomers_nobody_takes_a_second() -> None:
    turns = Turns[str](Rules(slots=4, headroom=1, part=1.0))
    assert taken(turns, "greedy", 9) == 3
    assert turns.wait("greedy", "caller-0", "greedy")
    turns.give("greedy", "caller-0")
    assert turns.next_one(0.0) == "greedy"
    assert taken(turns, "second", 9) == 1
    turns.give("greedy", "caller-0")
    assert taken(turns, "second", 9) == 0
    assert taken(turns, "third", 9) == 1


def test_one_customer_does_not_hold_up_another_of_the_same_store() -> None:
    turns = Turns[str](Rules(slots=2, headroom=1, part=0.5))
    assert turns.take("shop", "greedy", 0.0)
    for number in range(7):
        assert not turns.take("shop", "greedy", 0.0)
        assert turns.wait("shop", "greedy", f"greedy-{number}")
    assert not turns.take("shop", "calm", 0.0)
    assert turns.wait("shop", "calm", "calm")
    turns.give("shop", "greedy")
    assert turns.next_one(0.0) == "calm"


def test_who_is_over_its_share_and_who_only_came_late() -> None:
    turns = Turns[str](Rules(slots=4, headroom=1, part=0.5))
    assert taken(turns, "greedy", 9) == 3
    assert turns.take("second", "one", 0.0)
    assert turns.over_its_share("greedy", "caller-0")
    assert not turns.over_its_share("third", "one")
    assert not turns.over_its_share(SYSTEM, "")


def test_the_queue_of_a_store_is_bounded_and_no_other_stores() -> None:
    turns = Turns[str](Rules(slots=1, queue=2))
    assert turns.take("greedy", "one", 0.0)
    for number in range(3):
        turns.take("greedy", "one", 0.0)
        assert turns.wait("greedy", "one", f"greedy-{number}") == (number < 2)
    assert not turns.take("calm", "one", 0.0)
    assert turns.wait("calm", "one", "calm")
    assert turns.waiting == 3


def test_a_caller_leaves_room_in_its_stores_queue() -> None:
    turns = Turns[str](Rules(slots=1, part=0.4, queue=5))
    assert turns.take("shop", "greedy", 0.0)
    assert [turns.wait("shop", "greedy", str(number)) for number in range(3)] == [True, True, False]
    assert turns.wait("shop", "calm", "calm")


@dataclass(frozen=True)
class Waiting:
    store: str
    caller: str
    number: int


@pytest.mark.parametrize("seed", range(20))
def test_no_slot_is_lost_or_lent_twice_and_everybody_has_a_turn(seed: int) -> None:
    """Random callers come, wait, give up and go; at the end all are served and nothing is remembered."""
    dice = random.Random(seed)
    rules = Rules(slots=dice.randint(1, 12), headroom=dice.randint(0, 3), reserve=dice.randint(0, 3), part=dice.choice((0.2, 0.4, 1.0)))
    turns, held, waiting, now = Turns[Waiting](rules), list[Waiting](), list[Waiting](), 0.0

    def served() -> None:
        while (one := turns.next_one(now)) is not None:
            waiting.remove(one)
            held.append(one)

    for number in range(600):
        now += dice.choice((0.0, 0.1, 20.0))
        wish = Waiting(dice.choice((SYSTEM, "a", "a", "b", "c")), dice.choice(("x", "y")), number)
        chance = dice.random()
        if chance < 0.5:
            if turns.take(wish.store, wish.caller, now):
                held.append(wish)
            elif turns.wait(wish.store, wish.caller, wish):
                waiting.append(wish)
        elif chance < 0.6 and waiting:
            left = waiting.pop(dice.randrange(len(waiting)))
            turns.leave(left.store, left.caller, left)
        elif held:
            gone = held.pop(dice.randrange(len(held)))
            turns.give(gone.store, gone.caller)
            served()
        assert (turns.used, turns.waiting) == (len(held), len(waiting))
        assert turns.used <= rules.slots
    while held:
        gone = held.pop()
        turns.give(gone.store, gone.caller)
        served()
    assert waiting == []
    assert turns._stores == {}
