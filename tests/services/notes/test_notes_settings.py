"""The store's note settings: versions, If-Match, and what customers may do by them."""

import asyncio

from services.notes.rules import PROBLEMS
from tests.services.notes.story import Story
from tests.shop import Shop

SETTINGS = "/notes/v1/notes-settings"


async def test_defaults_and_a_change(shop: Shop) -> None:
    defaults = (await shop.staff.get(SETTINGS)).ok()
    assert (defaults.etag[:4], defaults.body) == ('"v0.', {"version": 0, "customer_answers": True})
    changed = (await shop.staff.put(SETTINGS, {"customer_answers": False}, headers={"If-Match": '"v0"'})).ok()
    assert (changed.etag, changed.body) == ('"v1"', {"version": 1, "customer_answers": False})
    same = (await shop.staff.put(SETTINGS, {"customer_answers": False}, headers={"If-Match": '"v1"'})).ok()
    assert same.etag == '"v1"'
    shown = (await shop.staff.get(SETTINGS)).ok()
    assert (await shop.staff.get(SETTINGS, headers={"If-None-Match": shown.etag})).status == 304


async def test_the_history_has_every_version_with_who_saved_it(shop: Shop) -> None:
    for version in range(3):
        body, seen = {"customer_answers": version == 1}, {"If-Match": f'"v{version}"'}
        (await shop.staff.put(SETTINGS, body, headers=seen)).ok()
    page = (await shop.reader.get(f"{SETTINGS}/history?limit=2")).ok()
    assert [(one["version"], one["customer_answers"], one["saved_by"]["id"]) for one in page["items"]] == [
        (3, False, "staff-1"),
        (2, True, "staff-1"),
    ]
    last = (await shop.staff.get(f"{SETTINGS}/history?cursor={page['next_cursor']}")).ok()
    assert [one["version"] for one in last["items"]] == [1]
    assert (await shop.customer().get(f"{SETTINGS}/history")).code == "shop_only"


async def test_refusals_change_nothing(shop: Shop) -> None:
    body = {"customer_answers": False}
    blind = await shop.staff.put(SETTINGS, body)
    stale = await shop.staff.put(SETTINGS, body, headers={"If-Match": '"v3"'})
    wrong = await shop.staff.put(SETTINGS, {"customer_answers": 0}, headers={"If-Match": '"v0"'})
    reader = await shop.reader.put(SETTINGS, body, headers={"If-Match": '"v0"'})
    customer = await shop.customer().put(SETTINGS, body, headers={"If-Match": '"v0"'})
    peeking = await shop.customer().get(SETTINGS)
    assert [(a.status, a.code) for a in (blind, stale, wrong, reader, customer, peeking)] == [
        (428, "if_match_required"),
        (412, "version_conflict"),
        (422, "invalid"),
        (403, "read_only"),
        (403, "shop_only"),
        (403, "shop_only"),
    ]
    assert stale["current_version"] == 0
    assert (await shop.staff.get(SETTINGS)).ok()["version"] == 0


async def test_racing_editors_lose_no_update(shop: Shop) -> None:
    racing = [shop.staff.put(SETTINGS, {"customer_answers": False}, headers={"If-Match": '"v0"'}) for _ in range(8)]
    answers = await asyncio.gather(*racing)
    assert sorted(answer.status for answer in answers) == [200] + [412] * 7
    assert len(await shop.rows("notes", "select 1 from settings where store_id = {store}")) == 1


async def test_answers_off(shop: Shop, story: Story) -> None:
    address = f"/notes/v1/notes?order_id={story.order_id}"
    to = {"order_id": story.order_id}
    mine = (await shop.customer().post("/notes/v1/notes", {**to, "audience": "customer", "text": "before"})).ok()["note_id"]
    assert (await shop.customer().get(address)).ok()["actions"] == {
        "write": {"action": "write", "allowed": True, "code": None, "detail": ""}
    }
    await shop.staff.put(SETTINGS, {"customer_answers": False}, headers={"If-Match": '"v0"'})
    written = await shop.customer().post("/notes/v1/notes", {**to, "audience": "customer", "text": "after"})
    edited = await shop.customer().patch(f"/notes/v1/notes/{mine}", {"text": "after"})
    assert [(a.status, a.code) for a in (written, edited)] == [(409, "answers_off")] * 2
    shown = (await shop.customer().get(address)).ok()
    assert [note["text"] for note in shown["items"]] == ["before"]
    refusal = {"action": "write", "allowed": False, "code": "answers_off", "detail": PROBLEMS["answers_off"]}
    assert shown["actions"] == {"write": refusal}
    assert (await shop.customer().post(f"/notes/v1/notes/{mine}/retract")).ok()["text"] is None
    assert len(await shop.events("notes")) == 2
