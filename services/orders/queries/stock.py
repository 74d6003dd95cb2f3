"""Stock levels and their ledger, only for the shop."""

from dataclasses import fields
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Row

from services.orders.state import StockLevel, StockMovement
from services.orders.tables import stock_levels, stock_movements
from shared.contracts.actor import Actor
from shared.contracts.errors import NotFound
from shared.data.db import Transaction
from shared.web.pages import Key, Walked, walk

SCARCEST_FIRST = Key(stock_levels.c.on_hand, stock_levels.c.sku)
NEWEST_FIRST = Key(stock_movements.c.sequence, newest_first=True)


async def level_of(tx: Transaction, actor: Actor, sku: str, *, lock: bool = False) -> StockLevel:
    """The level of a tracked SKU. Raises NotFound for an untracked one, and for customers."""
    query = sa.select(stock_levels).where(stock_levels.c.store_id == actor.store, stock_levels.c.sku == sku)
    row = await tx.first(query.with_for_update() if lock else query) if actor.is_shop else None
    if row is None:
        raise NotFound(detail="This SKU is not tracked; PUT its level first.")
    return _level(row)


async def levels(tx: Transaction, actor: Actor, *, below: int | None, cursor: str | None, limit: int) -> Walked[StockLevel]:
    """A page of the tracked SKUs, scarcest first; with `below`, only those with fewer units on hand. Raises Invalid `bad_cursor`."""
    query = sa.select(stock_levels).where(stock_levels.c.store_id == actor.store if actor.is_shop else sa.false())
    if below is not None:
        query = query.where(stock_levels.c.on_hand < below)
    page = await walk(tx, SCARCEST_FIRST, query, cursor=cursor, limit=limit)
    return page.each(_level)


async def movements(tx: Transaction, actor: Actor, sku: str, *, cursor: str | None, limit: int) -> Walked[StockMovement]:
    """A page of a SKU's ledger, newest first. Raises NotFound for an untracked one, and for customers; Invalid `bad_cursor`."""
    await level_of(tx, actor, sku)
    query = sa.select(stock_movements).where(stock_movements.c.store_id == actor.store, stock_movements.c.sku == sku)
    page = await walk(tx, NEWEST_FIRST, query, cursor=cursor, limit=limit)
    return page.each(_movement)


def _level(row: Row[Any]) -> StockLevel:
    return StockLevel(sku=row.sku, on_hand=row.on_hand, version=row.movements, changed_at=row.changed_at)


def _movement(row: Row[Any]) -> StockMovement:
    return StockMovement(**{column.name: row._mapping[column.name] for column in fields(StockMovement)})
