"""Every script that we promise is printed in its own letters; a letter that no font has is printed as its code until one has it."""

import hashlib
import json
import re
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ImageChops

from services.documents.rendering import child, fontbook, textlayer
from services.documents.rendering.fontbook import IN_A_CLONE, OURS, Face, FontBook, folders
from services.documents.rendering.present import view_of
from services.documents.rendering.renderer import Picture, Renderer
from services.documents.state import Contents
from tests.services.documents.fontmaking import install
from tests.services.documents.pdftext import missing_from, picture_of, squeezed, text_of
from tests.services.documents.specimens import CODE, specimen
from tests.services.documents.telling import BILLING, Life, Teller
from tests.shop import Shop, eventually
from tests.stack import Stack

PACKAGED = (str(OURS), str(IN_A_CLONE))

SCRIPTS = {
    "Vietnamese": "Nguyễn Thị Ánh Tuyết",
    "Greek": "Μαρία Παπαδοπούλου",
    "Cyrillic": "Футболка Ґанок",
    "Bengali": "রহিমা খাতুন ক্ষ্ম",
    "Devanagari": "हिन्दी पुस्तक क्षत्रिय",
    "Arabic": "محمد أحمد",
    "Urdu": "گڑیا کی ٹوپی",
    "Hebrew": "חולצה כחולה",
    "Thai": "ชุดเดรสสีน้ำเงิน",
    "Tamil": "தமிழ் புத்தகம்",
    "Telugu": "తెలుగు పుస్తకం",
    "Kannada": "ಕನ್ನಡ ಪುಸ್ತಕ",
    "Malayalam": "മലയാളം പുസ്തകം",
    "Gujarati": "ગુજરાતી પુસ્તક",
    "Gurmukhi": "ਪੰਜਾਬੀ ਕਿਤਾਬ",
    "Sinhala": "සිංහල පොත",
    "Lao": "ພາສາລາວ",
    "Khmer": "ភាសាខ្មែរ",
    "Myanmar": "မြန်မာစာ",
    "Georgian": "ქართული ენა",
    "Armenian": "Հայերեն լեզու",
    "Ethiopic": "አማርኛ",
    "arrows": "→ ← ↑ ↓ ⇒",
    "emoji": "🎉 😀 📦 ⚠",
}
NOWHERE = "\U000f1234"  # for private use: no font of a machine has it


def named(name: str, kind: str = "invoice", language: str = "en") -> Contents:
    """A document with one line of this name."""
    honest = specimen(kind, language, count=1)
    return honest.model_copy(update={"lines": (honest.lines[0].model_copy(update={"name": name}),)})


def book(*where: str) -> FontBook:
    return FontBook(lambda: where or PACKAGED)


@pytest.fixture(scope="module")
async def renderer() -> AsyncIterator[Renderer]:
    made = Renderer(processes=1, deadline_seconds=90, memory_mb=1024, fonts=book())
    yield made
    await made.close()


@pytest.mark.parametrize("script", SCRIPTS)
async def test_a_script_is_printed_in_its_own_letters(renderer: Renderer, script: str) -> None:
    """Drawn (unlike what no font has), and in the text layer letter by letter; right-to-left words in poppler's own order."""
    contents = named(SCRIPTS[script])
    made, bare = await renderer.picture(view_of(contents, code=CODE)), await renderer.pdf(view_of(named(""), code=CODE))
    assert made.missing == ()
    without = Counter(squeezed(text_of(bare)))
    said = Counter(squeezed(text_of(made.pdf)))
    said.subtract(without)
    marks = {"\u202a", "\u202b", "\u202c"}  # directions, which poppler adds
    assert {one: count for one, count in said.items() if count and one not in marks} == Counter(squeezed(SCRIPTS[script]))
    assert ImageChops.difference(picture_of(made.pdf), picture_of(bare)).getbbox() is not None
    assert boxes(made.pdf) == 0


async def test_a_roll_in_bengali_prints_arabic_as_well(renderer: Renderer) -> None:
    made = await renderer.picture(view_of(named("محمد 12 рубль", "receipt", "bn"), code=CODE))
    assert (made.missing, missing_from(made.pdf, ["محمد", "рубль"])) == ((), [])


async def test_what_no_font_has_is_printed_as_its_code_and_the_rest_as_it_is(renderer: Renderer) -> None:
    made = await renderer.picture(view_of(named(f"Saree {NOWHERE}{NOWHERE} 山 blue x\u0e31"), code=CODE))
    assert made.missing == ("U+0E31", "U+5C71", "U+F1234"), "a Thai vowel cannot be drawn on an x"
    assert missing_from(made.pdf, ["Saree [U+F1234][U+F1234] [U+5C71] blue x[U+0E31]"]) == []


async def test_the_fonts_of_a_machine_change_nothing_that_needs_none_of_them() -> None:
    view = view_of(specimen("invoice", "bn"), code=CODE)
    made = []
    for where in ((str(OURS),), PACKAGED, folders()):
        one = Renderer(processes=1, deadline_seconds=90, memory_mb=1024, fonts=book(*where))
        made.append(await one.pdf(view))
        await one.close()
    assert made[0] == made[1] == made[2]


async def test_a_font_that_comes_later_is_found_without_a_restart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fontbook, "LOOK_AGAIN_SECONDS", 0.0)
    fonts = FontBook(lambda: (*PACKAGED, *map(str, tmp_path.glob("*"))))
    one = Renderer(processes=1, deadline_seconds=90, memory_mb=1024, fonts=fonts)
    view = view_of(named(f"A {NOWHERE} B"), code=CODE)
    before = await one.picture(view)
    assert (before.missing, missing_from(before.pdf, ["[U+F1234]"])) == (("U+F1234",), [])
    install(tmp_path / "later", NOWHERE, "Test Nowhere")
    after = await one.picture(view)
    assert (after.missing, missing_from(after.pdf, [NOWHERE]), "U+F1234" in text_of(after.pdf)) == ((), [], False)
    assert await one.picture(view) == Picture(after.pdf)
    await one.close()


async def test_a_file_that_is_no_font_harms_nobody(tmp_path: Path) -> None:
    (tmp_path / "broken.ttf").write_bytes((OURS / "NotoSans-Regular.ttf").read_bytes()[:5_000])
    (tmp_path / "text.otf").write_text("no font")
    fonts = FontBook(lambda: (*PACKAGED, str(tmp_path)))
    assert fonts.fitted(view_of(named("山"))).missing == ("U+5C71",)


def test_coverage_is_what_the_engine_draws() -> None:
    latin = Face("Noto Sans", OURS / "NotoSans-Regular.ttf", 0).covers
    assert [code in latin for code in (0x41, 0x0915, 0x1EC5, 0x0416)] == [True] * 4
    assert [code in latin for code in (0x0985, 0x4E00, 0x2192, 0xFFFF, 0x10FFFF)] == [False] * 5


def boxes(pdf: bytes) -> int:
    """How many glyphs a PDF draws that its fonts do not have: glyph 0."""
    shows = (token["show"] or b"" for page in textlayer._PAGE.finditer(pdf) for token in textlayer._TOKEN.finditer(_drawing(pdf, page)))
    strings = (part for show in shows for part in textlayer._PART.findall(show) if part[:1] in b"(<")
    return sum(textlayer._codes(string).count(b"\0\0") for string in strings)


def _drawing(pdf: bytes, page: re.Match[bytes]) -> bytes:
    return textlayer.stream_of(pdf, int(page[2]))


def test_a_box_would_be_seen() -> None:
    """The engine alone draws one for each letter that it lacks."""
    view = json.dumps(view_of(named("山山 é"), code=CODE)).encode()
    assert boxes(child.render(child.compiler(PACKAGED), view)) == 2


PRINTABLE = "".join(SCRIPTS.values()) + "\u0301\u0e31\u200d\ufe0f山é"


@given(st.text(st.sampled_from(sorted(set(PRINTABLE))), min_size=1, max_size=12))
@settings(max_examples=300, deadline=None)
def test_whatever_is_mixed_each_cluster_comes_from_one_font_or_is_a_code(text: str) -> None:
    fitted = book_of_package().fitted(view_of(named(text)))
    shown = fitted.view["rows"][0]["name"]
    used = [fitted.shelf.faces[name] for name in fitted.view["fonts"]]
    for cluster in fontbook._clusters(shown):
        assert any(face.has(cluster) for face in used), (text, cluster)
    assert (not fitted.missing) == ("[U+" not in shown)


_book: list[FontBook] = []


def book_of_package() -> FontBook:
    """Read once for all examples."""
    _book.extend([] if _book else [book()])
    return _book[0]


def test_the_fonts_of_the_package_are_those_that_it_lists() -> None:
    listed = {line.split()[1]: line.split()[0] for line in (IN_A_CLONE / "fonts.sha256").read_text().splitlines()}
    assert listed == {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(IN_A_CLONE.glob("*.ttf"))}
    readme = (IN_A_CLONE.parent / "README.md").read_text()
    assert [name for name in listed if f"`{name}`" not in readme] == []
    assert "SIL Open Font License, Version 1.1" in (IN_A_CLONE / "OFL.txt").read_text()


async def test_a_provisional_picture_says_so_and_mends_itself(shop: Shop, life: Life, teller: Teller, stack: Stack) -> None:
    """Number, data and hash are there from the start; the first complete picture stays."""
    odd = "\U000f4321"
    life.personal = life.personal.model_copy(update={"billing_address": BILLING.model_copy(update={"name": f"Ann {odd}"})})
    await teller.tell(shop, life.step("pending"), life.step("confirmed"))
    [issued] = (await shop.staff.get(f"/documents/v1/documents/orders/{life.order_id}"))["items"]
    path = f"/documents/v1/documents/{issued['document_id']}"
    for caller in (shop.staff, shop.customer("c-1")):
        first = (await caller.get(f"{path}/pdf")).ok()
        assert (first.headers.get("aftersale-provisional"), first.headers["cache-control"]) == ("true", "private, no-cache")
        assert missing_from(first.content, ["Ann [U+F4321]"]) == []
    assert (await shop.staff.get(path)).ok()["missing_glyphs"] == ["U+F4321"]
    listed = (await shop.staff.get("/documents/v1/documents?provisional=true")).ok()["items"]
    assert [(one["number"], one["missing_glyphs"]) for one in listed] == [(issued["number"], ["U+F4321"])]
    printed = (await shop.staff.get(f"/documents/v1/prints/{life.order_id}/invoice")).ok()
    assert printed.headers["aftersale-provisional"] == "true"
    assert (await shop.staff.get(f"{path}/verify")).ok()["pdf_sha256"] is None

    install(Path(stack.settings["AFTERSALE_FONT_FOLDERS"]), odd, "Test Odd")

    async def mended() -> bool:
        return "aftersale-provisional" not in (await shop.staff.get(f"{path}/pdf")).ok().headers

    await eventually(mended)
    kept = (await shop.staff.get(f"{path}/pdf")).ok()
    assert (kept.headers["cache-control"], missing_from(kept.content, [odd])) == ("private, max-age=31536000, immutable", [])
    after = (await shop.staff.get(path)).ok()
    assert (after["missing_glyphs"], after["number"], after["sha256"]) == ([], issued["number"], issued["sha256"])
    assert (await shop.staff.get("/documents/v1/documents?provisional=true"))["items"] == []
    assert [one["number"] for one in (await shop.staff.get("/documents/v1/documents?provisional=false"))["items"]] == [issued["number"]]
    verified = (await shop.staff.get(f"{path}/verify")).ok()
    assert (verified["verified"], verified["pdf_sha256"]) == (True, hashlib.sha256(kept.content).hexdigest())
