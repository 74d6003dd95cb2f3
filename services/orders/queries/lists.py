"""Pages of orders. Every page walks an index in the order of the list and looks at a bounded number of rows, whatever is asked.

A filter that no index answers may therefore give a short page, even an empty one, with a cursor to go on: a page costs the same
at a million orders as at a hundred.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa

from services.orders.queries.orders import is_order_id, visible_to
from services.orders.state import Summary
from services.orders.tables import lines, orders
from shared.contracts.actor import Actor
from shared.data.db import Transaction
from shared.web.pages import decode_cursor, encode_cursor

MAX_EXAMINED_ROWS = 5_000  # of the window, and as many index entries again to find its end
SUMMARY_COLUMNS = [orders.c[name] for name in Summary.__dataclass_fields__]

Direction = Literal["next", "prev"]


@dataclass(frozen=True, slots=True)
class OrderFilter:
    """What a list is narrowed to; empty is everything."""

    status: tuple[str, ...] = ()
    payment: tuple[str, ...] = ()
    refund_state: tuple[str, ...] = ()
    customer_id: str | None = None
    currency: str | None = None
    placed_from: datetime | None = None  # inclusive
    placed_before: datetime | None = None  # exclusive
    total_from: int | None = None
    total_to: int | None = None
    needs_attention: bool = False
    search: "Search | None" = None


@dataclass(frozen=True, slots=True)
class Search:
    """One word as one kind of thing; `name` is a part of the customer's name, in any case."""

    kind: Literal["number", "external_ref", "email", "phone", "sku", "name"]
    text: str


@dataclass(frozen=True, slots=True)
class Page:
    """One page, newest first, and where to go on in both directions."""

    items: list[Summary] = field(default_factory=list)
    next_cursor: str | None = None
    previous_cursor: str | None = None


async def search_for(tx: Transaction, actor: Actor, text: str, phone: str | None) -> Search:
    """What `text` is: a number, reference, e-mail, phone or SKU that some order has, else a part of a name. `phone` is it in E.164."""
    mine = visible_to(actor)
    row = await tx.first(
        sa.select(
            sa.exists().where(mine, orders.c.number == text).label("number"),
            sa.exists().where(mine, orders.c.external_ref == text).label("external_ref"),
            sa.exists().where(mine, sa.func.lower(orders.c.email) == text.lower()).label("email"),
            sa.exists().where(mine, orders.c.phone == phone).label("phone"),
            _some_order_with(actor, text).label("sku"),
        )
    )
    assert row is not None
    kinds: tuple[Literal["number", "external_ref", "email", "phone", "sku"], ...] = ("number", "external_ref", "email", "phone", "sku")
    for kind in kinds:
        if row._mapping[kind]:
            return Search(kind, phone if kind == "phone" and phone else text)
    return Search("name", text)


def _some_order_with(actor: Actor, sku: str) -> sa.ColumnElement[bool]:
    """Whether an order that `actor` may see has a line of this SKU; of a customer's orders the newest are looked at."""
    if actor.is_shop:
        return sa.exists().where(lines.c.store_id == actor.store, lines.c.sku == sku)
    keys = sa.select(orders.c.store_id, orders.c.placed_at, orders.c.order_id).where(visible_to(actor))
    newest = keys.order_by(*_in_order(orders.c, newest_first=True)).limit(MAX_EXAMINED_ROWS).subquery("newest")
    return sa.exists().select_from(newest).where(_has_line_of(sku, newest.c, actor.store))


def _has_line_of(sku: str, order: Any, store_id: str) -> sa.ColumnElement[bool]:
    """Whether an order has a line of this SKU: one look into an index for each, never all lines of the SKU at once."""
    of_order = (lines.c.placed_at == order.placed_at) & (lines.c.order_id == order.order_id)
    one = sa.select(sa.true()).where(lines.c.store_id == store_id, lines.c.sku == sku, of_order).limit(1)
    return one.scalar_subquery().is_(sa.true())


async def page_of(tx: Transaction, actor: Actor, wanted: OrderFilter, *, cursor: str | None, limit: int) -> Page:
    """One page of the orders that `actor` may see, newest first. Raises Invalid `bad_cursor`."""
    direction, after = _position(cursor)
    window = _window(actor, wanted, after, newest_first=direction == "next")
    found = await tx.all(_matching(actor, window, wanted, newest_first=direction == "next").limit(limit + 1))
    more = len(found) > limit
    items = [Summary(**{column.name: row._mapping[column.name] for column in SUMMARY_COLUMNS}) for row in found[:limit]]
    keys = [(row.listed_at, row.order_id) for row in found[:limit]]
    first, last = (keys[0], keys[-1]) if keys else (after, after)
    end = last if more else await _end_of(tx, window)
    if direction == "prev":
        items.reverse()
        return Page(items, next_cursor=_cursor("next", first), previous_cursor=_cursor("prev", end))
    return Page(items, next_cursor=_cursor("next", end), previous_cursor=_cursor("prev", first) if cursor else None)


def _window(actor: Actor, wanted: OrderFilter, after: tuple[datetime, str] | None, *, newest_first: bool) -> sa.Subquery:
    """The next rows that are looked at, by the index that fits what an index can answer.

    What `actor` may not see is not in it: its end becomes a cursor. So only the shop walks all lines of a SKU.
    """
    by_sku = wanted.search is not None and wanted.search.kind == "sku" and actor.is_shop and wanted.customer_id is None
    source = lines if by_sku else orders
    query = sa.select(source.c.placed_at, source.c.order_id) if by_sku else sa.select(*SUMMARY_COLUMNS)
    query = query.where(lines.c.store_id == actor.store if by_sku else visible_to(actor), *_indexed(wanted, source))
    key = sa.tuple_(source.c.placed_at, source.c.order_id)
    if after is not None:
        edge = sa.tuple_(sa.literal(after[0]), sa.literal(after[1], type_=orders.c.order_id.type))
        query = query.where(key < edge if newest_first else key > edge)
    return query.order_by(*_in_order(source.c, newest_first)).limit(sa.literal_column(str(MAX_EXAMINED_ROWS))).subquery("examined")


def _matching(actor: Actor, window: sa.Subquery, wanted: OrderFilter, *, newest_first: bool) -> sa.Select[Any]:
    """What of the window is wanted; `listed_at` is where it stands in the walk, which a cursor goes on from."""
    if "status" in window.c:
        with_sku = [_has_line_of(search.text, window.c, actor.store)] if (search := wanted.search) and search.kind == "sku" else []
        listed = sa.select(window, window.c.placed_at.label("listed_at"))
        return listed.where(*_conditions(wanted, window.c), *with_sku).order_by(*_in_order(window.c, newest_first))
    hits = sa.select(window).distinct().order_by(*_in_order(window.c, newest_first)).subquery("hits")  # an order may have a SKU twice
    return (
        sa.select(*SUMMARY_COLUMNS, hits.c.placed_at.label("listed_at"))
        .select_from(hits.join(orders, visible_to(actor) & (orders.c.order_id == hits.c.order_id)))
        .where(*_conditions(wanted, orders.c))
        .order_by(*_in_order(hits.c, newest_first))
    )


def _indexed(wanted: OrderFilter, source: sa.Table) -> list[sa.ColumnElement[bool]]:
    """What some index answers together with the order of the list."""
    conditions: list[sa.ColumnElement[bool]] = []
    if wanted.placed_from is not None:
        conditions.append(source.c.placed_at >= wanted.placed_from)
    if wanted.placed_before is not None:
        conditions.append(source.c.placed_at < wanted.placed_before)
    search = wanted.search
    if search is not None and source is lines:
        conditions.append(lines.c.sku == search.text)
    elif search is not None and search.kind not in ("name", "sku"):
        column = {"email": lambda: sa.func.lower(orders.c.email)}.get(search.kind, lambda: source.c[search.kind])()
        conditions.append(column == (search.text.lower() if search.kind == "email" else search.text))
    elif source is orders and wanted.customer_id is not None:
        conditions.append(orders.c.customer_id == wanted.customer_id)
    elif source is orders and len(wanted.status) == 1:
        conditions.append(orders.c.status == wanted.status[0])
    return conditions


def _conditions(wanted: OrderFilter, columns: Any) -> list[sa.ColumnElement[bool]]:
    """What the looked-at rows must answer to."""
    axes = ("status", "payment", "refund_state")
    conditions: list[sa.ColumnElement[bool]] = [columns[axis].in_(getattr(wanted, axis)) for axis in axes if getattr(wanted, axis)]
    same = ("customer_id", "currency")
    conditions += [columns[name] == getattr(wanted, name) for name in same if getattr(wanted, name) is not None]
    if wanted.total_from is not None:
        conditions.append(columns.total >= wanted.total_from)
    if wanted.total_to is not None:
        conditions.append(columns.total <= wanted.total_to)
    if wanted.needs_attention:
        conditions.append(columns.collected > columns.total)
    if wanted.search is not None and wanted.search.kind == "name":
        conditions.append(sa.func.lower(columns.customer_name).contains(wanted.search.text.lower(), autoescape=True))
    return conditions


def _in_order(columns: Any, newest_first: bool) -> Sequence[sa.ColumnElement[Any]]:
    keys = (columns.placed_at, columns.order_id)
    return [key.desc() for key in keys] if newest_first else list(keys)


async def _end_of(tx: Transaction, window: sa.Subquery) -> tuple[datetime, str] | None:
    """Where the window ended without having seen everything; None where it reached the end of the list."""
    row = await tx.first(sa.select(window.c.placed_at, window.c.order_id).offset(MAX_EXAMINED_ROWS - 1).limit(1))
    return None if row is None else (row.placed_at, row.order_id)


def _position(cursor: str | None) -> tuple[Direction, tuple[datetime, str] | None]:
    if cursor is None:
        return "next", None
    direction, placed_at, order_id = decode_cursor(cursor, (str, datetime, str))
    if direction not in ("next", "prev") or not is_order_id(order_id):
        decode_cursor("", (str,))  # raises bad_cursor
    return ("next" if direction == "next" else "prev"), (placed_at, order_id)


def _cursor(direction: Direction, key: tuple[datetime, str] | None) -> str | None:
    return None if key is None else encode_cursor([direction, *key])
