"""The prints of many orders in one PDF: in their order, each on a new page, with the bytes that are stored where a document stands."""

import asyncio

from services.documents.rules.prints import MOST_PRINTS
from shared.contracts.ids import new_id
from tests.services.documents.pdftext import missing_from, text_of
from tests.services.documents.telling import Life, Teller
from tests.shop import Shop

PRINTS = "/documents/v1/prints"


async def orders_of(shop: Shop, teller: Teller, count: int, *steps: str) -> list[Life]:
    lives = [Life(shop.store, facts={"number": f"N-{number}"}) for number in range(1, count + 1)]
    for life in lives:
        await teller.tell(shop, life.step("pending"), *[life.step(step) for step in steps])
    return lives


def pages_of(pdf: bytes) -> list[str]:
    return text_of(pdf).split("\f")[:-1]


async def test_slips_in_the_wanted_order_each_on_a_new_page(shop: Shop, teller: Teller) -> None:
    lives = await orders_of(shop, teller, 5)
    wanted = [lives[index].order_id for index in (3, 0, 4, 1, 2)]
    made = (await shop.staff.post(PRINTS, json={"order_ids": wanted, "button": "packing-slip"}, key=None)).ok()
    assert made.headers["content-type"] == "application/pdf"
    assert made.headers["content-disposition"] == 'attachment; filename="packing-slip.pdf"'
    pages = pages_of(made.content)
    assert [next(number for number in range(1, 6) if f"N-{number}" in page) for page in pages] == [4, 1, 5, 2, 3]
    assert ["Packing slip" in page for page in pages] == [True] * 5
    on_roll = (await shop.staff.post(PRINTS, json={"order_ids": wanted[:2], "button": "packing-slip", "paper": "roll58"})).ok()
    assert len(pages_of(on_roll.content)) == 2


async def test_stored_bytes_are_bound_in_and_drafts_made(shop: Shop, teller: Teller) -> None:
    [invoiced] = await orders_of(shop, teller, 1, "confirmed")
    [pending] = await orders_of(shop, teller, 1)
    made = (await shop.staff.post(PRINTS, json={"order_ids": [pending.order_id, invoiced.order_id], "button": "invoice"})).ok().content
    [document] = (await shop.staff.get(f"/documents/v1/documents/orders/{invoiced.order_id}"))["items"]
    stored = (await shop.staff.get(f"/documents/v1/documents/{document['document_id']}/pdf")).ok().content
    [row] = await shop.rows("documents", "select count(*) n from renderings where store_id = {store} and pdf is not null")
    assert row["n"] == 1
    draft, whole = pages_of(made)
    assert ("DRAFT" in draft, whole) == (True, pages_of(stored)[0])


async def test_what_is_missing_is_named_and_nothing_is_printed_or_it_is_listed(shop: Shop, teller: Teller) -> None:
    lives = await orders_of(shop, teller, 2)
    unknown = [new_id("order"), new_id("order")]
    wanted = [lives[1].order_id, unknown[0], lives[0].order_id, unknown[1], unknown[0]]
    refused = await shop.staff.post(PRINTS, json={"order_ids": wanted, "button": "packing-slip"})
    assert (refused.status, refused.code, refused["order_ids"]) == (404, "orders_missing", unknown)
    for paper in ("a4", "roll80"):
        body = {"order_ids": wanted, "button": "packing-slip", "paper": paper, "skip_missing": True}
        made = (await shop.staff.post(PRINTS, json=body)).ok().content
        assert len(pages_of(made)) == 3
        assert missing_from(made, ["Not printed", *unknown, "no such order"]) == []
    none = {"order_ids": unknown, "button": "receipt", "skip_missing": True}
    assert len(pages_of((await shop.staff.post(PRINTS, json=none)).ok().content)) == 1


async def test_at_most_two_hundred_and_only_for_the_shop(shop: Shop, teller: Teller) -> None:
    [life] = await orders_of(shop, teller, 1)
    many = {"order_ids": [new_id("order") for _ in range(MOST_PRINTS + 1)], "button": "packing-slip"}
    refused = await shop.staff.post(PRINTS, json=many)
    assert (refused.status, refused.code) == (422, "too_many_prints")
    assert (await shop.staff.post(PRINTS, json={"order_ids": [], "button": "packing-slip"})).status == 422
    assert (await shop.staff.post(PRINTS, json={"order_ids": [life.order_id], "button": "poster"})).status == 422
    for stranger in (shop.customer("c-1"), shop.caller("guest", life.order_id)):
        assert (await stranger.post(PRINTS, json={"order_ids": [life.order_id], "button": "invoice"})).code == "shop_only"
    other = shop.caller("staff", "s", store="store-other")
    assert (await other.post(PRINTS, json={"order_ids": [life.order_id], "button": "invoice"})).code == "orders_missing"


async def test_two_hundred_at_once_and_a_single_print_beside_them(shop: Shop, teller: Teller) -> None:
    """A bundle makes one print at a time, so a single one of the same store has its turn between two of them."""
    [life] = await orders_of(shop, teller, 1)
    body = {"order_ids": [life.order_id] * MOST_PRINTS, "button": "packing-slip"}
    bundle = asyncio.create_task(shop.staff.post(PRINTS, json=body))
    single = (await shop.staff.get(f"{PRINTS}/{life.order_id}/invoice")).ok()
    assert single.content[:5] == b"%PDF-"
    assert len(pages_of((await bundle).ok().content)) == MOST_PRINTS
