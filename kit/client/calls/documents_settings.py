"""Calls. Written by `./aftersale generate` from the OpenAPI document; never edit it."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import Literal, Unpack

from kit.client.answers.documents_settings import (
    DocumentSettingsVersionPage,
    DocumentSettingsVersionView,
    DocumentSettingsView,
    LogoLimitsView,
)
from kit.client.call import Call, new_key
from kit.client.connection import Connection
from kit.client.download import Download
from kit.client.requests.documents_settings import DocumentSettingsInput


class DocumentsSettings:
    """Calls of `/v1/documents-settings…`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def read(self) -> DocumentSettingsView:
        """The store's document settings; version 0 is the defaults."""
        return await self._connection.answer(DocumentSettingsView, Call("GET", "/v1/documents-settings"))

    async def read_if_changed(self, *, etag: str) -> DocumentSettingsView | None:
        """As `read`, or None if what has the ETag `etag` is still the answer."""
        return await self._connection.answer_if_changed(DocumentSettingsView, Call("GET", "/v1/documents-settings", if_none_match=etag))

    async def save(
        self,
        *,
        if_match: str,
        idempotency_key: str | None = None,
        **body: Unpack[DocumentSettingsInput],
    ) -> DocumentSettingsView:
        """Save the complete settings as a new version. Issued documents do not change.

        `issue` says who issues each kind, from the moment of saving or from a later day: what happened before is neither issued nor
        taken back. A document is issued by what was in force when the order was confirmed, the payment recorded, or the refund decided.
        """
        call = Call("PUT", "/v1/documents-settings", if_match=if_match, key=idempotency_key or new_key(), body=body)
        return await self._connection.answer(DocumentSettingsView, call)

    async def list_history(self, *, limit: int | None = None, cursor: str | None = None) -> DocumentSettingsVersionPage:
        """Every saved version, newest first."""
        query = {"limit": limit, "cursor": cursor}
        return await self._connection.answer(DocumentSettingsVersionPage, Call("GET", "/v1/documents-settings/history", query=query))

    def all_history(self) -> AsyncIterator[DocumentSettingsVersionView]:
        """Every item of `list_history`, page by page."""
        return self._connection.items(DocumentSettingsVersionPage, Call("GET", "/v1/documents-settings/history"))

    async def save_logo(
        self,
        content: bytes,
        *,
        media_type: str = "image/png",
        if_match: str,
        idempotency_key: str | None = None,
    ) -> DocumentSettingsView:
        """Set the logo: the body is the image itself. It is redrawn before it is stored, so that only the picture remains."""
        call = Call(
            "PUT",
            "/v1/documents-settings/logo",
            content=content,
            media_type=media_type,
            if_match=if_match,
            key=idempotency_key or new_key(),
        )
        return await self._connection.answer(DocumentSettingsView, call)

    async def remove_logo(self, *, if_match: str, idempotency_key: str | None = None) -> DocumentSettingsView:
        """Print without a logo from now on."""
        call = Call("DELETE", "/v1/documents-settings/logo", if_match=if_match, key=idempotency_key or new_key())
        return await self._connection.answer(DocumentSettingsView, call)

    def read_logo(self) -> AbstractAsyncContextManager[Download]:
        """The logo as it is printed."""
        return self._connection.download(Call("GET", "/v1/documents-settings/logo"))

    async def read_logo_limits(self) -> LogoLimitsView:
        """The limits for a logo, so that a form can show them before anything is uploaded."""
        return await self._connection.answer(LogoLimitsView, Call("GET", "/v1/documents-settings/logo/limits"))

    def preview(
        self,
        body: DocumentSettingsInput,
        *,
        kind: Literal["invoice", "credit_note", "receipt", "refund_receipt", "order_receipt", "packing_slip"] | None = None,
        language: Literal["ar", "bn", "de", "en", "es", "fr", "hi", "id", "it", "pl", "pt", "tr"] | None = None,
    ) -> AbstractAsyncContextManager[Download]:
        """A sample document with these settings and the store's logo; nothing is saved."""
        query = {"kind": kind, "language": language}
        return self._connection.download(Call("POST", "/v1/documents-settings/preview", writes=False, body=body, query=query))
