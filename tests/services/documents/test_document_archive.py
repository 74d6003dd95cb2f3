"""Lists, verification, the gap report and the archive; and what erasure leaves."""

import csv
import hashlib
import io
import zipfile
from datetime import date, timedelta

from services.documents.api.archive import COLUMNS, MISSING
from tests.services.documents.pdftext import missing_from
from tests.services.documents.telling import BILLING, PERSONAL, Life, Teller
from tests.services.planted import admin_of, planted
from tests.shop import Shop, eventually
from tests.stack import Stack


async def three_orders(shop: Shop, teller: Teller) -> list[Life]:
    lives = [Life(shop.store, customer_id=customer) for customer in ("c-1", "c-2", "c-1")]
    for life in lives:
        await teller.tell(shop, life.step("pending"), life.pay(11000), life.step("confirmed"))
    return lives


def day_after(day: str) -> str:
    return str(date.fromisoformat(day) + timedelta(days=1))


async def test_a_list_in_pages_the_newest_first(shop: Shop, teller: Teller) -> None:
    await three_orders(shop, teller)
    whole = (await shop.staff.get("/documents/v1/documents")).ok()["items"]
    assert [(one["kind"], int(one["number"][-6:])) for one in whole] == [
        ("invoice", 3), ("receipt", 3), ("invoice", 2), ("receipt", 2), ("invoice", 1), ("receipt", 1),
    ]  # fmt: skip
    seen, cursor = [], ""
    while cursor is not None:
        page = (await shop.staff.get(f"/documents/v1/documents?limit=4{cursor and f'&cursor={cursor}'}")).ok()
        seen += page["items"]
        cursor = page["next_cursor"]
        assert ('rel="next"' in page.headers.get("link", "")) == (cursor is not None)
    assert seen == whole
    own = (await shop.customer("c-2").get("/documents/v1/documents")).ok()["items"]
    assert [one["customer_id"] for one in own] == ["c-2", "c-2"]
    assert (await shop.customer("c-3").get("/documents/v1/documents"))["items"] == []
    day = whole[0]["issued_on"]
    after = day_after(day)
    assert len((await shop.staff.get(f"/documents/v1/documents?issued_on.gte={day}&issued_on.lt={after}&kind=receipt"))["items"]) == 3
    assert (await shop.staff.get("/documents/v1/documents?issued_on.lt=2001-01-01"))["items"] == []
    assert (await shop.staff.get("/documents/v1/documents?issued_on.gte=2026-02-02&issued_on.lt=2026-02-01")).code == "bad_period"
    assert (await shop.staff.get("/documents/v1/documents?issued_on.gte=0")).status == 422
    assert (await shop.staff.get("/documents/v1/documents?cursor=nonsense")).code == "bad_cursor"


async def test_the_same_document_is_the_same_bytes_and_verifies(shop: Shop, teller: Teller) -> None:
    [life, *_] = await three_orders(shop, teller)
    [receipt, _] = (await shop.staff.get(f"/documents/v1/documents/orders/{life.order_id}"))["items"]
    path = f"/documents/v1/documents/{receipt['document_id']}"
    first = (await shop.staff.get(f"{path}/pdf")).ok()
    assert first.headers["cache-control"] == "private, max-age=31536000, immutable"
    assert (await shop.customer("c-1").get(f"{path}/pdf")).content == first.content
    verified = (await shop.staff.get(f"{path}/verify")).ok()
    assert (verified["verified"], verified["data_matches"], verified["pdf_matches"]) == (True, True, True)
    assert (verified["sha256"], verified["computed_sha256"]) == (receipt["sha256"], receipt["sha256"])
    assert verified["pdf_sha256"] == hashlib.sha256(first.content).hexdigest()
    assert verified["engine"].startswith("typst 0.15")
    await shop.rows("documents", "update renderings set pdf = 'x' where store_id = {store} and pdf is not null")
    tampered = (await shop.staff.get(f"{path}/verify")).ok()
    assert (tampered["verified"], tampered["data_matches"], tampered["pdf_matches"]) == (False, True, False)


async def test_the_worker_renders_what_nobody_has_read_where_the_store_wants_that(shop: Shop, teller: Teller) -> None:
    """Documents that were issued before stay as they are: they are rendered when they are read."""
    settings = "/documents/v1/documents-settings"
    assert (await shop.staff.get(settings)).ok()["render"] == "on_read"
    [read_later, *_] = await three_orders(shop, teller)
    (await shop.staff.put(settings, json={"render": "ahead"}, headers={"If-Match": '"v0"'})).ok()
    await three_orders(shop, teller)

    async def all_rendered() -> bool:
        [row] = await shop.rows("documents", "select count(*) n from renderings where store_id = {store} and pdf is not null")
        return bool(row["n"] == 6)

    await eventually(all_rendered)
    [row] = await shop.rows("documents", "select count(*) n from renderings where store_id = {store} and attempts > 0 and not ahead")
    assert row["n"] == 0
    for document in (await shop.staff.get(f"/documents/v1/documents/orders/{read_later.order_id}"))["items"]:
        assert (await shop.staff.get(f"/documents/v1/documents/{document['document_id']}/verify"))["pdf_sha256"] is None
        (await shop.staff.get(f"/documents/v1/documents/{document['document_id']}/pdf")).ok()
        assert (await shop.staff.get(f"/documents/v1/documents/{document['document_id']}/verify"))["pdf_matches"] is True


async def test_what_is_wrong_with_a_picture_stands_in_the_index_and_does_not_end_the_archive(
    shop: Shop, teller: Teller, stack: Stack
) -> None:
    lives = [Life(shop.store) for _ in range(4)]
    lives[1].personal = PERSONAL.model_copy(update={"billing_address": BILLING.model_copy(update={"name": "Ann \U000f9876"})})
    for life in lives:
        await teller.tell(shop, life.step("pending"), life.step("confirmed"))
    admin = await admin_of(stack)
    spoilt = ("store_id = $1 and kind = 'invoice' and counted = 3", shop.store)
    data = await admin.fetchval(f"select data from documents.documents where {spoilt[0]}", shop.store)
    async with planted(admin, "documents.documents", "data", data.replace('"lines":[', '"lines":["no line",'), *spoilt):
        answer = (await shop.staff.get("/documents/v1/documents/archive")).ok()
    await admin.close()
    pack = zipfile.ZipFile(io.BytesIO(answer.content))
    rows = list(csv.DictReader(io.StringIO(pack.read("index.csv").decode("utf-8-sig"))))
    assert [(row["number"][-1], row["file"] == MISSING) for row in rows] == [("1", False), ("2", False), ("3", True), ("4", False)]
    assert [row["problem"][:20] for row in rows] == ["", "No font has U+F9876.", "The stored row canno", ""]
    assert missing_from(pack.read(rows[1]["file"]), ["[U+F9876]"]) == []


async def test_the_gap_report_finds_no_gap_and_would_find_one(shop: Shop, teller: Teller) -> None:
    await three_orders(shop, teller)
    report = (await shop.staff.get("/documents/v1/documents/series")).ok()["items"]
    assert [(one["kind"], one["last"], one["issued"], one["missing"], one["gapless"]) for one in report] == [
        ("invoice", 3, 3, [], True),
        ("receipt", 3, 3, [], True),
    ]
    await shop.rows("documents", "update series set last = 5 where store_id = {store} and kind = 'receipt'")
    report = (await shop.staff.get("/documents/v1/documents/series")).ok()["items"]
    assert [(one["missing"], one["gapless"]) for one in report] == [([], True), ([4, 5], False)]


async def test_an_archive_of_a_period(shop: Shop, teller: Teller) -> None:
    await three_orders(shop, teller)
    listed = (await shop.staff.get("/documents/v1/documents"))["items"]
    day = listed[0]["issued_on"]
    after = day_after(day)
    answer = (await shop.staff.get(f"/documents/v1/documents/archive?issued_on.gte={day}&issued_on.lt={after}")).ok()
    assert answer.headers["content-disposition"] == f'attachment; filename="documents_{day}_{after}.zip"'
    pack = zipfile.ZipFile(io.BytesIO(answer.content))
    assert pack.testzip() is None
    rows = list(csv.DictReader(io.StringIO(pack.read("index.csv").decode("utf-8-sig"))))
    assert tuple(rows[0]) == COLUMNS
    assert {row["number"]: (row["total"], row["sha256"]) for row in rows} == {
        one["number"]: (one["total"]["decimal"], one["sha256"]) for one in listed
    }
    assert sorted(pack.namelist()) == sorted(["index.csv", "taxes.csv", *[row["file"] for row in rows]])
    for one in listed:
        pdf = (await shop.staff.get(f"/documents/v1/documents/{one['document_id']}/pdf")).content
        assert pack.read(f"{one['kind']}/{one['number']}.pdf") == pdf
    empty = zipfile.ZipFile(io.BytesIO((await shop.staff.get("/documents/v1/documents/archive?issued_on.lt=2001-01-01")).ok().content))
    assert empty.namelist() == ["index.csv", "taxes.csv"]


async def test_erasure_leaves_issued_documents_and_nothing_else(shop: Shop, life: Life, teller: Teller) -> None:
    steps = [life.step("pending"), life.step("confirmed")]
    await teller.tell(shop, *steps)
    [invoice] = (await shop.staff.get(f"/documents/v1/documents/orders/{life.order_id}"))["items"]
    await teller.tell(shop, life.erase(), life.step("shipped"))  # even an event that is told afterwards brings nothing back
    [copy] = await shop.rows("documents", "select personal::text, version from orders where store_id = {store}")
    assert copy["version"] == 3
    for word in (PERSONAL.customer_name, PERSONAL.phone, "House 1", "Lane 9", "Rahima", "Karim"):
        assert word not in copy["personal"]
    slip = (await shop.staff.get(f"/documents/v1/prints/{life.order_id}/packing-slip")).ok().content
    assert missing_from(slip, ["Lane 9"]) == ["Lane 9"]
    kept = (await shop.staff.get(f"/documents/v1/documents/{invoice['document_id']}/pdf")).ok().content
    assert missing_from(kept, ["Rahima Begum", "House 1, Road 2"]) == []


async def test_erasure_before_the_order_is_known(shop: Shop, life: Life, teller: Teller) -> None:
    steps = [life.step("pending"), life.step("confirmed")]
    await teller.tell(shop, life.erase(), *steps)
    [row] = await shop.rows("documents", "select data from documents where store_id = {store}")
    assert "Rahima" not in row["data"]
    assert "House 1" not in row["data"]
