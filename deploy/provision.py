"""What the services need inside the servers: a database with a schema and a role for each, users and queues, keys; then migrations.

Every step can be repeated: what is there stays, what is missing is made, passwords are set to the kept ones.
"""

import asyncio
import hashlib
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

import aio_pika
import asyncpg

from deploy import topology
from deploy.places import State
from deploy.servers import Servers
from deploy.tokens import keep_local_key
from deploy.trouble import Trouble
from shared.broker import exchange_name
from shared.migrate import migrate

MIN_POSTGRES = 150_000
ROLE_SETTINGS = {
    "lock_timeout": "10s",
    "statement_timeout": "60s",
    "idle_in_transaction_session_timeout": "60s",
}


def provision(servers: Servers, name: str = "aftersale", say: Callable[[str], None] = lambda line: None) -> dict[str, str]:
    """Make all of it on `servers` and return the settings that the services run with. Blocks; raises Trouble.

    `name` is the database, the first word of every role and user, and the namespace of the queues: several can live on one server.
    """
    passwords = {service: servers.state.secret(f"{name}_{service}") for service in topology.SERVICES}
    settings = settings_for(servers, name)
    say("Database: one schema and one role for each service")
    asyncio.run(_provision_database(servers.postgres_url, name, passwords))
    say("Broker: exchange, queues, and one user for each service")
    _provision_broker(servers, name, passwords, settings)
    say("Migrations")
    migrate_all(settings)
    return settings


def settings_for(servers: Servers, name: str = "aftersale") -> dict[str, str]:
    """The environment that the services run with on `servers`; changes nothing but the kept secrets."""
    return connection_settings(servers.state, name, servers.postgres_url, servers.amqp_url, own_users=servers.kind != "environment")


def connection_settings(state: State, name: str, postgres_url: str, amqp_url: str, *, own_users: bool) -> dict[str, str]:
    """The services' settings for servers at these (administrator's) URLs. Without `own_users` all share the given broker user."""
    settings = {
        "AFTERSALE_AMQP_NAMESPACE": name,
        "AFTERSALE_KEYS_FILE": str(keep_local_key(state)),
        "AFTERSALE_FILES_DIR": str(state.folder / "files"),
    }
    for service in topology.SERVICES:
        user, password = topology.user_name(name, service), state.secret(f"{name}_{service}")
        prefix = f"AFTERSALE_{service.upper()}"
        settings[f"{prefix}_DATABASE_URL"] = as_user(postgres_url, user, password, database=name)
        settings[f"{prefix}_AMQP_URL"] = as_user(amqp_url, user, password) if own_users else amqp_url
    return settings


def as_user(url: str, user: str, password: str, database: str | None = None) -> str:
    """The same server as another user (and in another database)."""
    parts = urlsplit(url)
    netloc = f"{quote(user, safe='')}:{quote(password, safe='')}@{parts.netloc.rpartition('@')[2]}"
    return urlunsplit(parts._replace(netloc=netloc, path=parts.path if database is None else f"/{database}"))


def migrate_all(settings: dict[str, str]) -> None:
    """Every service's schema to head, each under its own role, side by side. Raises Trouble naming the service."""
    with ThreadPoolExecutor(1) as pool:  # one: alembic's context is global to the process
        runs = {
            service: pool.submit(migrate, service, settings[f"AFTERSALE_{service.upper()}_DATABASE_URL"]) for service in topology.SERVICES
        }
        for service, run in runs.items():
            try:
                run.result()
            except Exception as error:
                raise Trouble(f"The migration of {service} failed: {error}") from error


async def _provision_database(admin_url: str, name: str, passwords: dict[str, str]) -> None:
    try:
        admin = await asyncpg.connect(admin_url)
    except (OSError, asyncpg.PostgresError) as error:
        raise Trouble(f"PostgreSQL does not let us in: {error}", "check its URL and that it runs") from error
    try:
        version = int(await admin.fetchval("show server_version_num"))
        if version < MIN_POSTGRES:
            raise Trouble(f"PostgreSQL {version // 10_000} is too old.", "use PostgreSQL 15 or newer")
        for service, password in passwords.items():
            await _role(admin, topology.user_name(name, service), password)
        if not await admin.fetchval("select true from pg_database where datname = $1", name):
            await admin.execute(f"create database {_quoted(name)}")
        await admin.execute(f"revoke all on database {_quoted(name)} from public")
    finally:
        await admin.close()
    inside = await asyncpg.connect(admin_url, database=name)
    try:
        async with inside.transaction():
            await _schemas(inside, name)
    finally:
        await inside.close()


async def _role(admin: "asyncpg.Connection[Any]", role: str, password: str) -> None:
    quoted = _quoted(role)
    if not await admin.fetchval("select true from pg_roles where rolname = $1", role):
        await admin.execute(f"create role {quoted} login")
    await admin.execute(f"alter role {quoted} login password '{password}'")  # hexadecimal, ours: PostgreSQL takes no parameter here
    for setting, value in ROLE_SETTINGS.items():
        await admin.execute(f"alter role {quoted} set {setting} = '{value}'")
    if not await admin.fetchval("select rolsuper from pg_roles where rolname = current_user"):
        await admin.execute(f"grant {quoted} to current_user")


async def _schemas(inside: "asyncpg.Connection[Any]", name: str) -> None:
    """Each role owns the schema of its service and has no way into another."""
    await inside.execute("revoke all on schema public from public")
    for service in topology.SERVICES:
        role = _quoted(topology.user_name(name, service))
        await inside.execute(f"create schema if not exists {_quoted(service)} authorization {role}")
        await inside.execute(f"grant connect on database {_quoted(name)} to {role}")
        await inside.execute(f"alter role {role} in database {_quoted(name)} set search_path = {_quoted(service)}")


def _quoted(identifier: str) -> str:
    return '"' + identifier.replace('"', '""') + '"'


def _provision_broker(servers: Servers, name: str, passwords: dict[str, str], settings: dict[str, str]) -> None:
    """Import what is new; where that was done before and a service's user finds its queue, there is nothing to do."""
    wanted = topology.definitions(name, passwords)
    stamp = hashlib.sha256(json.dumps(wanted, sort_keys=True).encode()).hexdigest()
    done_before = servers.state.read("provisioned").get(name) == stamp
    own_url = settings[f"AFTERSALE_{topology.READERS[0].upper()}_AMQP_URL"]
    if done_before and asyncio.run(_has_queues(own_url, name)):
        return
    if not servers.import_definitions(wanted):
        asyncio.run(_declare(servers.amqp_url, name))
    servers.state.keep("provisioned", servers.state.read("provisioned") | {name: stamp})


async def _has_queues(url: str, name: str) -> bool:
    try:
        async with await aio_pika.connect(url, timeout=10) as connection:
            channel = await connection.channel()
            for queue in topology.queues(name):
                await channel.declare_queue(queue, passive=True)
    except (OSError, aio_pika.exceptions.AMQPError):
        return False
    return True


async def _declare(url: str, name: str) -> None:
    """The topology over AMQP alone, as the user that the URL names: for servers that we do not administer."""
    try:
        async with await aio_pika.connect(url, timeout=10) as connection:
            channel = await connection.channel()
            exchange = await channel.declare_exchange(exchange_name(name), aio_pika.ExchangeType.TOPIC, durable=True)
            declared = {
                queue: await channel.declare_queue(queue, durable=True, arguments=dict(arguments))
                for queue, arguments in topology.queues(name).items()
            }
            for queue, event_type in topology.bindings(name):
                await declared[queue].bind(exchange, routing_key=event_type)
    except (OSError, aio_pika.exceptions.AMQPError) as error:
        raise Trouble(f"RabbitMQ does not let us declare our queues: {error}", "check its URL and the user's rights") from error
