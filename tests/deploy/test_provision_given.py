"""Servers that somebody else runs: provisioning makes what is missing, says so, and leaves every password alone."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import aio_pika
import asyncpg
import pytest

from deploy.operator import topology
from deploy.operator.given import GivenServers, Servers
from deploy.operator.provision import Provided, definitions, migrate_all, provide, provision
from deploy.operator.registry import SERVICES
from deploy.operator.state import PROJECT, State
from deploy.operator.trouble import Trouble


@pytest.fixture
def name(servers: Servers) -> Iterator[str]:
    """A system's name that nothing has yet; what was made for it is gone afterwards."""
    made = f"given_{uuid4().hex[:8]}"
    yield made
    asyncio.run(_drop(servers, made))


async def _drop(servers: Servers, name: str) -> None:
    admin = await asyncpg.connect(servers.postgres_url)
    await admin.execute(f"drop database if exists {name} with (force)")
    for service in SERVICES:
        await admin.execute(f"drop role if exists {topology.user_name(name, service)}")
    await admin.close()


def checkout(servers: Servers, folder: Path) -> GivenServers:
    """The same servers as another clone sees them, by their URLs alone."""
    return GivenServers(servers.postgres_url, servers.amqp_url, State(folder))


def opened(provided: Provided, service: str) -> str:
    """Who one is with the URL that the settings name, or that one is not let in."""

    async def who() -> str:
        try:
            connection = await asyncpg.connect(provided.settings[f"AFTERSALE_{service.upper()}_DATABASE_URL"])
        except asyncpg.InvalidPasswordError:
            return "not let in"
        try:
            return str(await connection.fetchval("select current_user"))
        finally:
            await connection.close()

    return asyncio.run(who())


def test_another_checkout_leaves_every_password_as_it_is(servers: Servers, name: str, tmp_path: Path) -> None:
    said: list[str] = []
    first = provide(checkout(servers, tmp_path / "first"), name)
    second = provide(checkout(servers, tmp_path / "second"), name, said.append)
    assert [opened(first, service) for service in SERVICES] == [f"{name}_{service}" for service in SERVICES]
    assert (second.unknown, second.passwords) == (SERVICES, {})
    assert State(tmp_path / "second").read("secrets").keys() == {"signing_key"}
    assert [line for line in said if "password" in line] == [
        f"role {name}_{service}: already existed; its password is not known here, and was not changed" for service in SERVICES
    ]
    assert [name for name in second.settings if name.endswith("DATABASE_URL")] == []
    again = provide(checkout(servers, tmp_path / "first"), name)
    assert (again.settings, again.unknown) == (first.settings, ())


def test_a_wrong_password_here_is_not_made_the_right_one(servers: Servers, name: str, tmp_path: Path) -> None:
    first = provide(checkout(servers, tmp_path / "first"), name)
    other = State(tmp_path / "other")
    other.keep("secrets", {f"{name}_notes": "another"})
    second = provide(GivenServers(servers.postgres_url, servers.amqp_url, other), name)
    assert second.unknown == SERVICES
    assert opened(first, "notes") == f"{name}_notes"
    with pytest.raises(Trouble, match=f"The role {name}_orders already exists, and its password is not known here"):
        provision(GivenServers(servers.postgres_url, servers.amqp_url, other), name)


def test_given_passwords_are_taken(servers: Servers, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    odd = "it's \\ an odd/one@"
    monkeypatch.setenv("AFTERSALE_ORDERS_DATABASE_URL", f"postgresql://{name}_orders:from%20the%20url@anywhere/{name}")
    monkeypatch.setenv("AFTERSALE_NOTES_PASSWORD", odd)
    provided = provide(checkout(servers, tmp_path), name)
    assert (provided.passwords["orders"], provided.passwords["notes"]) == ("from the url", odd)
    assert opened(provided, "orders") == f"{name}_orders"
    assert opened(provided, "notes") == f"{name}_notes"
    elsewhere = provide(checkout(servers, tmp_path / "elsewhere"), name)  # it may know two of them by the environment
    assert elsewhere.unknown == ("refunds", "documents", "webhooks")


def test_a_second_time_nothing_is_made(servers: Servers, name: str, tmp_path: Path) -> None:
    said: list[str] = []
    provide(checkout(servers, tmp_path), name, said.append, connection_limit=7)
    created = [line for line in said if line.endswith(": created") or ": created," in line]
    assert created == [
        *(f"role {name}_{service}: created, with a new password" for service in SERVICES),
        f"database {name}: created",
        *(f"schema {service} of {name}: created" for service in SERVICES),
    ]
    assert [line for line in said if "at most" in line] == [f"role {name}_{service}: at most 7 connections" for service in SERVICES]
    said.clear()
    provide(checkout(servers, tmp_path), name, said.append)
    assert [line for line in said if "created" in line or "at most" in line] == []


def test_users_of_the_broker_are_said_as_they_are(servers: Servers, name: str, tmp_path: Path) -> None:
    said: list[str] = []
    shared = provide(checkout(servers, tmp_path), name, said.append)
    assert {shared.settings[f"AFTERSALE_{service.upper()}_AMQP_URL"] for service in SERVICES} == {servers.amqp_url}
    user = urlsplit(servers.amqp_url).username
    assert [line for line in said if f"all services share the user {user}" in line] != []

    servers.import_definitions(definitions(servers.amqp_url, name, shared))
    own = provide(checkout(servers, tmp_path), name, said.append)
    assert said[-1] == "broker: each service has its own user"
    assert [urlsplit(own.settings[f"AFTERSALE_{service.upper()}_AMQP_URL"]).username for service in SERVICES] == [
        f"{name}_{service}" for service in SERVICES
    ]

    async def has_its_queue() -> bool:
        async with await aio_pika.connect(own.settings["AFTERSALE_NOTES_AMQP_URL"]) as connection:
            return (await (await connection.channel()).get_queue(f"{name}.notes")).name == f"{name}.notes"

    assert asyncio.run(has_its_queue())


def run(home: Path, *arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """`aftersale ARGUMENTS` in a clone whose state is in `home`."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith("AFTERSALE_")}
    command = [sys.executable, "-m", "deploy", *arguments]
    environment |= {"AFTERSALE_HOME": str(home)}
    return subprocess.run(command, cwd=PROJECT, env=clean | environment, capture_output=True, text=True, timeout=300, check=False)


def test_the_commands_from_a_clone_that_never_ran_up(servers: Servers, name: str, tmp_path: Path) -> None:
    """From bare servers to schemas at head as an operator goes: provision, its environment, migrate."""
    urls = {"AFTERSALE_POSTGRES_ADMIN_URL": servers.postgres_url, "AFTERSALE_AMQP_ADMIN_URL": servers.amqp_url}
    home = tmp_path / "fresh"
    refused = run(home, "migrate", **urls)
    assert (refused.returncode, "./aftersale provision --print-env" in refused.stderr) == (1, True)
    assert not (home / "up").exists()

    done = run(home, "provision", "--name", name, "--json", **urls)
    assert done.returncode == 0, done.stderr + done.stdout
    assert json.loads(done.stdout.splitlines()[-1])["password_unknown"] == []
    printed = run(home, "provision", "--name", name, "--print-env", **urls)
    settings = dict(line.split("=", 1) for line in printed.stdout.splitlines())
    assert sorted(key for key in settings if key.endswith("_DATABASE_URL")) == sorted(
        f"AFTERSALE_{s.upper()}_DATABASE_URL" for s in SERVICES
    )
    users = json.loads(run(home, "provision", "--name", name, "--print-definitions", **urls).stdout)["users"]
    assert [user["name"] for user in users] == [f"{name}_{service}" for service in SERVICES]

    migrated = run(tmp_path / "elsewhere", "migrate", **settings)
    assert (migrated.returncode, migrated.stderr) == (0, "")
    migrate_all(settings)  # again: nothing to do
    foreign = run(tmp_path / "elsewhere", "provision", "--name", name, "--print-env", **urls)
    assert [line for line in foreign.stdout.splitlines() if line.startswith("#")] == [
        f"# AFTERSALE_{s.upper()}_DATABASE_URL: the role {name}_{s} already existed, and its password is not known here" for s in SERVICES
    ]
