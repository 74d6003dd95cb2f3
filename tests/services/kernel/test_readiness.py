"""Readiness: the status code says whether the process can do its own role, warnings say what else to look at."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import httpx2
import pytest
from fastapi import APIRouter

from shared.messaging.messages import failed_row
from shared.process.readiness import PROCESS, Role, Warned
from shared.process.service import Running, Service
from tests.services.kernel.lab import METADATA, SERVICE, Lab, an_event
from tests.shop import eventually
from tests.stack import Stack

NO_BROKER = "amqp://guest:guest@127.0.0.1:1/"


def running(lab: Lab, monkeypatch: pytest.MonkeyPatch, *roles: Role, **settings: str) -> Running:
    """The lab's service in this process, not yet started."""
    known = {
        "DATABASE_URL": lab.settings.database_url.get_secret_value(),
        "AMQP_URL": lab.settings.amqp_url.get_secret_value(),
        "AMQP_NAMESPACE": lab.settings.amqp_namespace,
        "KEYS_FILE": Stack.known().settings["AFTERSALE_KEYS_FILE"],
    }
    for name, value in (known | settings).items():
        monkeypatch.setenv(f"AFTERSALE_{name}", value)
    lab.consume(lab.effect)
    service = Service(SERVICE, "Lab", "Nothing but the kernel.", METADATA, APIRouter(), lab.consumers, {})
    return Running(service, roles)


@asynccontextmanager
async def at_work(one: Running) -> AsyncIterator[Running]:
    """Started, and stopped in the end."""
    one.start()
    try:
        yield one
    finally:
        await one.stop()


async def asked(one: Running, query: str = "") -> tuple[int, dict[str, Any]]:
    """What GET /health/ready answers."""
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=one.app), base_url="http://lab") as client:
        answer = await client.get(f"/health/ready{query}")
        return answer.status_code, answer.json()


async def ready(one: Running) -> bool:
    return (await asked(one))[0] == 200


async def test_a_process_says_that_it_can_do_its_roles(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    async with at_work(running(lab, monkeypatch, "api", "worker")) as one:
        await eventually(lambda: ready(one))
        status, answer = await asked(one)
    now = datetime.fromisoformat(answer.pop("now"))
    assert abs((datetime.now(UTC) - now).total_seconds()) < 60
    figures = answer.pop("figures")
    assert (status, answer) == (
        200,
        {
            "ready": True,
            "service": SERVICE,
            "instance": PROCESS,
            "roles": {"api": True, "worker": True},
            "checks": {"not_stopping": True, "database": True, "keys": True, "consumer": True},
            "warnings": [],
        },
    )
    assert figures.items() >= {"outbox_unsent": 0, "waiting": 0, "parked": 0, "broker_connected": True}.items()


async def test_the_instance_is_what_the_setting_says(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    async with at_work(running(lab, monkeypatch, "api", INSTANCE="orders-api-1")) as one:
        assert (await asked(one))[1]["instance"] == "orders-api-1"


async def test_an_api_without_a_broker_is_ready_and_says_so(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    async with at_work(running(lab, monkeypatch, "api", AMQP_URL=NO_BROKER)) as one:
        status, answer = await asked(one)
    assert (status, answer["checks"], answer["figures"]["broker_connected"]) == (
        200,
        {"not_stopping": True, "database": True, "keys": True},
        False,
    )
    assert [warned["code"] for warned in answer["warnings"]] == ["broker_away"]


async def test_a_worker_without_a_broker_is_not_ready(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    async with at_work(running(lab, monkeypatch, "worker", AMQP_URL=NO_BROKER)) as one:
        status, answer = await asked(one)
    assert (status, answer["checks"]) == (503, {"not_stopping": True, "database": True, "consumer": False})


async def test_a_process_with_both_roles_answers_for_each_of_them(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    async with at_work(running(lab, monkeypatch, "api", "worker", AMQP_URL=NO_BROKER)) as one:
        statuses = [(await asked(one, query))[0] for query in ("", "?role=api", "?role=worker")]
        roles = (await asked(one))[1]["roles"]
    assert (statuses, roles) == ([503, 200, 503], {"api": True, "worker": False})


async def test_an_api_that_cannot_write_is_not_ready(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    name, role = lab.settings.amqp_namespace, f"{lab.settings.amqp_namespace}_reader"
    admin = await asyncpg.connect(lab.admin_url)
    try:
        await admin.execute(f"create role {role} login password 'lab'; grant usage on schema notes to {role}")
        await admin.execute(f"grant select on all tables in schema notes to {role}")
        url = str(lab.settings.database_url.get_secret_value()).partition("@")[2].partition("/")[0]
        async with at_work(running(lab, monkeypatch, "api", DATABASE_URL=f"postgresql://{role}:lab@{url}/{name}")) as one:
            status, answer = await asked(one)
            assert (status, answer["checks"]["database"]) == (503, False)
            assert answer["warnings"][0] == {"code": "database_away", "detail": "The database role may not write events."}
            await admin.execute(f"grant insert on all tables in schema notes to {role}")
            await eventually(lambda: ready(one))
    finally:
        await admin.execute(f"drop owned by {role}; drop role {role}")
        await admin.close()


async def test_warnings_leave_the_status_alone(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    async def set_aside() -> list[Warned]:
        return [Warned("set_aside", "Rows that could not be read.", 3)]

    async def broken() -> list[Warned]:
        raise ZeroDivisionError

    await lab.emit(an_event())
    async with lab.database.transaction("lab.age") as tx:
        await tx.execute(lab.database.kernel.events.update().values(recorded_at=datetime(2026, 1, 1, tzinfo=UTC)))
    one = running(lab, monkeypatch, "api", AMQP_URL=NO_BROKER, CLOCK_TOLERANCE_SECONDS="0.000000001")
    one.warnings += [set_aside, broken]
    async with at_work(one):
        status, answer = await asked(one)
    assert (status, answer["ready"]) == (200, True)
    assert [(warned["code"], warned.get("count")) for warned in answer["warnings"]] == [
        ("clock", None),
        ("broker_away", None),
        ("outbox_waits", 1),
        ("set_aside", 3),
        ("warning_unknown", None),
    ]


@pytest.mark.parametrize(("reason", "status"), [("unavailable", 503), ("try_again", 200)])
async def test_a_worker_whose_messages_the_database_refuses_is_not_ready_but_one_with_a_locked_row_is(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, reason: str, status: int
) -> None:
    long_ago = datetime.now(UTC) - timedelta(minutes=1)
    row = failed_row(b"{}", "document.issued.v1", now=long_ago, reason=reason, detail="", delay=3600)
    async with at_work(running(lab, monkeypatch, "worker")) as one:
        await eventually(lambda: ready(one))
        async with lab.database.transaction("lab.fails") as tx:
            await tx.execute(tx.kernel.parked.insert().values(**row))

        async def told() -> bool:
            answered, answer = await asked(one)
            return (answered, [warned["code"] for warned in answer["warnings"]]) == (status, ["messages_wait"])

        await eventually(told)
        async with lab.database.transaction("lab.mended") as tx:
            await tx.execute(tx.kernel.parked.delete())
        await eventually(lambda: ready(one))
