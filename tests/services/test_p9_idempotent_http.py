"""P9. Idempotent HTTP: one key, one wish, one effect; the same answer however often it is asked for, and whoever dies in between."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import httpx2
import pytest

from shared.data.crash import VARIABLE
from tests.shop import Answer, Caller, Shop, eventually, order_p
from tests.stack import Stack

PLACE = "/orders/v1/orders"
AT_ONCE = 64


async def an_order(shop: Shop) -> str:
    order_id: str = (await shop.platform.post(PLACE, order_p())).ok()["order_id"]
    return order_id


def transitions(order_id: str) -> str:
    return f"{PLACE}/{order_id}/transitions"


async def until_answered(caller: Caller, path: str, body: Any, key: str) -> Answer:
    """The answer of a patient client: it repeats the call with its key while the first one still runs."""

    async def ask() -> Answer | None:
        answer = await caller.post(path, body, key=key)
        assert answer.status < 500
        return None if answer.code == "in_progress" else answer

    answer = await eventually(ask)
    assert answer is not None
    return answer


async def effects(shop: Shop) -> tuple[int, list[tuple[str, int]]]:
    """Orders of the store, and what was told of them."""
    orders = await shop.rows("orders", "select 1 from orders where store_id = {store}")
    return len(orders), [(event["type"], event["sequence"]) for event in await shop.events("orders") if event["type"].startswith("order.")]


async def test_64_calls_with_one_key_place_one_order(shop: Shop) -> None:
    answers = await asyncio.gather(*(until_answered(shop.platform, PLACE, order_p(), "k-1") for _ in range(AT_ONCE)))
    assert {(answer.status, answer.content, answer.etag) for answer in answers} == {(201, answers[0].content, '"v1"')}
    assert sum(not answer.replayed for answer in answers) == 1
    assert await effects(shop) == (1, [("order.placed.v1", 1)])


async def test_64_calls_with_one_key_move_an_order_once(shop: Shop) -> None:
    path = transitions(await an_order(shop))
    answers = await asyncio.gather(*(until_answered(shop.staff, path, {"to": "confirmed"}, "k-1") for _ in range(AT_ONCE)))
    assert {(answer.status, answer.content, answer.etag) for answer in answers} == {(200, answers[0].content, '"v2"')}
    assert sum(not answer.replayed for answer in answers) == 1
    assert await effects(shop) == (1, [("order.placed.v1", 1), ("order.confirmed.v1", 2)])


@pytest.mark.parametrize("place", [True, False], ids=["one statement", "a transaction"])
async def test_the_answer_stays_what_it_was(shop: Shop, place: bool) -> None:
    """Also when the order has moved on since."""
    order_id = await an_order(shop)
    path, body = (PLACE, order_p()) if place else (transitions(order_id), {"to": "confirmed"})
    first = (await shop.staff.post(path, body, key="k-1")).ok()
    moved = order_id if not place else first["order_id"]
    (await shop.staff.post(transitions(moved), {"to": "shipped"})).ok()
    again = await shop.staff.post(path, body, key="k-1")
    assert (again.status, again.content, again.etag, again.replayed) == (first.status, first.content, first.etag, True)


async def test_another_body_under_the_same_key(shop: Shop) -> None:
    path = transitions(await an_order(shop))
    (await shop.platform.post(PLACE, order_p(), key="k-1")).ok()
    before = await effects(shop)
    other = await shop.platform.post(PLACE, order_p(language="bn"), key="k-1")
    elsewhere = await shop.platform.post(path, {"to": "confirmed"}, key="k-1")
    assert [(answer.status, answer.code) for answer in (other, elsewhere)] == [(422, "idempotency_key_reused")] * 2
    assert await effects(shop) == before


@pytest.mark.parametrize(("key", "code"), [(None, "idempotency_key_missing"), ("x" * 256, "idempotency_key_invalid")])
async def test_no_key_or_no_proper_one(shop: Shop, key: str | None, code: str) -> None:
    answer = await shop.platform.post(PLACE, order_p(), key=key)
    assert (answer.status, answer.code) == (400, code)
    assert await effects(shop) == (0, [])


async def test_a_key_belongs_to_its_caller(shop: Shop) -> None:
    """Nobody gets another's answer by knowing the key, not even on behalf of somebody."""
    elsewhere = shop.caller("platform", "platform-1", store=f"{shop.store}-2")
    callers = [shop.platform, shop.caller("platform", "platform-2"), shop.staff, elsewhere]
    answers = [(await caller.post(PLACE, order_p(), key="k-1")).ok() for caller in callers]
    assert [answer.replayed for answer in answers] == [False] * 4
    assert len({answer["order_id"] for answer in answers}) == 4
    assert (await effects(shop))[0] == 3


async def test_a_refusal_stores_nothing_and_the_same_key_may_be_tried_again(shop: Shop) -> None:
    """Staff may not cancel an unpaid order, until a delivery of it has failed."""
    order_id = await an_order(shop)
    (await shop.staff.post(transitions(order_id), {"to": "shipped"})).ok()
    path, body = f"{PLACE}/{order_id}/cancel", {"reason": "nobody at home"}
    refused = await shop.staff.post(path, body, key="k-1")
    assert (refused.status, refused.code) == (409, "unpaid_is_the_customers")
    assert await shop.rows("orders", "select 1 from idempotency where store_id = {store} and key = 'k-1'") == []
    (await shop.staff.post(f"{PLACE}/{order_id}/delivery-failures", {"reported_by": "rider 9", "reason": "nobody there"})).ok()
    done = await shop.staff.post(path, body, key="k-1")
    again = await shop.staff.post(path, body, key="k-1")
    assert (done.status, done.replayed, again.status, again.replayed, again.content) == (200, False, 200, True, done.content)


async def test_a_call_that_still_runs(shop: Shop) -> None:
    order_id = await an_order(shop)
    async with row_held(shop, order_id):
        running = asyncio.create_task(shop.staff.post(transitions(order_id), {"to": "confirmed"}, key="k-1"))
        await eventually(lambda: somebody_waits(shop))
        meanwhile = await shop.staff.post(transitions(order_id), {"to": "confirmed"}, key="k-1")
        assert (meanwhile.status, meanwhile.code, meanwhile.headers["retry-after"]) == (409, "in_progress", "1")
    first = (await running).ok()
    again = await shop.staff.post(transitions(order_id), {"to": "confirmed"}, key="k-1")
    assert (again.status, again.replayed, again.content) == (200, True, first.content)


@pytest.mark.parametrize(
    ("place", "survives"),
    [
        ("commit.before:orders.place", False),
        ("commit.after:orders.place", True),
        ("commit.before:orders.transition", False),
        ("commit.after:orders.transition", True),
    ],
)
async def test_killed_between_effect_and_answer(shop: Shop, stack: Stack, place: str, survives: bool) -> None:
    """The client saw nothing but a broken connection; the same key tells it what became of its wish, and does it once."""
    order_id = await an_order(shop)
    path, body = (PLACE, order_p()) if "place" in place else (transitions(order_id), {"to": "confirmed"})
    before = await effects(shop)
    doomed = stack.run("orders", roles=("api",), ports=None, **{VARIABLE: place})
    try:
        await asyncio.to_thread(doomed.wait_until_ready)
        client = Caller(shop.staff._client, doomed.urls, shop.staff.token)
        with pytest.raises(httpx2.TransportError):
            await client.post(path, body, key="k-1")
        assert doomed.child.wait(10) == -9
    finally:
        await asyncio.to_thread(doomed.stop)
    assert (await effects(shop) != before) == survives
    answer = await until_answered(shop.staff, path, body, "k-1")
    assert (answer.status in (200, 201), answer.replayed) == (True, survives)
    orders, told = await effects(shop)
    assert (orders, len(told)) == (before[0] + ("place" in place), len(before[1]) + 1)


@asynccontextmanager
async def row_held(shop: Shop, order_id: str) -> AsyncIterator[None]:
    """Somebody else holds the store's one order while the block runs."""
    other = await asyncpg.connect(shop.stack.database_url("orders"))
    try:
        async with other.transaction():
            await other.execute("select 1 from orders.orders where store_id = $1 for update", shop.store)
            yield
    finally:
        await other.close()


async def somebody_waits(shop: Shop) -> bool:
    """Whether a statement of orders waits for a lock."""
    sql = "select 1 from pg_stat_activity where wait_event_type = 'Lock' and usename = current_user and $1::text is not null"
    return bool(await shop.rows("orders", sql))
