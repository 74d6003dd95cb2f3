"""Several PDFs bound into one: the same pages, in their order, and nothing else."""

from collections.abc import AsyncIterator
from itertools import chain

import pytest

from services.documents.rendering.binding import Binder
from services.documents.rendering.present import view_of
from services.documents.rendering.renderer import Renderer
from services.documents.state import Paper
from tests.services.documents.pdftext import picture_of, text_of
from tests.services.documents.specimens import CODE, logo, specimen


@pytest.fixture(scope="module")
async def renderer() -> AsyncIterator[Renderer]:
    made = Renderer(processes=1, deadline_seconds=90, memory_mb=1024)
    yield made
    await made.close()


def bound(*pdfs: bytes) -> bytes:
    binder = Binder()
    return b"".join([binder.head(), *[binder.add(pdf) for pdf in pdfs], binder.tail()])


def pages_of(pdf: bytes) -> list[str]:
    return text_of(pdf).split("\f")[:-1]


async def test_pages_are_drawn_and_read_as_before(renderer: Renderer) -> None:
    wanted: list[tuple[str, str, int, Paper]] = [
        ("invoice", "bn", 40, "a4"), ("packing_slip", "en", 3, "letter"), ("receipt", "bn", 3, "roll58"), ("invoice", "en", 3, "a5"),
    ]  # fmt: skip
    pdfs = [
        await renderer.pdf(view_of(specimen(kind, language, count=count), code=CODE, logo=logo(), paper=paper))
        for kind, language, count, paper in wanted
    ]
    whole = bound(*pdfs)
    apart = [pages_of(pdf) for pdf in pdfs]
    assert len(apart[0]) >= 2
    assert pages_of(whole) == list(chain(*apart))
    number = 0
    for pdf, pages in zip(pdfs, apart, strict=True):
        for page in range(1, len(pages) + 1):
            number += 1
            one, other = picture_of(whole, page=number, dots_per_inch=60), picture_of(pdf, page=page, dots_per_inch=60)
            assert (one.size, one.tobytes()) == (other.size, other.tobytes())
    assert whole.startswith(b"%PDF-1.7")


async def test_what_is_bound_can_be_bound_again_and_grows_by_no_more_than_it_adds(renderer: Renderer) -> None:
    pdf = await renderer.pdf(view_of(specimen("invoice", "bn"), code=CODE))
    twice = bound(pdf, pdf)
    assert len(twice) < 2 * len(pdf)
    assert pages_of(bound(twice, pdf)) == pages_of(pdf) * 3


async def test_text_that_looks_like_a_reference_stays_text(renderer: Renderer) -> None:
    text = "7 0 R (12 0 R) <<5 0 R>> \\) endobj stream >>stream /Length 3"
    seller = specimen("invoice", "en").seller.model_copy(update={"name": text})
    contents = specimen("invoice", "en", order_number=text, number=text, footer=text, seller=seller)
    pdf = await renderer.pdf(view_of(contents, code=CODE))
    assert pages_of(bound(pdf, pdf)) == pages_of(pdf) * 2


@pytest.mark.parametrize("broken", [b"", b"%PDF-1.7\n", b"%PDF-1.7\nstartxref\n9\n%%EOF\n", b"x" * 5_000 + b"startxref\n3\n%%EOF"])
def test_what_is_no_pdf_of_ours_is_refused(broken: bytes) -> None:
    with pytest.raises(ValueError, match="a PDF without"):
        Binder().add(broken)
