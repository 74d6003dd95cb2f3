"""Routes: parse the request, run one command or query in a transaction, respond."""

from typing import Annotated

from fastapi import Query, Response
from fastapi.responses import StreamingResponse

from services.notes import commands, queries
from services.notes.live import order_stream
from services.notes.requests import NoteEditInput, NoteInput, NoteSettingsInput, ReadMarkInput
from services.notes.rules.writing import may_write, position_for
from services.notes.state import Note
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
from shared.contracts.errors import Busy, Forbidden, NotFound, PreconditionRequired, Refused, VersionConflict
from shared.contracts.ids import NoteId, OrderId
from shared.data.db import Transaction
from shared.web.call import Call, Calling, Router, problems
from shared.web.pages import DEFAULT_LIMIT, Cursor, Limit
from shared.web.settings_history import serve_history
from shared.web.streams import STREAM, LastSeen
from shared.web.views import Page, actions

router = Router(prefix="/v1", tags=["notes"])

MAX_NOTE_BODY_BYTES = 130_000  # the longest text, with every character written as two escapes


@router.post(
    "/notes",
    operation_id="notes_note_add",
    status_code=201,
    response_model=NoteView,
    responses=problems(Forbidden, NotFound, Refused, Busy),
    max_body_size=MAX_NOTE_BODY_BYTES,
)
async def add(request: NoteInput, call: Call) -> Response:
    """Write a note on an order. Staff write to its customer or privately; a customer answers."""

    async def work(tx: Transaction) -> NoteView:
        note = await commands.add_note(tx, call.actor, request, now=call.now)
        return await _view(tx, call, note)

    return await call.once("notes.add", work, status=201)


@router.get("/notes", operation_id="notes_note_list", response_model=NotesView, responses=problems(NotFound))
async def of_order(order_id: Annotated[OrderId, Query()], call: Call, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None) -> Response:
    """An order's notes that the caller may see, oldest first."""
    async with call.walking() as tx:
        order = await queries.order_for(tx, call.actor, order_id)
        page = await queries.notes_of(tx, call.actor, order_id, cursor=cursor, limit=limit)
        answers_allowed = (await queries.settings_of(tx, call.actor.store)).customer_answers
        revisions = await queries.revisions_of(tx, call.actor, [note.note_id for note in page.items])
        unread = await queries.unread_total(tx, call.actor, order_id)
    return await call.page(
        NotesView,
        page,
        "notes",
        lambda note: NoteView.of(note, call.actor, revisions=revisions.get(note.note_id, ()), answers_allowed=answers_allowed),
        lambda note: note.note_id,
        unread=unread,
        last_event_id=position_for(call.actor, order),
        actions=actions({"write": may_write(call.actor, "customer", answers_allowed=answers_allowed)}),
    )


@router.patch(
    "/notes/{note_id}",
    operation_id="notes_note_edit",
    response_model=NoteView,
    responses=problems(Forbidden, NotFound, Refused, VersionConflict),
    max_body_size=MAX_NOTE_BODY_BYTES,
)
async def edit(note_id: NoteId, request: NoteEditInput, call: Call) -> Response:
    """Replace a note's text; the shop still sees earlier texts. If-Match is honoured."""

    async def work(tx: Transaction) -> NoteView:
        note = await commands.edit_note(tx, call.actor, note_id, request, expected_version=call.if_match, now=call.now)
        return await _view(tx, call, note)

    return await call.once("notes.edit", work, idempotent="optional")


@router.post(
    "/notes/{note_id}/retract",
    operation_id="notes_note_retract",
    response_model=NoteView,
    responses=problems(Forbidden, NotFound, Refused, VersionConflict),
)
async def retract(note_id: NoteId, call: Call) -> Response:
    """Retract a note: the customer sees that it was retracted, but no longer its text. If-Match is honoured."""

    async def work(tx: Transaction) -> NoteView:
        note = await commands.retract_note(tx, call.actor, note_id, expected_version=call.if_match, now=call.now)
        return await _view(tx, call, note)

    return await call.once("notes.retract", work)


@router.get("/timeline/{order_id}", operation_id="notes_timeline_read", response_model=TimelineView, responses=problems(NotFound))
async def of_timeline(order_id: OrderId, call: Call, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None) -> Response:
    """What happened to an order, in the order in which it happened: status, payments, cancellation, refunds, documents."""
    async with call.walking() as tx:
        order = await queries.order_for(tx, call.actor, order_id)
        page = await queries.timeline_of(tx, call.actor, order_id, cursor=cursor, limit=limit)
    return await call.page(
        TimelineView,
        page,
        "timeline",
        lambda entry: TimelineEntryView.of(entry, call.actor),
        lambda entry: str(entry.event_id),
        last_event_id=position_for(call.actor, order),
    )


@router.get(
    "/timeline/{order_id}/stream",
    operation_id="notes_timeline_follow",
    response_class=StreamingResponse,
    responses=STREAM | problems(NotFound),
)
async def live(order_id: OrderId, call: Call, last_seen: LastSeen = None) -> StreamingResponse:
    """An order's notes and timeline live: each change sends an event `note` or `entry` with the current state."""
    async with call.reading() as tx:
        await queries.order_for(tx, call.actor, order_id)
    return order_stream(call, order_id, last_seen)


@router.get("/notes/unread", operation_id="notes_unread_list", response_model=UnreadView, responses=problems())
async def unread(call: Call, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None) -> Response:
    """Orders with notes that the caller's side has not read yet: a customer's own, or the store's for its staff."""
    async with call.walking() as tx:
        page = await queries.unread(tx, call.actor, cursor=cursor, limit=limit)
        total = await queries.unread_total(tx, call.actor)
    return await call.page(UnreadView, page, "notes", UnreadOrderView.showing, lambda order: order.order_id, total=total)


@router.post(
    "/timeline/{order_id}/read", operation_id="notes_read_mark_set", response_model=ReadMarkView, responses=problems(Forbidden, NotFound)
)
async def read(order_id: OrderId, call: Call, request: ReadMarkInput | None = None) -> Response:
    """Mark an order's notes as read by the caller's side: all, or those up to `through`."""
    wanted = request or ReadMarkInput(through=None)

    async def work(tx: Transaction) -> ReadMarkView:
        newly_read = await commands.mark_read(tx, call.actor, order_id, wanted, now=call.now)
        return ReadMarkView(order_id=order_id, newly_read=newly_read, unread=await queries.unread_total(tx, call.actor, order_id))

    return await call.once("notes.read", work)


@router.get("/notes-settings", operation_id="notes_settings_read", response_model=NoteSettingsView, responses=problems(Forbidden))
async def settings(call: Call) -> Response:
    """The store's note settings, with the ETag that a change needs."""
    shop_only(call.actor, to_read=True).or_raise()
    async with call.reading() as tx:
        return call.show(NoteSettingsView.showing(await queries.settings_of(tx, call.actor.store)))


@router.put(
    "/notes-settings",
    operation_id="notes_settings_save",
    response_model=NoteSettingsView,
    responses=problems(Forbidden, VersionConflict, PreconditionRequired),
)
async def save_settings(request: NoteSettingsInput, call: Call) -> Response:
    """Save a new version of the store's note settings, in force at once. If-Match is required."""
    return await call.save("notes.save_settings", NoteSettingsView.showing, commands.save_settings, request)


serve_history(
    router,
    "/notes-settings",
    "notes_settings",
    queries.settings_versions,
    page=Page[NoteSettingsVersionView],
    view=NoteSettingsVersionView.of,
)


async def _view(tx: Transaction, call: Calling, note: Note) -> NoteView:
    revisions = await queries.revisions_of(tx, call.actor, [note.note_id])
    answers_allowed = (await queries.settings_of(tx, call.actor.store)).customer_answers
    return NoteView.of(note, call.actor, revisions=revisions.get(note.note_id, ()), answers_allowed=answers_allowed)
