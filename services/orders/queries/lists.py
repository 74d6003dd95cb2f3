"""Pages of orders, newest first: bounded walks along the index that best fits the filter (shared/web/pages.py)."""

from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import sqlalchemy as sa

from services.orders.requests.lists import OrderFilter
from services.orders.state import Summary
from services.orders.tables import ATTENTION, OVERPAID, lines, orders
from shared.contracts.actor import Actor
from shared.data.columns import own_rows
from shared.data.db import Transaction
from shared.web.pages import MAX_EXAMINED_ROWS, Key, Order, Walked, walk

SUMMARY_COLUMNS = [orders.c[name] for name in Summary.__dataclass_fields__]
NEWEST_FIRST = Key(orders.c.placed_at, orders.c.order_id, newest_first=True)


@dataclass(frozen=True, slots=True)
class Search:
    """A search text and the kind of value it is; `name` is a part of the customer's name, case-insensitive."""

    kind: Literal["number", "external_ref", "email", "phone", "sku", "name"]
    text: str


async def search_for(tx: Transaction, actor: Actor, text: str, phone: str | None) -> Search:
    """The kind of `text`: a number, reference, e-mail, phone or SKU of some order, else part of a name. `phone` is `text` in E.164."""
    mine = own_rows(actor, orders)
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
    """Whether an order that `actor` may see has a line of this SKU; only a customer's newest orders are examined."""
    if actor.is_shop:
        return sa.exists().where(lines.c.store_id == actor.store, lines.c.sku == sku)
    keys = sa.select(orders.c.store_id, orders.c.placed_at, orders.c.order_id).where(own_rows(actor, orders))
    newest = keys.order_by(*NEWEST_FIRST.order(orders.c)).limit(MAX_EXAMINED_ROWS).subquery("newest")
    return sa.exists().select_from(newest).where(_has_line_of(sku, newest.c, actor.store))


def _has_line_of(sku: str, order: Any, store_id: str) -> sa.ColumnElement[bool]:
    """Whether an order has a line of this SKU: one index lookup per order, never all lines of the SKU."""
    of_order = (lines.c.placed_at == order.placed_at) & (lines.c.order_id == order.order_id)
    one = sa.select(sa.true()).where(lines.c.store_id == store_id, lines.c.sku == sku, of_order).limit(1)
    return one.scalar_subquery().is_(sa.true())


async def page_of(
    tx: Transaction, actor: Actor, wanted: OrderFilter, search: Search | None, *, cursor: str | None, limit: int
) -> Walked[Summary]:
    """One page of the orders that `actor` may see; `search` is `wanted.q` resolved. Raises Invalid `bad_cursor`."""
    by_sku = search is not None and search.kind == "sku" and actor.is_shop and wanted.customer_id is None
    if by_sku:  # only for the shop: a customer's query must not walk rows that they may not see
        source = sa.select(lines.c.placed_at, lines.c.order_id).where(
            lines.c.store_id == actor.store, *_indexed(actor, wanted, search, lines)
        )
        left = partial(_orders_of_lines, actor, wanted, search)
    else:
        attention = _attention(actor).label("walked_attention")
        source = sa.select(*SUMMARY_COLUMNS, attention).where(own_rows(actor, orders), *_indexed(actor, wanted, search, orders))
        left = partial(_matching, actor, wanted, search)
    return await walk(tx, NEWEST_FIRST, _summary, source, cursor=cursor, limit=limit, left=left)


def _summary(*, walked_placed_at: Any = None, walked_attention: Any = None, **columns: Any) -> Summary:
    """A row without what only the walk needs."""
    return Summary(**columns)


def _matching(actor: Actor, wanted: OrderFilter, search: Search | None, window: sa.Subquery, order: Order) -> sa.Select[Any]:
    """The matching orders of the window."""
    with_sku = [_has_line_of(search.text, window.c, actor.store)] if search and search.kind == "sku" else []
    return sa.select(window).where(*_conditions(wanted, search, window.c, window.c.walked_attention), *with_sku).order_by(*order(window.c))


def _orders_of_lines(actor: Actor, wanted: OrderFilter, search: Search | None, window: sa.Subquery, order: Order) -> sa.Select[Any]:
    """The matching orders among those with lines in the window, each once."""
    hits = sa.select(window).distinct().order_by(*order(window.c)).subquery("hits")  # an order may have two lines of a SKU
    return (
        sa.select(*SUMMARY_COLUMNS, hits.c.placed_at.label("walked_placed_at"))
        .select_from(hits.join(orders, own_rows(actor, orders) & (orders.c.order_id == hits.c.order_id)))
        .where(*_conditions(wanted, search, orders.c, _attention(actor)))
        .order_by(*order(hits.c))
    )


def _attention(actor: Actor) -> sa.ColumnElement[bool]:
    """Whether an order needs attention, as far as `actor` may know: addresses are the shop's business."""
    return sa.literal_column(f"({ATTENTION})" if actor.is_shop else OVERPAID, sa.Boolean)


def _indexed(actor: Actor, wanted: OrderFilter, search: Search | None, source: sa.Table) -> list[sa.ColumnElement[bool]]:
    """The conditions that an index can serve together with the sort order."""
    conditions: list[sa.ColumnElement[bool]] = []
    if wanted.placed_from is not None:
        conditions.append(source.c.placed_at >= wanted.placed_from)
    if wanted.placed_before is not None:
        conditions.append(source.c.placed_at < wanted.placed_before)
    if search is not None and source is lines:
        conditions.append(lines.c.sku == search.text)
    elif search is not None and search.kind not in ("name", "sku"):
        column = {"email": lambda: sa.func.lower(orders.c.email)}.get(search.kind, lambda: source.c[search.kind])()
        conditions.append(column == (search.text.lower() if search.kind == "email" else search.text))
    elif source is orders and wanted.needs_attention and actor.is_shop:
        conditions.append(_attention(actor))  # as its partial index says it
    elif source is orders and wanted.customer_id is not None:
        conditions.append(orders.c.customer_id == wanted.customer_id)
    elif source is orders and len(wanted.status) == 1:
        conditions.append(orders.c.status == wanted.status[0])
    return conditions


def _conditions(
    wanted: OrderFilter, search: Search | None, columns: Any, attention: sa.ColumnElement[bool]
) -> list[sa.ColumnElement[bool]]:
    """The conditions for the examined rows."""
    axes = ("status", "payment", "refund_state")
    conditions: list[sa.ColumnElement[bool]] = [columns[axis].in_(getattr(wanted, axis)) for axis in axes if getattr(wanted, axis)]
    same = ("customer_id", "currency")
    conditions += [columns[name] == getattr(wanted, name) for name in same if getattr(wanted, name) is not None]
    if wanted.total_from is not None:
        conditions.append(columns.total >= wanted.total_from)
    if wanted.total_to is not None:
        conditions.append(columns.total <= wanted.total_to)
    if wanted.needs_attention:
        conditions.append(attention)
    if search is not None and search.kind == "name":
        conditions.append(sa.func.lower(columns.customer_name).contains(search.text.lower(), autoescape=True))
    return conditions
