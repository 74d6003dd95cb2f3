"""Which fault comes when: drawn from a seed and nothing else, so that a run can be repeated."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

PAIRED = 0.15
"""Share of faults that come while the one before still lasts."""

WEIGHTS = {
    "kill_service": 5, "kill_all_services": 1, "freeze_service": 3, "kill_postgres": 3, "freeze_postgres": 2, "kill_rabbitmq": 2,
    "freeze_rabbitmq": 2, "kill_everything": 1, "cut_database": 3, "cut_broker": 3, "slow_database": 2, "slow_broker": 2,
    "sliced_database": 1, "sliced_broker": 1, "half_open_database": 1, "half_open_broker": 2, "commit_answer_lost": 4,
    "confirm_lost": 4, "backends_terminated": 3, "memory_alarm": 1, "queue_deleted": 1, "disk_full": 1, "events_repeated": 3,
    "clock_jump": 1, "big_bodies": 2, "silent_connections": 2, "half_requests": 2, "bad_tokens": 2, "unread_exports": 2,
}  # fmt: skip
"""How often each kind stands in the deck that faults are drawn from. tests/faults/load/kinds.py does them."""

PARTS = {
    "kill_service": "services", "kill_all_services": "services", "freeze_service": "services", "clock_jump": "services",
    "kill_postgres": "database", "freeze_postgres": "database", "cut_database": "database", "slow_database": "database",
    "sliced_database": "database", "half_open_database": "database", "backends_terminated": "database",
    "disk_full": "database", "kill_rabbitmq": "broker", "freeze_rabbitmq": "broker", "cut_broker": "broker", "slow_broker": "broker",
    "sliced_broker": "broker", "half_open_broker": "broker", "memory_alarm": "broker",
    "big_bodies": "services", "silent_connections": "services", "half_requests": "services", "bad_tokens": "services",
}  # fmt: skip
"""What each kind spoils. Two faults come together only in different parts; a kind that is not here comes alone: a
confirm cannot be lost while the database is away and nothing is published."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault: `seconds` long, `after` a pause, by `seed` for its own choices; `paired` begins while its predecessor lasts."""

    number: int
    kind: str
    seconds: float
    after: float
    seed: int
    paired: bool


def draw(seed: int, count: int, kinds: Sequence[str]) -> list[Fault]:
    """`count` faults of these kinds. Decks are shuffled one after another, so that every kind comes even in a short run."""
    rng = random.Random(seed)
    faults: list[Fault] = []
    deck: list[str] = []
    while len(faults) < count:
        if not deck:
            first = list(kinds) if not faults else [kind for kind in kinds for _ in range(WEIGHTS[kind])]
            rng.shuffle(first)
            deck = first
        kind = deck.pop()
        paired = bool(faults) and not faults[-1].paired and _apart(faults[-1].kind, kind) and rng.random() < PAIRED
        faults.append(Fault(len(faults) + 1, kind, rng.uniform(0.3, 4.0), rng.uniform(0.1, 1.5), rng.getrandbits(32), paired))
    return faults


def _apart(one: str, other: str) -> bool:
    return one in PARTS and other in PARTS and PARTS[one] != PARTS[other]
