"""On real servers: each service gets in, and no further than its own door."""

import asyncio
import json
from pathlib import Path
from typing import Any

import aio_pika
import asyncpg
import pytest
from aiormq.exceptions import AMQPError, ChannelAccessRefused

from deploy.operator import topology
from deploy.operator.given import GivenServers, Servers
from deploy.operator.provision import provision
from deploy.operator.registry import READERS, SERVICES
from deploy.operator.trouble import Trouble
from shared.contracts.events import EVENTS, SOURCES, read_by
from shared.data.migrate import migrate
from shared.messaging.broker import dead_queue_name, queue_arguments, queue_name

NAME = "shop"


@pytest.fixture(scope="module")
def settings(servers: Servers) -> dict[str, str]:
    return provision(servers, NAME)


async def connected(settings: dict[str, str], service: str) -> "asyncpg.Connection[Any]":
    return await asyncpg.connect(settings[f"AFTERSALE_{service.upper()}_DATABASE_URL"])


@pytest.mark.parametrize("service", SERVICES)
async def test_a_service_owns_its_schema_and_cannot_look_into_another(settings: dict[str, str], service: str) -> None:
    connection = await connected(settings, service)
    try:
        assert await connection.fetchval("select current_schema()") == service
        assert await connection.fetchval("select count(*) from events") == 0
        await connection.execute("create table mine (id int)")
        await connection.execute("drop table mine")
        for other in SERVICES:
            if other != service:
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    await connection.fetch(f"select * from {other}.events")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute("create table public.anything (id int)")
        for beyond in ("create schema another", "create temporary table loose (id int)", "select lo_create(0)"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(beyond)
    finally:
        await connection.close()


@pytest.mark.parametrize("service", SERVICES)
async def test_a_service_has_its_own_database_only_and_half_of_the_connections(
    servers: Servers, settings: dict[str, str], service: str
) -> None:
    for database in ("postgres", "template1"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="permission denied for database"):
            await asyncpg.connect(settings[f"AFTERSALE_{service.upper()}_DATABASE_URL"], database=database)
    admin = await asyncpg.connect(servers.postgres_url)
    try:
        limit = await admin.fetchval("select rolconnlimit from pg_roles where rolname = $1", topology.user_name(NAME, service))
        assert limit == int(await admin.fetchval("show max_connections")) // 2
    finally:
        await admin.close()


async def test_waits_of_a_service_are_bounded(settings: dict[str, str]) -> None:
    connection = await connected(settings, "orders")
    try:
        waits = [
            await connection.fetchval(f"show {name}")
            for name in ("lock_timeout", "statement_timeout", "idle_in_transaction_session_timeout")
        ]
    finally:
        await connection.close()
    assert waits == ["2s", "1min", "1min"]


async def test_a_migration_bounds_the_waits_of_a_role_that_was_made_before(servers: Servers, settings: dict[str, str]) -> None:
    role = topology.user_name(NAME, "orders")
    admin = await asyncpg.connect(servers.postgres_url)
    try:
        await admin.execute(f"alter role {role} set lock_timeout = '10s'; alter role {role} in database {NAME} reset lock_timeout")
        await asyncio.to_thread(migrate, "orders", settings["AFTERSALE_ORDERS_DATABASE_URL"])
        connection = await connected(settings, "orders")
        assert await connection.fetchval("show lock_timeout") == "2s"
        await connection.close()
    finally:
        await admin.execute(f"alter role {role} set lock_timeout = '2s'")
        await admin.close()


@pytest.mark.parametrize("service", SERVICES)
async def test_a_service_publishes_its_own_types_and_no_others(settings: dict[str, str], service: str) -> None:
    for source, words in SOURCES.items():
        for word in words:
            refused = await publishing(settings, service, f"{word}.happened.v1")
            assert refused == (source != service), f"{service} publishing {word}.happened.v1"


async def publishing(settings: dict[str, str], service: str, event_type: str) -> bool:
    """Whether the broker refuses it."""
    async with await aio_pika.connect(settings[f"AFTERSALE_{service.upper()}_AMQP_URL"]) as connection:
        channel = await connection.channel()
        exchange = await channel.get_exchange(f"{NAME}.events", ensure=False)
        try:
            await exchange.publish(aio_pika.Message(b"{}"), event_type, mandatory=False)
        except ChannelAccessRefused:
            return True
    return False


async def test_a_service_cannot_write_into_a_queue_read_anothers_or_listen_in(settings: dict[str, str]) -> None:
    async with await aio_pika.connect(settings["AFTERSALE_ORDERS_AMQP_URL"]) as connection:
        channel = await connection.channel()
        with pytest.raises(ChannelAccessRefused, match="default"):
            await channel.default_exchange.publish(aio_pika.Message(b"{}"), queue_name(NAME, "refunds"))
        channel = await connection.channel()
        foreign = await channel.get_queue(queue_name(NAME, "refunds"))
        with pytest.raises(ChannelAccessRefused, match="refused"):
            await foreign.get(fail=False)
        channel = await connection.channel()
        hints = await channel.declare_queue(exclusive=True)
        exchange = await channel.get_exchange(f"{NAME}.events")
        await hints.bind(exchange, "order.#")  # its own, for live streams
        with pytest.raises(ChannelAccessRefused, match=r"note\.#"):
            await hints.bind(exchange, "note.#")
        channel = await connection.channel()
        with pytest.raises(ChannelAccessRefused):
            await channel.queue_delete(queue_name(NAME, "notes"))


async def test_every_reader_gets_what_it_declares(servers: Servers, settings: dict[str, str]) -> None:
    """Through the exchange into the queues, as bound: one message per type, counted at each end."""
    counts = {service: len(read_by(service)) for service in READERS}
    async with await aio_pika.connect(servers.amqp_url) as connection:
        channel = await connection.channel()
        exchange = await channel.get_exchange(f"{NAME}.events")
        for event_type in EVENTS:
            await exchange.publish(aio_pika.Message(b"{}"), event_type, mandatory=False)
        for service, expected in counts.items():
            queue = await channel.get_queue(queue_name(NAME, service))
            got = [await queue.get(timeout=60, fail=False) for _ in range(expected)]
            assert sorted(str(message.routing_key) for message in got if message) == sorted(read_by(service))
            assert await queue.get(fail=False) is None
            for message in got:
                assert message is not None
                await message.ack()


async def test_a_service_may_declare_its_own_queue_again_as_it_is(settings: dict[str, str]) -> None:
    """What shared/messaging/broker.py does at every start."""
    for service in READERS:
        async with await aio_pika.connect(settings[f"AFTERSALE_{service.upper()}_AMQP_URL"]) as connection:
            channel = await connection.channel()
            queue = await channel.declare_queue(queue_name(NAME, service), durable=True, arguments=dict(queue_arguments(NAME)))
            exchange = await channel.get_exchange(f"{NAME}.events")
            for event_type in read_by(service):
                await queue.bind(exchange, event_type)


async def test_again_changes_nothing_and_keeps_the_data(servers: Servers, settings: dict[str, str]) -> None:
    connection = await connected(settings, "notes")
    await connection.execute("create table kept as select 7 as number")
    try:
        again = await asyncio.to_thread(provision, servers, NAME)
        assert again == settings
        assert await connection.fetchval("select number from kept") == 7
    finally:
        await connection.execute("drop table kept")
        await connection.close()


async def test_a_queue_that_was_lost_comes_back(servers: Servers, settings: dict[str, str]) -> None:
    async with await aio_pika.connect(servers.amqp_url) as connection:
        channel = await connection.channel()
        await channel.queue_delete(queue_name(NAME, "refunds"))
        await asyncio.to_thread(provision, servers, NAME)
        queue = await channel.get_queue(queue_name(NAME, "refunds"))
        assert queue.declaration_result.message_count == 0


def test_secrets_stay_with_their_owner(settings: dict[str, str]) -> None:
    keys = Path(settings["AFTERSALE_KEYS_FILE"])
    assert keys.stat().st_mode & 0o077 == 0
    [key] = json.loads(keys.read_text())
    assert "system" not in key["roles"]
    passwords = {settings[f"AFTERSALE_{service.upper()}_DATABASE_URL"].split(":")[2].split("@")[0] for service in SERVICES}
    assert len(passwords) == len(SERVICES)
    wrong = settings["AFTERSALE_ORDERS_AMQP_URL"].replace(f"{NAME}_orders:", f"{NAME}_orders:0")
    with pytest.raises(AMQPError):
        asyncio.run(aio_pika.connect(wrong))


async def test_two_systems_live_on_one_server(servers: Servers, settings: dict[str, str]) -> None:
    other = await asyncio.to_thread(provision, servers, "other_shop")
    connection = await connected(other, "orders")
    try:
        assert await connection.fetchval("select current_database()") == "other_shop"
    finally:
        await connection.close()
    crossed = settings["AFTERSALE_ORDERS_DATABASE_URL"].rpartition("/")[0] + "/other_shop"
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="permission denied for database"):
        await asyncpg.connect(crossed)


async def test_servers_that_are_given_get_the_same_topology_over_amqp(servers: Servers) -> None:
    given = GivenServers(servers.postgres_url, servers.amqp_url, servers.state)
    settings = await asyncio.to_thread(provision, given, "given_shop")
    assert settings["AFTERSALE_ORDERS_AMQP_URL"] == servers.amqp_url
    async with await aio_pika.connect(servers.amqp_url) as connection:
        for service in READERS:
            channel = await connection.channel()
            await channel.declare_queue(queue_name("given_shop", service), durable=True, arguments=dict(queue_arguments("given_shop")))
        channel = await connection.channel()
        await channel.get_queue(dead_queue_name("given_shop"))


def test_a_server_that_does_not_let_us_in_is_one_clear_line(servers: Servers) -> None:
    given = GivenServers("postgresql://nobody:wrong@127.0.0.1:1/postgres", servers.amqp_url, servers.state)
    with pytest.raises(Trouble, match="Cannot connect to PostgreSQL"):
        provision(given, "nowhere")
