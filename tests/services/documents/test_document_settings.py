"""What stands on a store's paper: saved as versions, seen on what is issued next, never on what was issued."""

import asyncio
import io
import json

import pytest
from PIL import Image, PngImagePlugin

from services.documents.rules.contents import language_of
from services.documents.state import LANGUAGES
from tests.services.documents.pdftext import missing_from
from tests.services.documents.telling import Life, Teller
from tests.shop import Shop

SETTINGS = {
    "seller": {
        "name": "Nakshi & Co.",
        "address": ["12 Station Road", "Chattogram 4000"],
        "phone": "+880 31 555 0123",
        "tax_numbers": [{"label": "BIN", "number": "000123456-0101"}],
    },
    "footer": "Reg. C-12345/2019",
    "terms": "Returns within 14 days.",
    "paper": "letter",
    "prefixes": {"invoice": "NK"},
}
PATH = "/documents/v1/documents-settings"


def image(kind: str = "PNG", size: tuple[int, int] = (40, 20)) -> bytes:
    made = io.BytesIO()
    Image.new("RGB", size, (20, 90, 70)).save(made, kind)
    return made.getvalue()


async def test_settings_are_saved_as_versions(shop: Shop) -> None:
    first = (await shop.staff.get(PATH)).ok()
    assert (first["version"], first.etag[:4], first["paper"], first["prefixes"]["invoice"]) == (0, '"v0.', "a4", "INV")
    saved = (await shop.staff.put(PATH, json=SETTINGS, headers={"If-Match": '"v0"'})).ok()
    assert (saved["version"], saved.etag, saved["seller"]["name"], saved["prefixes"]["receipt"]) == (1, '"v1"', "Nakshi & Co.", "RCT")
    assert (await shop.platform.get(PATH)).body == saved.body
    [version] = (await shop.reader.get(f"{PATH}/history")).ok()["items"]
    assert version["saved_by"] == {"role": "staff", "id": "staff-1", "via": None}
    assert {name: version[name] for name in version if name in saved.body} == {name: saved[name] for name in version if name in saved.body}


@pytest.mark.parametrize(("headers", "status", "code"), [({}, 428, "if_match_required"), ({"If-Match": '"v7"'}, 412, "version_conflict")])
async def test_a_save_without_the_version_it_read_changes_nothing(shop: Shop, headers: dict[str, str], status: int, code: str) -> None:
    refused = await shop.staff.put(PATH, json=SETTINGS, headers=headers)
    assert (refused.status, refused.code) == (status, code)
    assert (await shop.staff.get(PATH))["version"] == 0


async def test_a_stale_save_is_told_so_before_its_prefixes_are_judged(shop: Shop) -> None:
    (await shop.staff.put(PATH, json=SETTINGS, headers={"If-Match": '"v0"'})).ok()
    twice = {"prefixes": {"invoice": "DOC", "receipt": "DOC"}}
    stale = await shop.staff.put(PATH, json=twice, headers={"If-Match": '"v0"'})
    assert (stale.status, stale.code, stale["current_version"]) == (412, "version_conflict", 1)
    current = await shop.staff.put(PATH, json=twice, headers={"If-Match": '"v1"'})
    assert (current.status, current.code) == (409, "prefix_taken")
    after = (await shop.staff.get(PATH)).ok()
    assert (after["version"], after["prefixes"]["invoice"], after["prefixes"]["receipt"]) == (1, "NK", "RCT")
    assert len((await shop.staff.get(f"{PATH}/history")).ok()["items"]) == 1


async def test_of_two_racing_saves_one_wins(shop: Shop) -> None:
    answers = await asyncio.gather(*[shop.staff.put(PATH, json=SETTINGS, headers={"If-Match": '"v0"'}) for _ in range(8)])
    assert sorted(answer.status for answer in answers) == [200] + [412] * 7
    assert (await shop.staff.get(PATH))["version"] == 1


@pytest.mark.parametrize(
    "body",
    [
        {"paper": "a3"},
        {"language": "xx"},
        {"labels": {"xx": {}}},
        {"labels": {"en": {"invoice": ""}}},
        {"labels": {"en": {"invoices": "Bills"}}},
        {"labels": {"en": {"page": "Page {page}"}}},
        {"labels": {"en": {"invoice": "{0}"}}},
        {"labels": {"en": {"invoice": "a } b"}}},
        {"sellers": {}},
        {"seller": {"address": ["x"] * 7}},
        {"footer": "x" * 501},
        {"terms": 7},
        {"prefixes": {"invoice": "inv"}},
        {"prefixes": {"invoice": ""}},
    ],
)
async def test_what_settings_are_not(shop: Shop, body: dict[str, object]) -> None:
    refused = await shop.staff.put(PATH, json=body, headers={"If-Match": '"v0"'})
    assert refused.status == 422
    assert (await shop.staff.get(PATH))["version"] == 0


async def test_series_keep_their_names_apart(shop: Shop, life: Life, teller: Teller) -> None:
    same = await shop.staff.put(PATH, json={"prefixes": {"invoice": "DOC", "receipt": "DOC"}}, headers={"If-Match": '"v0"'})
    assert (same.status, same.code) == (409, "prefix_taken")
    await teller.tell(shop, life.step("pending"), life.step("confirmed"))
    taken = await shop.staff.put(PATH, json={"prefixes": {"invoice": "NEW", "receipt": "INV"}}, headers={"If-Match": '"v0"'})
    assert (taken.status, taken.code) == (409, "prefix_taken")
    (await shop.staff.put(PATH, json={"prefixes": {"invoice": "NEW"}}, headers={"If-Match": '"v0"'})).ok()
    second = Life(shop.store)
    await teller.tell(shop, second.step("pending"), second.step("confirmed"))
    [item] = (await shop.staff.get(f"/documents/v1/documents/orders/{second.order_id}"))["items"]
    assert item["number"].startswith("INV-")  # the series has begun: it keeps its name until the year ends
    assert item["number"].endswith("-000002")


async def test_only_the_shop_may(shop: Shop) -> None:
    for method, path in (
        ("GET", PATH),
        ("GET", f"{PATH}/logo"),
        ("GET", "/documents/v1/documents/series"),
        ("GET", "/documents/v1/documents/archive"),
    ):
        assert (await shop.customer().call(method, path)).code == "shop_only"
    assert (await shop.customer().put(PATH, json={}, headers={"If-Match": '"v0"'})).code == "shop_only"
    assert (await shop.customer().post(f"{PATH}/preview", json={})).code == "shop_only"
    assert (await shop.reader.put(PATH, json={}, headers={"If-Match": '"v0"'})).code == "read_only"
    assert (await shop.reader.get(PATH)).ok()["version"] == 0


async def test_what_was_issued_keeps_what_it_says(shop: Shop, life: Life, teller: Teller) -> None:
    await teller.tell(shop, life.step("pending"), life.step("confirmed"))
    [invoice] = (await shop.staff.get(f"/documents/v1/documents/orders/{life.order_id}"))["items"]
    before = (await shop.staff.get(f"/documents/v1/documents/{invoice['document_id']}/pdf")).ok().content
    (await shop.staff.put(PATH, json=SETTINGS, headers={"If-Match": '"v0"'})).ok()
    (await shop.staff.put(f"{PATH}/logo", content=image(), headers={"If-Match": '"v1"', "Content-Type": "image/png"})).ok()
    assert (await shop.staff.get(f"/documents/v1/documents/{invoice['document_id']}/pdf")).content == before
    await teller.tell(shop, life.step("cancelled"))
    credit = (await shop.staff.get(f"/documents/v1/documents/orders/{life.order_id}"))["items"][1]
    pdf = (await shop.staff.get(f"/documents/v1/documents/{credit['document_id']}/pdf")).ok().content
    assert missing_from(pdf, ["Nakshi & Co.", "12 Station Road", "BIN 000123456-0101", "Reg. C-12345/2019", invoice["number"]]) == []
    assert b"/Subtype/Image" in pdf
    assert b"/Subtype/Image" not in before


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
async def test_a_logo_is_drawn_again(shop: Shop, kind: str) -> None:
    """What is kept is a picture that we drew: no metadata, nothing behind the image."""
    upload = image(kind) + b"PK\x03\x04 an archive behind the picture"
    if kind == "PNG":
        noted, made = PngImagePlugin.PngInfo(), io.BytesIO()
        noted.add_text("Comment", "canary-in-metadata")
        Image.new("RGB", (40, 20)).save(made, "PNG", pnginfo=noted)
        upload = made.getvalue() + b"PK\x03\x04"
    saved = (await shop.staff.put(f"{PATH}/logo", content=upload, headers={"If-Match": '"v0"', "Content-Type": "image/png"})).ok()
    assert saved["version"] == 1
    kept = (await shop.staff.get(f"{PATH}/logo")).ok()
    assert (kept.headers["content-type"], kept.content[:4]) == ("image/png", b"\x89PNG")
    assert (kept.headers["x-content-type-options"], b"canary" in kept.content, b"PK" in kept.content) == ("nosniff", False, False)
    removed = (await shop.staff.delete(f"{PATH}/logo", headers={"If-Match": '"v1"'})).ok()
    assert (removed["version"], removed["logo_sha256"]) == (2, None)
    assert (await shop.staff.get(f"{PATH}/logo")).code == "not_found"


@pytest.mark.parametrize(
    ("upload", "status", "code"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>", 422, "logo_type"),
        (b"GIF89a" + bytes(100), 422, "logo_type"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), 422, "logo_unreadable"),
        (b"\xff\xd8\xff" + bytes(100), 422, "logo_unreadable"),
        (image(size=(4001, 10)), 413, "logo_too_large"),
        (b"\x89PNG\r\n\x1a\n" + bytes(1_000_001), 413, "logo_too_large"),
    ],
)
async def test_what_is_not_a_logo(shop: Shop, upload: bytes, status: int, code: str) -> None:
    refused = await shop.staff.put(f"{PATH}/logo", content=upload, headers={"If-Match": '"v0"', "Content-Type": "image/png"})
    assert (refused.status, refused.code) == (status, code)
    assert (await shop.staff.get(PATH))["version"] == 0


@pytest.mark.parametrize("kind", ["invoice", "credit_note", "receipt", "refund_receipt", "order_receipt", "packing_slip"])
async def test_a_preview_shows_settings_that_are_not_saved(shop: Shop, kind: str) -> None:
    pdf = await shop.staff.post(f"{PATH}/preview?kind={kind}&language=bn", json=SETTINGS)
    assert missing_from(pdf.ok().content, ["Nakshi & Co.", "নমুনা", "হাতে বোনা সুতি শাড়ি, নীল"]) == []
    assert (await shop.staff.get(PATH))["version"] == 0
    assert (await shop.staff.get("/documents/v1/documents"))["items"] == []


async def test_a_stores_own_words_are_printed_and_sealed(shop: Shop, life: Life, teller: Teller) -> None:
    """In what is issued from then on: an issued document keeps the words that it was issued with."""
    labels = {"en": {"invoice": "Tax invoice", "page": "{page}/{pages}"}, "de": {"invoice": "Steuerrechnung"}}
    saved = (await shop.staff.put(PATH, json={"labels": labels}, headers={"If-Match": '"v0"'})).ok()
    assert (saved["labels"], (await shop.staff.get(PATH))["labels"]) == (labels, labels)
    await teller.tell(shop, life.step("pending"), life.step("confirmed"))
    [invoice] = (await shop.staff.get(f"/documents/v1/documents/orders/{life.order_id}"))["items"]
    (await shop.staff.put(PATH, json={"language": "de"}, headers={"If-Match": '"v1"'})).ok()
    pdf = (await shop.staff.get(f"/documents/v1/documents/{invoice['document_id']}/pdf")).ok().content
    assert missing_from(pdf, ["Tax invoice", "1/1"]) == []
    [row] = await shop.rows("documents", "select data::jsonb->>'labels' as labels from documents where store_id = {store}")
    assert json.loads(row["labels"]) == labels["en"]
    slip = (await shop.staff.get(f"/documents/v1/prints/{life.order_id}/packing-slip")).ok().content
    assert missing_from(slip, ["Lieferschein", "Lieferanschrift"]) == []
    [without] = [one for one in (await shop.staff.get(f"{PATH}/history")).ok()["items"] if one["version"] == 2]
    assert without["labels"] == {}


@pytest.mark.parametrize(
    ("labels", "code", "at"),
    [
        ({"en": {"invoices": "Bills"}}, "label_unknown", "/labels/en/invoices"),
        ({"de": {"page": "Seite {page}"}}, "label_places", "/labels/de/page"),
        ({"de": {"invoice": "{amount}"}}, "label_places", "/labels/de/invoice"),
        ({"de": {"invoice": "a } b"}}, "label_places", "/labels/de/invoice"),
        ({"de": {"collect_cash": "{amount.real}"}}, "label_places", "/labels/de/collect_cash"),
        ({"de": {"collect_cash": "{amount!r}"}}, "label_places", "/labels/de/collect_cash"),
    ],
)
async def test_words_that_cannot_be_printed_are_refused(shop: Shop, labels: dict[str, dict[str, str]], code: str, at: str) -> None:
    for answer in (
        await shop.staff.put(PATH, json={"labels": labels}, headers={"If-Match": '"v0"'}),
        await shop.staff.post(f"{PATH}/preview", json={"labels": labels}),
    ):
        assert (answer.status, answer.code, answer["errors"][0]["pointer"]) == (422, code, at)
    assert (await shop.staff.get(PATH))["version"] == 0


@pytest.mark.parametrize("language", LANGUAGES)
async def test_every_language_has_a_sample(shop: Shop, language: str) -> None:
    made = (await shop.staff.post(f"{PATH}/preview?language={language}&kind=packing_slip", json={})).ok()
    assert (made.content[:5], "aftersale-provisional" in made.headers) == (b"%PDF-", False)


@pytest.mark.parametrize(
    ("ordered", "setting", "printed"),
    [
        ("pt-BR", "auto", "pt"),
        ("AR", "auto", "ar"),
        ("nl", "auto", "en"),
        ("fr", "id", "id"),
        ("deu", "auto", "en"),
        ("bn-BD", "auto", "bn"),
    ],
)
def test_which_language(ordered: str, setting: str, printed: str) -> None:
    assert language_of(ordered, setting) == printed
