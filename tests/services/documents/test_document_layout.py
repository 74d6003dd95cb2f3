"""Nothing runs off the paper or over a figure: the boxes of hostile texts, taken from the PDF, lie side by side."""

from collections.abc import AsyncIterator
from typing import Any, get_args

import pytest

from services.documents.rendering.present import view_of
from services.documents.rendering.renderer import Renderer
from services.documents.state import Buyer, Contents, Paper, SaidTaxCode, TaxNumber, TaxPart, Terms
from shared.contracts.events import Address, Fee, Option, TaxRegistration
from tests.services.documents.pdftext import boxes_of, missing_from, off_the_paper, overlapping, text_of
from tests.services.documents.specimens import CODE, KINDS, logo, specimen

PAPERS = get_args(Paper)
TEXTS = {
    "one word": "W" * 400,
    "narrow letters": "il" * 200,
    "digits": "9876543210" * 7,
    "an address": "https://example.com/" + "a-very/long_path?with=parameters&" * 6,
    "compounds": "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft " * 5,
    "bengali": "ক্ষমতাপ্রয়োগবিধানসংক্রান্ত" * 8,
    "mixed": ("রহিমাখাতুন" * 3 + "Rahima" * 3) * 4,
    "many words": "a few words that go on and on " * 12,
}
MOST = 10**15
FOOTERS = {
    "ten lines": "\n".join(f"Footer line {number}" for number in range(1, 11)),
    "2,000 characters": "A footer that says everything. " * 64,
    "one word of 2,000": "w" * 2_000,
    "250 lines": "\n".join("x" for _ in range(250)),
    "bengali": "নকশী অ্যান্ড কোং · নিবন্ধন C-12345/2019 · সিটি ব্যাংক, হিসাব ১১০ ২৩৪৫ ৬৭৮ ৯০১ " * 20,
}


@pytest.fixture(scope="module")
async def renderer() -> AsyncIterator[Renderer]:
    made = Renderer(processes=1, deadline_seconds=90, memory_mb=1024)
    yield made
    await made.close()


def hostile(kind: str, language: str, text: str, **changes: Any) -> Contents:
    """A document in which every text that somebody may write is this one, and every figure is the largest."""
    honest = specimen(kind, language)
    lines = tuple(
        line.model_copy(
            update={
                "name": text[:200], "sku": text[:64], "quantity": MOST, "unit_price": MOST, "discount": MOST, "tax": MOST - 1,
                "amount": MOST, "commodity_code": text[:20], "options": (Option(name=text[:50], value=text[:100]),),
                "personalisation": text if honest.number is None else "", "tax_rate": "12.3456",
            }
        )
        for line in honest.lines
    )  # fmt: skip
    payments = tuple(
        payment.model_copy(update={"method": text[:50], "reference": text[:100], "amount": MOST}) for payment in honest.payments
    )
    codes = tuple(
        SaidTaxCode(code=code.code, label=text[:60], note=text, split=tuple(TaxPart(label=text[:40], weight=at) for at in (1, 2)))
        for code in honest.tax_codes
    )
    update: dict[str, Any] = {
        "lines": lines, "payments": payments, "tax_codes": codes, "order_number": text[:60], "terms": text, "note": text,
        "taxes": tuple(row.model_copy(update={"net": MOST, "tax": MOST, "gross": MOST, "rounding": MOST}) for row in honest.taxes),
        "seller": honest.seller.model_copy(
            update={"name": text[:120], "address": (text[:200],) * 6, "website": text[:120],
                    "tax_numbers": (TaxNumber(label=text[:40], number=text[:60]),) * 5}
        ),
        "address": Address(country_code="BD", name=text[:100], street_address=text[:200], city=text[:100], postal_code=text[:20]),
        "buyer": Buyer(company=text[:100], tax_numbers=(TaxRegistration(label=text[:40], number=text[:60]),) * 5, reference=text[:100]),
        "order_terms": Terms(shipping_method=text[:100], payment_method=text[:50], place_of_supply=text[:100]),
        "delivery": Address(country_code="BD", name=text[:100], street_address=text[:200], city=text[:100], postal_code=text[:20]),
        "contact": text[:200], "tracking": text[:100], "goods": MOST, "shipping": MOST, "total": MOST, "tax": MOST, "discount": MOST,
        "fees": tuple(Fee(name=text[:60], amount=MOST) for _ in honest.fees),
        "reason": text[:60] if honest.nature else "",
    }  # fmt: skip
    figures = {name: MOST for name in ("paid", "balance", "to_collect") if getattr(honest, name) is not None}
    return honest.model_copy(update=update | figures | changes)


def wrong(pdf: bytes) -> list[Any]:
    """What is off the paper, or printed over something else."""
    pages, boxes = boxes_of(pdf)
    return [*off_the_paper(pages, boxes)[:5], *overlapping(boxes)[:5]]


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("language", ["en", "bn", "de", "hi", "pl"])  # the boxes of Arabic fonts are far higher than their letters
@pytest.mark.parametrize("kind", KINDS)
async def test_hostile_texts_lie_side_by_side(renderer: Renderer, kind: str, language: str, text: str) -> None:
    pdf = await renderer.pdf(view_of(hostile(kind, language, TEXTS[text]), code=CODE, logo=logo()))
    assert wrong(pdf) == []


@pytest.mark.parametrize("paper", PAPERS)
@pytest.mark.parametrize("kind", KINDS)
async def test_on_every_paper(renderer: Renderer, kind: str, paper: Any) -> None:
    for text in ("one word", "bengali"):
        pdf = await renderer.pdf(view_of(hostile(kind, "en", TEXTS[text]), code=CODE, logo=logo(), paper=paper))
        assert wrong(pdf) == []


@pytest.mark.parametrize("paper", PAPERS)
@pytest.mark.parametrize("footer", FOOTERS)
@pytest.mark.parametrize("kind", ["invoice", "receipt"])
async def test_a_footer_is_printed_whole(renderer: Renderer, kind: str, footer: str, paper: Any) -> None:
    """Also on a page that is full to its end."""
    view = view_of(specimen(kind, "en", count=60, footer=FOOTERS[footer]), code=CODE, logo=logo(), paper=paper)
    pdf = await renderer.pdf(view)
    assert wrong(pdf) == []
    assert missing_from(pdf, view["footer"]) == []


@pytest.mark.parametrize("kind", ["invoice", "credit_note", "receipt"])
async def test_ordinary_words_are_never_broken(renderer: Renderer, kind: str) -> None:
    pdf = await renderer.pdf(view_of(specimen(kind, "en"), code=CODE, logo=logo()))
    assert "\u200b" not in text_of(pdf)
    assert wrong(pdf) == []
