"""Reads and locked loaders. Each takes the actor, so loading is authorising: what the actor may not see is never selected."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Row

from services.notes.rules import PROBLEMS, writing
from services.notes.rules.writing import side_of, visible_audiences
from services.notes.state import NoteSettings, NoteState
from services.notes.tables import notes, orders, revisions, settings, timeline
from shared.contracts.actor import Actor
from shared.contracts.errors import NotFound
from shared.data.db import Transaction
from shared.data.settings_versions import newest_version
from shared.web.pages import Key, Walked, walk

VERSIONS = Key(settings.c.version, newest_first=True)


async def order_for(tx: Transaction, actor: Actor, order_id: str, *, lock: bool = False) -> Row[Any]:
    """The copy of an order that the actor may see; `lock` holds it until the transaction ends.

    Raises NotFound: another's order, one that does not exist, and one of which no event has arrived yet are all the same.
    """
    statement = sa.select(orders).where(orders.c.store_id == actor.store, orders.c.order_id == order_id, *_own_orders(actor))
    row = await tx.first(statement.with_for_update() if lock else statement)
    if row is None:
        raise NotFound(detail=PROBLEMS["not_found"])
    return row


async def note_for_change(tx: Transaction, actor: Actor, note_id: str) -> tuple[Row[Any], Row[Any]]:
    """A note that the actor may see, and its order, locked. Raises NotFound.

    The lock is the order's and is taken first; the note is read after it, or a change that was waited for would be missed.
    """
    its_order = sa.select(notes.c.order_id).where(*_one_note(actor, note_id))
    order_id = await tx.scalar(its_order)
    if order_id is None:
        raise NotFound(detail=PROBLEMS["not_found"])
    order = await order_for(tx, actor, order_id, lock=True)
    note = await tx.first(sa.select(notes).where(*_one_note(actor, note_id)))
    if note is None:
        raise NotFound(detail=PROBLEMS["not_found"])
    return note, order


async def notes_of(tx: Transaction, actor: Actor, order_id: str, *, after: Sequence[Any] | None, limit: int) -> Sequence[Row[Any]]:
    """Up to `limit` notes of an order that the actor may see, oldest first; `after` is the (written_at, note_id) of the last one."""
    statement = sa.select(notes).where(*_visible(notes, actor, order_id)).order_by(notes.c.written_at, notes.c.note_id).limit(limit)
    if after:
        place = (notes.c.written_at, notes.c.note_id)
        statement = statement.where(sa.tuple_(*place) > place_from(after, *place))
    return await tx.all(statement)


async def revisions_of(tx: Transaction, actor: Actor, note_ids: Sequence[str]) -> dict[str, list[Row[Any]]]:
    """Every text that these notes ever had, first to last: for the shop alone, a customer gets none."""
    if not actor.is_shop or not note_ids:
        return {}
    wanted = sa.select(revisions).where(revisions.c.store_id == actor.store, revisions.c.note_id.in_(note_ids))
    found: dict[str, list[Row[Any]]] = {}
    for row in await tx.all(wanted.order_by(revisions.c.note_id, revisions.c.revision)):
        found.setdefault(row.note_id, []).append(row)
    return found


async def timeline_of(tx: Transaction, actor: Actor, order_id: str, *, after: Sequence[Any] | None, limit: int) -> Sequence[Row[Any]]:
    """Up to `limit` entries that the actor may see, in true order; `after` is the place of the last one."""
    place = (timeline.c.occurred_at, timeline.c.source_rank, timeline.c.sequence, timeline.c.event_id)
    statement = sa.select(timeline).where(*_visible(timeline, actor, order_id)).order_by(*place).limit(limit)
    if after:
        statement = statement.where(sa.tuple_(*place) > place_from(after, *place))
    return await tx.all(statement)


async def notes_changed(tx: Transaction, actor: Actor, order: Row[Any], *, after: int, limit: int) -> Sequence[Row[Any]]:
    """Up to `limit` notes that the actor may see and that changed after a position of its side, by position; none after `order`'s."""
    return await tx.all(_changed(notes, actor, order, after=after, limit=limit))


async def entries_added(tx: Transaction, actor: Actor, order: Row[Any], *, after: int, limit: int) -> Sequence[Row[Any]]:
    """Up to `limit` entries that the actor may see and that came after a position of its side, by position; none after `order`'s."""
    return await tx.all(_changed(timeline, actor, order, after=after, limit=limit))


def _changed(table: sa.Table, actor: Actor, order: Row[Any], *, after: int, limit: int) -> sa.Select[Any]:
    """Changes up to where the order stood when it was read.

    Notes and entries are read one after the other and share the count: without the bound an entry that came in between would be told
    before a note with a lower number, and a reader that resumes after it would never hear of the note.
    """
    side = "shop_position" if side_of(actor) == "shop" else "customer_position"
    position = table.c[side]
    until = position.between(after + 1, getattr(order, side))
    return sa.select(table).where(*_visible(table, actor, order.order_id), until).order_by(position).limit(limit)


async def unread(tx: Transaction, actor: Actor, *, after: Sequence[Any] | None, limit: int) -> Sequence[Row[Any]]:
    """Orders with notes that the actor's side has not read: order_id, number, unread, latest_at; the latest first."""
    latest_at = sa.func.max(sa.func.coalesce(notes.c.edited_at, notes.c.written_at)).label("latest_at")
    statement = (
        sa.select(orders.c.order_id, orders.c.number, sa.func.count().label("unread"), latest_at)
        .join(notes, sa.and_(notes.c.store_id == orders.c.store_id, notes.c.order_id == orders.c.order_id))
        .where(orders.c.store_id == actor.store, *_own_orders(actor), *unread_by(actor))
        .group_by(orders.c.order_id, orders.c.number)
        .order_by(latest_at.desc(), orders.c.order_id)
        .limit(limit)
    )
    if after:
        before, order_id = after
        statement = statement.having(sa.or_(latest_at < before, sa.and_(latest_at == before, orders.c.order_id > order_id)))
    return await tx.all(statement)


async def unread_total(tx: Transaction, actor: Actor, order_id: str | None = None) -> int:
    """How many notes the actor's side has not read, over all its orders or on one."""
    statement = (
        sa.select(sa.func.count())
        .select_from(notes)
        .join(orders, sa.and_(notes.c.store_id == orders.c.store_id, notes.c.order_id == orders.c.order_id))
        .where(orders.c.store_id == actor.store, *_own_orders(actor), *unread_by(actor))
    )
    if order_id is not None:
        statement = statement.where(orders.c.order_id == order_id)
    return int(await tx.scalar(statement))


async def settings_of(tx: Transaction, store_id: str) -> NoteSettings:
    """The settings in force; the defaults (version 0) where the store never saved any."""
    row = await tx.first(newest_version(settings, store_id))
    return NoteSettings() if row is None else NoteSettings(row.version, row.customer_answers)


async def settings_versions(tx: Transaction, store_id: str, *, cursor: str | None, limit: int) -> Walked[Row[Any]]:
    """Saved versions of a store's settings, the newest first. Raises Invalid("bad_cursor")."""
    return await walk(tx, VERSIONS, sa.select(settings).where(settings.c.store_id == store_id), cursor=cursor, limit=limit)


async def place_of_note(tx: Transaction, actor: Actor, order_id: str, note_id: str) -> tuple[datetime, str]:
    """Where a note of an order stands among its notes: (written_at, note_id). Raises NotFound."""
    note = await tx.first(sa.select(notes).where(*_one_note(actor, note_id), notes.c.order_id == order_id))
    if note is None:
        raise NotFound(detail=PROBLEMS["not_found"])
    return note.written_at, note.note_id


def position_for(actor: Actor, row: Row[Any]) -> int:
    """Where an order, or one of its notes or entries, stands in the count of changes that the actor's side has had.

    The customer's count knows nothing of private ones.
    """
    return int(row.shop_position if side_of(actor) == "shop" else row.customer_position)


def version_of(note: Row[Any]) -> int:
    """A note's version, from its row."""
    return writing.version_of(note.revision, retracted=note.retracted_at is not None)


def state_of(note: Row[Any]) -> NoteState:
    """What the rules need to know of a note's row."""
    return NoteState(audience=note.audience, side=note.side, retracted=note.retracted_at is not None)


def unread_by(actor: Actor) -> list[sa.ColumnElement[bool]]:
    """The conditions under which a note is unread by the actor's side: the other side's, for this side to see, still standing."""
    conditions = [notes.c.store_id == actor.store, notes.c.audience == sa.literal_column("'customer'"), notes.c.retracted_at.is_(None)]
    if side_of(actor) == "shop":
        return [*conditions, notes.c.side == sa.literal_column("'customer'"), notes.c.shop_read_at.is_(None)]
    return [*conditions, notes.c.side == sa.literal_column("'shop'"), notes.c.customer_read_at.is_(None)]


def _own_orders(actor: Actor) -> list[sa.ColumnElement[bool]]:
    """Which orders of its store an actor sees: the shop all, a customer its own, a guest the one of its link."""
    if actor.is_shop:
        return []
    if actor.role == "guest":
        return [orders.c.order_id == actor.id]
    return [orders.c.customer_id == actor.id]


def _one_note(actor: Actor, note_id: str) -> list[sa.ColumnElement[bool]]:
    return [notes.c.store_id == actor.store, notes.c.note_id == note_id, notes.c.audience.in_(visible_audiences(actor))]


def _visible(table: sa.Table, actor: Actor, order_id: str) -> list[sa.ColumnElement[bool]]:
    return [table.c.store_id == actor.store, table.c.order_id == order_id, table.c.audience.in_(visible_audiences(actor))]


def place_from(values: Sequence[Any], *columns: sa.Column[Any]) -> sa.Tuple:
    """The row value that a cursor stands for, each part with its column's type."""
    return sa.tuple_(*(sa.bindparam(None, value, type_=column.type) for value, column in zip(values, columns, strict=True)))
