"""Everything prints on every paper, and nothing runs off it or over something else."""

import re
import subprocess
from collections.abc import AsyncIterator, Iterator
from itertools import pairwise
from typing import Any, get_args

import pytest

from services.documents.rendering.figures import MAX_ROLL_LINES
from services.documents.rendering.papers import RECEIPTS, SHEETS, paper_of
from services.documents.rendering.present import view_of
from services.documents.rendering.renderer import Renderer
from services.documents.state import Contents, Paper
from tests.services.documents.pdftext import missing_from, squeezed, text_of
from tests.services.documents.specimens import CODE, KINDS, logo, specimen
from tests.services.documents.telling import Life, Teller
from tests.shop import Shop

PAPERS: tuple[Paper, ...] = get_args(Paper)
WIDTHS_MM = {"a4": 210.0, "letter": 215.9, "a5": 148.0, "roll80": 80.0, "roll58": 58.0}
POINTS_A_MM = 72 / 25.4
EDGE_MM = 3.0  # nothing is printed nearer to the edge
SLACK_POINTS = 1.0


@pytest.fixture(scope="module")
async def renderer() -> AsyncIterator[Renderer]:
    made = Renderer(processes=1, deadline_seconds=90, memory_mb=1024)
    yield made
    await made.close()


def crowded(kind: str, language: str) -> Contents:
    """Large amounts, long names and numbers: what narrow paper has to fit."""
    honest = specimen(kind, language, count=3)
    long = "Handloomed-cotton-saree-indigo-XXL-4711"
    lines = tuple(
        line.model_copy(
            update={
                "name": f"{line.name} {long}",
                "sku": f"SKU/{long}",
                "quantity": 10_000,
                "unit_price": 123_456_789_00,
                "discount": 1_234_567_89,
                "tax": 987_654_321_00,
                "amount": 1_234_567_890_000_00,
            }
        )
        for line in honest.lines
    )
    large = {"goods": 3_703_703_670_000_00, "total": 3_703_703_670_120_00, "tax": 2_962_962_963_00, "lines": lines}
    return honest.model_copy(
        update={**large, "order_number": "SHOP-2026-11-000000000042", "tracking": f"Courier {long}" if honest.tracking else ""}
    )


def words_of(pdf: bytes) -> Iterator[tuple[float, float, tuple[float, float, float, float], str]]:
    """Page width and height, box (left, top, right, bottom), word: in points."""
    said = subprocess.run(["pdftotext", "-bbox", "-", "-"], input=pdf, capture_output=True, check=True).stdout.decode()
    for page in said.split("<page ")[1:]:
        width, height = (float(found) for found in re.findall(r'(?:width|height)="([\d.]+)"', page)[:2])
        for found in re.finditer(r'xMin="([-\d.]+)" yMin="([-\d.]+)" xMax="([-\d.]+)" yMax="([-\d.]+)">(.*?)</word>', page):
            left, top, right, bottom = (float(found[group]) for group in range(1, 5))
            yield width, height, (left, top, right, bottom), found[5]


def misplaced(pdf: bytes) -> list[str]:
    """Words that lie off the paper or its edge, or on another word of their line."""
    wrong, seen = [], list(words_of(pdf))
    for width, height, (left, top, right, bottom), word in seen:
        edge = EDGE_MM * POINTS_A_MM - SLACK_POINTS
        if left < edge or right > width - edge or top < 0 or bottom > height:
            wrong.append(f"{word} at {left:.0f} to {right:.0f} of {width:.0f}, {top:.0f} to {bottom:.0f} of {height:.0f}")
    for (*_, one, word), (*_, other, next_word) in pairwise(seen):
        shared_height = min(one[3], other[3]) - max(one[1], other[1])
        if shared_height > 0.6 * (one[3] - one[1]) and min(one[2], other[2]) - max(one[0], other[0]) > SLACK_POINTS:
            wrong.append(f"{word} on {next_word}")
    return wrong


@pytest.mark.parametrize("language", ["en", "bn", "ar", "de", "pl"])
@pytest.mark.parametrize("paper", PAPERS)
async def test_everything_fits_on_every_paper(renderer: Renderer, paper: Paper, language: str) -> None:
    for kind in KINDS:
        for contents in (specimen(kind, language), crowded(kind, language)):
            pdf = await renderer.pdf(view_of(contents, code=CODE, logo=logo(), paper=paper))
            assert misplaced(pdf) == [], (kind, paper)
            width = next(words_of(pdf))[0]
            assert abs(width / POINTS_A_MM - WIDTHS_MM[paper]) < 1, (kind, paper)


@pytest.mark.parametrize("paper", PAPERS)
async def test_a_roll_and_a_page_say_the_same_figures(renderer: Renderer, paper: Paper) -> None:
    for kind in KINDS:
        view = view_of(specimen(kind, "en"), code=CODE, paper=paper)
        shown = [
            *(row["name"] for row in view["rows"]),
            *(row["cells"][-1] for row in view["rows"]),
            *(one["value"] for one in view["sums"]),
        ]
        pdf = await renderer.pdf(view)
        assert missing_from(pdf, [*shown, view["title"], view["cash"], *view["remarks"], *view["terms"], *view["footer"]]) == [], kind
        if kind not in RECEIPTS:
            assert missing_from(pdf, ["SKU-1001", *view["address"]["lines"]]) == [], kind


async def test_only_a_receipt_on_a_roll_leaves_lines_out(renderer: Renderer) -> None:
    many = specimen("receipt", "en", count=MAX_ROLL_LINES + 5)
    assert len(view_of(many)["rows"]) == MAX_ROLL_LINES
    assert len(view_of(many, paper="a4")["rows"]) == MAX_ROLL_LINES + 5
    slip = specimen("packing_slip", "en", count=MAX_ROLL_LINES + 5)
    assert "SKU-1155" in text_of(await renderer.pdf(view_of(slip, paper="roll58")))


@pytest.mark.parametrize(
    ("kind", "stores", "asked", "printed"),
    [
        ("invoice", "a4", None, "a4"), ("invoice", "a5", None, "a5"), ("invoice", "roll58", None, "roll58"),
        ("invoice", "a4", "roll80", "roll80"),
        ("receipt", "a4", None, "roll80"), ("receipt", "letter", None, "roll80"), ("receipt", "roll58", None, "roll58"),
        ("receipt", "a4", "a5", "a5"), ("packing_slip", "letter", None, "letter"), ("order_receipt", "a5", None, "roll80"),
    ],
)  # fmt: skip
def test_which_paper(kind: str, stores: Paper, asked: Paper | None, printed: Paper) -> None:
    assert paper_of(specimen(kind, "en", paper=stores), asked) == printed
    assert SHEETS[printed].is_roll == (view_of(specimen(kind, "en", paper=stores), paper=asked)["template"] == "roll")


async def test_a_print_on_another_paper_and_a_stores_own(shop: Shop, life: Life, teller: Teller) -> None:
    """An issued document's stored bytes are on its own paper; on another its contents are printed anew, and not stored."""
    settings = "/documents/v1/documents-settings"
    assert (await shop.staff.put(settings, json={"paper": "a3"}, headers={"If-Match": '"v0"'})).status == 422
    (await shop.staff.put(settings, json={"paper": "a5"}, headers={"If-Match": '"v0"'})).ok()
    await teller.tell(shop, life.step("pending"), life.step("confirmed"))
    [invoice] = (await shop.staff.get(f"/documents/v1/documents/orders/{life.order_id}"))["items"]
    print_of = f"/documents/v1/prints/{life.order_id}"

    async def printed(button: str, **query: Any) -> bytes:
        return (await shop.customer("c-1").get(f"{print_of}/{button}", params=query)).ok().content

    async def width_mm(button: str, **query: Any) -> int:
        return round(next(words_of(await printed(button, **query)))[0] / POINTS_A_MM)

    stored = (await shop.staff.get(f"/documents/v1/documents/{invoice['document_id']}/pdf")).ok().content
    assert await printed("invoice") == await printed("invoice", paper="a5") == stored
    assert [await width_mm(button) for button in ("invoice", "packing-slip", "receipt")] == [148, 148, 80]
    for paper, width in WIDTHS_MM.items():
        for button in ("invoice", "packing-slip", "receipt"):
            assert await width_mm(button, paper=paper) == round(width)
    on_roll = await shop.staff.get(f"{print_of}/invoice", params={"paper": "roll58"})
    assert (on_roll.headers["cache-control"], missing_from(on_roll.content, [invoice["number"]])) == ("private, no-cache", [])
    assert await printed("invoice") == stored
    assert 'class="roll roll58"' in (await printed("invoice", paper="roll58", format="html")).decode()
    assert squeezed("Draft") not in squeezed(text_of(on_roll.content))
    assert (await shop.staff.get(f"{print_of}/invoice", params={"paper": "a3"})).status == 422
