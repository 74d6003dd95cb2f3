"""Reads and locking loaders. Each takes the actor, so loading also authorises: it never selects what the actor may not see."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Any

import sqlalchemy as sa

from services.notes.rules import PROBLEMS
from services.notes.rules.writing import position_for, side_of, visible_audiences
from services.notes.state import KnownOrder, Note, NoteSettings, Revision, SavedSettings, TimelineEntry, UnreadOrder
from services.notes.tables import notes, orders, revisions, settings, timeline
from shared.contracts.actor import Actor
from shared.contracts.errors import NotFound
from shared.data.columns import own_rows
from shared.data.db import Transaction
from shared.data.schema import TIME
from shared.data.settings_versions import newest
from shared.web.pages import Key, Walked, walk
from shared.web.settings_history import versions

NOTES = Key(notes.c.written_at, notes.c.note_id)
ENTRIES = Key(timeline.c.occurred_at, timeline.c.source_rank, timeline.c.sequence, timeline.c.event_id)
UNREAD = Key(sa.Column("latest_at", TIME), orders.c.order_id, newest_first=True)

settings_versions = partial(versions, settings, SavedSettings)


async def order_for(tx: Transaction, actor: Actor, order_id: str, *, lock: bool = False) -> KnownOrder:
    """The copy of an order that the actor may see; `lock` locks its row until the transaction ends.

    Raises NotFound `order_not_here_yet`. Another customer's order, a missing one and one that has not arrived yet look the same.
    """
    order = await _order(tx, actor, order_id, lock=lock)
    if order is None:
        raise NotFound("order_not_here_yet", PROBLEMS["order_not_here_yet"], retry_after_seconds=1)
    return order


async def _order(tx: Transaction, actor: Actor, order_id: str, *, lock: bool) -> KnownOrder | None:
    statement = sa.select(orders).where(own_rows(actor, orders), orders.c.order_id == order_id)
    row = await tx.first(statement.with_for_update() if lock else statement)
    return None if row is None else KnownOrder(**row._mapping)


async def note_for_change(tx: Transaction, actor: Actor, note_id: str) -> tuple[Note, KnownOrder]:
    """A note that the actor may see, and its order, locked. Raises NotFound, also for a note on another customer's order.

    The order's row is locked first and the note is read afterwards; otherwise a change committed during the wait would be missed.
    """
    order_id = await tx.scalar(sa.select(notes.c.order_id).where(*_one_note(actor, note_id)))
    order = None if order_id is None else await _order(tx, actor, order_id, lock=True)
    row = None if order is None else await tx.first(sa.select(notes).where(*_one_note(actor, note_id)))
    if order is None or row is None:
        raise NotFound(detail="No such note.")
    return Note(**row._mapping), order


async def notes_of(tx: Transaction, actor: Actor, order_id: str, *, cursor: str | None, limit: int) -> Walked[Note]:
    """A page of an order's notes that the actor may see, oldest first. Raises Invalid `bad_cursor`."""
    return await walk(tx, NOTES, Note, sa.select(notes).where(*_visible(notes, actor, order_id)), cursor=cursor, limit=limit)


async def revisions_of(tx: Transaction, actor: Actor, note_ids: Sequence[str]) -> dict[str, list[Revision]]:
    """Every text that these notes ever had, oldest first. Only for the shop: a customer gets none."""
    if not actor.is_shop or not note_ids:
        return {}
    wanted = sa.select(revisions).where(revisions.c.store_id == actor.store, revisions.c.note_id.in_(note_ids))
    found: dict[str, list[Revision]] = {}
    for row in await tx.all(wanted.order_by(revisions.c.note_id, revisions.c.revision)):
        found.setdefault(row.note_id, []).append(Revision(**row._mapping))
    return found


async def timeline_of(tx: Transaction, actor: Actor, order_id: str, *, cursor: str | None, limit: int) -> Walked[TimelineEntry]:
    """A page of the entries that the actor may see, in the order in which they happened. Raises Invalid `bad_cursor`."""
    mine = sa.select(timeline).where(*_visible(timeline, actor, order_id))
    return await walk(tx, ENTRIES, TimelineEntry, mine, cursor=cursor, limit=limit)


async def notes_changed(tx: Transaction, actor: Actor, order: KnownOrder, *, after: int, limit: int) -> list[Note]:
    """Up to `limit` notes, visible to the actor, that changed after position `after` of its side and up to `order`'s, by position."""
    return [Note(**row._mapping) for row in await tx.all(_changed(notes, actor, order, after=after, limit=limit))]


async def entries_added(tx: Transaction, actor: Actor, order: KnownOrder, *, after: int, limit: int) -> list[TimelineEntry]:
    """Up to `limit` entries, visible to the actor, added after position `after` of its side and up to `order`'s, by position."""
    return [TimelineEntry(**row._mapping) for row in await tx.all(_changed(timeline, actor, order, after=after, limit=limit))]


def _changed(table: sa.Table, actor: Actor, order: KnownOrder, *, after: int, limit: int) -> sa.Select[Any]:
    """Changes after position `after`, up to the order's position when it was read.

    Notes and entries are read one after the other but share the count. Without the bound, an entry added in between would be sent
    before a note with a lower position, and a reader that resumes after it would never see the note.
    """
    position = table.c["shop_position" if side_of(actor) == "shop" else "customer_position"]
    until = position.between(after + 1, position_for(actor, order))
    return sa.select(table).where(*_visible(table, actor, order.order_id), until).order_by(position).limit(limit)


async def unread(tx: Transaction, actor: Actor, *, cursor: str | None, limit: int) -> Walked[UnreadOrder]:
    """A page of the orders with notes that the actor's side has not read, latest first. Raises Invalid `bad_cursor`."""
    latest_at = sa.func.max(sa.func.coalesce(notes.c.edited_at, notes.c.written_at)).label("latest_at")
    grouped = (
        sa.select(orders.c.order_id, orders.c.number, sa.func.count().label("unread"), latest_at)
        .join(notes, sa.and_(notes.c.store_id == orders.c.store_id, notes.c.order_id == orders.c.order_id))
        .where(own_rows(actor, orders), *unread_by(actor))
        .group_by(orders.c.order_id, orders.c.number)
        .subquery()
    )
    return await walk(tx, UNREAD, UnreadOrder, sa.select(grouped), cursor=cursor, limit=limit)


async def unread_total(tx: Transaction, actor: Actor, order_id: str | None = None) -> int:
    """How many notes the actor's side has not read, over all its orders or on one."""
    statement = (
        sa.select(sa.func.count())
        .select_from(notes)
        .join(orders, sa.and_(notes.c.store_id == orders.c.store_id, notes.c.order_id == orders.c.order_id))
        .where(own_rows(actor, orders), *unread_by(actor))
    )
    if order_id is not None:
        statement = statement.where(orders.c.order_id == order_id)
    return int(await tx.scalar(statement))


async def settings_of(tx: Transaction, store_id: str) -> NoteSettings:
    """The settings in force; the defaults (version 0) if the store never saved any."""
    return await newest(tx, settings, NoteSettings(), store_id)


async def place_of_note(tx: Transaction, actor: Actor, order_id: str, note_id: str) -> tuple[datetime, str]:
    """The sort key of a note among its order's notes: (written_at, note_id). Raises NotFound."""
    place = sa.select(notes.c.written_at, notes.c.note_id).where(*_one_note(actor, note_id), notes.c.order_id == order_id)
    row = await tx.found(place, "No such note.")
    return row.written_at, row.note_id


def unread_by(actor: Actor) -> list[sa.ColumnElement[bool]]:
    """The conditions for notes that the actor's side has not read: by the other side, visible to this one, not retracted."""
    conditions = [notes.c.store_id == actor.store, notes.c.audience == sa.literal_column("'customer'"), notes.c.retracted_at.is_(None)]
    if side_of(actor) == "shop":
        return [*conditions, notes.c.side == sa.literal_column("'customer'"), notes.c.shop_read_at.is_(None)]
    return [*conditions, notes.c.side == sa.literal_column("'shop'"), notes.c.customer_read_at.is_(None)]


def _one_note(actor: Actor, note_id: str) -> list[sa.ColumnElement[bool]]:
    return [notes.c.store_id == actor.store, notes.c.note_id == note_id, notes.c.audience.in_(visible_audiences(actor))]


def _visible(table: sa.Table, actor: Actor, order_id: str) -> list[sa.ColumnElement[bool]]:
    return [table.c.store_id == actor.store, table.c.order_id == order_id, table.c.audience.in_(visible_audiences(actor))]
