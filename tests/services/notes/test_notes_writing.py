"""Writing, answering, editing and retracting notes over HTTP: exact answers, and on a refusal that nothing changed or was told."""

from typing import Any

import pytest

from services.notes.rules import PROBLEMS
from shared.contracts.events import OrderPlaced
from shared.contracts.ids import new_id
from tests.services.notes.story import Story, Teller
from tests.shop import Caller, Shop

NOTES = "/notes/v1/notes"


def path(story: Story) -> str:
    return f"{NOTES}?order_id={story.order_id}"


async def seen(caller: Caller, story: Story) -> list[tuple[str, str | None]]:
    """(audience, text) of the notes that a caller sees."""
    return [(note["audience"], note["text"]) for note in (await caller.get(path(story))).ok()["items"]]


async def state(shop: Shop) -> tuple[list[list[dict[str, Any]]], list[dict[str, Any]]]:
    """Everything that a refusal must leave alone."""
    tables = [
        await shop.rows("notes", f"select * from {table} where store_id = {{store}} order by 1, 2, 3") for table in ("notes", "revisions")
    ]
    return tables, await shop.events("notes")


async def test_a_note_to_the_customer_and_a_private_one(shop: Shop, story: Story) -> None:
    sent = (await shop.staff.post(NOTES, {"order_id": story.order_id, "audience": "customer", "text": "Ready at the desk."})).ok()
    kept = (await shop.staff.post(NOTES, {"order_id": story.order_id, "audience": "private", "text": "Smells of fraud."})).ok()
    assert (sent.status, sent.etag, kept.status) == (201, '"v1"', 201)
    assert (sent["audience"], sent["side"], sent["text"], sent["revision"], sent["version"]) == (
        "customer",
        "shop",
        "Ready at the desk.",
        1,
        1,
    )
    assert sent["by"] == {"role": "staff", "id": "staff-1", "via": None}
    assert await seen(shop.staff, story) == [("customer", "Ready at the desk."), ("private", "Smells of fraud.")]
    assert await seen(shop.platform, story) == await seen(shop.staff, story)
    assert await seen(shop.reader, story) == await seen(shop.staff, story)
    assert await seen(shop.customer(), story) == [("customer", "Ready at the desk.")]
    assert await seen(shop.caller("guest", story.order_id), story) == [("customer", "Ready at the desk.")]


async def test_what_the_customer_sees_of_a_note(shop: Shop, story: Story) -> None:
    sent = (await shop.staff.post(NOTES, {"order_id": story.order_id, "audience": "customer", "text": "Hello"})).ok()
    [note] = (await shop.customer().get(path(story))).ok()["items"]
    assert note == sent.body | {
        "by": {"role": "staff", "id": None, "via": None},
        "revisions": None,
        "actions": note["actions"],
    }
    never = {"allowed": False, "code": "author_only", "detail": PROBLEMS["author_only"]}
    assert note["actions"] == {name: {"action": name, **never} for name in ("edit", "retract")}


async def test_events_carry_the_text_only_to_the_customer(shop: Shop, story: Story) -> None:
    sent = (await shop.staff.post(NOTES, {"order_id": story.order_id, "audience": "customer", "text": "Hello"})).ok()
    kept = (await shop.staff.post(NOTES, {"order_id": story.order_id, "audience": "private", "text": "Secret"})).ok()
    await shop.staff.patch(f"/notes/v1/notes/{sent['note_id']}", {"text": "Hello again"})
    await shop.staff.post(f"/notes/v1/notes/{sent['note_id']}/retract")
    told = await shop.events("notes")
    assert [(e["type"], e["subject"], e["sequence"], e["public"], e["data"]["personal"]["text"]) for e in told] == [
        ("note.added.v1", story.order_id, 1, True, "Hello"),
        ("note.added.v1", f"{story.order_id}:private", 1, False, ""),
        ("note.edited.v1", story.order_id, 2, True, "Hello again"),
        ("note.retracted.v1", story.order_id, 3, True, ""),
    ]
    assert [e["data"]["note_id"] for e in told] == [sent["note_id"], kept["note_id"], sent["note_id"], sent["note_id"]]
    assert {e["data"]["customer_id"] for e in told} == {"c-1"}
    assert [e["data"]["revision"] for e in told] == [1, 1, 2, 2]


async def test_a_customer_answers_and_edits_the_answer(shop: Shop, story: Story) -> None:
    answer = (await shop.customer().post(NOTES, {"order_id": story.order_id, "audience": "customer", "text": "Thursday please"})).ok()
    assert (answer["side"], answer["by"]) == ("customer", {"role": "customer", "id": "c-1", "via": None})
    edited = (await shop.customer().patch(f"/notes/v1/notes/{answer['note_id']}", {"text": "Friday please"})).ok()
    assert (edited["text"], edited["revision"], edited.etag) == ("Friday please", 2, '"v2"')
    [note] = (await shop.staff.get(path(story))).ok()["items"]
    assert [revision["text"] for revision in note["revisions"]] == ["Thursday please", "Friday please"]
    reworded = await shop.staff.patch(f"/notes/v1/notes/{answer['note_id']}", {"text": "We agreed"})
    assert (reworded.status, reworded.code) == (403, "author_only")
    assert (await shop.staff.get(path(story))).ok()["items"] == [note]
    assert [told["type"] for told in await shop.events("notes")] == ["note.added.v1", "note.edited.v1"]
    retracted = (await shop.staff.post(f"/notes/v1/notes/{answer['note_id']}/retract")).ok()
    assert (retracted["text"], retracted["retracted_by_side"]) == (None, "shop")


async def test_a_platform_on_behalf_of_its_customer_is_that_customer(shop: Shop, story: Story) -> None:
    as_customer = {"On-Behalf-Of": "c-1"}
    answer = (await shop.platform.post(NOTES, {"order_id": story.order_id, "audience": "customer", "text": "Hi"}, headers=as_customer)).ok()
    assert (answer["side"], answer["by"]["id"]) == ("customer", "c-1")
    [note] = (await shop.staff.get(path(story))).ok()["items"]
    assert note["by"] == {"role": "customer", "id": "c-1", "via": "platform:platform-1"}
    private = await shop.platform.post(NOTES, {"order_id": story.order_id, "audience": "private", "text": "Hi"}, headers=as_customer)
    assert (private.status, private.code) == (403, "shop_only")
    stranger = await shop.platform.get(path(story), headers={"On-Behalf-Of": "c-2"})
    assert stranger.status == 404


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"text": "no audience"}, "/audience"),
        ({"audience": "everybody", "text": "x"}, "/audience"),
        ({"audience": None, "text": "x"}, "/audience"),
        ({"audience": "private"}, "/text"),
        ({"audience": "private", "text": ""}, "/text"),
        ({"audience": "private", "text": 7}, "/text"),
        ({"audience": "private", "text": "x" * 10_001}, "/text"),
        ({"audience": "private", "text": "  \n "}, "/text"),
        ({"audience": "private", "text": "bell \u0007"}, "/text"),
        ({"audience": "private", "text": "x", "html": True}, "/html"),
    ],
    ids=lambda value: str(value)[:40],
)
async def test_bad_input_writes_nothing(shop: Shop, story: Story, body: dict[str, Any], pointer: str) -> None:
    answer = await shop.staff.post(NOTES, {"order_id": story.order_id, **body})
    assert answer.status == 422
    assert [error["pointer"] for error in answer["errors"]] == [pointer]
    assert await state(shop) == ([[], []], [])


async def test_nul_is_refused(shop: Shop, story: Story) -> None:
    answer = await shop.staff.post(NOTES, {"order_id": story.order_id, "audience": "private", "text": "a\x00b"})
    assert (answer.status, answer.code) == (422, "nul_character")
    assert await state(shop) == ([[], []], [])


@pytest.mark.parametrize("text", ["x" * 10_000, "🙂" * 10_000, "<img src=x onerror=alert(1)> {{7*7}} '; drop table notes;--", "\u202eabc"])
async def test_any_text_comes_back_as_it_was_written(shop: Shop, story: Story, text: str) -> None:
    await shop.staff.post(NOTES, {"order_id": story.order_id, "audience": "customer", "text": text})
    assert await seen(shop.customer(), story) == [("customer", text)]


async def test_who_may_not_write(shop: Shop, story: Story) -> None:
    private = await shop.customer().post(NOTES, {"order_id": story.order_id, "audience": "private", "text": "x"})
    reader = await shop.reader.post(NOTES, {"order_id": story.order_id, "audience": "private", "text": "x"})
    guest = await shop.caller("guest", story.order_id).post(NOTES, {"order_id": story.order_id, "audience": "customer", "text": "x"})
    assert [(a.status, a.code) for a in (private, reader, guest)] == [(403, "shop_only"), (403, "read_only"), (403, "read_only")]
    assert await state(shop) == ([[], []], [])


async def test_another_customers_order_is_no_order(shop: Shop, story: Story) -> None:
    note = (await shop.staff.post(NOTES, {"order_id": story.order_id, "audience": "customer", "text": "for c-1"})).ok()["note_id"]
    before = await state(shop)
    stranger = shop.customer("c-2")
    missing = Story(shop.store)
    for made, method, real, other in (
        ("list", "GET", path(story), path(missing)),
        ("add", "POST", NOTES, NOTES),
        ("timeline", "GET", f"/notes/v1/timeline/{story.order_id}", f"/notes/v1/timeline/{missing.order_id}"),
        ("read", "POST", f"/notes/v1/timeline/{story.order_id}/read", f"/notes/v1/timeline/{missing.order_id}/read"),
        ("stream", "GET", f"/notes/v1/timeline/{story.order_id}/stream", f"/notes/v1/timeline/{missing.order_id}/stream"),
        ("edit", "PATCH", f"/notes/v1/notes/{note}", f"/notes/v1/notes/{new_id('note')}"),
        ("retract", "POST", f"/notes/v1/notes/{note}/retract", f"/notes/v1/notes/{new_id('note')}/retract"),
    ):
        note_on = {"order_id": story.order_id, "audience": "customer", "text": "x"}
        body = note_on if made == "add" else {"text": "x"} if made == "edit" else None
        missed = note_on | {"order_id": missing.order_id} if made == "add" else body
        theirs, none = await stranger.call(method, real, json=body), await stranger.call(method, other, json=missed)
        hidden = {"instance", "trace_id"}
        assert (theirs.status, theirs.code) == (404, "not_found" if made in ("edit", "retract") else "order_not_here_yet"), made
        assert {k: v for k, v in theirs.body.items() if k not in hidden} == {k: v for k, v in none.body.items() if k not in hidden}, made
    assert await state(shop) == before


async def test_another_store_sees_nothing(shop: Shop, story: Story) -> None:
    note = (await shop.staff.post(NOTES, {"order_id": story.order_id, "audience": "customer", "text": "ours"})).ok()["note_id"]
    elsewhere = shop.caller("staff", "staff-1", store="another-store")
    assert (await elsewhere.get(path(story))).status == 404
    assert (await elsewhere.patch(f"/notes/v1/notes/{note}", {"text": "x"})).status == 404
    assert (await elsewhere.post(f"/notes/v1/notes/{note}/retract")).status == 404
    assert (await elsewhere.get("/notes/v1/notes/unread")).ok()["items"] == []


async def test_an_order_of_which_nothing_has_arrived_is_404_for_staff_too_until_it_has(shop: Shop, tells: Teller) -> None:
    story = Story(shop.store)
    before = await shop.staff.post(NOTES, {"order_id": story.order_id, "audience": "private", "text": "early"})
    assert (before.status, before.code, before.headers["retry-after"]) == (404, "order_not_here_yet", "1")
    assert await state(shop) == ([[], []], [])
    await tells.tell(shop, story.ordered(OrderPlaced, 1, 0))
    assert (await shop.staff.post(NOTES, {"order_id": story.order_id, "audience": "private", "text": "early"})).status == 201


async def test_edits_append_and_the_same_text_changes_nothing(shop: Shop, story: Story) -> None:
    note = (await shop.staff.post(NOTES, {"order_id": story.order_id, "audience": "customer", "text": "one"})).ok()
    address = f"/notes/v1/notes/{note['note_id']}"
    second = (await shop.staff.patch(address, {"text": "two"}, headers={"If-Match": '"v1"'})).ok()
    assert (second.etag, second["text"], [r["text"] for r in second["revisions"]]) == ('"v2"', "two", ["one", "two"])
    before = await state(shop)
    same = (await shop.staff.patch(address, {"text": "two"}, headers={"If-Match": '"v2"'})).ok()
    assert same.body == second.body
    stale = await shop.staff.patch(address, {"text": "three"}, headers={"If-Match": '"v1"'})
    assert (stale.status, stale.code, stale["current_version"]) == (412, "version_conflict", 2)
    assert await state(shop) == before


async def test_a_retraction_leaves_its_mark_and_takes_the_text(shop: Shop, story: Story) -> None:
    note = (await shop.staff.post(NOTES, {"order_id": story.order_id, "audience": "customer", "text": "wrong order, sorry"})).ok()
    address = f"/notes/v1/notes/{note['note_id']}"
    stale = await shop.staff.post(f"{address}/retract", headers={"If-Match": '"v9"'})
    assert (stale.status, stale["current_version"]) == (412, 1)
    done = (await shop.staff.post(f"{address}/retract", headers={"If-Match": '"v1"'})).ok()
    assert (done.etag, done["text"], done["retracted_by_side"]) == ('"v2"', None, "shop")
    assert [r["text"] for r in done["revisions"]] == ["wrong order, sorry"]
    customers = await shop.customer().get(path(story))
    assert b"wrong order" not in customers.content
    [mark] = customers["items"]
    assert (mark["text"], mark["retracted_at"], mark["version"]) == (None, done["retracted_at"], 2)
    before = await state(shop)
    again, edited = await shop.staff.post(f"{address}/retract"), await shop.staff.patch(address, {"text": "x"})
    assert [(a.status, a.code) for a in (again, edited)] == [(409, "already_retracted"), (409, "retracted")]
    assert await state(shop) == before


async def test_the_same_key_writes_one_note(shop: Shop, story: Story) -> None:
    body = {"order_id": story.order_id, "audience": "customer", "text": "once"}
    first, second = [await shop.staff.post(NOTES, body, key="k-1") for _ in range(2)]
    other = await shop.staff.post(NOTES, body | {"text": "twice"}, key="k-1")
    nameless = await shop.staff.post(NOTES, body, key=None)
    assert (first.replayed, second.replayed, first.content, first.etag) == (False, True, second.content, second.etag)
    assert [(a.status, a.code) for a in (other, nameless)] == [(422, "idempotency_key_reused"), (400, "idempotency_key_missing")]
    assert len(await seen(shop.staff, story)) == 1
    assert len(await shop.events("notes")) == 1


async def test_pages_of_notes(shop: Shop, story: Story) -> None:
    for number in range(5):
        await shop.staff.post(
            NOTES, {"order_id": story.order_id, "audience": "private" if number % 2 else "customer", "text": f"n{number}"}
        )

    async def pages(caller: Caller, limit: int) -> tuple[list[str], list[int]]:
        texts: list[str] = []
        sizes: list[int] = []
        cursor: str | None = ""
        while cursor is not None:
            page = (await caller.get(f"{path(story)}&limit={limit}" + (f"&cursor={cursor}" if cursor else ""))).ok()
            texts += [note["text"] for note in page["items"]]
            sizes.append(len(page["items"]))
            cursor = page["next_cursor"]
        return texts, sizes

    assert await pages(shop.staff, 2) == (["n0", "n1", "n2", "n3", "n4"], [2, 2, 1])
    assert await pages(shop.customer(), 2) == (["n0", "n2", "n4"], [2, 1])
    for bad in ("x", "WzFd", "WzEsIjIwMjYtMTEtMjJUMjE6MjE6NDArMDA6MDAiLCJub3RlXzEiXQ"):
        answer = await shop.staff.get(f"{path(story)}&cursor={bad}")
        assert (answer.status, answer.code) == (422, "bad_cursor")
