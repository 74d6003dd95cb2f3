"""What a search text can be of an order: one condition for each kind of value, and an index for each condition.

A search is the union of them, so that a hit of one kind never hides another. A kind is looked up by one of two ways: as the orders, along
its index and newest first, that a list merges with the others; or as a condition on orders that a list walks anyway.
"""

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from services.orders.tables import (
    HAS_OTHER_PHONE,
    HAS_OTHER_RECIPIENT,
    alike,
    lines,
    orders,
    parcel_numbers,
    payments,
    without_extension,
)
from shared.contracts.actor import Actor
from shared.data.db import Transaction

MAX_SORTED = 1_000
"""Orders that are read at once and sorted, because no index has them in the order of a list; if there are more, a list is walked."""
NAME = sa.collate(alike(orders.c.customer_name), "C")
RECIPIENT = sa.collate(alike(orders.c.shipping_address["name"].astext), "C")
_ONE_TOO_MANY: sa.ColumnElement[int] = sa.literal_column(str(MAX_SORTED + 1))
_LAST_CHARACTER: sa.ColumnElement[int] = sa.literal_column(str(0x10FFFF))

Hits = sa.Select[Any]
"""Keys of orders (placed_at, order_id), which an index returns in their order."""


@dataclass(frozen=True, slots=True)
class Search:
    """A search text, and the telephone numbers that it may stand for.

    `named` are the orders whose name or recipient begins with it; None if they are too many to sort, or were not asked for.
    """

    text: str
    phones: tuple[str, ...] = ()
    named: tuple[str, ...] | None = None


async def named(tx: Transaction, actor: Actor, text: str) -> tuple[str, ...] | None:
    """The store's orders whose buyer's or recipient's name begins with `text`; None if either are more than MAX_SORTED."""
    found: set[str] = set()
    for name, *only in ((NAME,), (RECIPIENT, HAS_OTHER_RECIPIENT)):
        whose = sa.select(orders.c.order_id).where(orders.c.store_id == actor.store, _begins(name, text), *only)
        rows = await tx.all(whose.order_by(name).limit(_ONE_TOO_MANY))
        if len(rows) > MAX_SORTED:
            return None
        found |= {row.order_id for row in rows}
    return tuple(sorted(found))


def hits(store_id: str, search: Search) -> list[Hits]:
    """For each kind of value, the store's orders that have the text as it; also those in `search.named`."""
    exact = [_of_orders(store_id, *conditions) for conditions in _own_columns(search)]
    others = [with_parcel_number(store_id, search.text), with_payment(store_id, search.text), with_sku(store_id, search.text)]
    return [*exact, *others, *([_of_orders(store_id, among(search.named))] if search.named else [])]


def matches(search: Search) -> sa.ColumnElement[bool]:
    """Whether an order has the text as any kind of value."""
    mine = [sa.and_(*conditions) for conditions in _own_columns(search)]
    names = [_begins(NAME, search.text), _begins(RECIPIENT, search.text)]
    return sa.or_(*mine, *names, has_parcel_number(search.text), has_payment(search.text), has_sku(search.text))


async def few(tx: Transaction, found: list[Hits]) -> tuple[str, ...] | None:
    """The orders of these hits; None if the hits are more than MAX_SORTED."""
    newest = [one.order_by(*(column.desc() for column in one.selected_columns)).limit(_ONE_TOO_MANY) for one in found]
    together = sa.union_all(*(sa.select(one.subquery()) for one in newest)).subquery()
    rows = await tx.all(sa.select(together.c.order_id).limit(_ONE_TOO_MANY))
    return None if len(rows) > MAX_SORTED else tuple(sorted({row.order_id for row in rows}))


def among(order_ids: tuple[str, ...]) -> sa.ColumnElement[bool]:
    """Whether an order is one of these."""
    return orders.c.order_id == sa.any_(sa.cast(list(order_ids), ARRAY(orders.c.order_id.type)))


def with_sku(store_id: str, sku: str) -> Hits:
    """Orders with a line of this SKU, once for each line."""
    return sa.select(lines.c.placed_at, lines.c.order_id).where(lines.c.store_id == store_id, lines.c.sku == sku)


def with_parcel_number(store_id: str, number: str) -> Hits:
    """Orders with a parcel of this number."""
    mine = (parcel_numbers.c.store_id == store_id, parcel_numbers.c.number == number)
    return sa.select(parcel_numbers.c.placed_at, parcel_numbers.c.order_id).where(*mine)


def with_payment(store_id: str, reference: str) -> Hits:
    """Orders with a payment of this reference, once for each."""
    mine = (payments.c.store_id == store_id, payments.c.reference == reference)
    return sa.select(payments.c.placed_at, payments.c.order_id).where(*mine)


def has_sku(sku: str) -> sa.ColumnElement[bool]:
    """Whether an order has a line of this SKU: one look at an index for each order, never all lines of the SKU."""
    return _any(lines, lines.c.sku == sku, lines.c.placed_at == orders.c.placed_at)


def has_parcel_number(number: str) -> sa.ColumnElement[bool]:
    """Whether an order has a parcel of this number."""
    return _any(parcel_numbers, parcel_numbers.c.number == number)


def has_payment(reference: str) -> sa.ColumnElement[bool]:
    """Whether an order has a payment of this reference."""
    return _any(payments, payments.c.reference == reference, payments.c.placed_at == orders.c.placed_at)


def has_method(method: str) -> sa.ColumnElement[bool]:
    """Whether an order has a payment by this method."""
    return _any(payments, payments.c.method == method)


def has_carrier(carrier: str) -> sa.ColumnElement[bool]:
    """Whether an order has a parcel of this carrier, in any case."""
    wanted = alike(sa.literal(carrier))
    parcel = sa.func.jsonb_array_elements(orders.c.parcels).table_valued(sa.column("value", JSONB), name="parcel")
    one = sa.select(sa.true()).where(alike(parcel.c.value["carrier"].astext) == wanted).limit(1).correlate(orders)
    return (alike(orders.c.tracking["carrier"].astext) == wanted) | one.scalar_subquery().is_(sa.true())


def _own_columns(search: Search) -> list[tuple[sa.ColumnElement[bool], ...]]:
    """What the text can be of an order's own columns, as their indexes have it."""
    return [
        (orders.c.number == search.text,),
        (orders.c.external_ref == search.text,),
        (alike(orders.c.email) == alike(sa.literal(search.text)),),
        *((without_extension(orders.c.phone) == phone,) for phone in search.phones),
        *((without_extension(orders.c.shipping_address["phone"].astext) == phone, HAS_OTHER_PHONE) for phone in search.phones),
    ]


def _of_orders(store_id: str, *conditions: sa.ColumnElement[bool]) -> Hits:
    return sa.select(orders.c.placed_at, orders.c.order_id).where(orders.c.store_id == store_id, *conditions)


def _begins(name: sa.ColumnElement[str], text: str) -> sa.ColumnElement[bool]:
    """A range of the name's index, also in a plan that is made before the text is known (LIKE is not)."""
    low = alike(sa.literal(text))
    return (name >= low) & (name < low.concat(sa.func.chr(_LAST_CHARACTER)))


def _any(table: sa.Table, *conditions: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    """Whether an order has such a row. EXISTS would let the planner read all rows with the value into a hash first."""
    of_order = (table.c.store_id == orders.c.store_id, table.c.order_id == orders.c.order_id)
    one = sa.select(sa.true()).where(*of_order, *conditions).limit(1).correlate(orders)
    return one.scalar_subquery().is_(sa.true())
