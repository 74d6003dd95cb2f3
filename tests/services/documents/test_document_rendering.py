"""What is printed: pictures, text and figures of every kind in every language; and what no text can make it do."""

import json
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import typst
from PIL import Image, ImageChops, ImageStat

from services.documents.rendering import child
from services.documents.rendering.catalogues import catalogue, languages
from services.documents.rendering.fontbook import OURS, FontBook
from services.documents.rendering.present import view_of
from services.documents.rendering.printable import page
from services.documents.rendering.renderer import Renderer, RenderingFailed
from services.documents.rendering.words import amount, money, printable
from services.documents.rules.settings import places
from services.documents.state import LANGUAGES
from shared.contracts.events import Address
from shared.web.confined import PROJECT
from tests.services.documents.pdftext import missing_from, picture_of, squeezed, text_of
from tests.services.documents.specimens import CODE, DOTS_PER_INCH, SPECIMENS, golden, logo, specimen

ALLOWED_DIFFERENCE = 1.0  # mean difference of a pixel's value (0 to 255): poppler's versions smooth edges a little differently

MARKS = "\u200e\u200f\u202a\u202b\u202c\u2066\u2069"  # of direction
HOSTILE = {
    "markup": '#panic(1) #import "@preview/cetz:0.1.0" $x^2$ *b* _i_ `c` <label> @ref \\ // /* = h - l + e ~',
    "file": '#read("/etc/passwd") #image("../../../etc/passwd") #include "page.typ" #sys.inputs',
    "html": "</style></title><script>alert(1)</script><img src=x onerror=alert(1)> &lt; {{ 7*7 }} {% raw %}",
    "controls": "a\x01b\x07c\x1bd\x7fe\x85f\x00g",
    "bidi": "safe\u202etxt.exe\u202c \u2066isolate\u2069 \u200fmark",
    "formula": '=HYPERLINK("http://192.0.2.1","x")',
    "beyond the fonts": "漢字 😀 ﷽",
    "joiners": "র\u200dয্যাব ক্\u200cষ",
}


@pytest.fixture(scope="module")
async def renderer() -> AsyncIterator[Renderer]:
    made = Renderer(processes=1, deadline_seconds=90, memory_mb=1024)
    yield made
    await made.close()


def strings(value: Any) -> Iterator[str]:
    """Every text in a view."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for part in value.values():
            yield from strings(part)
    elif isinstance(value, list):
        for part in value:
            yield from strings(part)


def printed(view: dict[str, Any]) -> list[str]:
    """What a view of one page says, text by text."""
    on_page = view["template"] == "page"
    shown = dict(view)
    for setting in (
        "template",
        "language",
        "direction",
        "fonts",
        "digits",
        "paper",
        "logo",
        "carried",
        "brought",
        "page_label",
        "scale",
        "widest",
        "with_sku",
    ):
        del shown[setting]
    shown["rows"] = [
        {"name": row["name"], "sku": row["sku"] if on_page or view["with_sku"] else "", "cells": row["cells"]} for row in view["rows"]
    ]
    if on_page:
        first = view["digits"][1]
        return [*strings(shown), view["page_label"].format(page=first, pages=first)]
    del shown["columns"], shown["description"], shown["terms"]
    return [*strings(shown), *["×" for _ in view["rows"]]]


def difference(one: Image.Image, other: Image.Image) -> float:
    """Mean difference of two pictures' pixels; 255 where their sizes differ."""
    if one.size != other.size:
        return 255.0
    return float(ImageStat.Stat(ImageChops.difference(one.convert("L"), other.convert("L"))).mean[0])


@pytest.mark.parametrize(("kind", "language"), SPECIMENS)
async def test_it_looks_like_its_golden_image(renderer: Renderer, kind: str, language: str) -> None:
    pdf = await renderer.pdf(view_of(specimen(kind, language), code=CODE, logo=logo()))
    assert difference(picture_of(pdf, dots_per_inch=DOTS_PER_INCH), Image.open(golden(kind, language))) < ALLOWED_DIFFERENCE


@pytest.mark.parametrize(("kind", "language"), [("invoice", "en"), ("invoice", "bn"), ("receipt", "en"), ("receipt", "bn")])
def test_a_wrong_font_is_seen(tmp_path: Path, kind: str, language: str) -> None:
    """Without its font a language is drawn with another, or with boxes: the comparison with the golden image turns red."""
    fonts = tmp_path / "fonts"
    shutil.copytree(child.HERE / "fonts", fonts)
    for font in fonts.glob("NotoSans-*" if language == "en" else "HindSiliguri-*"):
        font.unlink()
    templates = child.HERE / "templates"
    compiler = typst.Compiler(str(templates / "document.typ"), root=str(templates), font_paths=[str(fonts)], ignore_system_fonts=True)
    view = json.dumps(view_of(specimen(kind, language), code=CODE, logo=logo()))
    pdf = compiler.compile(format="pdf", timestamp=0, sys_inputs={"view": view})
    assert isinstance(pdf, bytes)
    assert difference(picture_of(pdf, dots_per_inch=DOTS_PER_INCH), Image.open(golden(kind, language))) > 2 * ALLOWED_DIFFERENCE


@pytest.mark.parametrize(("kind", "language"), SPECIMENS)
async def test_its_text_is_the_data_no_more_and_no_less(renderer: Renderer, kind: str, language: str) -> None:
    view = view_of(specimen(kind, language), code=CODE, logo=logo())
    pdf = await renderer.pdf(view)
    wanted = printed(view)
    if view["direction"] == "ltr":  # poppler gives lines of right-to-left scripts in an order of its own
        assert missing_from(pdf, wanted) == []
    said = Counter(squeezed(text_of(pdf)))
    assert {one: count for one, count in said.items() if one not in MARKS} == Counter(
        one for one in squeezed("".join(wanted)) if one not in MARKS
    )


@pytest.mark.parametrize(("kind", "language"), SPECIMENS)
def test_the_printable_page_says_the_same(kind: str, language: str) -> None:
    view = view_of(specimen(kind, language), code=CODE, logo=logo())
    html = page(view)
    for text in strings(
        {
            name: view[name]
            for name in ("title", "mark", "facts", "seller", "address", "prices", "sums", "taxes", "payments", "remarks", "footer")
        }
    ):
        assert text.replace("&", "&amp;") in html


@pytest.mark.parametrize("language", ["en", "bn", "de", "fr", "hi"])
async def test_many_pages_carry_their_totals(renderer: Renderer, language: str) -> None:
    contents = specimen("invoice", language, count=90)
    pages = text_of(await renderer.pdf(view_of(contents, code=CODE)), "-layout").split("\f")[:-1]
    label = catalogue(language).label
    assert len(pages) >= 4
    so_far, line = 0, 0

    def transfers(rows: list[str], name: str) -> bool:
        return squeezed(label[name] + amount(so_far, "BDT", language)) in rows

    for number, content in enumerate(pages):
        rows = [squeezed(row) for row in content.split("\n")]
        assert transfers(rows, "brought") == (number > 0 and line < len(contents.lines))  # the sums may have the last page to themselves
        while line < len(contents.lines) and contents.lines[line].sku in content:
            so_far += contents.lines[line].amount
            line += 1
        assert transfers(rows, "carried") == (line < len(contents.lines))
    assert (line, so_far) == (90, contents.goods)


async def test_the_same_data_is_the_same_bytes_in_any_process() -> None:
    view = view_of(specimen("invoice", "bn"), code=CODE, logo=logo())
    made = set()
    for _ in range(2):
        fresh = Renderer(processes=1, deadline_seconds=90, memory_mb=1024)
        made |= {await fresh.pdf(view), await fresh.pdf(view)}
        await fresh.close()
    assert len(made) == 1


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("kind", ["invoice", "receipt"])
async def test_hostile_text_is_text(renderer: Renderer, kind: str, name: str) -> None:
    text = HOSTILE[name]
    honest = specimen(kind, "en")
    contents = honest.model_copy(
        update={
            "lines": tuple(line.model_copy(update={"name": text, "sku": text}) for line in honest.lines),
            "seller": honest.seller.model_copy(update={"name": text, "address": (text,)}),
            "footer": text,
            "terms": text,
            "order_number": text,
            "address": Address(country_code="BD", name=text, street_address=text, city=text),
            "payments": tuple(payment.model_copy(update={"method": text, "reference": text}) for payment in honest.payments),
        }
    )
    view = view_of(contents)
    pdf = await renderer.pdf(view)
    shown = printable(text)
    assert sum(view_text == shown for view_text in strings(view)) >= 6
    if name != "beyond the fonts":
        assert missing_from(pdf, [shown]) == []
    assert "root:" not in text_of(pdf)
    html = page(view)
    assert "<script" not in html
    assert "<img src=x" not in html
    for control in "\x00\x01\x1b\u202e\u2066":
        assert control not in html
        assert control not in text_of(pdf)


@pytest.mark.parametrize("text", ["x" * 1_000_000, "word " * 200_000, "ক্ষ" * 300_000], ids=["word", "words", "bengali"])
async def test_a_line_of_a_megabyte_is_cut_where_one_can_see_it(renderer: Renderer, text: str) -> None:
    honest = specimen("invoice", "en")
    contents = honest.model_copy(update={"lines": (honest.lines[0].model_copy(update={"name": text}),)})
    pdf = await renderer.pdf(view_of(contents))
    assert squeezed(text_of(pdf)).count("…") == 1


async def test_two_thousand_lines_within_deadline_and_memory(renderer: Renderer) -> None:
    pdf = await renderer.pdf(view_of(specimen("invoice", "bn", count=2_000), code=CODE, logo=logo()))
    assert "SKU-3000" in text_of(pdf)


async def test_over_the_deadline_is_refused_and_the_next_is_rendered() -> None:
    hasty = Renderer(processes=1, deadline_seconds=0.01, memory_mb=1024)
    view = view_of(specimen("invoice", "en"))
    with pytest.raises(RenderingFailed):
        await hasty.pdf(view)
    hasty.processes.deadline_seconds = 30
    assert (await hasty.pdf(view)).startswith(b"%PDF-")
    await hasty.close()


async def test_over_the_memory_is_refused_and_the_next_is_rendered(renderer: Renderer) -> None:
    view = view_of(specimen("invoice", "en"))
    greedy = {**view, "rows": [{**view["rows"][0], "name": "x" * 3_000_000}]}
    with pytest.raises(RenderingFailed):
        await renderer.pdf(greedy)
    assert (await renderer.pdf(view)).startswith(b"%PDF-")


async def test_a_view_that_no_template_takes_is_refused_and_the_next_is_rendered(renderer: Renderer) -> None:
    view = view_of(specimen("invoice", "en"))
    with pytest.raises(RenderingFailed):
        await renderer.pdf({**view, "paper": "#read"})
    assert (await renderer.pdf(view)).startswith(b"%PDF-")


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's filter is Linux's")
@pytest.mark.parametrize(
    "attempt",
    [
        "import socket; socket.socket(socket.AF_INET, socket.SOCK_STREAM)",
        "import socket; socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)",
        "import os; os.execv('/bin/true', ['true'])",
        "import subprocess; subprocess.run(['/bin/true'], check=True)",
        "import tempfile; tempfile.TemporaryFile()",
        "bytearray(2_000_000_000)",
    ],
)
def test_a_rendering_process_can_do_nothing_else(attempt: str) -> None:
    confined = "import signal; from services.documents.rendering.child import confine; confine(1024)"
    code = f"{confined}; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); {attempt}"
    ended = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode != 0
    assert any(word in ended.stderr for word in ("PermissionError", "No usable temporary directory", "MemoryError"))


def test_templates_reach_no_file_outside_their_folder_and_no_package(tmp_path: Path) -> None:
    """The compiler as it is built: what a template of ours could not do even if we wrote it."""
    compiler = child.compiler()
    for source in ('#read("/etc/passwd")', '#read("../../tables.py")', '#import "@preview/cetz:0.3.4"'):
        with pytest.raises(Exception, match=r"not found|access|escape|package|failed|denied"):
            compiler.compile(input=source.encode(), format="pdf")


@pytest.mark.parametrize("language", languages())
def test_a_catalogue_has_every_word(language: str) -> None:
    words, english = catalogue(language), catalogue("en")
    assert set(words.label) == set(english.label)
    assert set(words.method) == set(english.method)
    assert {key: places(text) for key, text in words.label.items()} == {key: places(text) for key, text in english.label.items()}
    assert [key for key, text in [*words.label.items(), *words.method.items()] if not text.strip()] == []
    assert (len(words.digits), places(words.money)) == (10, ["amount", "symbol"])
    assert FontBook(lambda: (str(OURS),)).fitted({"fonts": list(words.fonts), "said": [*words.label.values(), words.digits]}).missing == ()


def test_there_is_a_catalogue_for_each_language_that_can_be_chosen() -> None:
    assert languages() == sorted(LANGUAGES)


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        ("en", "US$ 1,234,567.89"), ("bn", "US$ ১২,৩৪,৫৬৭.৮৯"), ("hi", "$ 12,34,567.89"), ("de", "1.234.567,89 $"),
        ("fr", "1 234 567,89 $US"),
        ("pl", "1 234 567,89 USD"), ("pt", "US$ 1.234.567,89"), ("ar", "1,234,567.89 US$"), ("tr", "$ 1.234.567,89"),
    ],
)  # fmt: skip
def test_money_as_each_language_writes_it(language: str, expected: str) -> None:
    shown = money(123456789, "USD", language).replace("\u00a0", " ").replace("\u200f", "")
    assert shown == expected
