"""Calls. Written by `./aftersale generate` from the OpenAPI document; never edit it."""

from collections.abc import AsyncIterator
from typing import Unpack

from kit.client.answers.notes_settings import NoteSettingsVersionPage, NoteSettingsVersionView, NoteSettingsView
from kit.client.call import Call, new_key
from kit.client.connection import Connection
from kit.client.requests.notes_settings import NoteSettingsInput


class NotesSettings:
    """Calls of `/v1/notes-settings…`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def read(self) -> NoteSettingsView:
        """The store's note settings, with the ETag that a change needs."""
        return await self._connection.answer(NoteSettingsView, Call("GET", "/v1/notes-settings"))

    async def read_if_changed(self, *, etag: str) -> NoteSettingsView | None:
        """As `read`, or None if what has the ETag `etag` is still the answer."""
        return await self._connection.answer_if_changed(NoteSettingsView, Call("GET", "/v1/notes-settings", if_none_match=etag))

    async def save(self, *, if_match: str, idempotency_key: str | None = None, **body: Unpack[NoteSettingsInput]) -> NoteSettingsView:
        """Save a new version of the store's note settings, in force at once. If-Match is required."""
        call = Call("PUT", "/v1/notes-settings", if_match=if_match, key=idempotency_key or new_key(), body=body)
        return await self._connection.answer(NoteSettingsView, call)

    async def list_history(self, *, limit: int | None = None, cursor: str | None = None) -> NoteSettingsVersionPage:
        """Every saved version, newest first."""
        query = {"limit": limit, "cursor": cursor}
        return await self._connection.answer(NoteSettingsVersionPage, Call("GET", "/v1/notes-settings/history", query=query))

    def all_history(self) -> AsyncIterator[NoteSettingsVersionView]:
        """Every item of `list_history`, page by page."""
        return self._connection.items(NoteSettingsVersionPage, Call("GET", "/v1/notes-settings/history"))
