"""Creates what the services need on the servers: a database with a schema and a role for each, broker users and queues, and keys.

Every step can be repeated. A run creates only what is missing and changes no password. Every run sets the roles' time-outs, sets a
connection limit where there is none or one is asked for, and closes the database to everybody else (deploy/operator/databases.py).
"""

import asyncio
import hashlib
import json
import os
import shlex
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

import aio_pika

from deploy.operator import databases, given, topology
from deploy.operator.databases import Roles, Wanted, as_user
from deploy.operator.given import Servers
from deploy.operator.output import Output
from deploy.operator.queues import waiting
from deploy.operator.registry import READERS, SERVICES
from deploy.operator.state import PROJECT, State, base_folder
from deploy.operator.tokens import keep_local_key
from deploy.operator.trouble import Trouble
from shared.data.migrate import migrate
from shared.messaging.broker import exchange_name

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Provided:
    """What the services run with. `unknown` lists those whose role already existed and whose password is not known here."""

    settings: dict[str, str]
    passwords: Mapping[str, str]
    unknown: tuple[str, ...]
    own_users: bool
    """Whether each service has its own broker user, with narrow rights."""


def provision(servers: Servers, name: str = "aftersale", say: Say = lambda line: None) -> dict[str, str]:
    """Provide everything on `servers`, bring every schema to head, and return the settings that the services run with. Blocks.

    `name` is the database, the first word of every role and user, and the namespace of the queues, so several systems can share a server.
    Raises Trouble, also if a role already exists whose password is not known.
    """
    say("Database: one schema and one role for each service")
    say("Broker: exchange and queues")
    provided = provide(servers, name)
    if provided.unknown:
        role = topology.user_name(name, provided.unknown[0])
        raise Trouble(
            f"The role {role} already exists, and its password is not known here.",
            f"set AFTERSALE_{provided.unknown[0].upper()}_PASSWORD to it, or give the role the one in {servers.state.folder}/secrets.json",
        )
    say("Migrations")
    migrate_all(provided.settings)
    return provided.settings


def provide(servers: Servers, name: str, say: Say = lambda line: None, *, connection_limit: int | None = None) -> Provided:
    """Create what is missing on `servers` and set rights and limits; `say` is called with each change. Blocks. Raises Trouble."""
    state = servers.state
    known = known_passwords(state, name, os.environ if servers.kind == "environment" else {})
    wanted = Wanted(name, known, lambda service: state.secret(topology.user_name(name, service)), connection_limit)
    roles = asyncio.run(databases.provide(servers.postgres_url, wanted, say))
    kept = {topology.user_name(name, service): password for service, password in roles.passwords.items()}
    if not kept.items() <= state.read("secrets").items():
        state.keep("secrets", state.read("secrets") | kept)
    own_users = _provide_broker(servers, name, roles, say)
    return Provided(_settings(servers, name, roles, own_users=own_users), roles.passwords, tuple(roles.unknown), own_users)


def known_passwords(state: State, name: str, environment: Mapping[str, str]) -> dict[str, str]:
    """Passwords of the roles, by service: from the service's own URL, else AFTERSALE_<SERVICE>_PASSWORD, else as stored in this clone."""
    kept, known = state.read("secrets"), {}
    for service in SERVICES:
        user = topology.user_name(name, service)
        url = urlsplit(environment.get(f"AFTERSALE_{service.upper()}_DATABASE_URL", ""))
        from_url = unquote(url.password or "") if unquote(url.username or "") == user else ""
        if password := from_url or environment.get(f"AFTERSALE_{service.upper()}_PASSWORD", "") or kept.get(user, ""):
            known[service] = password
    return known


def _settings(servers: Servers, name: str, roles: Roles, *, own_users: bool) -> dict[str, str]:
    """The services' environment. Without `own_users` all share the given broker user; a service of unknown password gets no URL."""
    given = os.environ if servers.kind == "environment" else {}
    settings = {
        "AFTERSALE_AMQP_NAMESPACE": name,
        "AFTERSALE_KEYS_FILE": given.get("AFTERSALE_KEYS_FILE") or str(keep_local_key(servers.state)),
        "AFTERSALE_FILES_DIR": given.get("AFTERSALE_FILES_DIR") or str(servers.state.folder / "files"),
    }
    for service, password in roles.passwords.items():
        user = topology.user_name(name, service)
        settings[f"AFTERSALE_{service.upper()}_DATABASE_URL"] = as_user(servers.postgres_url, user, password, database=name)
    for service in SERVICES:
        if not own_users:
            settings[f"AFTERSALE_{service.upper()}_AMQP_URL"] = servers.amqp_url
        elif service in roles.passwords:
            user = topology.user_name(name, service)
            settings[f"AFTERSALE_{service.upper()}_AMQP_URL"] = as_user(servers.amqp_url, user, roles.passwords[service])
    return settings


def migrate_all(settings: Mapping[str, str]) -> None:
    """Migrate every service's schema to head, each under its own role. Raises Trouble naming the service."""
    with ThreadPoolExecutor(1) as pool:  # one worker, because alembic's context is global to the process
        for service in SERVICES:
            name = f"AFTERSALE_{service.upper()}_DATABASE_URL"
            url = settings.get(name) or settings.get("AFTERSALE_DATABASE_URL")
            if not url:
                raise Trouble(f"The database of {service} is not configured.", f"set {name}")
            try:
                pool.submit(migrate, service, url).result()
            except Exception as error:
                raise Trouble(f"The migration of {service} failed: {error}") from error


def _provide_broker(servers: Servers, name: str, roles: Roles, say: Say) -> bool:
    """Create the exchange, queues, bindings and (if allowed) users, unless all of them exist; whether each service has its own user."""
    if servers.kind == "environment":
        asyncio.run(declare(servers.amqp_url, name))
        say("broker: exchange, queues and bindings are declared")
        return _own_users(servers.amqp_url, name, roles, say)
    if roles.unknown:
        return True  # nothing can run with these settings; the caller reports it
    wanted = topology.definitions(name, roles.passwords)
    stamp = hashlib.sha256(json.dumps(wanted, sort_keys=True).encode()).hexdigest()
    reader = READERS[0]
    own_url = as_user(servers.amqp_url, topology.user_name(name, reader), roles.passwords[reader])
    if servers.state.read("provisioned").get(name) != stamp or not asyncio.run(_has_queues(own_url, name)):
        servers.import_definitions(wanted)
        servers.state.keep("provisioned", servers.state.read("provisioned") | {name: stamp})
    return True


def _own_users(amqp_url: str, name: str, roles: Roles, say: Say) -> bool:
    """Whether each service has a broker user of its own. AMQP cannot create users, so an administrator has to."""
    urls = [as_user(amqp_url, topology.user_name(name, service), password) for service, password in roles.passwords.items()]
    if len(urls) == len(SERVICES) and all(asyncio.run(_lets_in(url)) for url in urls):
        say("broker: each service has its own user")
        return True
    shared = unquote(urlsplit(amqp_url).username or "guest")
    say(
        f"broker: all services share the user {shared} with all its permissions; to give each its own, import the output of"
        " `aftersale provision --print-definitions` into the broker, and provision again"
    )
    return False


async def _lets_in(url: str) -> bool:
    try:
        async with await aio_pika.connect(url, timeout=10):
            return True
    except (OSError, aio_pika.exceptions.AMQPError):
        return False


async def _has_queues(url: str, name: str) -> bool:
    try:
        return all([await waiting(url, queue) is not None for queue in topology.queues(name)])
    except (OSError, aio_pika.exceptions.AMQPError):
        return False


async def declare(amqp_url: str, name: str) -> None:
    """Exchange, queues and bindings, as far as they are missing: over AMQP alone, as the user that the URL names. Raises Trouble."""
    try:
        async with await aio_pika.connect(amqp_url, timeout=10) as connection:
            channel = await connection.channel()
            exchange = await channel.declare_exchange(exchange_name(name), aio_pika.ExchangeType.TOPIC, durable=True)
            declared = {
                queue: await channel.declare_queue(queue, durable=True, arguments=dict(arguments))
                for queue, arguments in topology.queues(name).items()
            }
            for queue, event_type in topology.bindings(name):
                await declared[queue].bind(exchange, routing_key=event_type)
    except (OSError, aio_pika.exceptions.AMQPError) as error:
        raise Trouble(f"RabbitMQ refused to declare the queues: {error}", "check the URL and the user's permissions") from error


def definitions(amqp_url: str, name: str, provided: Provided) -> dict[str, Any]:
    """What a broker's administrator imports into the virtual host of `amqp_url`. Raises Trouble if a password is not known."""
    if provided.unknown:
        service = provided.unknown[0]
        raise Trouble(
            f"The password of {topology.user_name(name, service)} is not known here.", f"set AFTERSALE_{service.upper()}_PASSWORD to it"
        )
    path = urlsplit(amqp_url).path
    return topology.definitions(name, provided.passwords, vhost=unquote(path[1:]) or "/")


def run_provision(output: Output, *, name: str, connection_limit: int | None, print_env: bool, print_definitions: bool) -> None:
    """Provision, report what was done, and print what was asked for (nothing else goes to stdout). Raises Trouble."""
    if print_env and print_definitions:
        raise Trouble("--print-env and --print-definitions exclude each other.", "run the command once with each")
    state = State(base_folder(PROJECT) / "up")
    servers = given.given(state)
    if servers is None:
        raise Trouble(
            f"Neither {given.POSTGRES} nor {given.AMQP} is set.",
            "set both to an administrator's URLs; `make up` starts servers on this machine and provisions them by itself",
        )
    state.hold()
    try:
        done: list[str] = []
        provided = provide(servers, name, lambda line: _did(line, done, output), connection_limit=connection_limit)
        if print_definitions:
            wanted = definitions(servers.amqp_url, name, provided)
            output.result({"definitions": wanted}, lambda console: _write(json.dumps(wanted, indent=1)))
        elif print_env:
            output.result({"environment": provided.settings}, lambda console: _write(as_environment(name, provided)))
        else:
            _sum_up(done, provided, state, output)
    finally:
        state.let_go()


def as_environment(name: str, provided: Provided) -> str:
    """The services' settings as lines for a shell's `set -a; . FILE`, with a comment where a password is not known."""
    lines = [f"{key}={shlex.quote(value)}" for key, value in sorted(provided.settings.items())]
    lines += [
        f"# AFTERSALE_{service.upper()}_DATABASE_URL: the role {name}_{service} already existed, and its password is not known here"
        for service in provided.unknown
    ]
    return "\n".join(lines)


def _did(line: str, done: list[str], output: Output) -> None:
    done.append(line)
    output.progress(line)


def _write(text: str) -> None:
    sys.stdout.write(text + "\n")


def _sum_up(done: list[str], provided: Provided, state: State, output: Output) -> None:
    value = {"did": done, "password_unknown": list(provided.unknown), "own_broker_users": provided.own_users, "kept_in": str(state.folder)}
    output.result(
        value,
        lambda console: console.print(
            f"[green]✓[/green] provisioned; known passwords are stored in {state.folder}\n"
            "  Next: `./aftersale provision --print-env` for the services' environment, and in it `./aftersale migrate`",
        ),
    )
