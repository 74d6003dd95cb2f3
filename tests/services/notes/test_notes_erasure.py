"""P17 as far as it is ours: after `customer.erased` no byte of what was written about the customer is left in this schema."""

from shared.contracts import events
from tests.services.notes.story import Story, Teller
from tests.shop import Shop

CANARY = "canary-person"


async def every_byte(shop: Shop) -> str:
    """The store's rows of every table of the schema, as text."""
    tables = await shop.rows("notes", "select tablename from pg_tables where schemaname = 'notes' and $1::text is not null")
    found = ""
    for table in (row["tablename"] for row in tables if row["tablename"] != "alembic_version"):
        found += repr(await shop.rows("notes", f'select * from notes."{table}" where store_id = {{store}}'))
    return found


async def test_nothing_written_about_the_person_is_left(shop: Shop, tells: Teller, story: Story) -> None:
    address, to = "/notes/v1/notes", {"order_id": story.order_id}
    sent = (await shop.staff.post(address, {**to, "audience": "customer", "text": f"Dear {CANARY}"})).ok()
    await shop.staff.patch(f"/notes/v1/notes/{sent['note_id']}", {"text": f"Dear Ms {CANARY}"}, key="edit")
    await shop.staff.post(address, {**to, "audience": "private", "text": f"{CANARY} shouts"})
    await shop.customer().post(address, {**to, "audience": "customer", "text": f"I am {CANARY}"}, key="mine")
    shipped = story.ordered(events.OrderShipped, 2, 1, "shipped", personal=events.OrderPersonal(message=f"To {CANARY}"))
    cancelled = story.refunded(events.RefundCancelled, 1, 2, refund=story.refund(reason=CANARY))
    await tells.tell(shop, shipped, cancelled)
    other = Story(shop.store, customer_id="c-2")
    await tells.tell(shop, other.ordered(events.OrderPlaced, 1, 0))
    await shop.staff.post("/notes/v1/notes", {"order_id": other.order_id, "audience": "customer", "text": "stays"})
    assert CANARY in await every_byte(shop)
    await tells.tell(shop, story.erased(story.order_id))
    left = await every_byte(shop)
    assert CANARY not in left
    assert "stays" in left
    items = (await shop.staff.get(f"{address}?order_id={story.order_id}")).ok()["items"]
    assert [(note["text"], note["erased_at"] is not None) for note in items] == [(None, True)] * 3
    timeline = (await shop.staff.get(f"/notes/v1/timeline/{story.order_id}")).ok()["items"]
    assert [(entry["type"], entry["message"], entry["internal"]) for entry in timeline] == [
        ("order.placed", "", {}),
        ("order.shipped", "", {}),
        ("refund.cancelled", "", {}),
    ]
    again = await shop.customer().post(address, {**to, "audience": "customer", "text": f"I am {CANARY}"}, key="mine")
    assert (again.status, again.replayed, again.body) == (201, True, {"erased": True})


async def test_what_arrives_after_the_erasure_brings_nothing_back(shop: Shop, tells: Teller) -> None:
    """Whatever the order of arrival: the erasure may even be the first thing that is heard of an order."""
    story = Story(shop.store)
    shipped = story.ordered(events.OrderShipped, 2, 1, "shipped", personal=events.OrderPersonal(message=f"To {CANARY}"))
    await tells.tell(shop, story.erased(story.order_id))
    await tells.tell(shop, shipped, story.refunded(events.RefundCancelled, 1, 2, refund=story.refund(reason=CANARY)))
    assert CANARY not in await every_byte(shop)
    timeline = (await shop.customer().get(f"/notes/v1/timeline/{story.order_id}")).ok()["items"]
    assert [(entry["type"], entry["message"]) for entry in timeline] == [("order.shipped", ""), ("refund.cancelled", "")]
