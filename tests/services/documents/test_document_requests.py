"""The print of a refund request: what was asked for, with date and time of receipt, for customer and shop."""

from datetime import timedelta

from shared.contracts.events import RefundLine, RefundPersonal, RefundRequested, UnitRange
from tests.services.documents.pdftext import missing_from, text_of
from tests.services.documents.telling import NOON, Life, Teller
from tests.shop import Shop

LINE = RefundLine(line=1, sku="TEE-1", quantity=1, units=(UnitRange(first=1, last=1),), goods=5000, shipping=0, disposition="inspect")
SAID = RefundPersonal(description="A seam is open.", further_information="Photographed on Monday.")


def path(life: Life, query: str = "") -> str:
    return f"/documents/v1/prints/{life.order_id}/refund-request{query}"


async def test_what_was_asked_for_and_when_it_was_received(shop: Shop, life: Life, teller: Teller) -> None:
    await teller.tell(shop, life.step("pending"), life.step("delivered"))
    assert (await shop.staff.get(path(life))).code == "no_refund_request"
    assert (await shop.staff.get(path(life))).headers["retry-after"] == "1"
    asked = life.ask(5000, lines=(LINE,), said=SAID)
    await teller.tell(shop, asked, asked)
    documents = await shop.rows("documents", "select number from documents where store_id = {store}")
    for caller in (shop.staff, shop.customer("c-1"), shop.caller("guest", life.order_id)):
        pdf = (await caller.get(path(life))).ok().content
        said = ["Refund request", "Received", "20 November 2026, 12:00 (UTC+00:00)", "T-shirt", "50.00", "Asked for", "BDT 50.00"]
        assert missing_from(pdf, [*said, "Reason", "damaged", SAID.description, SAID.further_information, "not a numbered document"]) == []
    assert (await shop.customer("c-2").get(path(life))).code == "order_not_here_yet"
    assert "A seam is open." in (await shop.customer("c-1").get(path(life, "?format=html"))).ok().content.decode()
    assert len(text_of((await shop.staff.get(path(life, "?paper=roll58"))).ok().content)) > 0
    assert await shop.rows("documents", "select number from documents where store_id = {store}") == documents


async def test_of_several_requests_the_newest_or_the_one_that_is_named(shop: Shop, life: Life, teller: Teller) -> None:
    await teller.tell(shop, life.step("pending"), life.step("delivered"))
    later = life.ask(4000, lines=(LINE.model_copy(update={"goods": 4000}),), requested_at=NOON + timedelta(hours=2), reason="store-word")
    first = life.ask(5000, lines=(LINE,))
    await teller.tell(shop, later, first)
    assert missing_from((await shop.staff.get(path(life))).ok().content, ["14:00", "40.00", "store-word"]) == []
    assert isinstance(first.event, RefundRequested)
    named = first.event.refund.refund_id
    assert missing_from((await shop.staff.get(path(life, f"?refund_id={named}"))).ok().content, ["12:00", "50.00"]) == []
    other = Life(shop.store)
    await teller.tell(shop, other.step("pending"))
    assert (await shop.staff.get(path(other, f"?refund_id={named}"))).code == "no_refund_request"
    both = {"order_ids": [other.order_id, life.order_id], "button": "refund-request"}
    refused = await shop.staff.post("/documents/v1/prints", json=both)
    assert (refused.code, refused["order_ids"]) == ("orders_missing", [other.order_id])
    made = (await shop.staff.post("/documents/v1/prints", json=both | {"skip_missing": True})).ok().content
    assert text_of(made).count("\f") == 2


async def test_erasure_takes_the_words_of_a_request_whenever_it_comes(shop: Shop, teller: Teller) -> None:
    before, after = Life(shop.store), Life(shop.store)
    for life in (before, after):
        await teller.tell(shop, life.step("pending"), life.step("delivered"))
    await teller.tell(shop, before.ask(5000, lines=(LINE,), said=SAID), before.erase())
    await teller.tell(shop, after.erase(), after.ask(5000, lines=(LINE,), said=SAID))
    rows = await shop.rows("documents", "select personal::text, data::text from requests where store_id = {store}")
    assert len(rows) == 2
    for row in rows:
        assert "seam" not in row["personal"] + row["data"]
        assert "Photographed" not in row["personal"] + row["data"]
    for life in (before, after):
        pdf = (await shop.staff.get(path(life))).ok().content
        assert missing_from(pdf, ["Refund request", "12:00"]) == []
