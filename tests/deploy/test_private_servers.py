"""Private servers: two clones side by side, bad days, and nothing left behind."""

import asyncio
import contextlib
import os
import shutil
import signal
from pathlib import Path
from typing import Any

import aio_pika
import asyncpg
import pytest
from aiormq.exceptions import DeliveryError

from deploy.local import processes
from deploy.local.servers import rabbitmq
from deploy.local.servers.private import PrivateServers
from deploy.operator import state
from deploy.operator.state import State
from deploy.operator.trouble import Trouble
from deploy.operator.users import can_reach, server_user
from tests.deploy.conftest import made_home, private_servers

pytestmark = pytest.mark.skipif(rabbitmq.installed() is None, reason="RabbitMQ is not installed here: these servers come from Docker")


def running_from(folder: Path) -> list[str]:
    """Command lines of every process on this machine that has to do with `folder`."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            line = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            environment = (process / "environ").read_bytes().decode(errors="replace")
        except OSError:
            continue
        if (str(folder) in line or str(folder) in environment) and int(process.name) != os.getpid():
            found.append(line)
    return found


async def write(servers: PrivateServers, number: int) -> None:
    """A row and a persistent message."""
    database = await asyncpg.connect(servers.postgres_url)
    await database.execute("create table if not exists kept (number int)")
    await database.execute("insert into kept values ($1)", number)
    await database.close()
    async with await aio_pika.connect(servers.amqp_url) as connection:
        channel = await connection.channel()
        queue = await channel.declare_queue("kept", durable=True, arguments={"x-queue-type": "quorum"})
        message = aio_pika.Message(str(number).encode(), delivery_mode=aio_pika.DeliveryMode.PERSISTENT)
        async with asyncio.timeout(90):  # after a restart the queue first elects its leader, and until then takes nothing
            while True:
                with contextlib.suppress(DeliveryError):
                    await channel.default_exchange.publish(message, queue.name)
                    return


async def read(servers: PrivateServers) -> tuple[list[int], list[int]]:
    """Every row, and every message (left in the queue)."""
    database = await asyncpg.connect(servers.postgres_url)
    rows = [row["number"] for row in await database.fetch("select number from kept order by number")]
    await database.close()
    async with await aio_pika.connect(servers.amqp_url) as connection:
        channel = await connection.channel()
        queue = await channel.get_queue("kept")
        messages: list[Any] = []
        while message := await queue.get(fail=False):
            messages.append(int(message.body))
    return rows, sorted(set(messages))  # one that was refused may have come in all the same


def test_two_clones_side_by_side_survive_kill_9_and_leave_nothing_running() -> None:
    homes = [made_home(), made_home()]
    one, other = (private_servers(home) for home in homes)
    try:
        one.start()
        asyncio.run(write(one, 1))
        other.start()  # meanwhile the new queue of `one` settles: see docs/decisions/0503-kill-9-of-a-young-queue.md
        asyncio.run(write(other, 2))
        assert len({one.postgres.port, other.postgres.port, one.rabbitmq.port, other.rabbitmq.port}) == 4

        addresses = one.postgres_url, one.amqp_url
        one.kill("postgres")
        one.kill("rabbitmq")
        assert sorted(one.revive()) == ["postgres", "rabbitmq"]
        assert (one.postgres_url, one.amqp_url) == addresses, "what runs knows these addresses"
        assert one.revive() == []
        asyncio.run(write(one, 11))
        assert asyncio.run(read(one)) == ([1, 11], [1, 11])

        one.stop()
        assert running_from(homes[0]) == []
        assert asyncio.run(read(other)) == ([2], [2]), "the other clone noticed nothing"
    finally:
        one.stop()
        other.stop()
        assert [running_from(home) for home in homes] == [[], []]
        for home in homes:
            shutil.rmtree(home)


def test_what_a_killed_run_left_behind_is_cleared_away_and_its_data_stays(home: Path) -> None:
    first = private_servers(home)
    first.start()
    asyncio.run(write(first, 1))
    left = [first.postgres.process, first.rabbitmq.process, first.rabbitmq.epmd]
    first.state.let_go()  # the lock dies with its holder; the servers live on

    second = private_servers(home)
    try:
        second.start()
        assert [process.alive for process in left if process] == [False, False, False]
        assert asyncio.run(read(second)) == ([1], [1])
    finally:
        second.stop()
    assert running_from(home) == []


def test_a_stranger_with_a_recorded_pid_is_left_alone(tmp_path: Path) -> None:
    stranger = processes.start("stranger", ["/bin/sleep", "60"], state=tmp_path, log=tmp_path / "log")
    try:
        (tmp_path / "postgres.process").write_text(f"{stranger.pid} 12345")  # our pid of before the reboot, given to another
        assert processes.leftover(tmp_path, "postgres") is None
        assert not (tmp_path / "postgres.process").exists()
        assert stranger.alive
        processes.stop_leftovers(tmp_path)
        assert processes.leftover(tmp_path, "stranger") is None
    finally:
        stranger.stop(signal.SIGKILL, 1)
    assert not stranger.alive


def test_data_of_another_major_version_is_said_to_be_so(home: Path) -> None:
    servers = private_servers(home)
    data = servers.postgres.data
    data.mkdir(parents=True)
    (data / "PG_VERSION").write_text("12\n")
    with pytest.raises(Trouble, match="was written by PostgreSQL 12"):
        servers.postgres.start()
    servers.state.let_go()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs servers as another user")
def test_a_clone_that_the_servers_user_cannot_enter_keeps_its_state_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    """A clone in /root: the state moves to a folder that can be reached, behind a link; binaries are copied beside it."""
    monkeypatch.delenv("AFTERSALE_HOME", raising=False)
    monkeypatch.setattr(state, "SHARED_ROOT", home / "shared")
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    base = state.base_folder(closed)
    assert base.is_relative_to(home / "shared")
    assert (closed / ".aftersale").is_symlink()
    assert state.base_folder(closed) == base
    fleeting = tmp_path / "another"
    fleeting.mkdir(mode=0o700)
    kept_by_tests = state.base_folder(fleeting, "test")
    assert not (fleeting / ".aftersale").exists()
    kept_by_tests.rmdir()
    user = server_user()
    assert user is not None
    assert can_reach(user, base)
    assert not can_reach(user, closed)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs servers as another user")
def test_binaries_that_the_servers_user_cannot_reach_are_copied(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from deploy.local.servers import postgres  # noqa: PLC0415  (patched below)

    real = postgres.find_binaries()
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    package = real.folder.parents[1]
    for part in (package, package.with_name(f"{package.name}.libs")):
        shutil.copytree(part, closed / part.name, symlinks=True)
    monkeypatch.setattr(postgres, "find_binaries", lambda: postgres.Binaries(closed / real.folder.relative_to(package.parent), real.major))
    server = postgres.Postgres(State(home / "state").hold(), say=lambda line: None)
    try:
        server.start()
        assert (home / "postgresql" / real.folder.relative_to(package.parent) / "postgres").exists()
        assert asyncio.run(_major(server.url)) == real.major
    finally:
        server.stop()
        server.state.let_go()


async def _major(url: str) -> int:
    connection = await asyncpg.connect(url)
    try:
        return int(await connection.fetchval("show server_version_num")) // 10_000
    finally:
        await connection.close()
