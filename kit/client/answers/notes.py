"""What callers get. Written by `./aftersale generate` from the OpenAPI document; never edit it."""

from datetime import datetime
from typing import Literal

from kit.client.answer import Answer
from kit.client.answers.shared import ActionView, ByView


class NoteRevisionView(Answer):
    """One revision of a note's text."""

    revision: int
    text: str
    by: ByView
    written_at: datetime


class UnreadOrderView(Answer):
    """An order with notes that the caller's side has not read."""

    order_id: str
    number: str | None
    unread: int
    latest_at: datetime


class NoteView(Answer):
    """A note. `text` is null once it is retracted or erased; `revisions` and `customer_read_at` are null for a customer."""

    note_id: str
    order_id: str
    version: int
    audience: Literal["customer", "private"] | str
    side: Literal["shop", "customer"] | str
    by: ByView
    text: str | None
    revision: int
    written_at: datetime
    edited_at: datetime | None
    retracted_at: datetime | None
    retracted_by_side: Literal["shop", "customer"] | str | None
    erased_at: datetime | None
    customer_read_at: datetime | None
    revisions: list[NoteRevisionView] | None
    actions: dict[str, ActionView]


class UnreadView(Answer):
    """Unread notes over all orders of the caller (a customer) or of the store (its staff share one mark), latest first."""

    items: list[UnreadOrderView]
    next_cursor: str | None
    previous_cursor: str | None = None
    total: int


class NotesView(Answer):
    """A page of an order's notes, oldest first. The order's live stream resumes from `last_event_id`."""

    items: list[NoteView]
    next_cursor: str | None
    previous_cursor: str | None = None
    unread: int
    last_event_id: int
    actions: dict[str, ActionView]
