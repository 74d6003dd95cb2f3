"""The timeline: one entry per event, in true order however the events arrive, each with its audience."""

import random
from typing import Any

import pytest

from services.notes.rules.timeline import ENTRIES
from shared.contracts import events
from tests.services.notes.story import CUSTOMERS_LIFE, LIFE, NOON, Story, Teller, minutes
from tests.shop import Caller, Shop


async def entries(caller: Caller, story: Story, limit: int = 200) -> list[dict[str, Any]]:
    """Every entry that a caller sees, page by page."""
    found: list[dict[str, Any]] = []
    cursor = None
    while True:
        more = f"&cursor={cursor}" if cursor else ""
        page = (await caller.get(f"/notes/v1/timeline/{story.order_id}?limit={limit}{more}")).ok()
        found += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            return found


def kinds(items: list[dict[str, Any]]) -> tuple[str, ...]:
    return tuple(item["type"] for item in items)


async def test_a_life_as_both_sides_read_it(shop: Shop, tells: Teller) -> None:
    story = Story(shop.store)
    await tells.tell(shop, *story.life())
    shops, customers = await entries(shop.staff, story), await entries(shop.customer(), story)
    assert kinds(shops) == LIFE
    assert kinds(customers) == CUSTOMERS_LIFE
    assert [item["audience"] for item in shops].count("private") == 2
    assert {item["audience"] for item in customers} == {"customer"}
    shipped = customers[4]
    assert (shipped["message"], shipped["details"]) == ("On its way", {"status": "shipped", "version": 4})
    assert shipped["by"] == {"role": "staff", "id": None, "via": None}
    assert shipped["occurred_at"] == "2026-11-20T12:03:00Z"
    assert all(item["internal"] is None for item in customers)
    assert [item["internal"] for item in shops if item["type"] == "order.payment_recorded"] == [
        {"reference": "R-7", "collected_by": "rider 9"}
    ]


@pytest.mark.parametrize("seed", range(4))
async def test_arrival_does_not_matter(shop: Shop, tells: Teller, seed: int) -> None:
    story = Story(shop.store)
    life = story.life()
    deliveries = life * 3
    random.Random(seed).shuffle(deliveries)
    await tells.tell(shop, *deliveries)
    assert kinds(await entries(shop.staff, story)) == LIFE
    assert [item["entry_id"] for item in await entries(shop.staff, story)] == [
        told.event_id for told in life if type(told.event) in ENTRIES
    ]
    [copy] = await shop.rows("notes", "select customer_id, number, version from orders where store_id = {store}")
    assert copy == {"customer_id": "c-1", "number": "1001", "version": 6}


async def test_a_late_event_slots_in_and_never_overwrites(shop: Shop, tells: Teller) -> None:
    """Worked case 6: `delivered` (version 5) arrives before `confirmed` (version 2)."""
    story = Story(shop.store)
    placed = story.ordered(events.OrderPlaced, 1, 0)
    confirmed = story.ordered(events.OrderConfirmed, 2, 1, order=story.order(2, status="confirmed", customer_id="earlier"))
    delivered = story.ordered(events.OrderDelivered, 5, 4, "delivered")
    await tells.tell(shop, delivered)
    assert kinds(await entries(shop.customer(), story)) == ("order.delivered",)
    await tells.tell(shop, placed)
    await tells.tell(shop, confirmed)
    assert kinds(await entries(shop.customer(), story)) == ("order.placed", "order.confirmed", "order.delivered")
    [copy] = await shop.rows("notes", "select customer_id, version from orders where store_id = {store}")
    assert copy == {"customer_id": "c-1", "version": 5}
    assert (await shop.customer("earlier").get(f"/notes/v1/timeline/{story.order_id}")).status == 404


async def test_the_same_instant_reads_by_source_and_sequence(shop: Shop, tells: Teller) -> None:
    story = Story(shop.store)
    at_once = [
        story.ordered(events.OrderConfirmed, 2, 1, "confirmed"),
        story.ordered(events.OrderShipped, 3, 1, "shipped"),
        story.ordered(events.OrderDelivered, 10, 1, "delivered"),
        story.refunded(events.RefundRequested, 1, 1),
        story.refunded(events.RefundApproved, 2, 1),
        story.issued(1, 1),
    ]
    await tells.tell(shop, *reversed(at_once))
    assert [item["entry_id"] for item in await entries(shop.staff, story, limit=2)] == [told.event_id for told in at_once]


async def test_before_the_orders_own_events(shop: Shop, tells: Teller) -> None:
    """A refund event alone tells whose order it is; the order's own event then says the rest."""
    story = Story(shop.store)
    await tells.tell(shop, story.refunded(events.RefundApproved, 1, 5))
    assert kinds(await entries(shop.customer(), story)) == ("refund.approved",)
    assert (await shop.customer("c-2").get(f"/notes/v1/timeline/{story.order_id}")).status == 404
    await tells.tell(shop, story.ordered(events.OrderPlaced, 1, 0))
    assert kinds(await entries(shop.customer(), story)) == ("order.placed", "refund.approved")


async def test_a_refunds_submission_tells_its_customer_nothing(shop: Shop, tells: Teller, story: Story) -> None:
    """Seed 9.2: no note, no unread mark, no entry, no live event; the staff's timeline has it."""
    customer = shop.customer()
    reads = (f"/notes/v1/timeline/{story.order_id}", f"/notes/v1/notes?order_id={story.order_id}", "/notes/v1/notes/unread")
    before = [(await customer.get(read)).content for read in reads]
    told = story.refunded(events.RefundRequested, 1, 5, by=events.By(role="customer", id="c-1"))
    await tells.tell(shop, told)
    assert [(await customer.get(read)).content for read in reads] == before
    assert await shop.events("notes") == []
    assert kinds(await entries(shop.staff, story)) == ("order.placed", "refund.requested")


async def test_pages_of_every_size_give_the_same_timeline(shop: Shop, tells: Teller) -> None:
    story = Story(shop.store)
    await tells.tell(shop, *story.life())
    whole = await entries(shop.staff, story)
    for limit in (1, 2, 3, 11):
        assert await entries(shop.staff, story, limit) == whole
    bad = await shop.staff.get(f"/notes/v1/timeline/{story.order_id}?cursor=WzEsIjIwMjYtMTEtMjBUMTI6MDA6MDArMDA6MDAiLDAsMSwieCJd")
    assert (bad.status, bad.code) == (422, "bad_cursor")


async def test_moments_are_those_of_the_event(shop: Shop, tells: Teller) -> None:
    story = Story(shop.store)
    await tells.tell(shop, story.ordered(events.OrderPlaced, 1, 0))
    [entry] = await entries(shop.staff, story)
    assert entry["occurred_at"] == NOON.isoformat().replace("+00:00", "Z")
    assert entry["recorded_at"] == minutes(1 / 60).isoformat().replace("+00:00", "Z")
