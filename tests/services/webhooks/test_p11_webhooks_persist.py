"""P11: 16 attempts over 7 days, then parked; what happened while an endpoint was disabled comes in order on its return."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from services.webhooks import tables
from services.webhooks.commands import replays
from services.webhooks.commands.deliveries import PACE_SECONDS, SPARE_SECONDS, Outcome
from services.webhooks.commands.endpoints import delete_endpoint
from services.webhooks.commands.feed import sweep_events
from services.webhooks.deliver import Deliverer
from services.webhooks.requests import ReplayInput
from services.webhooks.tables import attempts, deliveries, endpoints, feed, metadata
from shared.contracts.errors import Refused
from shared.contracts.events import By, CustomerErased, NoteAdded, NoteText
from shared.contracts.ids import new_id
from shared.messaging.pulse import end
from tests.services.kernel.lab import an_event
from tests.services.webhooks.moved_clock import Clocked, clocked, idle_stack
from tests.shop import eventually
from tests.stack import Stack

SCHEDULE = timedelta(hours=168, minutes=21, seconds=5)


@pytest.fixture(scope="module")
def idle(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A database on which nothing runs, for all tests here."""
    with idle_stack(stack, tmp_path_factory.mktemp("idle")) as made:
        yield made


@pytest.fixture
async def store(idle: Stack) -> AsyncIterator[Clocked]:
    async with clocked(idle) as made:
        yield made


async def rows(store: Clocked, table: sa.Table, *columns: str) -> list[tuple[Any, ...]]:
    """These columns of the store's rows, in order."""
    async with store.database.reading() as tx:
        wanted = sa.select(*(table.c[name] for name in columns)).where(table.c.store_id == store.store)
        return [tuple(row) for row in await tx.all(wanted.order_by(*(table.c[name] for name in columns)))]


async def due_next(store: Clocked) -> None:
    """Move the clock to the next attempt."""
    [(due,)] = await rows(store, deliveries, "due_at")
    store.now = max(store.now, due)


async def events(store: Clocked) -> list[str]:
    """What the service itself announced."""
    return [str(row[0]) for row in await rows(store, metadata.tables["webhooks.events"], "type", "sequence")]


async def test_sixteen_attempts_over_seven_days_then_parked_and_told_after_one(store: Clocked) -> None:
    await store.endpoint()
    event = await store.happens()
    began, bodies, told = store.now, set(), []
    for number in range(1, 17):
        await due_next(store)
        [leased] = await store.lease()
        assert (leased.attempts, leased.event_id) == (number - 1, event.id)
        bodies.add(leased.body)
        assert await store.lease() == [], "nobody else attempts what is leased"
        await store.answer(leased, status=500)
        told.append((store.now - began >= timedelta(hours=24), await events(store)))
    assert SCHEDULE <= store.now - began <= SCHEDULE * 1.1 + timedelta(seconds=16)
    assert len(bodies) == 1
    assert await rows(store, deliveries, "state", "attempts", "tries", "due_at") == [("parked", 16, 16, None)]
    assert [number for (number,) in await rows(store, attempts, "number")] == list(range(1, 17))
    assert all(said == (["webhook_endpoint.failing.v1"] if day else []) for day, said in told), "one notice, after a day"


async def test_a_retry_after_is_honoured_and_the_endpoint_rests(store: Clocked) -> None:
    await store.endpoint()
    await store.happens()
    [leased] = await store.lease()
    await store.answer(leased, status=429, retry_after="7200")
    await store.happens()
    assert await store.lease() == [], "an endpoint that asked for less gets nothing meanwhile"
    store.now += timedelta(seconds=7_199)
    assert await store.lease() == []
    store.now += timedelta(minutes=13)  # with the jitter of a tenth
    assert len(await store.lease()) == 2


async def test_a_dead_worker_delays_by_its_lease_and_skips_nothing(store: Clocked) -> None:
    await store.endpoint()
    await store.happens()
    [first] = await store.lease()
    lease = timedelta(seconds=PACE_SECONDS + store.settings.delivery_timeout_seconds + SPARE_SECONDS)
    store.now += lease - timedelta(seconds=1)
    assert await store.lease() == []
    store.now += timedelta(seconds=1)
    [again] = await store.lease()
    assert again == first
    await store.answer(again, status=200)
    await store.answer(first, status=500)  # the first was only slow: what was recorded counts
    assert await rows(store, deliveries, "state", "attempts") == [("delivered", 1)]


async def test_no_lease_ends_before_its_turn_comes(store: Clocked) -> None:
    """One call a second and fifty at once: the fiftieth would be sent 49 s after its lease, and again by another worker."""
    endpoint = await store.endpoint(calls_per_second=1, calls_at_once=50)
    for _ in range(PACE_SECONDS + 5):
        await store.happens()
    assert len(await store.lease(calls={(store.store, endpoint.endpoint_id): 4})) == PACE_SECONDS - 4, "what waits here counts"
    assert len(await store.lease(calls={(store.store, endpoint.endpoint_id): PACE_SECONDS})) == 0
    assert len(await store.lease()) == 9


async def test_a_store_has_no_more_endpoints_than_it_may(store: Clocked) -> None:
    store.settings = store.settings.model_copy(update={"max_endpoints": 2})
    for _ in range(2):
        await store.endpoint()
    with pytest.raises(Refused) as refused:
        await store.endpoint()
    assert (refused.value.code, refused.value.facts) == ("too_many_endpoints", {"max_endpoints": 2})
    assert len(await rows(store, endpoints, "endpoint_id")) == 2


async def test_nor_do_calls_at_once_bring_more(store: Clocked) -> None:
    store.settings = store.settings.model_copy(update={"max_endpoints": 2})
    made = await asyncio.gather(*(store.endpoint() for _ in range(6)), return_exceptions=True)
    assert sorted(type(one).__name__ for one in made) == ["Endpoint"] * 2 + ["Refused"] * 4
    assert len(await rows(store, endpoints, "endpoint_id")) == 2


async def test_disabled_after_seven_days_it_gets_everything_in_order_on_its_return(store: Clocked) -> None:
    endpoint = await store.endpoint()
    ids = [(await store.happens()).id for _ in range(2)]
    for _ in range(16):
        [(due,)] = (await rows(store, deliveries, "due_at"))[:1]
        store.now = max(store.now, due) + timedelta(days=1)
        leased = await store.lease()
        if leased:
            await store.answer(*leased, status=500)
    assert await rows(store, endpoints, "state", "reason") == [("disabled", "Every call has failed for seven days.")]
    assert await events(store) == ["webhook_endpoint.disabled.v1", "webhook_endpoint.failing.v1"]
    ids += [(await store.happens()).id for _ in range(3)]
    assert await store.lease() == []
    store.now += timedelta(days=60)
    assert await sweep_events(store.database, store.settings, now=store.now) == 0
    await store.edit(endpoint, state="active")
    leased = await store.lease()
    assert [one.event_id for one in leased] == ids
    await store.answer(*leased, status=200)
    assert await rows(store, endpoints, "state", "failures", "failing_since") == [("active", 0, None)]
    assert {row[0] for row in await rows(store, deliveries, "state")} == {"delivered"}


async def test_a_long_backlog_is_carried_out_in_steps(store: Clocked, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its call takes the first, the worker the rest; what arrives meanwhile is not part of it."""
    monkeypatch.setattr(replays, "STEP_ROWS", 3)
    paused = await store.endpoint()
    for _ in range(4):
        await store.happens()
    await store.answer(*await store.lease(), status=200)
    new = await store.endpoint()
    async with store.database.transaction("test") as tx:
        made = await replays.replay(tx, store.staff, paused.endpoint_id, ReplayInput(state="delivered"), now=store.now)
        filled = await replays.replay(tx, store.staff, new.endpoint_id, ReplayInput(backfill=True), now=store.now)
    assert (made.deliveries, made.ended_at, filled.deliveries, filled.ended_at) == (3, None, 3, None)
    await store.answer(*await store.lease(), status=200)
    store.now += timedelta(seconds=1)
    await store.happens()
    assert await replays.run_replays(store.database, store.settings, now=store.now) == 2
    assert await replays.run_replays(store.database, store.settings, now=store.now) == 0
    assert await rows(store, tables.replays, "position", "deliveries", "ended_at") == [(4, 4, store.now)] * 2
    by_endpoint = [(row[1], row[2], row[3]) for row in await rows(store, deliveries, "endpoint_id", "position", "state", "attempts")]
    assert sorted(by_endpoint) == sorted(
        [(position, "delivered", attempts) for position in (1, 2, 3) for attempts in (2, 1)]
        + [(4, "waiting", 1), (4, "waiting", 0), (5, "waiting", 0), (5, "waiting", 0)]
    )


async def test_a_stores_many_replays_leave_turns_to_another_store(idle: Stack, store: Clocked, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replays, "STEP_ROWS", 1)
    monkeypatch.setattr(replays, "ROUNDS", 3)
    async with clocked(idle) as other:
        for one, count in ((store, 5), (other, 1)):
            endpoint = await one.endpoint()
            for _ in range(4):
                await one.happens()
            for _ in range(count):
                async with one.database.transaction("test") as tx:
                    await replays.replay(tx, one.staff, endpoint.endpoint_id, ReplayInput(), now=one.now)
        assert await replays.run_replays(store.database, store.settings, now=store.now) == 6
        assert await rows(other, tables.replays, "deliveries", "ended_at") == [(4, None)]
        assert sorted(await rows(store, tables.replays, "deliveries")) == [(1,)] * 4 + [(4,)]
        for _ in range(8):
            await replays.run_replays(store.database, store.settings, now=store.now)
        assert sorted(await rows(store, tables.replays, "deliveries")) == [(4,)] * 5


async def test_a_deleted_endpoints_backlog_is_parked_and_its_replays_end(store: Clocked, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replays, "STEP_ROWS", 2)
    endpoint = await store.endpoint()
    for _ in range(3):
        await store.happens()
    async with store.database.transaction("test") as tx:
        await replays.replay(tx, store.staff, endpoint.endpoint_id, ReplayInput(), now=store.now)
        await delete_endpoint(tx, store.staff, endpoint.endpoint_id, expected_version=None, now=store.now)
    assert await replays.run_replays(store.database, store.settings, now=store.now) == 1
    assert {row[0] for row in await rows(store, deliveries, "state")} == {"parked"}
    assert await rows(store, tables.replays, "kind", "deliveries") == [("removal", 3), ("replay", 2)]


async def test_an_outcome_that_cannot_be_recorded_holds_up_no_other(store: Clocked) -> None:
    await store.endpoint()
    for _ in range(2):
        await store.happens()
    outcomes = [Outcome(one, store.now, store.now, 200, "delivered", "", "", None, None, {}) for one in await store.lease()]
    deliverer = Deliverer(store.database, store.settings)
    deliverer._done += [replace(outcomes[0], answer="what PostgreSQL cannot store: \x00"), outcomes[1]]
    deliverer._some_done.set()
    recording = asyncio.create_task(deliverer._record())

    async def recorded() -> bool:
        return await rows(store, deliveries, "position", "state", "attempts") == [(1, "waiting", 0), (2, "delivered", 1)]

    await eventually(recorded)
    assert deliverer._done == []
    await end(recording)
    store.now += timedelta(minutes=2)
    assert [one.event_id for one in await store.lease()] == [outcomes[0].leased.event_id], "its attempt is repeated"


async def test_gone_disables_at_once_and_keeps_what_waits(store: Clocked) -> None:
    await store.endpoint()
    await store.happens()
    [leased] = await store.lease()
    await store.answer(leased, status=410)
    assert await rows(store, endpoints, "state", "reason") == [("disabled", "It answered 410 Gone.")]
    assert await rows(store, deliveries, "state", "attempts") == [("waiting", 1)]


async def test_after_ninety_days_an_event_and_its_deliveries_are_gone(store: Clocked) -> None:
    await store.endpoint()
    await store.happens()
    [leased] = await store.lease()
    await store.answer(leased, status=200)
    store.now += timedelta(days=89)
    await store.happens()
    assert await sweep_events(store.database, store.settings, now=store.now) == 0
    store.now += timedelta(days=2)
    for _ in range(3):
        await sweep_events(store.database, store.settings, now=store.now)
    assert [len(await rows(store, table, "store_id")) for table in (feed, deliveries, attempts)] == [1, 1, 0]


async def test_a_backfilled_delivery_goes_with_its_event(store: Clocked) -> None:
    event = await store.happens()
    store.now += timedelta(days=60)
    endpoint = await store.endpoint()
    async with store.database.transaction("test") as tx:
        made = await replays.replay(tx, store.staff, endpoint.endpoint_id, ReplayInput(backfill=True), now=store.now)
    assert (made.deliveries, made.ended_at) == (1, store.now)
    [leased] = await store.lease()
    await store.answer(leased, status=500)
    assert leased.event_id == event.id
    store.now += timedelta(days=31)
    for _ in range(3):
        await sweep_events(store.database, store.settings, now=store.now)
    assert [len(await rows(store, table, "store_id")) for table in (feed, deliveries, attempts)] == [0, 0, 0]
    assert await store.lease() == []


async def test_strict_order_holds_back_only_the_order_that_fails(store: Clocked) -> None:
    await store.endpoint(in_order=True)
    first, second = an_event(), an_event()
    ids = [(await store.happens(event)).id for event in (first, first, second)]
    leased = await store.lease()
    assert [one.event_id for one in leased] == [ids[0], ids[2]]
    await store.answer(leased[0], status=500)
    await store.answer(leased[1], status=200)
    assert await store.lease() == []
    store.now += timedelta(seconds=6)
    [again] = await store.lease()
    await store.answer(again, status=200)
    assert [one.event_id for one in await store.lease()] == [ids[1]]


async def test_after_an_erasure_what_waits_is_sent_blanked_under_its_id(store: Clocked) -> None:
    await store.endpoint(types=["note.added.v1"], personal=True)
    order_id = an_event().order_id
    note = _note(order_id)
    event = await store.happens(note)
    erased = CustomerErased(occurred_at=store.now, customer_id="c-1", order_ids=(order_id,), by=By(role="staff", id="s"))
    await store.happens(erased)
    late = await store.happens(_note(order_id))
    leased = await store.lease()
    assert [one.event_id for one in leased] == [event.id, late.id]
    assert [("Dear Rahima" in one.body, one.body.endswith("}}")) for one in leased] == [(False, True)] * 2
    assert "Dear Rahima" not in repr(await rows(store, feed, "body", "sent", "personal"))


def _note(order_id: str) -> NoteAdded:
    by, text = By(role="staff", id="s"), NoteText(text="Dear Rahima")
    return NoteAdded(
        occurred_at=datetime.now(UTC), note_id=new_id("note"), order_id=order_id, customer_id="c-1", audience="customer", revision=1, by=by,
        personal=text,
    )  # fmt: skip
