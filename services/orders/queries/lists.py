"""Pages of orders: bounded walks along the index that best fits the filter (shared/web/pages.py)."""

from collections import Counter
from datetime import datetime
from functools import partial
from typing import Any, Literal

import sqlalchemy as sa

from services.orders.addresses.phones import could_be_phone, phones_as_searched
from services.orders.queries.search import (
    Hits,
    Search,
    among,
    few,
    has_carrier,
    has_method,
    has_parcel_number,
    has_payment,
    has_sku,
    hits,
    matches,
    named,
    with_parcel_number,
    with_payment,
    with_sku,
)
from services.orders.queries.settings import settings_of
from services.orders.requests.lists import OrderFilter
from services.orders.rules.countries import home_country
from services.orders.state import Summary
from services.orders.tables import ATTENTION, OVERPAID, orders
from shared.contracts.actor import Actor
from shared.data.columns import columns_of, own_rows
from shared.data.db import Transaction
from shared.web.pages import MAX_EXAMINED_ROWS, Key, Order, Walked, walk

Sort = Literal["-placed_at", "updated_at"]

MISADDRESSED = sa.literal_column("address_problems <> '[]'::jsonb", sa.Boolean).label("misaddressed")
SUMMARY_COLUMNS = [*columns_of(orders, Summary), MISADDRESSED]
NEWEST_FIRST = Key(orders.c.placed_at, orders.c.order_id, newest_first=True)
AS_CHANGED = Key(orders.c.updated_at, orders.c.order_id, name="changed_")

NEWEST_ORDERS = 100
COUNTRIES_TRIED = 3
MAX_EXAMINED_HITS = 2_500
"""Fewer than of other walks: for each there is a look at another table, and names or hits were counted first, up to 2 * MAX_SORTED."""


async def search_for(tx: Transaction, actor: Actor, wanted: OrderFilter) -> Search | None:
    """How to search for `q`, if it is given."""
    if wanted.q is None:
        return None
    phones = phones_as_searched(wanted.q, await _countries(tx, actor) if could_be_phone(wanted.q) else ())
    return Search(wanted.q, phones, await named(tx, actor, wanted.q) if _may_use_hits(actor, wanted) else None)


async def _countries(tx: Transaction, actor: Actor) -> list[str]:
    """Where telephone numbers are dialled from: the store's country; if it is not known, those to which most of the newest orders go."""
    settings = await settings_of(tx, actor.store)
    home = home_country(settings.country, settings.time_zone)
    if home is not None:
        return [home]
    country = orders.c.shipping_address["country_code"].astext.label("country")
    newest = sa.select(country).where(own_rows(actor, orders)).order_by(*NEWEST_FIRST.order(orders.c)).limit(NEWEST_ORDERS)
    common = Counter(row.country for row in await tx.all(newest) if row.country is not None)
    return [name for name, _ in common.most_common(COUNTRIES_TRIED)]


async def page_of(
    tx: Transaction, actor: Actor, wanted: OrderFilter, search: Search | None, *, cursor: str | None, limit: int, sort: Sort = "-placed_at"
) -> Walked[Summary]:
    """One page of the orders that `actor` may see; `search` is `wanted.q` resolved. Raises Invalid `bad_cursor`."""
    served, found = _hits(actor, wanted, search)
    if found and sort == "-placed_at":
        sources = [one.where(*_within(one.selected_columns.placed_at, wanted.placed_from, wanted.placed_before)) for one in found]
        left = partial(_orders_of_hits, actor, _match(actor, wanted, search, served))
        return await walk(tx, NEWEST_FIRST, _summary, *sources, cursor=cursor, limit=limit, left=left, examined=MAX_EXAMINED_HITS)
    sorted_hits = await few(tx, found) if found else None
    matching = _match(actor, wanted, search, None if sorted_hits is None else served)
    source = sa.select(*SUMMARY_COLUMNS, matching).where(own_rows(actor, orders), *_indexed(actor, wanted, sort))
    if sorted_hits is not None:
        source = source.where(among(sorted_hits))
    key = NEWEST_FIRST if sort == "-placed_at" else AS_CHANGED
    examined = MAX_EXAMINED_HITS if found or search or _looks_aside(wanted) else MAX_EXAMINED_ROWS
    return await walk(tx, key, _summary, source, cursor=cursor, limit=limit, left=_matching, examined=examined)


def _hits(actor: Actor, wanted: OrderFilter, search: Search | None) -> tuple[str | None, list[Hits]]:
    """The orders that have one value of the filter, by its own index, and the name of that filter; none if another way is better."""
    if not _may_use_hits(actor, wanted):
        return None, []
    if wanted.tracking_number is not None:
        return "tracking_number", [with_parcel_number(actor.store, wanted.tracking_number)]
    if wanted.payment_reference is not None:
        return "payment_reference", [with_payment(actor.store, wanted.payment_reference)]
    if search is not None and search.named is not None:
        return "q", hits(actor.store, search)
    if wanted.sku is not None:
        return "sku", [with_sku(actor.store, wanted.sku)]
    return None, []


def _may_use_hits(actor: Actor, wanted: OrderFilter) -> bool:
    """Never for customers, whose walks must not meet rows that they may not see: their own orders are walked instead.

    Nor where an index leads to one order, or to the orders of one customer.
    """
    return actor.is_shop and wanted.customer_id is None and wanted.number is None and wanted.external_ref is None


def _looks_aside(wanted: OrderFilter) -> bool:
    """Whether each examined order needs a look at another table."""
    return any((wanted.payment_method, wanted.payment_reference, wanted.tracking_number, wanted.sku))


def _summary(*, walked_placed_at: Any = None, walked_matches: Any = None, **columns: Any) -> Summary:
    """A row without what only the walk needs."""
    return Summary(**columns)


def _matching(window: sa.Subquery, order: Order) -> sa.Select[Any]:
    """The matching orders of the window."""
    return sa.select(window).where(window.c.walked_matches).order_by(*order(window.c))


def _orders_of_hits(actor: Actor, matching: sa.Label[bool], window: sa.Subquery, order: Order) -> sa.Select[Any]:
    """The matching orders among the hits in the window, each once."""
    hit = sa.select(window).distinct().order_by(*order(window.c)).subquery("hit")  # an order may be hit in several ways
    # A plain join would let the planner begin with all orders that match.
    one = sa.select(*SUMMARY_COLUMNS, matching).where(own_rows(actor, orders), orders.c.order_id == hit.c.order_id).limit(1).lateral("one")
    found = sa.select(one, hit.c.placed_at.label("walked_placed_at")).select_from(hit.join(one, sa.true()))
    return found.where(one.c.walked_matches).order_by(*order(hit.c))


def _attention(actor: Actor) -> sa.ColumnElement[bool]:
    """Whether an order needs attention, as far as `actor` may know: addresses are the shop's business."""
    return sa.literal_column(f"({ATTENTION})" if actor.is_shop else OVERPAID, sa.Boolean)


def _indexed(actor: Actor, wanted: OrderFilter, sort: Sort) -> list[sa.ColumnElement[bool]]:
    """The conditions that an index can serve together with the sort order; one that leads to one order serves any."""
    by_placed_at = sort == "-placed_at"
    conditions = (
        _within(orders.c.placed_at, wanted.placed_from, wanted.placed_before)
        if by_placed_at
        else _within(orders.c.updated_at, wanted.updated_from, wanted.updated_before)
    )
    if wanted.number is not None:
        conditions.append(orders.c.number == wanted.number)
    elif wanted.external_ref is not None:
        conditions.append(orders.c.external_ref == wanted.external_ref)
    elif by_placed_at and wanted.needs_attention and actor.is_shop:
        conditions.append(_attention(actor))  # as its partial index says it
    elif wanted.customer_id is not None:
        conditions.append(orders.c.customer_id == wanted.customer_id)
    elif by_placed_at and len(wanted.status) == 1:
        conditions.append(orders.c.status == wanted.status[0])
    return conditions


def _match(actor: Actor, wanted: OrderFilter, search: Search | None, served: str | None) -> sa.Label[bool]:
    """Whether an examined order is wanted; all of them meet what `served` names."""
    c = orders.c
    lists = ("status", "payment", "refund_state", "fulfilment")
    conditions: list[sa.ColumnElement[bool]] = [c[name].in_(getattr(wanted, name)) for name in lists if getattr(wanted, name)]
    same = ("number", "external_ref", "customer_id", "currency")
    conditions += [c[name] == getattr(wanted, name) for name in same if getattr(wanted, name) is not None]
    conditions += _within(c.placed_at, wanted.placed_from, wanted.placed_before)
    conditions += _within(c.updated_at, wanted.updated_from, wanted.updated_before)
    if wanted.total_from is not None:
        conditions.append(c.total >= wanted.total_from)
    if wanted.total_to is not None:
        conditions.append(c.total <= wanted.total_to)
    if wanted.needs_attention:
        conditions.append(_attention(actor))
    if wanted.country is not None:
        conditions.append(c.shipping_address["country_code"].astext == wanted.country)
    if wanted.tag is not None:  # as far as a customer may know, no order has tags
        conditions.append(c.tags.has_key(wanted.tag) if actor.is_shop else sa.false())
    if wanted.carrier is not None:
        conditions.append(has_carrier(wanted.carrier))
    if wanted.payment_method is not None:
        conditions.append((c.payment_method == wanted.payment_method) | has_method(wanted.payment_method))
    if wanted.tracking_number is not None and served != "tracking_number":
        conditions.append(has_parcel_number(wanted.tracking_number))
    if wanted.payment_reference is not None and served != "payment_reference":
        conditions.append(has_payment(wanted.payment_reference))
    if wanted.sku is not None and served != "sku":
        conditions.append(has_sku(wanted.sku))
    if search is not None and served != "q":
        conditions.append(matches(search))
    return sa.and_(sa.true(), *conditions).label("walked_matches")


def _within(column: Any, start: datetime | None, end: datetime | None) -> list[sa.ColumnElement[bool]]:
    """From `start` until before `end`."""
    return [*([] if start is None else [column >= start]), *([] if end is None else [column < end])]
