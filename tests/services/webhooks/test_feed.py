"""The feed: whole, in the order of arrival, filtered without losing the place, waited for, followed live, and only the store's own."""

import asyncio
import json
from typing import Any

import sqlalchemy as sa

from services.webhooks import queries
from services.webhooks.commands.feed import record
from tests.services.kernel.lab import an_event
from tests.services.webhooks.moved_clock import Clocked, clocked
from tests.shop import Shop, eventually, order_p
from tests.stack import Stack

WAITING = sa.text("select count(*) from pg_stat_activity where usename = current_user and wait_event_type = 'Lock'")


async def placed(shop: Shop, count: int) -> list[str]:
    """So many orders."""
    return [(await shop.platform.post("/orders/v1/orders", json=order_p())).ok()["order_id"] for _ in range(count)]


async def page(shop: Shop, query: str, count: int) -> Any:
    """A page, once it has so many events."""

    async def enough() -> Any:
        found = (await shop.staff.get(f"/webhooks/v1/events?{query}")).ok().body
        assert len(found["items"]) == count
        return found

    return await eventually(enough)


async def test_positions_have_no_gap_and_pages_go_on_where_the_last_ended(shop: Shop) -> None:
    orders = await placed(shop, 5)
    whole = await page(shop, "limit=500", 5)
    assert [item["position"] for item in whole["items"]] == [1, 2, 3, 4, 5]
    assert sorted(item["event"]["subject"] for item in whole["items"]) == sorted(orders)
    first = (await shop.staff.get("/webhooks/v1/events?limit=2")).ok()
    second = (await shop.staff.get(f"/webhooks/v1/events?limit=2&after={first['after']}")).ok()
    rest = (await shop.staff.get(f"/webhooks/v1/events?limit=2&after={second['after']}")).ok()
    assert [*first["items"], *second["items"], *rest["items"]] == whole["items"]
    assert [(one["after"], one["more"]) for one in (first, second, rest)] == [(2, True), (4, True), (5, False)]


async def positions(store: Clocked) -> list[int]:
    """What a reader who begins now gets."""
    async with store.database.reading() as tx:
        found = await queries.events_after(tx, store.staff, 0, types=None, subject=None, limit=10)
    return [one.position for one in found.items]


async def test_what_arrives_later_waits_for_what_commits_late(stack: Stack) -> None:
    event = an_event()
    async with clocked(stack) as store:

        async def waits_or_is_there() -> bool:
            async with store.database.reading() as tx:
                return later.done() or bool(await tx.scalar(WAITING))

        async with store.database.transaction("test") as late:
            await record(late, event, store.envelope(event))
            later = asyncio.create_task(store.happens())
            await eventually(waits_or_is_there)
            assert await positions(store) == [], "a reader goes on after it, and never sees the first"
        await later
        assert await positions(store) == [1, 2]


async def test_a_filter_leaves_out_events_and_still_moves_on(shop: Shop) -> None:
    [order_id] = await placed(shop, 1)
    (await shop.staff.put("/orders/v1/stock/TEE-1", {"on_hand": 7})).ok()
    await page(shop, "limit=500", 2)
    stock = await page(shop, "types=stock.*", 1)
    assert (stock["items"][0]["event"]["data"]["on_hand"], stock["after"]) == (7, 2)
    nothing = (await shop.staff.get("/webhooks/v1/events?types=refund.*")).ok()
    assert (nothing["items"], nothing["after"], nothing["more"]) == ([], 2, False)
    about = (await shop.staff.get(f"/webhooks/v1/events?subject={order_id}")).ok()
    assert [item["event"]["type"] for item in about["items"]] == ["order.placed.v1"]


async def test_a_filtered_page_ends_where_the_next_one_begins(shop: Shop) -> None:
    orders = await placed(shop, 3)
    await page(shop, "limit=500", 3)
    read, after = [], 0
    for _ in range(3):
        found = (await shop.staff.get(f"/webhooks/v1/events?types=order.*&limit=1&after={after}")).ok()
        read += [item["event"]["subject"] for item in found["items"]]
        after = found["after"]
    assert (sorted(read), after) == (sorted(orders), 3)


async def test_a_long_poll_is_answered_by_the_first_event(shop: Shop) -> None:
    empty = (await shop.staff.get("/webhooks/v1/events")).ok()
    assert (empty["items"], empty["after"], empty["more"]) == ([], 0, False)
    waiting = asyncio.create_task(shop.staff.get("/webhooks/v1/events?wait=25"))
    [order_id] = await placed(shop, 1)

    async def heard() -> Any:
        """On a busy machine an event may take longer than one poll."""
        answer = (await waiting).ok() if not waiting.done() else (await shop.staff.get("/webhooks/v1/events?wait=25")).ok()
        return answer["items"]

    assert [item["event"]["subject"] for item in await eventually(heard)] == [order_id]


async def test_the_stream_resumes_after_the_last_position(shop: Shop) -> None:
    await placed(shop, 3)
    await page(shop, "limit=500", 3)
    headers = {"Authorization": f"Bearer {shop.staff.token}", "Last-Event-ID": "1"}
    seen: list[tuple[int, str]] = []
    url = f"{shop.stack.urls['webhooks']}/v1/events/stream"
    async with asyncio.timeout(60), shop._client.stream("GET", url, headers=headers) as answer:
        fields: dict[str, str] = {}
        async for line in answer.aiter_lines():
            name, _, value = line.partition(": ")
            fields[name] = value
            if not line and "data" in fields:
                seen.append((int(fields["id"]), json.loads(fields["data"])["type"]))
            fields = fields if line else {}
            if len(seen) == 2:
                break
    assert seen == [(2, "order.placed.v1"), (3, "order.placed.v1")]


async def test_what_only_the_staff_may_see_is_in_no_feed(shop: Shop) -> None:
    [order_id] = await placed(shop, 1)

    async def written() -> bool:
        note = {"order_id": order_id, "audience": "private", "text": "for us alone"}
        return (await shop.staff.post("/notes/v1/notes", json=note)).status == 201

    await eventually(written)
    (await shop.staff.post("/notes/v1/notes", json={"order_id": order_id, "audience": "customer", "text": "for you"})).ok()
    types = [item["event"]["type"] for item in (await page(shop, "types=*", 2))["items"]]
    assert types == ["order.placed.v1", "note.added.v1"]
    rows = await shop.rows("webhooks", "select body, personal from feed where store_id = {store}")
    assert "for us alone" not in repr(rows)

    async def all_three_arrived() -> bool:
        return len(await shop.rows("webhooks", "select 1 from inbox where store_id = {store}")) == 3

    await eventually(all_three_arrived)
    assert len(await shop.rows("webhooks", "select 1 from feed where store_id = {store}")) == 2
