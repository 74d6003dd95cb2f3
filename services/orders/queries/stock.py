"""Levels of stock and their ledger: for the shop only."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Row

from services.orders.state import StockLevel
from services.orders.tables import stock_levels, stock_movements
from shared.contracts.actor import Actor
from shared.contracts.errors import NotFound
from shared.data.db import Transaction


async def level_of(tx: Transaction, actor: Actor, sku: str, *, lock: bool = False) -> StockLevel:
    """The level of a tracked SKU. Raises NotFound for one that is not tracked, and for customers."""
    query = sa.select(stock_levels).where(stock_levels.c.store_id == actor.store, stock_levels.c.sku == sku)
    row = await tx.first(query.with_for_update() if lock else query) if actor.is_shop else None
    if row is None:
        raise NotFound(detail="This SKU is not tracked: PUT its level first.")
    return as_level(row)


async def levels(tx: Transaction, actor: Actor, *, below: int | None, after: tuple[int, str] | None, limit: int) -> list[StockLevel]:
    """Tracked SKUs, scarcest first; with `below`, only those with less on hand. A keyset page after (on_hand, sku)."""
    query = sa.select(stock_levels).where(stock_levels.c.store_id == actor.store)
    if below is not None:
        query = query.where(stock_levels.c.on_hand < below)
    if after is not None:
        query = query.where(sa.tuple_(stock_levels.c.on_hand, stock_levels.c.sku) > after)
    rows = await tx.all(query.order_by(stock_levels.c.on_hand, stock_levels.c.sku).limit(limit)) if actor.is_shop else []
    return [as_level(row) for row in rows]


async def movements(tx: Transaction, actor: Actor, sku: str, *, before: int | None, limit: int) -> Sequence[Row[Any]]:
    """The ledger of a SKU, newest first. Raises NotFound for one that is not tracked, and for customers."""
    await level_of(tx, actor, sku)
    mine = (stock_movements.c.store_id == actor.store) & (stock_movements.c.sku == sku)
    query = sa.select(stock_movements).where(mine if before is None else mine & (stock_movements.c.sequence < before))
    return await tx.all(query.order_by(stock_movements.c.sequence.desc()).limit(limit))


def as_level(row: Row[Any]) -> StockLevel:
    """A row in memory."""
    return StockLevel(sku=row.sku, on_hand=row.on_hand, version=row.movements, changed_at=row.changed_at)
