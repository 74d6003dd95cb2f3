"""P22: whatever stops a consumer, a relay or a sweeper is seen in readiness, and heals by itself once its cause is gone."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

import aio_pika
import asyncpg
import pytest
import sqlalchemy as sa
from fastapi import APIRouter
from faststream.rabbit import RabbitMessage

from shared.contracts.errors import NotFound
from shared.contracts.events import DocumentIssued
from shared.data.db import Database
from shared.messaging.broker import queue_name
from shared.process import service as service_module
from shared.process.service import Running, Service, Sweep, Sweeper
from shared.process.settings import Settings
from tests.services.kernel import lab as kernel
from tests.services.kernel.lab import EFFECTS, METADATA, SERVICE, Lab, an_event, at_work, running_lab, started
from tests.services.kernel.test_inbox import message
from tests.services.kernel.test_readiness import asked, running
from tests.services.kernel.test_readiness import at_work as serving
from tests.shop import PATIENCE_SECONDS, eventually
from tests.stack import Stack

EVENTS_SENT = 25
"""More than the prefetch: were each to hold a place for ever, the queue would stand."""
QUICK = {"consumer_standstill_seconds": 1.0, "broker_watch_seconds": 0.2, "consumer_prefetch": 5}


@pytest.fixture
async def lab(stack: Stack) -> AsyncIterator[Lab]:
    async with running_lab(stack, **QUICK) as made:
        yield made


@pytest.fixture
async def guest(lab: Lab) -> AsyncIterator["Guest"]:
    """A role of the worker's own, of which things can be taken away."""
    admin = await asyncpg.connect(lab.admin_url)
    role = f"{lab.settings.amqp_namespace}_worker"
    await admin.execute(f"create role {role} login password 'right'; grant usage on schema notes to {role}")
    await admin.execute(f"grant all on all tables in schema notes to {role}; grant all on all sequences in schema notes to {role}")
    try:
        yield Guest(admin, role, lab)
    finally:
        await admin.execute(f"drop owned by {role}; drop role {role}")
        await admin.close()


class Guest:
    """The worker's role, as its administrator sees it."""

    def __init__(self, admin: "asyncpg.Connection[Any]", role: str, lab: Lab) -> None:
        self._admin = admin
        self.role = role
        self.url = sa.make_url(lab.admin_url).set(username=role, password="right").render_as_string(hide_password=False)

    async def do(self, *statements: str) -> None:
        """Run statements that name the role as ROLE, then end its sessions."""
        for statement in statements:
            await self._admin.execute(statement.replace("ROLE", self.role))
        await self._admin.execute("select pg_terminate_backend(pid) from pg_stat_activity where usename = $1", self.role)


async def counted(lab: Lab, what: str, number: int) -> bool:
    found = await lab.count(what)
    assert found == number, f"{found} of {number}: {what}"
    return True


async def told(lab: Lab, number: int = EVENTS_SENT) -> None:
    """So many events, committed and in the queue."""
    await lab.emit(*[an_event() for _ in range(number)])
    async with started(lab.broker()) as broker, at_work(lab.relay(broker).run()):
        await eventually(partial(counted, lab, "notes.events where published_at is null", 0))


async def is_ready(one: Running, wanted: bool) -> bool:
    status, answer = await asked(one, "?role=worker")
    assert (status == 200) == wanted, answer
    return True


LOST = [
    pytest.param("alter role ROLE nologin", "alter role ROLE login", id="its login is refused"),
    pytest.param("alter role ROLE password 'rotated'", "alter role ROLE password 'right'", id="its password was changed"),
    pytest.param("revoke insert on notes.inbox from ROLE", "grant insert on notes.inbox to ROLE", id="a right is missing"),
    pytest.param(
        "revoke all on notes.inbox, notes.parked from ROLE", "grant all on notes.inbox, notes.parked to ROLE", id="all rights are"
    ),
    pytest.param("revoke usage on schema notes from ROLE", "grant usage on schema notes to ROLE", id="its schema is closed"),
    pytest.param("alter table notes.inbox rename to elsewhere", "alter table notes.elsewhere rename to inbox", id="a table is missing"),
]


@pytest.mark.parametrize(("take", "give"), LOST)
async def test_what_the_worker_loses_for_a_while_is_told_and_costs_nothing(
    lab: Lab, guest: Guest, monkeypatch: pytest.MonkeyPatch, take: str, give: str
) -> None:
    quick = {"CONSUMER_STANDSTILL_SECONDS": "1", "BROKER_WATCH_SECONDS": "0.2", "CONSUMER_PREFETCH": "5"}
    async with serving(running(lab, monkeypatch, "worker", DATABASE_URL=guest.url, **quick)) as one:
        await eventually(partial(is_ready, one, True))
        await guest.do(take)
        await told(lab)
        await eventually(partial(is_ready, one, False), PATIENCE_SECONDS)
        await guest.do(give)
        await eventually(partial(counted, lab, "notes.effects", EVENTS_SENT), PATIENCE_SECONDS)
        await eventually(partial(is_ready, one, True), PATIENCE_SECONDS)
    assert (await lab.count("notes.inbox"), await lab.count("notes.parked")) == (EVENTS_SENT, 0)


class Odd(BaseException):
    """Nothing that anybody expects."""


ODD = [asyncio.CancelledError(), SystemExit(1), GeneratorExit(), Odd(), OSError("a file"), BaseExceptionGroup("odd", [Odd()])]


@pytest.mark.parametrize("together", [False, True])
@pytest.mark.parametrize("odd", ODD, ids=repr)
async def test_whatever_a_handler_raises_becomes_a_row_with_its_next_attempt(lab: Lab, odd: BaseException, together: bool) -> None:
    async def handler(tx: Any, event: Any, envelope: Any) -> None:
        await lab.effect(tx, event, envelope)
        if odds:
            raise odds[0]

    odds = [odd]
    inbox = lab.consume(handler)
    if together:
        lab.consumers.together[DocumentIssued.type] = lambda event: True
    await inbox.take(await message(lab), DocumentIssued.type)
    assert await lab.count("notes.parked where state = 'waiting' and reason = 'handler_failed' and next_attempt_at is not null") == 1
    assert await lab.count("notes.effects") == 0
    odds.clear()
    assert await inbox.retry_due(now=datetime(2099, 1, 1, tzinfo=UTC)) == 1
    assert (await lab.count("notes.effects"), await lab.count("notes.parked")) == (1, 0)


async def test_a_failure_that_cannot_be_recorded_is_tried_again_not_forgotten(lab: Lab) -> None:
    """Without a watchdog: the delivery itself must not end in nothing."""
    fails, calls = [NotFound("no_such_order", "not yet")], 0

    async def handler(tx: Any, event: Any, envelope: Any) -> None:
        nonlocal calls
        calls += 1
        if fails:
            raise fails[0]
        await lab.effect(tx, event, envelope)

    async def places_taken() -> bool:
        return calls >= QUICK["consumer_prefetch"]

    inbox = lab.consume(handler)
    broker = lab.broker()
    broker.consume(inbox.deliver)
    await execute(lab, "alter table notes.parked add constraint nothing check (reason = '')")
    await told(lab)
    async with started(broker), at_work(inbox.run_retries()):
        await eventually(places_taken)
        fails.clear()  # the constraint stays: a failure that were recorded now would be a parked row
        await eventually(partial(counted, lab, "notes.effects", EVENTS_SENT))
    assert await lab.count("notes.parked") == 0
    await execute(lab, "alter table notes.parked drop constraint nothing")


async def test_deliveries_that_end_in_nothing_are_seen_and_come_again(lab: Lab) -> None:
    """What nobody foresaw: places of the prefetch are lost until it is full, while connection and consumer look fine."""
    inbox, broker, lost = lab.consume(lab.effect), lab.broker(), 0

    async def deliver(received: RabbitMessage) -> None:
        nonlocal lost
        if lost < QUICK["consumer_prefetch"]:
            with lab.deliveries.one("lost"):
                lost += 1
                raise ZeroDivisionError
        await inbox.deliver(received)

    broker.consume(deliver, lab.deliveries)
    await told(lab)
    async with started(broker):
        await eventually(partial(counted, lab, "notes.effects", EVENTS_SENT), PATIENCE_SECONDS)
        await eventually(lambda: _consuming(broker), PATIENCE_SECONDS)
    assert lost == QUICK["consumer_prefetch"]


async def test_a_connection_that_looks_fine_and_brings_nothing_is_opened_anew(lab: Lab) -> None:
    """The queue has a consumer, only not us: another one that holds a message and takes no more."""
    inbox, broker = lab.consume(lab.effect), lab.broker()
    broker.consume(inbox.deliver, lab.deliveries)
    async with await aio_pika.connect(lab.settings.amqp_url.get_secret_value()) as connection, started(broker):
        await eventually(lambda: _consuming(broker))
        assert broker._rabbit is not None
        [subscriber] = broker._rabbit.subscribers
        await subscriber._queue_obj.cancel(subscriber._consumer_tag)  # type: ignore[attr-defined]  # as a fault does it: nobody is told
        channel = await connection.channel()
        await channel.set_qos(prefetch_count=1)
        await (await channel.get_queue(queue_name(lab.settings.amqp_namespace, SERVICE))).consume(lambda _: asyncio.sleep(0))
        await told(lab)
        await eventually(partial(counted, lab, "notes.effects", EVENTS_SENT - 1), PATIENCE_SECONDS)
        await channel.close()  # its message comes to us
        await eventually(partial(counted, lab, "notes.effects", EVENTS_SENT), PATIENCE_SECONDS)


async def _consuming(broker: Any) -> bool:
    return bool(broker.consuming)


async def execute(lab: Lab, statement: str) -> None:
    async with lab.database.transaction("lab.execute") as tx:
        await tx.execute(sa.text(statement))


async def test_a_retry_that_fails_in_an_unforeseen_way_holds_up_nothing_behind_it(lab: Lab) -> None:
    """The first row cannot even be moved on; it is due before the others, again and again."""

    async def handler(tx: Any, event: Any, envelope: Any) -> None:
        if event.number == "odd":
            raise NotFound("odd", "")
        if fails:
            raise NotFound("no_such_order", "not yet")
        await lab.effect(tx, event, envelope)

    fails, inbox = [True], lab.consume(handler)
    for number in ("odd", "1", "2", "3"):
        await inbox.take(await message(lab, an_event(number=number)), DocumentIssued.type)
    fails.clear()
    await execute(lab, "alter table notes.parked add constraint odd check (reason <> 'odd' or attempts < 2)")
    async with at_work(inbox.run_retries()):
        await eventually(partial(counted, lab, "notes.effects", 3))
        await execute(lab, "alter table notes.parked drop constraint odd")
    assert await lab.count("notes.parked where state = 'waiting'") == 1


async def test_one_stores_locked_rows_hold_up_no_other_store(lab: Lab) -> None:
    """More of its events than there are places; each handler of it wants the row that somebody holds."""
    ours, others = lab.store, f"{lab.store}-b"

    async def handler(tx: Any, event: Any, envelope: Any) -> None:
        if envelope.store_id == ours:
            await tx.execute(sa.text("select from notes.effects where event_id = '00000000-0000-0000-0000-000000000000' for update"))
        await lab.effect(tx, event, envelope)

    await execute(lab, "insert into notes.effects values ('00000000-0000-0000-0000-000000000000')")
    inbox, broker = lab.consume(handler), lab.broker()
    broker.consume(inbox.deliver, lab.deliveries)
    await told(lab)
    lab.store = others
    await told(lab, 10)
    theirs = f"notes.inbox where store_id = '{others}'"
    async with at_work(inbox.run_retries()):
        async with lab.database.transaction("lab.holds") as tx:
            await tx.execute(sa.text("select from notes.effects for update"))
            async with started(broker):
                await eventually(partial(counted, lab, theirs, 10))
                assert await lab.count("notes.inbox") == 10
                await eventually(partial(counted, lab, "notes.parked where state = 'waiting' and reason = 'try_again'", EVENTS_SENT))
        await eventually(partial(counted, lab, "notes.inbox", EVENTS_SENT + 10), PATIENCE_SECONDS)
    assert await lab.count("notes.parked") == 0


async def test_a_wait_for_a_lock_is_shorter_than_one_for_a_connection(lab: Lab) -> None:
    """Whoever waits for a locked row has every connection, and another call is served all the same."""
    small = Database(lab.settings.model_copy(update={"database_pool_size": 4, "database_pool_overflow": 0, "share_headroom": 0}), METADATA)
    admin = await asyncpg.connect(lab.admin_url)
    await execute(lab, "insert into notes.effects values ('00000000-0000-0000-0000-000000000000')")

    async def waits() -> None:
        async with small.transaction("lab.waits") as tx:
            await tx.execute(sa.select(EFFECTS).with_for_update())

    async def called() -> str:
        try:
            async with small.transaction("lab.calls") as tx:
                return f"answered {await tx.scalar(sa.text('select 1'))}"
        except Exception as refusal:
            return repr(refusal)

    try:
        async with admin.transaction():
            await admin.execute("select from notes.effects for update")
            waiting = [asyncio.create_task(waits()) for _ in range(4)]
            await eventually(lambda: _all_held(small))
            assert await called() == "answered 1"
            outcomes = await asyncio.gather(*waiting, return_exceptions=True)
        assert [getattr(outcome, "code", outcome) for outcome in outcomes] == ["try_again"] * 4
    finally:
        await small.close()
        await admin.close()


async def _all_held(database: Database) -> bool:
    return database.connections_in_use == 4


def sweeping(lab: Lab, monkeypatch: pytest.MonkeyPatch, sweepers: Sequence[tuple[str, Callable[[], Awaitable[int]]]]) -> Running:
    """The lab's worker with these sweepers, each every 20 ms."""

    def swept(work: Callable[[], Awaitable[int]]) -> Sweep:
        async def sweep(database: Database, settings: Settings, /, *, now: datetime) -> int:
            return await work()

        return sweep

    plain = running(lab, monkeypatch, "worker")
    named = tuple(Sweeper(name, 0.02, swept(work)) for name, work in sweepers)
    return Running(Service(SERVICE, "Lab", "", kernel.METADATA, APIRouter(), plain.service.consumers, {}, sweepers=named), ("worker",))


async def test_a_sweeper_that_fails_or_hangs_is_told_stops_no_other_and_goes_on_by_itself(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    done, mended = {"good": 0, "bad": 0, "hung": 0}, asyncio.Event()

    async def good() -> int:
        done["good"] += 1
        return 0

    async def bad() -> int:
        done["bad"] += 1
        if not mended.is_set():
            raise ZeroDivisionError
        return 0

    async def hung() -> int:
        done["hung"] += 1
        if not mended.is_set():
            await asyncio.Event().wait()
        return 0

    monkeypatch.setattr(service_module, "SWEEP_HANG_SECONDS", 0.5)
    monkeypatch.setattr(service_module, "LOOK_SECONDS", 0.1)
    monkeypatch.setattr(service_module, "RESTART_TASK_SECONDS", 0.02)

    async def have(name: str, number: int) -> bool:
        return done[name] >= number

    async with serving(sweeping(lab, monkeypatch, (("good", good), ("bad", bad), ("hung", hung)))) as one:
        await eventually(lambda: have("bad", 20))
        await eventually(lambda: have("hung", 2))
        before = done["good"]
        await eventually(lambda: have("good", before + 5))
        [warned] = [warned for warned in (await asked(one))[1]["warnings"] if warned["code"] == "background_work"]
        assert "sweeper bad: the last turn failed (ZeroDivisionError)." in warned["detail"]
        mended.set()
        await eventually(lambda: _no_warning(one))
    assert capsys.readouterr().out.count("Traceback") <= 2, "a traceback for each failed turn"


async def _no_warning(one: Running) -> bool:
    assert [warned for warned in (await asked(one))[1]["warnings"] if warned["code"] == "background_work"] == []
    return True
