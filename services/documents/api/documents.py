"""Issued documents."""

import hashlib
from typing import Annotated, Literal

from fastapi import Depends, Query, Response
from fastapi.responses import StreamingResponse

from services.documents import queries
from services.documents.api import answers
from services.documents.api.archive import archive
from services.documents.commands import renderings
from services.documents.commands.corrections import correct as correct_invoice
from services.documents.rendering.archival import attached_to
from services.documents.rendering.renderer import RenderingFailed
from services.documents.requests import CorrectionInput
from services.documents.rules import PROBLEMS
from services.documents.rules.contents import sha256_of
from services.documents.state import Wanted
from services.documents.views import (
    CorrectionView,
    DocumentSeriesReport,
    DocumentSeriesView,
    DocumentVerificationView,
    DocumentView,
    OrderDocumentsView,
    WaitingDocumentView,
)
from shared.contracts.actor import shop_only
from shared.contracts.errors import Forbidden, Invalid, NotFound, Refused
from shared.contracts.events import DocumentKind
from shared.contracts.ids import DocumentId, OrderId
from shared.data.db import Transaction
from shared.data.set_aside import one_row, shown
from shared.web.call import SHOP_ONLY, Call, DryRun, Router, problems
from shared.web.exports import Export
from shared.web.inputs import Day
from shared.web.pages import DEFAULT_LIMIT, Cursor, Limit
from shared.web.views import Page

router = Router()


def _wanted(
    *,
    since: Annotated[Day | None, Query(alias="issued_on.gte", description="The first day, in the store's time zone.")] = None,
    until: Annotated[Day | None, Query(alias="issued_on.lt", description="The day after the last.")] = None,
    kind: DocumentKind | None = None,
    provisional: Annotated[bool | None, Query(description="Whether the last picture lacks a character: no font has it.")] = None,
    e_invoice: Annotated[
        Literal["embedded", "missing"] | None, Query(description="Whether the PDF holds the e-invoice that the settings wanted.")
    ] = None,
    needs_attention: Annotated[bool | None, Query(description="Whether a character or an e-invoice is missing.")] = None,
) -> Wanted:
    """The filter of a list or an archive. Raises Invalid `bad_period`."""
    if since is not None and until is not None and since > until:
        raise Invalid("bad_period", PROBLEMS["bad_period"], at="?issued_on.gte", accepted="Must not be later than `issued_on.lt`.")
    return Wanted(since, until, kind, provisional, e_invoice, needs_attention)


Chosen = Annotated[Wanted, Depends(_wanted)]


@router.get(
    "/v1/documents/orders/{order_id}",
    operation_id="documents_order_document_list",
    response_model=OrderDocumentsView,
    responses=problems(NotFound),
)
async def of_order(order_id: OrderId, call: Call) -> Response:
    """Every issued document of an order, in the order in which they were issued."""
    async with call.reading() as tx:
        rows = await queries.documents_of(tx, call.actor, order_id)
    items = await shown(call.db, "documents", rows, DocumentView.of, lambda row: (row.store_id, row.document_id))
    return call.show(OrderDocumentsView(items=items))


@router.get("/v1/documents", operation_id="documents_document_list", response_model=Page[DocumentView], responses=problems(Invalid))
async def listed(call: Call, wanted: Chosen, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None) -> Response:
    """Documents, newest first; customers see only their own."""
    async with call.walking() as tx:
        page = await queries.page_of_documents(tx, call.actor, wanted, cursor=cursor, limit=limit)
    return await call.page(Page[DocumentView], page, "documents", DocumentView.of, lambda one: one.document_id)


@router.get(
    "/v1/documents/archive",
    operation_id="documents_archive_download",
    response_class=StreamingResponse,
    responses={**problems(Forbidden, Invalid), 200: {"description": "The ZIP.", "content": {"application/zip": {}}}},
)
async def archived(call: Call, wanted: Chosen) -> Response:
    """A period's documents as a ZIP of PDFs with an index (`index.csv`), built while it is sent."""
    shop_only(call.actor, to_read=True).or_raise()
    period = "_".join(str(day) for day in (wanted.since, wanted.until) if day is not None) or "all"
    pieces = archive(call.db, call.settings, call.actor, wanted)
    return Export(pieces, call.running.exporting, file_name=f"documents_{period}.zip", media_type="application/zip")


@router.get(
    "/v1/documents/series", operation_id="documents_series_list", response_model=DocumentSeriesReport, responses=problems(Forbidden)
)
async def series(call: Call) -> Response:
    """The gap report: every series with its last number, how many documents it has, and the numbers that are missing."""
    shop_only(call.actor, to_read=True).or_raise()
    async with call.reading() as tx:
        found = await queries.series_report(tx, call.actor.store)
    return call.show(DocumentSeriesReport(items=[DocumentSeriesView.of(one) for one in found]))


@router.get(
    "/v1/documents/waiting",
    operation_id="documents_waiting_list",
    response_model=Page[WaitingDocumentView],
    responses=problems(Forbidden, Invalid),
)
async def waiting(call: Call, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None) -> Response:
    """Credit notes that are issued once their order names the invoice of another system; those that wait longest first."""
    shop_only(call.actor, to_read=True).or_raise()
    async with call.walking() as tx:
        page = await queries.page_of_waiting(tx, call.actor, cursor=cursor, limit=limit)
    return await call.page(Page[WaitingDocumentView], page, "waiting", WaitingDocumentView.of, lambda one: one.subject_id)


@router.get(
    "/v1/documents/{document_id}", operation_id="documents_document_read", response_model=DocumentView, responses=problems(NotFound)
)
async def read(document_id: DocumentId, call: Call) -> Response:
    """One issued document."""
    async with call.reading() as tx:
        row = await queries.document_for(tx, call.actor, document_id)
    with one_row("documents", call.actor.store, document_id):
        view = DocumentView.of(row)
    return call.show(view)


@router.get(
    "/v1/documents/{document_id}/pdf", operation_id="documents_document_download", response_class=Response,
    responses={**problems(NotFound), **answers.PDF_RESPONSES},
)  # fmt: skip
async def pdf(document_id: DocumentId, call: Call) -> Response:
    """The document's PDF: its first complete picture, always the same bytes."""
    async with call.reading() as tx:
        row = await queries.document_for(tx, call.actor, document_id)
    content = await renderings.pdf_of(call.db, call.settings, call.actor.store, document_id)
    return answers.pdf(content, row.number, kept=True)


@router.get(
    "/v1/documents/{document_id}/e-invoice", operation_id="documents_e_invoice_download", response_class=Response,
    responses={**problems(NotFound, RenderingFailed), 200: {"description": "The XML.", "content": {answers.XML: {}}}},
)  # fmt: skip
async def e_invoice(document_id: DocumentId, call: Call) -> Response:
    """The e-invoice alone: the XML that the document's PDF holds (a Cross Industry Invoice), byte by byte."""
    async with call.reading() as tx:
        row = await queries.document_for(tx, call.actor, document_id)
    if row.e_invoice is None or row.e_invoice["status"] == "missing":
        raise NotFound("no_e_invoice", PROBLEMS["no_e_invoice"])
    content = await renderings.pdf_of(call.db, call.settings, call.actor.store, document_id)
    return answers.xml(attached_to(content.pdf), row.number, kept=not content.missing)


@router.get(
    "/v1/documents/{document_id}/verify",
    operation_id="documents_document_verify",
    response_model=DocumentVerificationView,
    responses=problems(NotFound),
)
async def verify(document_id: DocumentId, call: Call) -> Response:
    """Recompute the document's hashes from the stored data, and compare them with those recorded when it was issued."""
    async with call.reading() as tx:
        kept = await queries.pdf_of(tx, call.actor.store, document_id)  # first, or a PDF stored in between would lack its hash
        row = await queries.document_for(tx, call.actor, document_id)
    computed = sha256_of(row.data)
    data_matches = computed == row.sha256
    pdf_matches = None if kept is None else hashlib.sha256(kept).hexdigest() == row.pdf_sha256
    return call.show(
        DocumentVerificationView.showing(
            row,
            computed_sha256=computed,
            data_matches=data_matches,
            pdf_matches=pdf_matches,
            verified=data_matches and pdf_matches is not False,
        )
    )


@router.post(
    "/v1/documents/{document_id}/corrections",
    operation_id="documents_correction_create",
    status_code=201,
    response_model=CorrectionView,
    responses=problems(Forbidden, NotFound, Refused),
    openapi_extra=SHOP_ONLY,
)
async def correct(document_id: DocumentId, request: CorrectionInput, call: Call, dry_run: DryRun = False) -> Response:
    """Correct what an invoice says of its buyer: a credit note over all of it and a new invoice are issued together.

    Lines and money never differ. It is possible until anything was credited; later credit notes name the new invoice.
    """

    async def work(tx: Transaction) -> CorrectionView:
        return CorrectionView.of(*await correct_invoice(tx, call.actor, document_id, request, now=call.now))

    return await call.once("documents.correct", work, status=201, dry_run=dry_run)
