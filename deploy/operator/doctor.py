"""`aftersale doctor`: checks everything that the system needs, and prints the fix for what is wrong."""

import asyncio
from collections.abc import Iterable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aio_pika
import asyncpg
from aiormq.exceptions import AMQPError
from alembic.script import ScriptDirectory
from rich.console import Console
from rich.markup import escape

from deploy.operator import connections, running, topology
from deploy.operator.answers import CLOCK_SECONDS, Check, ask, ask_the_one_address
from deploy.operator.output import Output
from deploy.operator.registry import READERS, SERVICES
from deploy.operator.trouble import Trouble
from shared.data.migrate import config
from shared.web.keys import KeysUnreadable, read_keys

CONNECT_SECONDS = 5
OPERATOR_SEEN_WITHIN_SECONDS = 60


def run_doctor(machine: Iterable[Check], output: Output) -> int:
    """Show the checks of this machine (`deploy.local.machine`, which no image has) and of the system; 0 unless a check failed.

    A warning is shown like a failed check, but changes neither `well` nor the exit code.
    """
    checks = [*machine, *asyncio.run(_system())]
    well = all(check.ok or not check.severe for check in checks)

    def render(console: Console) -> None:
        for check in checks:
            mark = "[green]✓[/green]" if check.ok else "[red]✗[/red]" if check.severe else "[yellow]![/yellow]"
            console.print(f"{mark} {check.what:<22} {escape(check.found)}")
            if not check.ok:
                console.print(f"  [bold]Fix:[/bold] {escape(check.fix)}")

    output.result({"well": well, "checks": [asdict(check) for check in checks]}, render)
    return 0 if well else 1


async def _system() -> list[Check]:
    """Check the running system with the services' own settings and rights."""
    try:
        running.apply()
    except Trouble as trouble:
        return [Check("System", False, trouble.what, trouble.fix)]
    checks = [_keys_file(path) for path in sorted({running.setting(service, "KEYS_FILE") for service in SERVICES}) if path]
    for service in SERVICES:
        checks += await _database(service)
    checks += [_broker_users(), *await _broker()]
    for service in SERVICES:
        checks += await asyncio.to_thread(ask, service)
    return [*checks, await asyncio.to_thread(ask_the_one_address)]


def _keys_file(path: str) -> Check:
    """Whether services can use the file as it is; only the issuers in it are shown."""
    try:
        keys = read_keys(Path(path))
    except (OSError, KeysUnreadable) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        return Check("Keys file", False, f"{path}: {why}", "fix the file; running services keep using the keys that they read last")
    return Check("Keys file", True, f"{len(keys)} keys of {', '.join(sorted({key.issuer for key in keys}))}")


async def _database(service: str) -> list[Check]:
    """Check one service's database: reachable as its own role, migrated, its clock right, nothing stuck."""
    name = f"{service} database"
    try:
        connection = await connections.opened(service, timeout_seconds=CONNECT_SECONDS)
    except asyncpg.PostgresError as error:
        return [Check(name, False, f"refuses the service: {error}", _let_in(service, error))]
    except (OSError, TimeoutError, ValueError, Trouble) as error:
        return [Check(name, False, f"does not answer: {error}", "start PostgreSQL, or check AFTERSALE_…_DATABASE_URL")]
    try:
        version = str(await connection.fetchval("show server_version"))
        at = await _revision(connection, service)
        head = ScriptDirectory.from_config(config(service, "")).get_current_head()
        clock = abs((await connection.fetchval("select clock_timestamp()") - datetime.now(UTC)).total_seconds())
        checks = [
            Check(name, at == head, f"PostgreSQL {version}, migration {at or 'none'} of {head}", "./aftersale migrate"),
            Check(f"{service} clock", clock < CLOCK_SECONDS, f"{clock * 1000:.0f} ms off", "synchronise both clocks (NTP)"),
        ]
        if at is not None:
            checks += await _backlog(connection, service)
        if at is not None and service == "webhooks":
            checks.append(await _operator(connection))
        return checks
    finally:
        await connection.close()


def _let_in(service: str, error: asyncpg.PostgresError) -> str:
    """The fix if the server answers but refuses the role."""
    variable = f"AFTERSALE_{service.upper()}_DATABASE_URL"
    if isinstance(error, asyncpg.InvalidAuthorizationSpecificationError):  # includes a wrong password
        return f"put the role's current password into {variable} and restart its processes, or reset it with `alter role … password`"
    if isinstance(error, asyncpg.InvalidCatalogNameError | asyncpg.InsufficientPrivilegeError):
        return "run ./aftersale provision (with the administrator's URLs), then ./aftersale migrate"
    if isinstance(error, asyncpg.TooManyConnectionsError):
        return "run fewer processes, smaller pools (AFTERSALE_DATABASE_POOL_SIZE), or raise the role's connection limit (provision)"
    return f"see PostgreSQL's log, and check {variable}"


async def _revision(connection: "asyncpg.Connection[Any]", service: str) -> str | None:
    try:
        return str(await connection.fetchval(f"select version_num from {service}.alembic_version"))  # noqa: S608  (one of our names)
    except asyncpg.UndefinedTableError:
        return None


async def _backlog(connection: "asyncpg.Connection[Any]", service: str) -> list[Check]:
    old = "published_at is null and set_aside_at is null and recorded_at < now() - interval '30 s'"
    unsent = await connection.fetchval(f"select count(*) from {service}.events where {old}")  # noqa: S608  (one of our names)
    parked = await connection.fetchval(f"select count(*) from {service}.parked where state = 'parked'")  # noqa: S608  (one of our names)
    aside = await connection.fetchval(f"select count(*) from {service}.set_aside where discarded is null")  # noqa: S608  (one of our names)
    return [
        Check(
            f"{service} set aside",
            aside == 0,
            f"{aside} rows cannot be read or published and were skipped",
            "`aftersale parked list`, fix the rows, `aftersale parked retry`",
        ),
        Check(
            f"{service} outbox", unsent == 0, f"{unsent} events unsent for more than 30 s", "start RabbitMQ and a process of this service"
        ),
        Check(
            f"{service} parked",
            parked == 0,
            f"{parked} messages parked",
            "`aftersale parked list`, fix the cause, `aftersale parked retry`",
        ),
    ]


async def _operator(connection: "asyncpg.Connection[Any]") -> Check:
    """Whether `aftersale run-queues` makes the stores' own queues; without one none can be ordered, which is a warning only."""
    seen = await connection.fetchval("select extract(epoch from now() - max(seen_at))::int from webhooks.operators")
    undone = await connection.fetchval("select count(*) from webhooks.queues where applied < generation")
    found = "never ran" if seen is None else f"seen {seen} s ago"
    fresh = seen is not None and seen <= OPERATOR_SEEN_WITHIN_SECONDS
    fix = "run `aftersale run-queues` with the broker's administrator, if stores shall have queues of their own"
    return Check("Operator of queues", fresh, f"{found}, {undone} changes to be carried out", fix, severe=False)


def _broker_users() -> Check:
    """Whether each service has its own broker user: a shared user may publish every service's events."""
    users = {urlsplit(running.setting(service, "AMQP_URL")).username for service in SERVICES}
    own = len(users) == len(SERVICES)
    found = (
        "each service has its own" if own else "the services share one: its password lets anyone publish as any of them (P20 does not hold)"
    )
    return Check(
        "Broker users",
        own,
        found,
        "import the output of `aftersale provision --print-definitions`, and give each service its own user's URL",
    )


async def _broker() -> list[Check]:
    """Check the broker as a service's user, and every queue with its consumers."""
    try:
        async with await aio_pika.connect(running.setting(READERS[0], "AMQP_URL"), timeout=CONNECT_SECONDS) as connection:
            properties = connection.transport.connection.server_properties if connection.transport else {}
            version = str(properties.get("version", "?"))
            new_enough = tuple(int(part) for part in version.split(".")[:2] if part.isdigit()) >= topology.MIN_VERSION
            checks = [Check("Broker", new_enough, f"RabbitMQ {version}", "use RabbitMQ 3.10 or newer")]
            namespace = running.setting(READERS[0], "AMQP_NAMESPACE", "aftersale")
            queues = topology.queues(namespace)
            return checks + [await _queue(connection, queue, is_dead=queue.endswith(".dead")) for queue in queues]
    except (OSError, AMQPError, TimeoutError) as error:
        return [Check("Broker", False, f"does not answer: {error}", "start RabbitMQ, or check AFTERSALE_…_AMQP_URL")]


async def _queue(connection: aio_pika.abc.AbstractConnection, queue: str, *, is_dead: bool) -> Check:
    """Whether a queue exists and has consumers; a dead-letter queue must be empty instead."""
    try:
        async with connection.channel() as channel:
            found = (await channel.declare_queue(queue, passive=True)).declaration_result
    except AMQPError:
        fix = "./aftersale provision (with the administrator's URLs) or `make up`; then `./aftersale redrive` sends what was lost"
        return Check(queue, False, "does not exist", fix)
    waiting, consumers = found.message_count or 0, found.consumer_count or 0
    if is_dead:
        return Check(queue, waiting == 0, f"{waiting} messages", "inspect them with RabbitMQ's tools; the services never send any there")
    return Check(
        queue,
        consumers > 0,
        f"{waiting} waiting, {consumers} consumers",
        f"start a worker: ./aftersale run {queue.rpartition('.')[2]} --role worker",
    )
