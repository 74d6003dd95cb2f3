"""Calls. Written by `./aftersale generate` from the OpenAPI document; never edit it."""

from collections.abc import AsyncIterator
from typing import Unpack

from kit.client.answers.notes import NotesView, NoteView, UnreadOrderView, UnreadView
from kit.client.call import Call, new_key, segment
from kit.client.connection import Connection
from kit.client.requests.notes import NoteEditInput, NoteInput


class Notes:
    """Calls of `/v1/notes…`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def add(self, *, idempotency_key: str | None = None, **body: Unpack[NoteInput]) -> NoteView:
        """Write a note on an order. Staff write to its customer or privately; a customer answers."""
        return await self._connection.answer(NoteView, Call("POST", "/v1/notes", key=idempotency_key or new_key(), body=body))

    async def list(self, *, order_id: str, limit: int | None = None, cursor: str | None = None) -> NotesView:
        """An order's notes that the caller may see, oldest first."""
        query = {"order_id": order_id, "limit": limit, "cursor": cursor}
        return await self._connection.answer(NotesView, Call("GET", "/v1/notes", query=query))

    def all(self, *, order_id: str) -> AsyncIterator[NoteView]:
        """Every item of `list`, page by page."""
        query = {"order_id": order_id}
        return self._connection.items(NotesView, Call("GET", "/v1/notes", query=query))

    async def list_unread(self, *, limit: int | None = None, cursor: str | None = None) -> UnreadView:
        """Orders with notes that the caller's side has not read yet: a customer's own, or the store's for its staff."""
        query = {"limit": limit, "cursor": cursor}
        return await self._connection.answer(UnreadView, Call("GET", "/v1/notes/unread", query=query))

    def all_unread(self) -> AsyncIterator[UnreadOrderView]:
        """Every item of `list_unread`, page by page."""
        return self._connection.items(UnreadView, Call("GET", "/v1/notes/unread"))

    async def edit(
        self,
        note_id: str,
        *,
        if_match: str | None = None,
        idempotency_key: str | None = None,
        **body: Unpack[NoteEditInput],
    ) -> NoteView:
        """Replace a note's text; the shop still sees earlier texts. If-Match is honoured."""
        call = Call("PATCH", f"/v1/notes/{segment(note_id)}", if_match=if_match, key=idempotency_key or new_key(), body=body)
        return await self._connection.answer(NoteView, call)

    async def retract(self, note_id: str, *, if_match: str | None = None, idempotency_key: str | None = None) -> NoteView:
        """Retract a note: the customer sees that it was retracted, but no longer its text. If-Match is honoured."""
        call = Call("POST", f"/v1/notes/{segment(note_id)}/retract", if_match=if_match, key=idempotency_key or new_key())
        return await self._connection.answer(NoteView, call)
