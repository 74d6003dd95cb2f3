"""Routes: parse, transaction, one command or query, answer."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Query, Response
from fastapi.responses import StreamingResponse
from sqlalchemy.engine import Row

from services.notes import commands, queries
from services.notes.live import order_stream
from services.notes.requests import NoteEditInput, NoteInput, NoteSettingsInput, ReadMarkInput
from services.notes.rules.writing import may_write
from services.notes.views import (
    NoteSettingsVersionView,
    NoteSettingsView,
    NotesView,
    NoteView,
    ReadMarkView,
    TimelineEntryView,
    TimelineView,
    UnreadOrderView,
    UnreadView,
)
from shared.contracts.actor import shop_only
from shared.contracts.errors import Busy, Forbidden, Invalid, NotFound, PreconditionRequired, Refused, VersionConflict
from shared.contracts.ids import NoteId, OrderId, uuid_of
from shared.data.db import Transaction
from shared.data.set_aside import shown
from shared.web.app import Call, Calling, Router, problems
from shared.web.pages import DEFAULT_LIMIT, MAX_LIMIT, Int16, decode_cursor, encode_cursor
from shared.web.streams import STREAM, LastSeen
from shared.web.views import Page, actions

router = Router(prefix="/v1", tags=["notes"])

MAX_NOTE_BODY_BYTES = 130_000  # the longest text, each letter of it written as two escapes
Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT, description="Items on a page.")]
Cursor = Annotated[str | None, Query(max_length=500, description="`next_cursor` of the page before.")]


@router.post(
    "/notes",
    operation_id="notes_note_add",
    status_code=201,
    response_model=NoteView,
    responses=problems(NotFound, Refused, Busy),
    max_body_size=MAX_NOTE_BODY_BYTES,
)
async def add(request: NoteInput, call: Call) -> Response:
    """Write a note on an order: staff to its customer or privately, a customer as an answer."""

    async def work(tx: Transaction) -> NoteView:
        note = await commands.add_note(tx, call.actor, request.order_id, audience=request.audience, text=request.text, now=call.now)
        return await _view(tx, call, note)

    return await call.once("notes.add", work, status=201)


@router.get("/notes", operation_id="notes_note_list", response_model=NotesView, responses=problems(NotFound))
async def of_order(order_id: Annotated[OrderId, Query()], call: Call, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None) -> Response:
    """An order's notes that the caller may see, oldest first."""
    after = _after(cursor, (datetime, str), note_at=1)
    async with call.reading() as tx:
        order = await queries.order_for(tx, call.actor, order_id)
        rows = await queries.notes_of(tx, call.actor, order_id, after=after, limit=limit + 1)
        answers_allowed = (await queries.settings_of(tx, call.actor.store)).customer_answers
        revisions = await queries.revisions_of(tx, call.actor, [row.note_id for row in rows[:limit]])
        unread = await queries.unread_total(tx, call.actor, order_id)
    items = await shown(
        call.db,
        "notes",
        rows[:limit],
        lambda row: NoteView.of(row, call.actor, revisions=revisions.get(row.note_id, ()), answers_allowed=answers_allowed),
        lambda row: (row.store_id, row.note_id),
    )
    next_cursor = _next(rows, limit, lambda row: (row.written_at, row.note_id))
    view = NotesView(
        items=items,
        next_cursor=next_cursor,
        unread=unread,
        last_event_id=queries.position_for(call.actor, order),
        actions=actions({"write": may_write(call.actor, "customer", answers_allowed=answers_allowed)}),
    )
    return call.show(view)


@router.patch(
    "/notes/{note_id}", operation_id="notes_note_edit", response_model=NoteView, responses=problems(NotFound, Refused, VersionConflict),
    max_body_size=MAX_NOTE_BODY_BYTES,
)  # fmt: skip
async def edit(note_id: NoteId, request: NoteEditInput, call: Call) -> Response:
    """Give a note its next text; earlier ones stay for the shop to see. If-Match is honoured."""

    async def work(tx: Transaction) -> NoteView:
        note = await commands.edit_note(tx, call.actor, note_id, text=request.text, expected_version=call.if_match, now=call.now)
        return await _view(tx, call, note)

    return await call.once("notes.edit", work, idempotent="optional")


@router.post(
    "/notes/{note_id}/retract",
    operation_id="notes_note_retract",
    response_model=NoteView,
    responses=problems(NotFound, Refused, VersionConflict),
)
async def retract(note_id: NoteId, call: Call) -> Response:
    """Take a note back: the mark stays, the text is gone for the customer. If-Match is honoured."""

    async def work(tx: Transaction) -> NoteView:
        note = await commands.retract_note(tx, call.actor, note_id, expected_version=call.if_match, now=call.now)
        return await _view(tx, call, note)

    return await call.once("notes.retract", work)


@router.get("/timeline/{order_id}", operation_id="notes_timeline_read", response_model=TimelineView, responses=problems(NotFound))
async def of_timeline(order_id: OrderId, call: Call, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None) -> Response:
    """What happened to an order, in the order in which it happened: status, payments, cancellation, refunds, documents."""
    after = _after(cursor, (datetime, Int16, int, str), event_at=3)
    async with call.reading() as tx:
        order = await queries.order_for(tx, call.actor, order_id)
        rows = await queries.timeline_of(tx, call.actor, order_id, after=after, limit=limit + 1)
    next_cursor = _next(rows, limit, lambda row: (row.occurred_at, row.source_rank, row.sequence, str(row.event_id)))
    view = TimelineView(
        items=await shown(
            call.db,
            "timeline",
            rows[:limit],
            lambda row: TimelineEntryView.of(row, call.actor),
            lambda row: (row.store_id, str(row.event_id)),
        ),
        next_cursor=next_cursor,
        last_event_id=queries.position_for(call.actor, order),
    )
    return call.show(view)


@router.get(
    "/timeline/{order_id}/stream",
    operation_id="notes_timeline_follow",
    response_class=StreamingResponse,
    responses=STREAM | problems(NotFound),
)
async def live(order_id: OrderId, call: Call, last_seen: LastSeen = None) -> StreamingResponse:
    """An order's notes and timeline live: events `note` and `entry`, each as it is now, whenever it changes."""
    async with call.reading() as tx:
        await queries.order_for(tx, call.actor, order_id)
    return order_stream(call, order_id, last_seen)


@router.get("/notes/unread", operation_id="notes_unread_list", response_model=UnreadView, responses=problems())
async def unread(call: Call, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None) -> Response:
    """Orders with notes that the caller's side has not read yet: a customer's own, or the store's for its staff."""
    after = _after(cursor, (datetime, str), order_at=1)
    async with call.reading() as tx:
        rows = await queries.unread(tx, call.actor, after=after, limit=limit + 1)
        total = await queries.unread_total(tx, call.actor)
    next_cursor = _next(rows, limit, lambda row: (row.latest_at, row.order_id))
    items = await shown(call.db, "notes", rows[:limit], UnreadOrderView.of, lambda row: (call.actor.store, row.order_id))
    return call.show(UnreadView(total=total, items=items, next_cursor=next_cursor))


@router.post(
    "/timeline/{order_id}/read", operation_id="notes_read_mark_set", response_model=ReadMarkView, responses=problems(NotFound, Refused)
)
async def read(order_id: OrderId, call: Call, request: ReadMarkInput | None = None) -> Response:
    """Mark an order's notes as read by the caller's side; `through` keeps what arrived unseen meanwhile unread."""
    through = request.through if request else None

    async def work(tx: Transaction) -> ReadMarkView:
        newly_read = await commands.mark_read(tx, call.actor, order_id, through=through, now=call.now)
        return ReadMarkView(order_id=order_id, newly_read=newly_read, unread=await queries.unread_total(tx, call.actor, order_id))

    return await call.once("notes.read", work)


@router.get("/notes-settings", operation_id="notes_settings_read", response_model=NoteSettingsView, responses=problems(Forbidden))
async def settings(call: Call) -> Response:
    """The store's note settings, with the ETag that a change needs."""
    shop_only(call.actor, to_read=True).or_raise()
    async with call.reading() as tx:
        return call.show(NoteSettingsView.of(await queries.settings_of(tx, call.actor.store)))


@router.get(
    "/notes-settings/history",
    operation_id="notes_settings_history_list",
    response_model=Page[NoteSettingsVersionView],
    responses=problems(Forbidden),
)
async def settings_history(call: Call, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None) -> Response:
    """Every version that was saved, the newest first."""
    shop_only(call.actor, to_read=True).or_raise()
    async with call.walking() as tx:
        page = await queries.settings_versions(tx, call.actor.store, cursor=cursor, limit=limit)
    items = await shown(call.db, "settings", page.items, NoteSettingsVersionView.of_row, lambda row: (row.store_id, str(row.version)))
    return call.show(Page[NoteSettingsVersionView](items=items, next_cursor=page.next_cursor, previous_cursor=page.previous_cursor))


@router.put(
    "/notes-settings",
    operation_id="notes_settings_save",
    response_model=NoteSettingsView,
    responses=problems(Forbidden, VersionConflict, PreconditionRequired),
)
async def save_settings(request: NoteSettingsInput, call: Call) -> Response:
    """Put a new version of the store's note settings in force. If-Match is required."""
    expected = call.if_match_required

    async def work(tx: Transaction) -> NoteSettingsView:
        return NoteSettingsView.of(await commands.save_settings(tx, call.actor, request, expected_version=expected, now=call.now))

    return await call.once("notes.save_settings", work, idempotent="optional")


async def _view(tx: Transaction, call: Calling, note: Row[Any]) -> NoteView:
    revisions = await queries.revisions_of(tx, call.actor, [note.note_id])
    answers_allowed = (await queries.settings_of(tx, call.actor.store)).customer_answers
    return NoteView.of(note, call.actor, revisions=revisions.get(note.note_id, ()), answers_allowed=answers_allowed)


def _after(cursor: str | None, kinds: Sequence[type], **ids: int) -> list[Any] | None:
    """The place that a cursor stands for; `ids` say where in it which kind of id is. Raises Invalid("bad_cursor")."""
    if cursor is None:
        return None
    values = decode_cursor(cursor, kinds)
    try:
        for kind, place in ids.items():
            if kind == "event_at":
                values[place] = UUID(values[place])
            else:
                uuid_of(kind.removesuffix("_at"), values[place])
    except ValueError as error:
        raise Invalid("bad_cursor", "The cursor is not one of this list.") from error
    return values


def _next(rows: Sequence[Row[Any]], limit: int, place: Any) -> str | None:
    return encode_cursor(place(rows[limit - 1])) if len(rows) > limit else None
