"""Calls. Written by `./aftersale generate` from the OpenAPI document; never edit it."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from datetime import date
from typing import Literal, Unpack

from kit.client.answers.documents import (
    CorrectionView,
    DocumentPage,
    DocumentSeriesReport,
    DocumentVerificationView,
    DocumentView,
    OrderDocumentsView,
    WaitingDocumentPage,
    WaitingDocumentView,
)
from kit.client.call import Call, new_key, segment
from kit.client.connection import Connection
from kit.client.download import Download
from kit.client.requests.documents import CorrectionInput


class Documents:
    """Calls of `/v1/documents…`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def list(
        self,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        issued_on_gte: date | None = None,
        issued_on_lt: date | None = None,
        kind: Literal["invoice", "receipt", "credit_note", "refund_receipt", "cancelling_receipt"] | None = None,
        provisional: bool | None = None,
        e_invoice: Literal["embedded", "missing"] | None = None,
        needs_attention: bool | None = None,
    ) -> DocumentPage:
        """Documents, newest first; customers see only their own."""
        query = {
            "limit": limit,
            "cursor": cursor,
            "issued_on.gte": issued_on_gte,
            "issued_on.lt": issued_on_lt,
            "kind": kind,
            "provisional": provisional,
            "e_invoice": e_invoice,
            "needs_attention": needs_attention,
        }
        return await self._connection.answer(DocumentPage, Call("GET", "/v1/documents", query=query))

    def all(
        self,
        *,
        issued_on_gte: date | None = None,
        issued_on_lt: date | None = None,
        kind: Literal["invoice", "receipt", "credit_note", "refund_receipt", "cancelling_receipt"] | None = None,
        provisional: bool | None = None,
        e_invoice: Literal["embedded", "missing"] | None = None,
        needs_attention: bool | None = None,
    ) -> AsyncIterator[DocumentView]:
        """Every item of `list`, page by page."""
        query = {
            "issued_on.gte": issued_on_gte,
            "issued_on.lt": issued_on_lt,
            "kind": kind,
            "provisional": provisional,
            "e_invoice": e_invoice,
            "needs_attention": needs_attention,
        }
        return self._connection.items(DocumentPage, Call("GET", "/v1/documents", query=query))

    def download_archive(
        self,
        *,
        issued_on_gte: date | None = None,
        issued_on_lt: date | None = None,
        kind: Literal["invoice", "receipt", "credit_note", "refund_receipt", "cancelling_receipt"] | None = None,
        provisional: bool | None = None,
        e_invoice: Literal["embedded", "missing"] | None = None,
        needs_attention: bool | None = None,
    ) -> AbstractAsyncContextManager[Download]:
        """A period's documents as a ZIP of PDFs with an index (`index.csv`), built while it is sent."""
        query = {
            "issued_on.gte": issued_on_gte,
            "issued_on.lt": issued_on_lt,
            "kind": kind,
            "provisional": provisional,
            "e_invoice": e_invoice,
            "needs_attention": needs_attention,
        }
        return self._connection.download(Call("GET", "/v1/documents/archive", query=query))

    async def list_order_documents(self, order_id: str) -> OrderDocumentsView:
        """Every issued document of an order, in the order in which they were issued."""
        return await self._connection.answer(OrderDocumentsView, Call("GET", f"/v1/documents/orders/{segment(order_id)}"))

    async def list_series(self) -> DocumentSeriesReport:
        """The gap report: every series with its last number, how many documents it has, and the numbers that are missing."""
        return await self._connection.answer(DocumentSeriesReport, Call("GET", "/v1/documents/series"))

    async def list_waiting(self, *, limit: int | None = None, cursor: str | None = None) -> WaitingDocumentPage:
        """Credit notes that are issued once their order names the invoice of another system; those that wait longest first."""
        query = {"limit": limit, "cursor": cursor}
        return await self._connection.answer(WaitingDocumentPage, Call("GET", "/v1/documents/waiting", query=query))

    def all_waiting(self) -> AsyncIterator[WaitingDocumentView]:
        """Every item of `list_waiting`, page by page."""
        return self._connection.items(WaitingDocumentPage, Call("GET", "/v1/documents/waiting"))

    async def read(self, document_id: str) -> DocumentView:
        """One issued document."""
        return await self._connection.answer(DocumentView, Call("GET", f"/v1/documents/{segment(document_id)}"))

    async def create_correction(
        self,
        document_id: str,
        *,
        dry_run: bool | None = None,
        idempotency_key: str | None = None,
        **body: Unpack[CorrectionInput],
    ) -> CorrectionView:
        """Correct what an invoice says of its buyer: a credit note over all of it and a new invoice are issued together.

        Lines and money never differ. It is possible until anything was credited; later credit notes name the new invoice.
        """
        query = {"dry_run": dry_run}
        call = Call("POST", f"/v1/documents/{segment(document_id)}/corrections", key=idempotency_key or new_key(), body=body, query=query)
        return await self._connection.answer(CorrectionView, call)

    def download_e_invoice(self, document_id: str) -> AbstractAsyncContextManager[Download]:
        """The e-invoice alone: the XML that the document's PDF holds (a Cross Industry Invoice), byte by byte."""
        return self._connection.download(Call("GET", f"/v1/documents/{segment(document_id)}/e-invoice"))

    def download(self, document_id: str) -> AbstractAsyncContextManager[Download]:
        """The document's PDF: its first complete picture, always the same bytes."""
        return self._connection.download(Call("GET", f"/v1/documents/{segment(document_id)}/pdf"))

    async def verify(self, document_id: str) -> DocumentVerificationView:
        """Recompute the document's hashes from the stored data, and compare them with those recorded when it was issued."""
        return await self._connection.answer(DocumentVerificationView, Call("GET", f"/v1/documents/{segment(document_id)}/verify"))
