"""Rows of the outbox that cannot be published are set aside with their reason, one kind per column, and everything else flows."""

import asyncio
import contextlib
import json
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from deploy.operator import parked
from deploy.operator.output import Output
from deploy.operator.parked import discard_parked, list_parked, retry_parked, show_parked
from deploy.operator.trouble import Trouble
from shared.contracts.events import DocumentIssued
from shared.data.kernel_versions import v5
from shared.process.service import Running
from tests.services.kernel.lab import SERVICE, Lab, an_event, started
from tests.services.kernel.test_readiness import running as a_service
from tests.shop import eventually

COLUMNS = ("store_id", "event_id", "type", "subject", "sequence", "public", "occurred_at", "recorded_at", "data", "traceparent")

IN_BOUNDS = " and ".join(f"{column} between {v5.FIRST} and {v5.LAST}" for column in ("occurred_at", "recorded_at"))
TIMES_CHECK = f"constraint ck_events_times check (({IN_BOUNDS}) or set_aside_at is not null)"
"""It guards what is new. A row from before it, or from a restore, may be there all the same."""

SET_ASIDE = [
    ("occurred_at", "'0044-03-15 00:00:00+00 BC'", "time_out_of_range"),
    ("occurred_at", "'infinity'", "time_out_of_range"),
    ("occurred_at", "'-infinity'", "time_out_of_range"),
    ("occurred_at", "'294276-12-31 23:59:59+00'", "time_out_of_range"),
    ("occurred_at", "'0001-01-01 00:00:00+00'", "time_out_of_range"),
    ("recorded_at", "'4713-01-01 00:00:00+00 BC'", "time_out_of_range"),
    ("recorded_at", "'-infinity'", "time_out_of_range"),
    ("type", "'unheard.of.v1'", "unknown_type"),
    ("type", "repeat('x', 100000)", "unknown_type"),
    ("type", "''", "unknown_type"),
    ("type", "'order.placed.v1'", "not_ours"),
    ("data", "jsonb_build_object('much', repeat('x', 9000000))", "too_large"),
    ("sequence", "0", "bad_sequence"),
    ("sequence", "-9223372036854775808", "bad_sequence"),
]
"""Column, what is planted there, and the reason that is noted: these can never be published."""

PUBLISHED = [
    ("traceparent", "repeat('x', 100000)"),
    ("traceparent", "E'\\x1b[31m'"),
    ("traceparent", "''"),
    ("data", "'null'"),
    ("data", "'[]'"),
    ("data", "'\"words\"'"),
    ("sequence", "9223372036854775807"),
    ("store_id", "''"),
    ("store_id", "E'\\x1b[2J'"),
    ("public", "false"),
]
"""Column and what is planted there: these look wrong and can be sent; what a consumer cannot read it parks with its own reason."""


async def plant(lab: Lab, column: str, value: str) -> int:
    """A copy of the first event with one column changed behind the service's back; its position."""
    values = {name: name for name in COLUMNS} | {"event_id": "gen_random_uuid()", "subject": "subject || gen_random_uuid()", column: value}
    sql = f"insert into notes.events ({', '.join(values)}) select {', '.join(values.values())} from notes.events limit 1 returning position"
    async with lab.database.transaction("lab.plant") as tx:
        await tx.execute(sa.text("alter table notes.events drop constraint ck_events_times"))
        planted = int(await tx.scalar(sa.text(sql.replace(":00", "\\:00").replace(":59", "\\:59"))))
        await tx.execute(sa.text(f"alter table notes.events add {TIMES_CHECK} not valid"))
    return planted


async def test_what_cannot_be_published_is_set_aside_and_the_rest_flows(lab: Lab) -> None:
    await lab.emit(an_event())
    planted = {await plant(lab, column, value): (column, value, reason) for column, value, reason in SET_ASIDE}
    sent = [await plant(lab, column, value) for column, value in PUBLISHED]
    await lab.emit(*[an_event() for _ in range(3)])
    async with started(lab.broker()) as broker:
        relay = lab.relay(broker, relay_batch=4, relay_store_batch=2)
        for _ in range(len(SET_ASIDE) + len(PUBLISHED) + 4):
            with contextlib.suppress(ValueError, OverflowError, sa.exc.IntegrityError):  # were a time read that nobody can read or write
                await relay.send_batch()
    table = lab.database.kernel.set_aside
    async with lab.database.reading() as tx:
        noted = {int(row.row_key): row for row in await tx.all(sa.select(table))}
    assert {position: row.reason for position, row in noted.items()} == {at: reason for at, (_, _, reason) in planted.items()}
    assert {(row.place, row.store_id, row.times) for row in noted.values()} == {("outbox", lab.store, 1)}
    assert await lab.count("notes.events where published_at is not null") == 1 + len(sent) + 3
    assert await lab.count("notes.events where set_aside_at is not null and published_at is null") == len(planted)


@pytest.mark.parametrize("value", ["'0044-03-15 00:00:00+00 BC'", "'infinity'"])
async def test_a_row_that_was_mended_is_sent_when_it_is_retried(lab: Lab, value: str) -> None:
    await lab.emit(an_event())
    position = await plant(lab, "occurred_at", value)
    async with started(lab.broker()) as broker:
        relay = lab.relay(broker)
        assert await relay.send_batch() == 1
        assert await relay.send_batch() == 0
        async with lab.database.transaction("lab.mend") as tx:
            mend = "update notes.events set occurred_at = now(), set_aside_at = null where position = :position"
            await tx.execute(sa.text(mend), {"position": position})
        assert await relay.send_batch() == 1
    assert await lab.count("notes.events where published_at is null") == 0


async def commanded(command: Callable[..., None], *given: str, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """What `aftersale parked` answers as JSON."""
    await asyncio.to_thread(command, *given, Output(as_json=True))
    answer: dict[str, Any] = json.loads(capsys.readouterr().out.splitlines()[-1])  # before it: log lines
    return answer


@pytest.fixture
def operator(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """An operator whose commands reach the lab."""
    monkeypatch.setattr(parked, "SERVICES", (SERVICE,))
    monkeypatch.setenv("AFTERSALE_DATABASE_URL", lab.settings.database_url.get_secret_value())


@pytest.mark.usefixtures("operator")
async def test_an_operator_sees_mends_and_retries_it(lab: Lab, capsys: pytest.CaptureFixture[str]) -> None:
    await lab.emit(an_event())
    mended = await plant(lab, "occurred_at", "'0044-03-15 00:00:00+00 BC'")
    await plant(lab, "type", "E'\\x1b[2Jforged'")
    async with started(lab.broker()) as broker:
        relay = lab.relay(broker)
        assert await relay.send_batch() == 1
        listed = (await commanded(list_parked, capsys=capsys))["set_aside"]
        assert {row["reason"] for row in listed} == {"time_out_of_range", "unknown_type"}
        [forged] = [row for row in listed if row["reason"] == "unknown_type"]
        shown = await commanded(show_parked, forged["set_aside_id"], capsys=capsys)
        assert shown["event"]["type"] == "\x1b[2Jforged"
        await asyncio.to_thread(show_parked, forged["set_aside_id"], Output(as_json=False))
        assert "\\x1b[2Jforged" in capsys.readouterr().out
        async with lab.database.transaction("lab.mend") as tx:
            await tx.execute(sa.text("update notes.events set occurred_at = now() where position = :at"), {"at": mended})
        assert len((await commanded(retry_parked, "all", capsys=capsys))["retried"]) == 2
        assert await relay.send_batch() == 1
        [again] = (await commanded(list_parked, capsys=capsys))["set_aside"]
        assert again["reason"] == "unknown_type"
        await commanded(discard_parked, again["set_aside_id"], "a forgery", capsys=capsys)
        assert await commanded(list_parked, capsys=capsys) == {"parked": [], "set_aside": []}
        assert (await commanded(show_parked, again["set_aside_id"], capsys=capsys))["discarded"] == "a forgery"
        assert await relay.send_batch() == 0
    assert await lab.count("notes.events where published_at is null and set_aside_at is not null") == 1


@pytest.mark.usefixtures("operator")
async def test_what_is_not_mended_stays_set_aside_and_holds_up_no_other_retry(lab: Lab, capsys: pytest.CaptureFixture[str]) -> None:
    await lab.emit(an_event())
    await plant(lab, "occurred_at", "'0044-03-15 00:00:00+00 BC'")
    mended = await plant(lab, "type", "'unheard.of.v1'")
    async with started(lab.broker()) as broker:
        relay = lab.relay(broker)
        assert await relay.send_batch() == 1
        async with lab.database.transaction("lab.mend") as tx:
            await tx.execute(sa.text("update notes.events set type = 'document.issued.v1' where position = :at"), {"at": mended})
        [retried] = (await commanded(retry_parked, "all", capsys=capsys))["retried"]
        assert retried["row_key"] == str(mended)
        assert await relay.send_batch() == 1
    [left] = (await commanded(list_parked, capsys=capsys))["set_aside"]
    assert left["reason"] == "time_out_of_range"
    with pytest.raises(Trouble, match="can be retried"):
        await commanded(retry_parked, left["set_aside_id"], capsys=capsys)


@pytest.mark.usefixtures("operator")
async def test_a_parked_message_is_let_go_of_with_a_reason(lab: Lab, capsys: pytest.CaptureFixture[str]) -> None:
    inbox = lab.consume(lab.effect)
    await inbox.take(b"no event \x1b[31m", DocumentIssued.type)
    [message] = (await commanded(list_parked, capsys=capsys))["parked"]
    with pytest.raises(Trouble, match="A reason must have 1 to 500 characters"):
        await commanded(discard_parked, message["parked_id"], "  ", capsys=capsys)
    assert await lab.count("notes.parked where state = 'parked'") == 1
    await commanded(discard_parked, message["parked_id"], "sent by a test", capsys=capsys)
    assert await commanded(list_parked, capsys=capsys) == {"parked": [], "set_aside": []}
    assert await lab.count("notes.parked where state = 'discarded' and discarded = 'sent by a test'") == 1
    assert (await commanded(retry_parked, "all", capsys=capsys))["retried"] == []


async def test_readiness_warns_and_no_planted_time_makes_a_process_unready(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    await lab.emit(an_event())
    await plant(lab, "recorded_at", "'-infinity'")
    await plant(lab, "recorded_at", "'4713-01-01 00:00:00+00 BC'")
    one = a_service(lab, monkeypatch, "api")
    answer = await one.readiness.answer()
    assert (answer["ready"], answer["figures"]["outbox_unsent"], answer["figures"]["set_aside"]) == (True, 3, 0)
    async with started(lab.broker()) as broker:
        await lab.relay(broker).send_batch()
    await eventually(lambda: _warned(one))
    answer = await one.readiness.answer()
    assert (answer["ready"], answer["figures"]["outbox_unsent"], answer["figures"]["set_aside"]) == (True, 0, 2)
    await one.database.close()


async def _warned(one: Running) -> bool:
    warnings = (await one.readiness.answer())["warnings"]
    return ("set_aside", 2) in {(warned["code"], warned.get("count")) for warned in warnings}
