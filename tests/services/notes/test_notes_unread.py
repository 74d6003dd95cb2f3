"""Read marks: each side has the other side's notes unread, and never one that it may not see."""

from shared.contracts.events import OrderPlaced
from tests.services.notes.story import Story, Teller
from tests.shop import Caller, Shop


def at(story: Story, rest: str) -> str:
    return f"/notes/v1/timeline/{story.order_id}/{rest}"


async def count(caller: Caller) -> int:
    return int((await caller.get("/notes/v1/notes/unread")).ok()["total"])


async def write(caller: Caller, story: Story, text: str, audience: str = "customer") -> str:
    return str((await caller.post("/notes/v1/notes", {"order_id": story.order_id, "audience": audience, "text": text})).ok()["note_id"])


async def test_each_side_counts_the_other_sides_notes(shop: Shop, story: Story) -> None:
    staff, customer = shop.staff, shop.customer()
    assert (await count(staff), await count(customer)) == (0, 0)
    await write(staff, story, "private", "private")
    assert (await count(staff), await count(customer)) == (0, 0)
    await write(staff, story, "to you")
    await write(customer, story, "to us")
    await write(customer, story, "and again")
    assert (await count(staff), await count(customer)) == (2, 1)
    assert (await customer.get(f"/notes/v1/notes?order_id={story.order_id}")).ok()["unread"] == 1
    done = (await customer.post(at(story, "read"))).ok()
    assert done.body == {"order_id": story.order_id, "newly_read": 1, "unread": 0}
    assert (await count(staff), await count(customer)) == (2, 0)
    assert (await customer.post(at(story, "read"))).ok()["newly_read"] == 0


async def test_staff_share_one_mark_and_see_the_receipt(shop: Shop, story: Story) -> None:
    await write(shop.customer(), story, "hello?")
    assert await count(shop.caller("staff", "staff-2")) == 1
    assert (await shop.caller("staff", "staff-2").post(at(story, "read"))).ok()["newly_read"] == 1
    assert await count(shop.staff) == 0
    await write(shop.staff, story, "yes")
    assert (await shop.staff.get(f"/notes/v1/notes?order_id={story.order_id}")).ok()["items"][-1]["customer_read_at"] is None
    await shop.customer().post(at(story, "read"))
    assert (await shop.staff.get(f"/notes/v1/notes?order_id={story.order_id}")).ok()["items"][-1]["customer_read_at"] is not None


async def test_what_arrives_after_what_was_shown_stays_unread(shop: Shop, story: Story) -> None:
    shown = await write(shop.staff, story, "shown")
    await write(shop.staff, story, "arrived meanwhile")
    done = (await shop.customer().post(at(story, "read"), {"through": shown})).ok()
    assert (done["newly_read"], done["unread"]) == (1, 1)


async def test_a_private_note_cannot_be_used_to_mark(shop: Shop, story: Story) -> None:
    hidden = await write(shop.staff, story, "hidden", "private")
    await write(shop.staff, story, "shown")
    answer = await shop.customer().post(at(story, "read"), {"through": hidden})
    assert (answer.status, answer.code) == (404, "not_found")
    assert await count(shop.customer()) == 1


async def test_an_edit_is_unread_again_and_a_retraction_never(shop: Shop, story: Story) -> None:
    note = await write(shop.staff, story, "Tuesday")
    await shop.customer().post(at(story, "read"))
    await shop.staff.patch(f"/notes/v1/notes/{note}", {"text": "Thursday"})
    assert await count(shop.customer()) == 1
    await shop.staff.post(f"/notes/v1/notes/{note}/retract")
    assert await count(shop.customer()) == 0


async def test_the_list_of_orders_with_something_unread(shop: Shop, tells: Teller, story: Story) -> None:
    other, strangers = Story(shop.store), Story(shop.store, customer_id="c-2")
    await tells.tell(shop, other.ordered(OrderPlaced, 1, 0), strangers.ordered(OrderPlaced, 1, 0))
    for one in (story, other, other, strangers):
        await write(shop.staff, one, "to you")
    first = (await shop.customer().get("/notes/v1/notes/unread?limit=1")).ok()
    assert (first["total"], [(i["order_id"], i["unread"], i["number"]) for i in first["items"]]) == (3, [(other.order_id, 2, "1001")])
    second = (await shop.customer().get(f"/notes/v1/notes/unread?limit=1&cursor={first['next_cursor']}")).ok()
    assert ([(i["order_id"], i["unread"]) for i in second["items"]], second["next_cursor"]) == ([(story.order_id, 1)], None)
    assert (await shop.staff.get("/notes/v1/notes/unread")).ok()["total"] == 0
    bad = await shop.staff.get("/notes/v1/notes/unread?cursor=WzEsIjIwMjYtMTEtMjJUMjE6MjE6NDArMDA6MDAiLCJ4Il0")
    assert (bad.status, bad.code) == (422, "bad_cursor")


async def test_a_guest_reads_and_marks_nothing(shop: Shop, story: Story) -> None:
    await write(shop.staff, story, "to you")
    guest = shop.caller("guest", story.order_id)
    assert (await guest.get(f"/notes/v1/notes?order_id={story.order_id}")).ok()["unread"] == 1
    assert (await guest.post(at(story, "read"))).code == "read_only"
    assert await count(shop.customer()) == 1
