"""What is on its way is told apart from what is missing, by counts alone: no clock decides."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from deploy.operator.reconcile.across import Found
from deploy.operator.reconcile.on_its_way import Key, RunningSystem, To, Way, way_to
from shared.contracts.ids import public_id

SENT = datetime(2026, 1, 1, tzinfo=UTC)
ORDER = public_id("order", UUID(int=7))


def event(number: int) -> str:
    return str(UUID(int=number))


def unheard(*numbers: int, how: Any = "missing") -> list[Found]:
    return [Found("effect_in_notes", "notes", "s", event(number), "is not there", how) for number in numbers]


def fact(number: int, **changes: Any) -> dict[str, Any]:
    """An event of orders, published so many seconds after the first."""
    told = {"subject": ORDER, "refund_id": None, "order_ids": "[]", "published_at": SENT + timedelta(seconds=number), "set_aside": False}
    return {"store_id": "s", "event_id": event(number)} | told | changes


async def way(
    unheard: list[Found], facts: list[dict[str, Any]], *, heard: tuple[int, ...] = (), depth: int | None = 0, kept: Any = ()
) -> Way:
    """What is made of it where so many messages wait in the queue, and these events were heard of meanwhile."""

    async def fetch(service: str, sql: str, stores: list[str], events: list[str]) -> list[Any]:
        if "notes.inbox" in sql:
            return [("s", event(number)) for number in heard if event(number) in events]
        return [row for row in facts if row["event_id"] in events]

    async def ready(reader: str) -> int | None:
        return depth

    return await way_to(To("notes", ("orders",), RunningSystem(fetch, ready), 0.0), unheard, list(kept))


def ids(made: Way) -> list[Key]:
    return [(one.store_id, one.id) for one in made.missing]


@pytest.mark.parametrize(
    ("changes", "heard", "depth", "counts"),
    [
        ({"published_at": None}, (), 0, {"unsent": 3}),
        ({"published_at": None, "set_aside": True}, (), 0, {"set aside": 3}),
        ({}, (), 3, {"queued": 3}),
        ({}, (), 100, {"queued": 3}),
        ({}, (1, 2, 3), 0, {}),  # it had them in hand, and is done
        ({}, (1,), 2, {"queued": 2}),
    ],
)
async def test_what_is_on_its_way_is_not_missing(
    changes: dict[str, Any], heard: tuple[int, ...], depth: int, counts: dict[str, int]
) -> None:
    made = await way(unheard(1, 2, 3), [fact(number, **changes) for number in (1, 2, 3)], heard=heard, depth=depth)
    assert ids(made) == []
    assert made.counts == Counter(counts)


async def test_what_is_in_no_queue_is_missing_the_oldest_first() -> None:
    """A queue gives what came first: of five that were published the last two wait, so the first three are lost."""
    made = await way(unheard(1, 2, 3, 4, 5), [fact(number) for number in (5, 4, 3, 2, 1)], depth=2)
    assert ids(made) == [("s", event(number)) for number in (1, 2, 3)]
    assert made.counts == Counter(queued=2)


async def test_without_the_broker_nothing_is_called_missing_and_that_is_said() -> None:
    made = await way(unheard(1, 2), [fact(1), fact(2)], depth=None)
    assert (ids(made), made.queue_unknown, made.counts) == ([], 2, Counter())


async def test_what_was_heard_before_its_source_knew_has_an_origin_by_now() -> None:
    made = await way(unheard(1, 2, how="extra"), [fact(1)])
    assert ids(made) == [("s", event(2))]


async def test_what_follows_from_an_event_on_its_way_is_explained_and_from_a_missing_one_is_not() -> None:
    lost = public_id("order", UUID(int=8))
    waiting = {"store_id": "s", "event_id": event(3), "state": "waiting"}
    refund = {"subject": public_id("order", UUID(int=9)), "refund_id": "refund_9"}
    made = await way(unheard(1, 2), [fact(1, subject=lost), fact(2), fact(3, **refund)], depth=1, kept=[waiting])
    assert ids(made) == [("s", event(1))]
    assert made.counts == Counter(queued=1, waiting=1)

    def explained(found_id: str, order_id: str = "", store: str = "s") -> bool:
        return made.explains(Found("copy_in_notes", "notes", store, found_id, "version: 1 is not 2", "differs", order_id))

    assert explained(ORDER)
    assert explained("document_1", order_id=str(UUID(int=7)))
    assert explained(event(2))
    assert explained("refund:refund_9:1")
    assert not explained(ORDER, store="another")
    assert not explained(lost)
    assert not explained("document_1", order_id=str(UUID(int=8)))
    assert not explained("refund:refund_8:1")
