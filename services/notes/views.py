"""Response bodies: notes, the timeline, unread marks and settings. A customer's views contain no data that is only for the shop."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from services.notes.rules.writing import may_edit, may_retract
from services.notes.state import Audience, Note, Revision, Side, TimelineEntry
from shared.contracts.actor import Actor
from shared.contracts.events import By
from shared.contracts.ids import NoteId, OrderId
from shared.web.settings_history import SavedView
from shared.web.views import ActionView, ByView, Page, View, actions


class NoteRevisionView(View):
    """One revision of a note's text."""

    revision: int
    text: str
    by: ByView
    written_at: datetime


class NoteView(View):
    """A note. `text` is null once it is retracted or erased; `revisions` and `customer_read_at` are null for a customer."""

    note_id: NoteId
    order_id: OrderId
    version: int
    audience: Audience
    side: Side
    by: ByView
    text: str | None
    revision: int
    written_at: datetime
    edited_at: datetime | None
    retracted_at: datetime | None
    retracted_by_side: Side | None
    erased_at: datetime | None
    customer_read_at: datetime | None
    revisions: list[NoteRevisionView] | None
    actions: dict[str, ActionView]

    @classmethod
    def of(cls, note: Note, actor: Actor, *, revisions: Sequence[Revision], answers_allowed: bool) -> "NoteView":
        """The note as `actor` sees it."""
        shown = [NoteRevisionView.showing(one, by=_by(one, actor)) for one in revisions]
        return cls.showing(
            note,
            by=_by(note, actor),
            text=None if note.retracted_at or note.erased_at else note.text,
            customer_read_at=note.customer_read_at if actor.is_shop else None,
            revisions=shown if actor.is_shop else None,
            actions=actions({"edit": may_edit(actor, note, answers_allowed=answers_allowed), "retract": may_retract(actor, note)}),
        )


class NotesView(Page[NoteView]):
    """A page of an order's notes, oldest first. The order's live stream resumes from `last_event_id`."""

    unread: int
    last_event_id: int
    actions: dict[str, ActionView]


class TimelineEntryView(View):
    """One line of the timeline. `details` depend on `type`; `internal` is only for the shop and null for a customer."""

    entry_id: UUID
    type: str
    occurred_at: datetime
    recorded_at: datetime
    audience: Audience
    by: ByView
    details: dict[str, Any]
    internal: dict[str, Any] | None
    message: str

    @classmethod
    def of(cls, entry: TimelineEntry, actor: Actor) -> "TimelineEntryView":
        """The entry as `actor` sees it."""
        return cls.showing(
            entry,
            entry_id=entry.event_id,
            type=entry.type.rsplit(".v", 1)[0],
            by=_by(entry, actor),
            internal=entry.internal if actor.is_shop else None,
        )


class TimelineView(Page[TimelineEntryView]):
    """A page of an order's timeline, in the order in which things happened. The live stream resumes from `last_event_id`."""

    last_event_id: int


class UnreadOrderView(View):
    """An order with notes that the caller's side has not read."""

    order_id: OrderId
    number: str | None
    unread: int
    latest_at: datetime


class UnreadView(Page[UnreadOrderView]):
    """Unread notes over all orders of the caller (a customer) or of the store (its staff share one mark), latest first."""

    total: int


class ReadMarkView(View):
    """The effect of a read mark: how many notes it marked as read, and how many on the order are still unread."""

    order_id: OrderId
    newly_read: int
    unread: int


class NoteSettingsView(View):
    """The store's note settings; version 0 is the defaults."""

    version: int
    customer_answers: bool


class NoteSettingsVersionView(SavedView, NoteSettingsView):
    """A version of the settings, with who saved it and when."""


def _by(one: Note | Revision | TimelineEntry, actor: Actor) -> ByView:
    return ByView.of(By(role=one.by_role, id=one.by_id, via=one.by_via), actor)
