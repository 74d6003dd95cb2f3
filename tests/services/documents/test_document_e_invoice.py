"""Documents that are e-invoices: what a real reader finds in their PDFs."""

import hashlib
import io
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pypdf import PdfReader

from services.documents.audit import CHECKS
from services.documents.rendering.binding import Binder
from services.documents.rendering.cii import cross_industry_invoice
from services.documents.rendering.present import view_of
from services.documents.rendering.renderer import Attached, Picture, Renderer
from services.documents.rules.contents import canonical
from services.documents.rules.e_invoice import e_invoice_of
from services.documents.state import Contents
from shared.contracts.events import OrderLine, RefundLine, TaxRow, UnitRange
from shared.contracts.ids import new_uuid
from tests.e_invoices import faults, said
from tests.rules.invoices import contents, line, random_contents
from tests.services.documents.pdftext import missing_from, picture_of, text_of
from tests.services.documents.telling import Life, Teller
from tests.services.documents.test_document_fonts import SCRIPTS, book
from tests.shop import Shop
from tests.stack import Stack

AT = 1_790_000_000
BENGALI = "হাতে বোনা সুতি শাড়ি"


@pytest.fixture(scope="module")
async def renderer() -> AsyncIterator[Renderer]:
    made = Renderer(processes=1, deadline_seconds=90, memory_mb=1024)
    yield made
    await made.close()


async def both(renderer: Renderer, one: Contents) -> tuple[Picture, Picture, str]:
    """The document with its e-invoice, the same on paper, and the XML."""
    xml = cross_industry_invoice(one)
    assert xml is not None
    held = await renderer.picture(lambda: view_of(one), attached=lambda: Attached(xml, AT))
    return held, await renderer.picture(lambda: view_of(one)), xml


def properties(reader: PdfReader) -> str:
    """Its metadata as XMP."""
    root: Any = reader.trailer["/Root"]
    return str(root["/Metadata"].get_data().decode())


@pytest.mark.parametrize("language", ["en", "bn", "ar"])
async def test_a_pdf_holds_its_e_invoice_and_is_drawn_and_read_as_on_paper(renderer: Renderer, language: Any) -> None:
    one = contents(*[line(number, name=BENGALI) for number in range(1, 41)], language=language)
    held, paper, xml = await both(renderer, one)
    reader = PdfReader(io.BytesIO(held.pdf), strict=True)
    assert reader.attachments == {"factur-x.xml": [xml.encode()]}
    assert faults(reader.attachments["factur-x.xml"][0].decode()) == []
    root: Any = reader.trailer["/Root"]
    [file] = root["/AF"]
    assert (file.get_object()["/AFRelationship"], file.get_object()["/EF"]["/F"]["/Subtype"]) == ("/Alternative", "/text/xml")
    described = properties(reader)
    for part in (
        "<pdfaid:part>3</pdfaid:part>",
        "<pdfaid:conformance>B</pdfaid:conformance>",
        "<fx:ConformanceLevel>EN 16931</fx:ConformanceLevel>",
        "<fx:DocumentFileName>factur-x.xml</fx:DocumentFileName>",
        "<fx:DocumentType>INVOICE</fx:DocumentType>",
        "<fx:Version>1.0</fx:Version>",
        "<pdfaSchema:prefix>fx</pdfaSchema:prefix>",
    ):
        assert described.count(part) == 1
    assert described.count("<pdfaExtension:schemas>") == 1
    assert text_of(held.pdf) == text_of(paper.pdf)
    assert missing_from(held.pdf, [BENGALI]) == []
    drawn, same = picture_of(held.pdf), picture_of(paper.pdf)
    assert (drawn.size, drawn.tobytes()) == (same.size, same.tobytes())


async def test_every_script_can_be_archived() -> None:
    """The engine itself checks that what it makes is a PDF/A-3."""
    one = Renderer(processes=1, deadline_seconds=90, memory_mb=1024, fonts=book())
    held, paper, _ = await both(one, contents(*[line(number, name=text) for number, text in enumerate(SCRIPTS.values(), 1)]))
    assert (held.missing, text_of(held.pdf)) == ((), text_of(paper.pdf))
    await one.close()


async def test_the_same_contents_give_the_same_bytes(renderer: Renderer) -> None:
    one = contents(line(name=BENGALI))
    first, _, xml = await both(renderer, one)
    again = await renderer.picture(lambda: view_of(one), attached=lambda: Attached(xml, AT))
    assert first.pdf == again.pdf


async def test_a_provisional_picture_holds_it_too_letter_by_letter(renderer: Renderer) -> None:
    held, _, xml = await both(renderer, contents(line(name="Tea 𒀀")))
    assert held.missing == ("U+12000",)
    assert "[U+12000]" in text_of(held.pdf)
    assert PdfReader(io.BytesIO(held.pdf)).attachments == {"factur-x.xml": [xml.encode()]}
    assert "Tea 𒀀" in xml


async def test_bound_with_others_it_is_paper(renderer: Renderer) -> None:
    held, paper, _ = await both(renderer, contents(line(name=BENGALI)))
    binder = Binder()
    whole = b"".join([binder.head(), binder.add(held.pdf), binder.add(paper.pdf), binder.tail()])
    assert PdfReader(io.BytesIO(whole)).attachments == {}
    assert text_of(whole) == text_of(held.pdf) + text_of(paper.pdf)
    drawn, same = picture_of(whole, page=1), picture_of(whole, page=2)
    assert drawn.tobytes() == same.tobytes()


SETTINGS: dict[str, Any] = {
    "seller": {"name": "Nakshi", "country_code": "BD", "tax_numbers": [{"label": "BIN", "number": "BD0001", "scheme": "VA"}]},
    "tax_codes": {"S": {"category": "S"}, "E": {"category": "E", "note": "Books are exempt"}, "K": {"category": "K", "note": "Intra"}},
    "e_invoice": "factur-x",
}
SELLER = SETTINGS["seller"]
LINE = OrderLine(
    line=1, sku="A", name="Tea", quantity=2, unit_price=5_750, subtotal=11_500, tax=1_500, total=11_500, tax_rate="15", tax_code="S"
)
TAXED = {"lines": (LINE,), "goods_total": 11_500, "shipping": 0, "total": 11_500}
PATH = "/documents/v1/documents"
CHECK = next(check.sql for check in CHECKS if check.kind == "document_e_invoice")
INSERT = """insert into documents.documents (store_id, document_id, order_id, order_number, customer_id, kind, cause, subject_id, year,
    counted, number, issued_on, issued_at, currency, total, data, sha256, e_invoice)
    values ('reconciled', $1::uuid, $1::uuid, '', '', $3, 'order', $2::int::text, 2026,
    $2, $2::int::text, '2026-11-22', now(), $4, $5, $6, '', $7)"""


async def on(shop: Shop, **changes: Any) -> None:
    """The store wants e-invoices."""
    now = (await shop.staff.get("/documents/v1/documents-settings")).ok()
    (await shop.staff.put("/documents/v1/documents-settings", json=SETTINGS | changes, headers={"If-Match": now.etag})).ok()


async def issued(shop: Shop, life: Life, teller: Teller, **facts: Any) -> dict[str, Any]:
    """The invoice of an order that is confirmed with these facts."""
    life.facts |= TAXED | facts
    await teller.tell(shop, life.step("pending"), life.step("confirmed"))
    [invoice] = (await shop.staff.get(f"{PATH}/orders/{life.order_id}")).ok()["items"]
    return dict(invoice)


async def test_an_invoice_without_the_wish_is_as_before(shop: Shop, life: Life, teller: Teller) -> None:
    invoice = await issued(shop, life, teller)
    assert invoice["e_invoice"] is None
    refused = await shop.staff.get(f"{PATH}/{invoice['document_id']}/e-invoice")
    assert (refused.status, refused.code) == (404, "no_e_invoice")
    pdf = (await shop.staff.get(f"{PATH}/{invoice['document_id']}/pdf")).ok().content
    assert PdfReader(io.BytesIO(pdf)).attachments == {}


async def test_its_pdf_is_kept_and_holds_what_is_downloaded_alone(shop: Shop, life: Life, teller: Teller) -> None:
    await on(shop)
    invoice = await issued(shop, life, teller)
    assert invoice["e_invoice"] == {"status": "embedded", "because": []}
    path = f"{PATH}/{invoice['document_id']}"
    alone = (await shop.customer("c-1").get(f"{path}/e-invoice")).ok()
    pdf = (await shop.staff.get(f"{path}/pdf")).ok().content
    assert PdfReader(io.BytesIO(pdf)).attachments == {"factur-x.xml": [alone.content]}
    assert alone.headers["cache-control"] == "private, max-age=31536000, immutable"
    assert alone.headers["content-disposition"] == f'attachment; filename="{invoice["number"]}.xml"'
    assert faults(alone.content.decode()) == []
    verified = (await shop.staff.get(f"{path}/verify")).ok()
    assert (verified["verified"], verified["pdf_sha256"]) == (True, hashlib.sha256(pdf).hexdigest())
    assert (await shop.customer("c-2").get(f"{path}/e-invoice")).status == 404
    many = (await shop.staff.post("/documents/v1/prints", json={"order_ids": [life.order_id], "button": "invoice"})).ok().content
    assert PdfReader(io.BytesIO(many)).attachments == {}
    on_a5 = (await shop.staff.get(f"/documents/v1/prints/{life.order_id}/invoice?paper=a5")).ok().content
    assert PdfReader(io.BytesIO(on_a5)).attachments == {}


async def test_a_credit_note_is_one_too(shop: Shop, life: Life, teller: Teller) -> None:
    await on(shop)
    invoice = await issued(shop, life, teller)
    row = TaxRow(tax_code="S", tax_rate="15", net=5_000, tax=750, gross=5_750)
    part = RefundLine(
        line=1, sku="A", quantity=1, units=(UnitRange(first=1, last=1),), goods=5_750, shipping=0, disposition="discard", tax=750,
        tax_code="S", tax_rate="15",
    )  # fmt: skip
    await teller.tell(shop, life.refund(5_750, credit=5_750, goods=5_750, lines=(part,), shipping_tax=0, taxes=(row,)))
    note = (await shop.staff.get(f"{PATH}/orders/{life.order_id}")).ok()["items"][-1]
    assert (note["kind"], note["e_invoice"]) == ("credit_note", {"status": "embedded", "because": []})
    xml = (await shop.staff.get(f"{PATH}/{note['document_id']}/e-invoice")).ok().content.decode()
    assert faults(xml) == []
    assert said(xml, "//rsm:ExchangedDocument/ram:TypeCode | //ram:InvoiceReferencedDocument/ram:IssuerAssignedID") == [
        "381",
        invoice["number"],
    ]
    await teller.tell(shop, life.pay(11_500))
    assert [one["e_invoice"] for one in (await shop.staff.get(f"{PATH}?kind=receipt")).ok()["items"]] == [None]


@pytest.mark.parametrize(
    ("saved", "facts", "because"),
    [
        ({"seller": {**SELLER, "tax_numbers": []}}, {}, [("/seller/tax_numbers", "seller_vat_missing")]),
        ({}, {"billing": None}, [("/billing_address/country_code", "buyer_missing")]),
        ({}, {"lines": (LINE.model_copy(update={"tax_rate": None}),)}, [("/lines/0/tax_rate", "rate_missing")]),
        ({"tax_codes": {}}, {}, [("/lines/0/tax_code", "category_unknown")]),
        (
            {"tax_codes": {"E": {"category": "E"}}},
            {"lines": (LINE.model_copy(update={"tax": 0, "tax_rate": "0", "tax_code": "E"}),)},
            [("/tax_codes/E/note", "exemption_text_missing")],
        ),
        (
            {},
            {"lines": (LINE.model_copy(update={"tax": 0, "tax_rate": "0", "tax_code": "K"}),)},
            [("/customer/tax_numbers", "buyer_vat_missing")],
        ),
        ({}, {"lines": (LINE.model_copy(update={"tax": 1_400}),)}, [("/taxes/0", "tax_not_by_rate")]),
        ({}, {"currency": "KWD"}, [("/currency", "currency_decimals")]),
    ],
)
async def test_what_is_missing_is_said_and_the_invoice_issued_all_the_same(
    shop: Shop, life: Life, teller: Teller, *, saved: dict[str, Any], facts: dict[str, Any], because: list[tuple[str, str]]
) -> None:
    await on(shop, **saved)
    if "billing" in facts:
        life.personal = life.personal.model_copy(update={"billing_address": None})
    invoice = await issued(shop, life, teller, **{name: fact for name, fact in facts.items() if name != "billing"})
    lacks = [{"pointer": pointer, "code": code} for pointer, code in because]
    assert invoice["e_invoice"] == {"status": "missing", "because": lacks}
    path = f"{PATH}/{invoice['document_id']}"
    assert ((await shop.staff.get(f"{path}/e-invoice")).code, (await shop.staff.get(f"{path}/verify"))["data_matches"]) == (
        "no_e_invoice",
        True,
    )
    assert PdfReader(io.BytesIO((await shop.staff.get(f"{path}/pdf")).ok().content)).attachments == {}
    for filters, there in (("needs_attention=true", 1), ("e_invoice=missing", 1), ("e_invoice=embedded", 0), ("needs_attention=false", 0)):
        listed = (await shop.staff.get(f"{PATH}?{filters}")).ok()["items"]
        assert [one["number"] for one in listed] == [invoice["number"]] * there


async def test_what_was_taken_back_whole_needs_no_attention(shop: Shop, life: Life, teller: Teller) -> None:
    await on(shop, tax_codes={})
    await issued(shop, life, teller)
    assert len((await shop.staff.get(f"{PATH}?needs_attention=true"))["items"]) == 1
    await teller.tell(shop, life.step("cancelled"))
    listed = (await shop.staff.get(f"{PATH}?e_invoice=missing")).ok()["items"]
    assert sorted(one["kind"] for one in listed) == ["credit_note", "invoice"]
    assert (await shop.staff.get(f"{PATH}?needs_attention=true"))["items"] == []
    assert len((await shop.staff.get(f"{PATH}?needs_attention=false"))["items"]) == 2


@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck), database=None)
@given(st.lists(random_contents(), min_size=30, max_size=30))
async def test_the_reconciler_judges_by_itself_and_says_the_same(stack: Stack, some: list[Contents]) -> None:
    """Its formula is SQL, written apart from the rule."""
    connection = await asyncpg.connect(stack.database_url("documents"))
    transaction = connection.transaction()
    await transaction.start()
    try:
        judged = {}
        for number, one in enumerate(some, 1):
            document_id, judgement = new_uuid(), e_invoice_of(one)
            assert judgement is not None
            judged[document_id] = judgement.status
            data = canonical(one).replace(r"\u0000", "?")  # as no text of a request can be
            facts = (document_id, number, one.kind, one.currency, one.total, data, judgement.model_dump_json())
            await connection.execute(INSERT, *facts)
        assert await connection.fetch(CHECK) == []
        turned = "case e_invoice->>'status' when 'missing' then 'embedded' else 'missing' end"
        await connection.execute("alter table documents.documents disable trigger user")
        await connection.execute(f"""update documents.documents set e_invoice = jsonb_set(e_invoice, '{{status}}', to_jsonb({turned}))
            where store_id = 'reconciled'""")
        assert len({row["id"] for row in await connection.fetch(CHECK)}) == len(judged)
        await connection.execute("update documents.documents set e_invoice = null where store_id = 'reconciled'")
        assert len({row["id"] for row in await connection.fetch(CHECK)}) == len(judged)
    finally:
        await transaction.rollback()
        await connection.close()
