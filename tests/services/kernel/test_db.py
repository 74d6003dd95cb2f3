"""Transactions: nothing leaks, nothing half-commits, and what the database says is told to the caller as it is."""

import asyncio
import random
from datetime import UTC, datetime
from typing import Any

import asyncpg
import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from shared.contracts.errors import StoreBusy, Transient, Unavailable
from shared.data.db import Database
from shared.data.shares import current_caller, current_store
from shared.messaging.outbox import emit
from tests.services.kernel.lab import EFFECTS, METADATA, Lab, an_event
from tests.shop import eventually


async def test_a_thousand_cancelled_transactions_leave_no_connection_behind(lab: Lab) -> None:
    """Cancelled requests have leaked connections with open transactions, until the pool was empty."""
    rng = random.Random(7)

    async def one() -> None:
        async with lab.database.transaction("lab.cancelled") as tx:
            await emit(tx, an_event(), store_id=lab.store, sequence=1, recorded_at=datetime.now(UTC))
            await tx.execute(sa.text("select pg_sleep(0.001)"))

    for _ in range(20):
        tasks = [asyncio.create_task(one()) for _ in range(50)]
        await asyncio.sleep(rng.uniform(0, 0.03))
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    admin = await asyncpg.connect(lab.admin_url)
    try:
        await eventually(lambda: _all_idle(admin))
    finally:
        await admin.close()
    await lab.emit(an_event())  # and the pool still gives connections
    assert await lab.count("notes.events") >= 1


async def test_a_transaction_that_fails_leaves_neither_change_nor_event(lab: Lab) -> None:
    async def fails() -> None:
        async with lab.database.transaction("lab.fails") as tx:
            await emit(tx, an_event(), store_id=lab.store, sequence=1, recorded_at=datetime.now(UTC))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fails()
    assert await lab.count("notes.events") == 0


async def test_two_events_with_one_sequence_are_refused_by_the_database(lab: Lab) -> None:
    event = an_event()
    await lab.emit(event)
    with pytest.raises(IntegrityError):
        await lab.emit(event)
    assert await lab.count("notes.events") == 1


async def test_a_database_that_is_away_is_unavailable_not_an_error_of_ours(lab: Lab) -> None:
    url = sa.make_url(lab.admin_url).set(port=1).render_as_string(hide_password=False)
    away = Database(lab.settings.model_copy(update={"database_url": type(lab.settings.database_url)(url)}), METADATA)
    with pytest.raises(Unavailable):
        async with away.transaction("lab.away"):
            pass
    with pytest.raises(Unavailable):
        await away.execute_once("lab.away", sa.text("select 1"))
    await away.close()


async def test_who_is_not_let_in_is_told_to_come_again(lab: Lab) -> None:
    """A rotated password, a locked role, a missing database or right heal from outside: away, not a mistake of ours."""
    role = f"{lab.settings.amqp_namespace}_guest"
    admin = await asyncpg.connect(lab.admin_url)
    url = sa.make_url(lab.admin_url).set(username=role, password="right")

    async def asked(url: sa.URL) -> None:
        secret = type(lab.settings.database_url)(url.render_as_string(hide_password=False))
        database = Database(lab.settings.model_copy(update={"database_url": secret}), METADATA)
        try:
            async with database.transaction("lab.guest") as tx:
                await tx.execute(sa.insert(EFFECTS).values(event_id=sa.func.gen_random_uuid()))
        finally:
            await database.close()

    try:
        await admin.execute(f"create role {role} login password 'right'")
        for wrong in (url.set(password="wrong"), url.set(database="nowhere"), url):
            with pytest.raises(Unavailable, match="refuses this service's login"):
                await asked(wrong)
        await admin.execute(f"grant usage on schema notes to {role}; grant insert on notes.effects to {role}; alter role {role} nologin")
        with pytest.raises(Unavailable, match="refuses this service's login"):
            await asked(url)
        await admin.execute(f"alter role {role} login")
        await asked(url)
        assert await lab.count("notes.effects") == 1
    finally:
        await admin.execute(f"drop owned by {role}; drop role {role}")
        await admin.close()


async def test_what_a_handler_meets_elsewhere_is_not_taken_for_the_database(lab: Lab) -> None:
    """Files and time-outs of its own: said to be the database's, they would keep a message waiting for ever."""

    async def meets(error: Exception) -> None:
        async with lab.database.transaction("lab.elsewhere") as tx:
            await tx.execute(sa.text("select 1"))
            raise error

    for error in (FileNotFoundError("a file"), TimeoutError("a renderer"), ConnectionResetError("a store of files")):
        with pytest.raises(type(error), match=str(error)):
            await meets(error)


async def test_a_killed_connection_is_unavailable_once_and_then_replaced(lab: Lab) -> None:
    admin = await asyncpg.connect(lab.admin_url)

    async def killed() -> None:
        async with lab.database.transaction("lab.killed") as tx:
            pid = await tx.scalar(sa.text("select pg_backend_pid()"))
            await admin.execute("select pg_terminate_backend($1)", pid)
            await tx.execute(sa.text("select 1"))

    try:
        with pytest.raises(Unavailable):
            await killed()
        async with lab.database.transaction("lab.after") as tx:
            assert await tx.scalar(sa.text("select 1")) == 1
    finally:
        await admin.close()


async def test_a_deadlock_asks_to_try_again_and_changes_nothing(lab: Lab) -> None:
    await lab.emit(an_event(), an_event())
    met = asyncio.Barrier(2)

    async def lock(first: int, second: int) -> None:
        async with lab.database.transaction("lab.deadlock") as tx:
            await tx.execute(sa.text("select 1 from notes.events where position = :p for update"), {"p": first})
            await met.wait()
            await tx.execute(sa.text("select 1 from notes.events where position = :p for update"), {"p": second})
            await tx.execute(sa.insert(EFFECTS).values(event_id=sa.func.gen_random_uuid()))

    outcomes = await asyncio.gather(lock(1, 2), lock(2, 1), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes if outcome is not None] == [Transient]
    assert await lab.count("notes.effects") == 1


async def test_more_callers_than_connections_wait_and_then_hear_503(lab: Lab) -> None:
    changes = {"database_pool_size": 1, "database_pool_overflow": 0, "database_pool_timeout_seconds": 0.2}
    small = Database(lab.settings.model_copy(update=changes), METADATA)
    async with small.transaction("lab.holds"):
        with pytest.raises(Unavailable):
            async with small.transaction("lab.waits"):
                pass
    await small.close()


async def test_one_statement_writes_and_wakes_the_relay(lab: Lab) -> None:
    woken, other = lab.database.woken_by_events(), lab.database.woken_by_events()
    rows = await lab.database.execute_once("lab.once", sa.text("insert into notes.effects values (gen_random_uuid()) returning 1 as one"))
    assert [row.one for row in rows] == [1]
    assert woken.is_set()
    assert other.is_set()
    assert await lab.count("notes.effects") == 1


async def _all_idle(admin: Any) -> bool:
    sql = "select state from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
    return {row["state"] for row in await admin.fetch(sql)} <= {"idle"}


async def test_one_store_leaves_connections_to_others_and_to_our_own_work(lab: Lab) -> None:
    """A store whose calls all hold their connection (a locked row, a slow query) is refused; the next store and the relay are not."""
    changes = {"database_pool_size": 8, "database_pool_overflow": 0, "database_pool_timeout_seconds": 0.2, "database_system_connections": 2}
    small, release = Database(lab.settings.model_copy(update=changes), METADATA), asyncio.Event()

    async def held_by(store: str, caller: str = "platform:one") -> str:
        current_store.set(store)
        current_caller.set(caller)
        async with small.reading() as tx:
            await tx.scalar(sa.select(sa.literal(1)))
            await release.wait()
        return store

    greedy = [asyncio.create_task(held_by("greedy")) for _ in range(20)]
    await eventually(lambda: _settled(small, greedy))
    assert small.shares.held("greedy") == 4, "one store holds no more than its share"
    refused = [task.exception() for task in greedy if task.done()]
    assert [error.code for error in refused if isinstance(error, StoreBusy)] == ["store_busy"] * 16
    others = [asyncio.create_task(held_by(store)) for store in ("calm", "", "")]
    await eventually(lambda: _used(small, 7))
    assert [small.shares.held(store) for store in ("greedy", "calm", "")] == [4, 1, 2]
    release.set()
    assert await asyncio.gather(*others) == ["calm", "", ""]
    assert sum(task.exception() is None for task in (await asyncio.wait(greedy))[0]) == 4
    assert small.shares.used == 0
    await small.close()


async def _settled(database: Database, tasks: "list[asyncio.Task[str]]") -> bool:
    """Whether each of the tasks holds a connection or has ended."""
    return database.shares.used + sum(task.done() for task in tasks) == len(tasks)


async def _used(database: Database, slots: int) -> bool:
    return database.shares.used == slots


async def test_one_stores_lists_are_read_one_at_a_time_beside_others(lab: Lab) -> None:
    """A list may look at thousands of rows: on every connection of a store they took the database's processors from everybody."""
    small, release = Database(lab.settings, METADATA), asyncio.Event()
    at_work: list[str] = []

    async def listing(store: str) -> None:
        current_store.set(store)
        current_caller.set(f"staff:{len(at_work)}")
        async with small.walking() as tx:
            await tx.scalar(sa.select(sa.literal(1)))
            at_work.append(store)
            await release.wait()

    calm = asyncio.create_task(listing("calm"))
    await eventually(lambda: _has(at_work, ["calm"]))
    greedy = [asyncio.create_task(listing("greedy")) for _ in range(5)]
    await eventually(lambda: _has(at_work, ["calm", "greedy"]))
    third = asyncio.create_task(listing("third"))
    await eventually(lambda: _has(at_work, ["calm", "greedy", "third"]))
    release.set()
    await asyncio.gather(calm, third, *greedy)
    assert sorted(at_work) == ["calm", *["greedy"] * 5, "third"]


async def _has(found: list[str], wanted: list[str]) -> bool:
    return found == wanted
