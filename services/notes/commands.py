"""One function per use case: load rows under a lock, ask the rules, change rows, emit events."""

import hashlib
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB, insert

from services.notes import queries
from services.notes.requests import NoteEditInput, NoteInput, NoteSettingsInput, ReadMarkInput
from services.notes.rules.order_copy import OrderCopy, copy_of
from services.notes.rules.timeline import PERSONAL_DETAILS, Entry, entry_of, forgotten, further_entries, source_rank
from services.notes.rules.writing import may_edit, may_mark_read, may_retract, may_write, plain_text, side_of
from services.notes.state import Audience, KnownOrder, Note, NoteSettings
from services.notes.tables import notes, orders, revisions, settings, timeline
from shared.contracts import events
from shared.contracts.actor import Actor, shop_only
from shared.contracts.errors import expect_version
from shared.contracts.events import By, CustomerErased, Envelope
from shared.contracts.ids import new_id
from shared.data.db import Transaction
from shared.data.erasure import forget, withhold_answers
from shared.data.schema import TIME
from shared.data.settings_versions import save_version
from shared.data.sql import statement
from shared.messaging.outbox import emit

RECORD_EVENT = statement(__file__, "record_event").bindparams(
    *(sa.bindparam(name, type_=sa.Text) for name in ("store", "customer", "number", "type", "audience", "message")),
    *(sa.bindparam(name, type_=sa.Text) for name in ("by_role", "by_id", "by_via")),
    *(sa.bindparam(name, type_=sa.BigInteger) for name in ("version", "for_shop", "for_customer", "sequence")),
    *(sa.bindparam(name, type_=JSONB) for name in ("details", "facts", "internal")),
    *(sa.bindparam(name, type_=TIME) for name in ("occurred_at", "recorded_at")),
    sa.bindparam("order_id", type_=orders.c.order_id.type),
    sa.bindparam("event_id", type_=sa.Uuid),
    sa.bindparam("source_rank", type_=sa.SmallInteger),
)


async def add_note(tx: Transaction, actor: Actor, request: NoteInput, *, now: datetime) -> Note:
    """Write a note on an order: to its customer, or private. A customer's note is an answer.

    Raises NotFound, Forbidden and Refused (see may_write), Invalid("bad_text").
    """
    order = await queries.order_for(tx, actor, request.order_id, lock=True)
    answers_allowed = (await queries.settings_of(tx, actor.store)).customer_answers
    may_write(actor, request.audience, answers_allowed=answers_allowed).or_raise()
    text = plain_text(request.text)
    counters = await _count_change(tx, order, request.audience)
    row = {
        "store_id": actor.store,
        "note_id": new_id("note"),
        "order_id": order.order_id,
        "audience": request.audience,
        "side": side_of(actor),
        **_by_columns(By.of(actor)),
        "text": text,
        "revision": 1,
        "written_at": now,
        **_positions(counters, request.audience),
    }
    note = Note(**(await tx.execute(sa.insert(notes).values(**row).returning(notes))).one()._mapping)
    await _append_revision(tx, note, actor, now=now)
    await _emit(tx, events.NoteAdded, note, counters, actor, now=now)
    return note


async def edit_note(
    tx: Transaction, actor: Actor, note_id: str, request: NoteEditInput, *, expected_version: int | None, now: datetime
) -> Note:
    """Replace a note's text in a new revision; it becomes unread again for the other side. The same text changes nothing.

    Raises NotFound, Forbidden and Refused (see may_edit), VersionConflict, Invalid("bad_text").
    """
    note, order = await queries.note_for_change(tx, actor, note_id)
    answers_allowed = (await queries.settings_of(tx, actor.store)).customer_answers
    may_edit(actor, note, answers_allowed=answers_allowed).or_raise()
    expect_version(note.version, expected_version)
    text = plain_text(request.text)
    if text == note.text:
        return note
    counters = await _count_change(tx, order, note.audience)
    change: dict[str, Any] = {"text": text, "revision": note.revision + 1, "edited_at": now, "erased_at": None}
    change |= {"customer_read_at": None} if note.side == "shop" else {"shop_read_at": None}
    note = await _change(tx, note, **change, **_positions(counters, note.audience))
    await _append_revision(tx, note, actor, now=now)
    await _emit(tx, events.NoteEdited, note, counters, actor, now=now)
    return note


async def retract_note(tx: Transaction, actor: Actor, note_id: str, *, expected_version: int | None, now: datetime) -> Note:
    """Retract a note: both sides see that it was retracted, and only the shop still sees its text.

    Raises NotFound, Forbidden and Refused (see may_retract), VersionConflict.
    """
    note, order = await queries.note_for_change(tx, actor, note_id)
    may_retract(actor, note).or_raise()
    expect_version(note.version, expected_version)
    counters = await _count_change(tx, order, note.audience)
    note = await _change(tx, note, retracted_at=now, retracted_by_side=side_of(actor), **_positions(counters, note.audience))
    await _emit(tx, events.NoteRetracted, note, counters, actor, now=now)
    return note


async def mark_read(tx: Transaction, actor: Actor, order_id: str, request: ReadMarkInput, *, now: datetime) -> int:
    """Mark the order's unread notes as read by the actor's side: all, or those up to `through`. Returns how many were unread.

    Raises NotFound (no such order or note for this actor), Forbidden.
    """
    may_mark_read(actor).or_raise()
    await queries.order_for(tx, actor, order_id, lock=True)
    column = notes.c.shop_read_at if side_of(actor) == "shop" else notes.c.customer_read_at
    statement = sa.update(notes).where(notes.c.order_id == order_id, *queries.unread_by(actor)).values({column: now})
    if request.through is not None:
        written_at, note_id = await queries.place_of_note(tx, actor, order_id, request.through)
        last = sa.tuple_(sa.literal(written_at, TIME), sa.literal(note_id, notes.c.note_id.type))
        statement = statement.where(sa.tuple_(notes.c.written_at, notes.c.note_id) <= last)
    return int((await tx.execute(statement)).rowcount)


async def save_settings(tx: Transaction, actor: Actor, request: NoteSettingsInput, *, expected_version: int, now: datetime) -> NoteSettings:
    """Save the store's settings as a new version, unless nothing changes. Returns the settings in force from now on.

    Raises Forbidden, VersionConflict.
    """
    shop_only(actor).or_raise()
    before = await queries.settings_of(tx, actor.store)
    if (before.version, before.customer_answers) == (expected_version, request.customer_answers):
        return before
    return await save_version(tx, settings, NoteSettings, actor, request.model_dump(), expected_version=expected_version, now=now)


async def record(tx: Transaction, event: events.OrderEvent | events.RefundEvent | events.DocumentIssued, envelope: Envelope) -> None:
    """Update the order's copy from an event (a newer version wins), and add its timeline entries (never skipped as stale)."""
    copy = copy_of(event, envelope)
    await _record(tx, copy, entry_of(event), envelope)
    for status, at, entry in further_entries(event):
        await _record(tx, copy, entry, envelope.model_copy(update={"id": _further_id(envelope.id, status), "occurred_at": at}))
    if isinstance(event, events.OrderEdited) and event.hands_over:
        await withhold_answers(tx, orders, envelope.store_id, copy.order_id)


def _further_id(event_id: UUID, status: str) -> UUID:
    """The id of an entry that an event adds besides its first, as the reconciler computes it in SQL."""
    return UUID(hashlib.md5(f"{event_id} {status}".encode(), usedforsecurity=False).hexdigest())


async def _record(tx: Transaction, copy: OrderCopy, entry: Entry | None, envelope: Envelope) -> None:
    shown = entry or Entry("private", By(role="system", id=""))
    values = {
        "store": envelope.store_id,
        "order_id": copy.order_id,
        "customer": copy.customer_id,
        "number": copy.number,
        "version": copy.version,
        "for_shop": int(entry is not None),
        "for_customer": int(shown.audience == "customer"),
        "event_id": envelope.id,
        "type": envelope.type,
        "source_rank": source_rank(envelope.source),
        "sequence": envelope.sequence,
        "occurred_at": envelope.occurred_at,
        "recorded_at": envelope.recorded_at,
        "audience": shown.audience,
        **_by_columns(shown.by),
        "details": shown.details,
        "facts": forgotten(shown).details,
        "internal": shown.internal,
        "message": shown.message,
    }
    await tx.execute(RECORD_EVENT, values)


async def erase(tx: Transaction, event: CustomerErased, envelope: Envelope) -> None:
    """Blank every text about the customer's orders: notes and their revisions, the timeline's messages and internal parts, and events.

    The orders stay marked as erased, so that an event that arrives later brings no text back.
    """
    await _mark_erased(tx, event, envelope)
    order_ids = event.order_ids
    of_orders = sa.select(notes.c.note_id).where(notes.c.store_id == envelope.store_id, notes.c.order_id.in_(order_ids))
    await tx.execute(
        sa.update(revisions).where(revisions.c.store_id == envelope.store_id, revisions.c.note_id.in_(of_orders)).values(text="")
    )
    blank_notes = sa.update(notes).where(notes.c.store_id == envelope.store_id, notes.c.order_id.in_(order_ids))
    await tx.execute(blank_notes.values(text="", erased_at=envelope.occurred_at))
    blank_entries = sa.update(timeline).where(timeline.c.store_id == envelope.store_id, timeline.c.order_id.in_(order_ids))
    facts = timeline.c.details - sa.cast(list(PERSONAL_DETAILS), sa.ARRAY(sa.Text))
    await tx.execute(blank_entries.values(message="", internal={}, details=facts))
    await forget(tx, envelope.store_id, order_ids, customer_id=event.customer_id)


async def _mark_erased(tx: Transaction, event: CustomerErased, envelope: Envelope) -> None:
    """Mark the event's orders as erased, in the order of their ids. Our copies may not yet say whose each order is."""
    for order_id in sorted(event.order_ids):
        new = insert(orders).values(
            store_id=envelope.store_id, order_id=order_id, customer_id=event.customer_id, version=0, erased_at=envelope.occurred_at
        )
        marked = {"erased_at": sa.func.coalesce(orders.c.erased_at, envelope.occurred_at)}
        await tx.execute(new.on_conflict_do_update(index_elements=["store_id", "order_id"], set_=marked))


async def _count_change(tx: Transaction, order: KnownOrder, audience: Audience) -> KnownOrder:
    """Count a note's change and its event in the order's locked row. The customer's count includes only changes that it may see.

    Returns the new counters.
    """
    bump = {"shop_position": orders.c.shop_position + 1}
    if audience == "customer":
        bump["customer_position"] = orders.c.customer_position + 1
    sequence = "public_sequence" if audience == "customer" else "private_sequence"
    bump[sequence] = orders.c[sequence] + 1
    mine = sa.and_(orders.c.store_id == order.store_id, orders.c.order_id == order.order_id)
    return KnownOrder(**(await tx.execute(sa.update(orders).where(mine).values(**bump).returning(orders))).one()._mapping)


def _positions(counters: KnownOrder, audience: Audience) -> dict[str, int | None]:
    return {
        "shop_position": counters.shop_position,
        "customer_position": counters.customer_position if audience == "customer" else None,
    }


async def _change(tx: Transaction, note: Note, **values: Any) -> Note:
    mine = sa.and_(notes.c.store_id == note.store_id, notes.c.note_id == note.note_id)
    return Note(**(await tx.execute(sa.update(notes).where(mine).values(**values).returning(notes))).one()._mapping)


async def _append_revision(tx: Transaction, note: Note, actor: Actor, *, now: datetime) -> None:
    row = {"store_id": note.store_id, "note_id": note.note_id, "revision": note.revision, "text": note.text, "written_at": now}
    await tx.execute(sa.insert(revisions).values(**row, **_by_columns(By.of(actor))))


async def _emit(tx: Transaction, kind: type[events.NoteEvent], note: Note, order: KnownOrder, actor: Actor, *, now: datetime) -> None:
    """Emit the note's event. It carries the text only for the audience `customer`, and never once the note is retracted."""
    for_customer = note.audience == "customer"
    text = events.NoteText(text=note.text if for_customer and kind is not events.NoteRetracted else "")
    event = kind.like(note, occurred_at=now, customer_id=order.customer_id, by=By.of(actor), personal=text)
    sequence = order.public_sequence if for_customer else order.private_sequence
    await emit(tx, event, store_id=note.store_id, sequence=sequence, recorded_at=now)


def _by_columns(by: By) -> dict[str, str | None]:
    return {"by_role": by.role, "by_id": by.id, "by_via": by.via}
