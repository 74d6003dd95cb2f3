"""A queue of a store's own, on the real broker: the same events, read with what was shown once, and nothing else open to its reader."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aio_pika
import asyncpg
import pytest
from aio_pika.exceptions import AMQPError

from services.webhooks.audit import CHECKS
from shared.contracts.ids import uuid_of
from shared.messaging.broker import exchange_name, queue_name
from tests.services.webhooks.conftest import endpoint
from tests.services.webhooks.queue_operator import (
    ENDPOINTS,
    QUEUE_BYTES,
    Administrator,
    Operator,
    channel,
    queue_endpoint,
    read,
    ready,
    url_of,
)  # fmt: skip
from tests.services.webhooks.receivers import Receiver
from tests.services.webhooks.test_commands_and_client import aftersale
from tests.services.webhooks.test_delivering import arrived, delivered
from tests.shop import Answer, Shop, eventually, order_p
from tests.stack import Stack

STRANGER = Path(__file__).with_name("stranger_child.py")


@pytest.fixture(scope="module")
async def operator(stack: Stack) -> AsyncIterator[Operator]:
    """The operator of queues, running."""
    if not stack.amqp_admin_api:
        pytest.skip("the broker was given without its administrator's API (AFTERSALE_AMQP_ADMIN_API)")
    made = Operator(stack)
    made.start()
    yield made
    made.stop()
    await Administrator(stack).remove()


@pytest.fixture
def admin(operator: Operator, stack: Stack) -> Administrator:
    """The broker's administrator, while the operator runs."""
    return Administrator(stack)


async def placed(shop: Shop, count: int = 1) -> list[str]:
    """The ids of so many new orders."""
    return [(await shop.platform.post("/orders/v1/orders", json=order_p())).ok()["order_id"] for _ in range(count)]


async def allowed(url: str) -> bool:
    """Whether the broker lets this user in."""
    try:
        async with await aio_pika.connect(url, timeout=30):
            return True
    except AMQPError:
        return False


@pytest.mark.usefixtures("operator")
async def test_a_queue_gets_the_same_bytes_under_the_same_ids_as_a_webhook(shop: Shop, receiver: Receiver) -> None:
    beside = await endpoint(shop, receiver, types=["order.*"])
    made = await queue_endpoint(shop, types=["order.*"])
    assert (made["kind"], made["url"], made["personal"], made["headers"]) == ("amqp", None, False, [])
    await placed(shop, 3)
    seen = {one.headers["webhook-id"]: one.body for one in await arrived(receiver, 3)}
    messages = await read(url_of(shop.stack, made), made["queue"]["queue"], 3)
    assert {one.message_id: one.body for one in messages} == seen
    assert [one.body for one in messages if b"personal" in one.body] == []
    for made_endpoint in (beside, made):
        await delivered(shop, made_endpoint["endpoint_id"], ["delivered"] * 3)
    [first, *_] = await delivered(shop, made["endpoint_id"], ["delivered"] * 3)
    [call] = (await shop.staff.get(f"/webhooks/v1/webhooks/deliveries/{first['delivery_id']}")).ok()["calls"]
    assert (call["status"], call["outcome"], call["url"], call["address"]) == (None, "delivered", None, None)


@pytest.mark.usefixtures("operator")
async def test_a_strangers_program_reads_what_it_needs_to_know(shop: Shop) -> None:
    made = await queue_endpoint(shop)
    await shop.staff.post(f"{ENDPOINTS}/{made['endpoint_id']}/test")
    [delivery] = await delivered(shop, made["endpoint_id"], ["delivered"])
    command = [sys.executable, str(STRANGER), url_of(shop.stack, made), made["queue"]["queue"]]
    process = await asyncio.create_subprocess_exec(*command, cwd="/", stdout=asyncio.subprocess.PIPE)
    told, _ = await process.communicate()
    found = json.loads(told)
    assert json.loads(found.pop("body"))["id"] == delivery["event_id"]
    assert found == {
        "id": delivery["event_id"], "type": "webhooks.test.v1", "content_type": "application/cloudevents+json", "app": "aftersale",
        "persistent": True,
    }  # fmt: skip


@pytest.mark.usefixtures("operator")
async def test_a_test_a_pause_and_a_replay_work_as_for_a_webhook(shop: Shop) -> None:
    made = await queue_endpoint(shop, types=["order.placed.v1"])
    path, url, queue = f"{ENDPOINTS}/{made['endpoint_id']}", url_of(shop.stack, made), made["queue"]["queue"]
    await shop.staff.post(f"{path}/test")
    [test] = await read(url, queue, 1)
    assert (test.type, json.loads(test.body)["data"]) == ("webhooks.test.v1", {"endpoint_id": made["endpoint_id"]})
    assert (await shop.staff.patch(path, json={"state": "paused"})).ok()["state"] == "paused"
    await placed(shop)
    await delivered(shop, made["endpoint_id"], ["delivered", "waiting"])
    assert (await shop.staff.patch(path, json={"state": "active"})).ok()["queue"] == made["queue"] | {"state": "ready"}
    [first] = await read(url, queue, 1)
    await delivered(shop, made["endpoint_id"], ["delivered", "delivered"])
    assert (await shop.staff.post(f"{path}/replay", json={"types": ["order.placed.v1"]})).ok()["deliveries"] == 1
    [again] = await read(url, queue, 1)
    assert (again.message_id, again.body) == (first.message_id, first.body)


async def test_the_user_may_read_its_queue_and_nothing_else(shop: Shop, admin: Administrator) -> None:
    made, other = await queue_endpoint(shop), await queue_endpoint(shop)
    names, url = made["queue"], url_of(shop.stack, made)
    assert [(one["vhost"], one["configure"], one["write"], one["read"]) for one in await admin.rights(names["username"])] == [
        (names["vhost"], "^$", "^$", f"^{names['queue']}$")
    ]
    limits = await admin.get(f"/user-limits/{names['username']}")
    assert [one["value"] for one in limits] == [{"max-connections": 5, "max-channels": 20}]

    async def refused(attempt: Any, to: str = url) -> str:
        with pytest.raises(AMQPError) as error:
            async with channel(to) as theirs:
                await attempt(theirs)
        return str(error.value)

    async def reads_another(theirs: Any) -> None:
        await (await theirs.get_queue(other["queue"]["queue"], ensure=False)).get(fail=False)

    async def publishes(theirs: Any) -> None:
        await theirs.default_exchange.publish(aio_pika.Message(b"forged"), names["queue"])

    async def declares(theirs: Any) -> None:
        await theirs.declare_queue("mine")

    async def purges_another(theirs: Any) -> None:
        await (await theirs.get_queue(other["queue"]["queue"], ensure=False)).purge()

    for attempt in (reads_another, publishes, declares, purges_another):
        assert "ACCESS_REFUSED" in await refused(attempt), attempt.__name__
    for vhost in ("%2F", shop.stack.name):
        assert not await allowed(url_of(shop.stack, made, vhost=vhost))
    for internal in (queue_name(shop.stack.name, "orders"), exchange_name(shop.stack.name)):
        assert await admin.get(f"/queues/{names['vhost']}/{internal}") is None
    assert (await admin.queue(names["queue"]))["arguments"] == {
        "x-queue-type": "quorum", "x-max-length-bytes": QUEUE_BYTES, "x-overflow": "reject-publish",
    }  # fmt: skip
    assert await admin.queue("mine") is None


@pytest.mark.parametrize(
    "given", [{"url": "https://hooks.example/in"}, {"headers": {"X-Key": "1"}}, {"secret": "whsec_x"}, {"personal": True}]
)
@pytest.mark.usefixtures("operator")
async def test_what_a_queue_does_not_have_is_refused(shop: Shop, given: dict[str, Any]) -> None:
    refused = await shop.platform.post(ENDPOINTS, json={"kind": "amqp"} | given)
    [pointer] = [f"/{name}" for name in given]
    expected = (422, "not_for_this_kind", [(pointer, "not_for_this_kind")])
    assert (refused.status, refused.code, [(one["pointer"], one["code"]) for one in refused["errors"]]) == expected
    assert (await shop.staff.get(ENDPOINTS)).ok()["items"] == []
    if "secret" not in given:
        made = await queue_endpoint(shop)
        edited = await shop.platform.patch(f"{ENDPOINTS}/{made['endpoint_id']}", json=given)
        assert (edited.status, edited.code, edited["errors"][0]["pointer"]) == (422, "not_for_this_kind", pointer)
        assert (await shop.staff.get(f"{ENDPOINTS}/{made['endpoint_id']}")).ok()["version"] == 1


async def test_a_webhook_needs_a_url(shop: Shop) -> None:
    refused = await shop.platform.post(ENDPOINTS, json={"types": ["order.*"]})
    assert (refused.status, refused.code, refused["errors"][0]["pointer"]) == (422, "url_missing", "/url")


async def test_what_a_full_queue_refuses_waits_in_our_row_and_nothing_is_lost(shop: Shop, admin: Administrator) -> None:
    made = await queue_endpoint(shop, types=["order.placed.v1"])
    endpoint_id, queue = made["endpoint_id"], made["queue"]["queue"]
    orders = await placed(shop, 40)

    async def outcomes() -> list[tuple[str, str]]:
        both = "deliveries d join attempts a using (store_id, delivery_id)"
        sql = f"select d.state, a.outcome from {both} where store_id = {{store}} and number = 1"
        found = [(row["state"], row["outcome"]) for row in await shop.rows("webhooks", sql)]
        assert len(found) == len(orders)
        return found

    found = await eventually(outcomes)
    assert {outcome for _, outcome in found} == {"delivered", "queue_full"}, "a full queue refuses"
    assert {state for state, outcome in found if outcome == "queue_full"} == {"waiting"}
    assert (await shop.staff.get(f"{ENDPOINTS}/{endpoint_id}")).ok()["state"] == "active"
    async with channel(url_of(shop.stack, made)) as theirs:
        held = (await theirs.declare_queue(queue, passive=True)).declaration_result.message_count
    assert held == len([one for one in found if one[1] == "delivered"])
    messages = await read(url_of(shop.stack, made), queue, len(orders))
    assert sorted(json.loads(one.body)["subject"] for one in messages) == sorted(orders)
    assert len({one.message_id for one in messages}) == len(orders)
    await delivered_all(shop, endpoint_id, len(orders))


async def delivered_all(shop: Shop, endpoint_id: str, count: int) -> None:
    """Wait until this many deliveries of the endpoint are delivered, and none is anything else."""

    async def counted() -> bool:
        page = (await shop.staff.get(f"/webhooks/v1/webhooks/deliveries?endpoint_id={endpoint_id}&limit=200")).ok()["items"]
        assert [one["state"] for one in page] == ["delivered"] * count
        return True

    await eventually(counted)


async def test_a_new_password_lets_its_reader_in_and_the_old_one_no_longer(shop: Shop, admin: Administrator) -> None:
    made = await queue_endpoint(shop)
    path = f"{ENDPOINTS}/{made['endpoint_id']}/secrets"
    async with await aio_pika.connect(url_of(shop.stack, made), timeout=30) as old:
        secret = (await shop.staff.post(path, key="again")).ok()
        assert (secret["scheme"], secret["public_key"], secret["secret"] != made["secret"]) == ("password", None, True)
        await ready(shop, made["endpoint_id"])

        async def ended() -> bool:
            return not old.connected.is_set()

        await eventually(ended)
    assert await allowed(url_of(shop.stack, made, password=secret["secret"]))
    assert not await allowed(url_of(shop.stack, made))
    again = (await shop.staff.post(path, key="again")).ok()
    assert (again.replayed, again["secret"]) == (True, secret["secret"])
    rows = await shop.rows("webhooks", "select to_jsonb(q)::text as it from queues q where store_id = {store}")
    stored = await shop.rows("webhooks", "select body as it from idempotency where store_id = {store}")
    assert [row for row in rows + stored if secret["secret"] in row["it"] or made["secret"] in row["it"]] == []
    for scheme in ({"scheme": "v1a"}, {"secret": "whsec_x"}):
        assert (await shop.staff.post(path, json=scheme)).code == "not_for_this_kind"
    assert len(await admin.rights(made["queue"]["username"])) == 1


async def test_a_deleted_endpoint_has_neither_queue_nor_user(shop: Shop, admin: Administrator) -> None:
    made = await queue_endpoint(shop)
    names = made["queue"]
    assert (await admin.queue(names["queue"]), await admin.user(names["username"])) != (None, None)
    (await shop.staff.delete(f"{ENDPOINTS}/{made['endpoint_id']}")).ok()

    async def gone() -> bool:
        assert await shop.rows("webhooks", "select 1 from queues where store_id = {store}") == []
        return True

    await eventually(gone)
    assert (await admin.queue(names["queue"]), await admin.user(names["username"])) == (None, None)
    assert not await allowed(url_of(shop.stack, made))


@pytest.mark.usefixtures("operator")
async def test_a_sixth_queue_is_refused_even_at_once(shop: Shop) -> None:
    await queue_endpoint(shop)
    answers: list[Answer] = await asyncio.gather(*(shop.platform.post(ENDPOINTS, json={"kind": "amqp"}) for _ in range(6)))
    assert sorted((one.status, one.code or "") for one in answers) == [(201, "")] * 4 + [(409, "too_many_queues")] * 2
    assert {one["max_queues"] for one in answers if one.code} == {5}
    assert len((await shop.staff.get(ENDPOINTS)).ok()["items"]) == 5
    assert len(await shop.rows("webhooks", "select 1 from queues where store_id = {store}")) == 5
    (await shop.platform.post(ENDPOINTS, json={"url": "https://hooks.example/in"})).ok()


async def test_the_operator_makes_again_what_the_broker_lost_and_removes_what_no_row_wants(
    shop: Shop, operator: Operator, admin: Administrator
) -> None:
    made, unwanted = await queue_endpoint(shop), await queue_endpoint(shop)
    operator.stop()
    await shop.rows("webhooks", "delete from queues where store_id = {store} and secret_id = $2", unwanted["secret_id"])
    [check] = [one for one in CHECKS if one.kind == "queue_is_not_its_endpoints"]
    found = await shop.rows("webhooks", f"select id, detail from ({check.sql}) one where store_id = {{store}}")
    assert found == [{"id": unwanted["endpoint_id"], "detail": "amqp, active; its queue is not ordered"}], "the reconciler sees it"
    deleted = "update endpoints set state = 'deleted' where store_id = {store} and endpoint_id = $2"
    await shop.rows("webhooks", deleted, uuid_of("endpoint", unwanted["endpoint_id"]))
    await admin.forget(made["queue"]["queue"], made["queue"]["username"])
    operator.start()

    async def as_ordered() -> bool:
        assert await admin.user(unwanted["queue"]["username"]) is None
        assert await admin.queue(unwanted["queue"]["queue"]) is None
        assert len(await admin.rights(made["queue"]["username"])) == 1
        return bool(await admin.queue(made["queue"]["queue"]))

    await eventually(as_ordered)
    assert await allowed(url_of(shop.stack, made))


@pytest.mark.usefixtures("operator")
async def test_the_command_line_makes_a_queue(shop: Shop) -> None:
    await queue_endpoint(shop)  # an operator is there
    made = await aftersale(shop, "endpoints", "create", "--queue", "--type", "order.*")
    assert (made["kind"], made["types"], made["queue"]["queue"]) == ("amqp", ["order.*"], made["endpoint_id"])


async def test_without_an_operator_no_queue_is_made(shop: Shop, stack: Stack, operator: Operator) -> None:
    await queue_endpoint(shop)
    operator.stop()
    connection = await asyncpg.connect(stack.database_url("webhooks"))
    try:
        for ago, status, code in ((70, 409, "amqp_endpoints_not_available"), (50, 201, None)):
            await connection.execute("update webhooks.operators set seen_at = $1", datetime.now(UTC) - timedelta(seconds=ago))
            before = await shop.rows("webhooks", "select count(*) as n from endpoints where store_id = {store}")
            answer = await shop.platform.post(ENDPOINTS, json={"kind": "amqp"})
            assert (answer.status, answer.code) == (status, code)
            after = await shop.rows("webhooks", "select count(*) as n from endpoints where store_id = {store}")
            assert after[0]["n"] - before[0]["n"] == (status == 201)
    finally:
        await connection.close()
    assert answer["queue"]["state"] == "preparing"
    await placed(shop)
    operator.start()
    await ready(shop, answer["endpoint_id"])
    [message] = await read(url_of(stack, answer), answer["queue"]["queue"], 1)
    assert message.type == "order.placed.v1"
    assert len(await delivered(shop, answer["endpoint_id"], ["delivered"])) == 1
    both = "queues join deliveries using (store_id, endpoint_id) join attempts using (store_id, delivery_id)"
    sql = f"select outcome from {both} where store_id = {{store}} and secret_id = $2"
    assert [row["outcome"] for row in await shop.rows("webhooks", sql, answer["secret_id"])] == ["delivered"], "it waited for its queue"
