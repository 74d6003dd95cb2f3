"""Creates what the services need in PostgreSQL: a database, and for each service a role, its limits and a schema of its own.

An existing role keeps its password, since others may be using it. Every step can be repeated and reports what it did.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

import asyncpg

from deploy.operator import topology
from deploy.operator.registry import SERVICES
from deploy.operator.trouble import Trouble
from shared.data.migrate import SERVICE_LOCK_TIMEOUT

MIN_POSTGRES = 150_000
ROLE_SETTINGS = {
    "lock_timeout": SERVICE_LOCK_TIMEOUT,
    "statement_timeout": "60s",
    "idle_in_transaction_session_timeout": "60s",
}
LOCK = 0x6166746572  # advisory lock: one provisioning of a server at a time; the bytes spell "after"
MAINTENANCE = ("postgres", "template1")
"""Databases that every role may enter unless that right is revoked."""

# By default every role may create large objects, which count towards no role's limit and are in no backup of a schema.
LARGE_OBJECTS = ("lo_creat(integer)", "lo_create(oid)", "lo_from_bytea(oid, bytea)")
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Wanted:
    """A system on a server: its `name` (database, and first word of the roles), known passwords by service, and a password generator."""

    name: str
    known: Mapping[str, str]
    fresh: Callable[[str], str]
    connection_limit: int | None = None
    """Connection limit of each role; None: half of the server's connections, for a role without a limit."""


@dataclass(slots=True)
class Roles:
    """Passwords by service. Services in `unknown` already had a role, whose password is not known here and was not changed."""

    passwords: dict[str, str] = field(default_factory=dict)
    unknown: list[str] = field(default_factory=list)


async def provide(admin_url: str, wanted: Wanted, say: Say) -> Roles:
    """Create what is missing, and set rights and limits. Raises Trouble when the server refuses or is too old."""
    try:
        admin = await asyncpg.connect(admin_url)
    except (OSError, asyncpg.PostgresError) as error:
        raise Trouble(f"Cannot connect to PostgreSQL: {error}", "check the URL, and that it runs") from error
    try:
        await admin.execute("select pg_advisory_lock($1)", LOCK)
        version = int(await admin.fetchval("show server_version_num"))
        if version < MIN_POSTGRES:
            raise Trouble(f"PostgreSQL {version // 10_000} is too old.", "use PostgreSQL 15 or newer")
        roles = Roles()
        there = [service for service in SERVICES if not await _role(admin, wanted, service, roles, say)]
        await _database(admin, wanted.name, say)
        await _schemas(admin_url, wanted.name, say)
        await _only_its_own_database(admin, wanted.name, say)
        await _known_or_not(admin_url, wanted, there, roles, say)
    except (OSError, asyncpg.PostgresError) as error:
        raise Trouble(
            f"PostgreSQL refused: {error}", "use a role that may create databases and roles, and that owns what exists already"
        ) from error
    else:
        return roles
    finally:
        await admin.close()


async def _role(admin: "asyncpg.Connection[Any]", wanted: Wanted, service: str, roles: Roles, say: Say) -> bool:
    """Provide the role of `service` with its limits; whether it is new. Only a new role's password is set."""
    role = topology.user_name(wanted.name, service)
    quoted = _quoted(role)
    found = await admin.fetchrow("select rolconnlimit from pg_roles where rolname = $1", role)
    if found is None:
        roles.passwords[service] = wanted.known.get(service) or wanted.fresh(service)
        await admin.execute(f"create role {quoted} login password {_literal(roles.passwords[service])}")
        say(f"role {role}: created, with {'the given' if service in wanted.known else 'a new'} password")
    limit = wanted.connection_limit
    if limit is None and (found is None or found["rolconnlimit"] < 0):
        limit = int(await admin.fetchval("show max_connections")) // 2
    if limit is not None and (found is None or found["rolconnlimit"] != limit):
        await admin.execute(f"alter role {quoted} connection limit {limit}")
        say(f"role {role}: at most {limit} connections")
    for setting, value in ROLE_SETTINGS.items():
        await admin.execute(f"alter role {quoted} set {setting} = '{value}'")
    if not await admin.fetchval(
        "select rolsuper or pg_has_role(current_user, $1, 'member') from pg_roles where rolname = current_user", role
    ):
        await admin.execute(f"grant {quoted} to current_user")
    return found is None


async def _database(admin: "asyncpg.Connection[Any]", name: str, say: Say) -> None:
    if not await admin.fetchval("select true from pg_database where datname = $1", name):
        await admin.execute(f"create database {_quoted(name)}")
        say(f"database {name}: created")
    await admin.execute(f"revoke all on database {_quoted(name)} from public")


async def _schemas(admin_url: str, name: str, say: Say) -> None:
    """Give each role the schema of its service, and no access to the others."""
    inside = await asyncpg.connect(admin_url, database=name)
    try:
        async with inside.transaction():
            await inside.execute("revoke all on schema public from public")
            for service in SERVICES:
                role = _quoted(topology.user_name(name, service))
                if not await inside.fetchval("select true from pg_namespace where nspname = $1", service):
                    await inside.execute(f"create schema {_quoted(service)} authorization {role}")
                    say(f"schema {service} of {name}: created")
                await inside.execute(f"grant connect on database {_quoted(name)} to {role}")
                await inside.execute(f"alter role {role} in database {_quoted(name)} set search_path = {_quoted(service)}")
        try:
            async with inside.transaction():
                for function in LARGE_OBJECTS:
                    await inside.execute(f"revoke execute on function pg_catalog.{function} from public")
        except asyncpg.InsufficientPrivilegeError:
            say(f"database {name}: large objects stay allowed, as only a superuser could forbid them")
    finally:
        await inside.close()


async def _only_its_own_database(admin: "asyncpg.Connection[Any]", name: str, say: Say) -> None:
    """Revoke PUBLIC's right to enter the maintenance databases; roles that have it today are granted it by name.

    Other databases are not ours to change: those that a service's role may enter are reported.
    """
    ours = [topology.user_name(name, service) for service in SERVICES]
    for database in MAINTENANCE:
        for role in ours:  # another system's provisioning may have granted it to our roles by name
            await admin.execute(f"revoke all on database {_quoted(database)} from {_quoted(role)}")
        if not await admin.fetchval("select has_database_privilege('public', $1, 'connect')", database):
            continue
        try:
            async with admin.transaction():
                others = await admin.fetch(
                    "select rolname from pg_roles where rolcanlogin and not rolsuper and rolname <> all($1::text[])", ours
                )
                for (other,) in others:
                    await admin.execute(f"grant connect on database {_quoted(database)} to {_quoted(other)}")
                await admin.execute(f"revoke connect, temporary on database {_quoted(database)} from public")
        except asyncpg.InsufficientPrivilegeError:
            continue  # reported below
        if not await admin.fetchval("select has_database_privilege('public', $1, 'connect')", database):
            kept = f"; {len(others)} other roles keep it by name" if others else ""
            say(f"database {database}: no longer open to everybody{kept}")
    enter = "datallowconn and datname <> $1 and has_database_privilege($2, oid, 'connect')"
    open_to_us = await admin.fetchval(f"select string_agg(datname, ', ' order by datname) from pg_database where {enter}", name, ours[0])  # noqa: S608  (constants of this module)
    if open_to_us:
        say(f"other databases that the services' roles may enter: {open_to_us} (`revoke connect on database … from public` closes one)")


async def _known_or_not(admin_url: str, wanted: Wanted, there: list[str], roles: Roles, say: Say) -> None:
    """For the roles that already existed, test whether the known password works. It is not changed either way."""
    for service in there:
        role, password = topology.user_name(wanted.name, service), wanted.known.get(service)
        if password is not None and await _opens(as_user(admin_url, role, password, database=wanted.name)):
            roles.passwords[service] = password
            continue
        roles.unknown.append(service)
        why = "is not known here" if password is None else "is not the one that is known here"
        say(f"role {role}: already existed; its password {why}, and was not changed")


async def _opens(url: str) -> bool:
    try:
        connection = await asyncpg.connect(url, timeout=10)
    except asyncpg.InvalidAuthorizationSpecificationError:  # includes a wrong password
        return False
    await connection.close()
    return True


def as_user(url: str, user: str, password: str, database: str | None = None) -> str:
    """The same server as another user (and in another database)."""
    parts = urlsplit(url)
    netloc = f"{quote(user, safe='')}:{quote(password, safe='')}@{parts.netloc.rpartition('@')[2]}"
    return urlunsplit(parts._replace(netloc=netloc, path=parts.path if database is None else f"/{database}"))


def _quoted(identifier: str) -> str:
    return '"' + identifier.replace('"', '""') + '"'


def _literal(text: str) -> str:
    """As an escape string, whose meaning does not depend on settings: PostgreSQL takes no parameter in place of a password."""
    return "E'" + text.replace("\\", "\\\\").replace("'", "''") + "'"
