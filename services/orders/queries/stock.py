"""Stock levels and their ledger, only for the shop."""

from collections.abc import Collection

import sqlalchemy as sa

from services.orders.state import StockLevel, StockMovement
from services.orders.tables import stock_levels, stock_movements
from shared.contracts.actor import Actor
from shared.contracts.errors import NotFound
from shared.data.columns import columns_of
from shared.data.db import Transaction
from shared.web.pages import Key, Walked, walk

LEVELS = sa.select(*columns_of(stock_levels, StockLevel), stock_levels.c.movements.label("version"))
SCARCEST_FIRST = Key(stock_levels.c.on_hand, stock_levels.c.sku)
NEWEST_FIRST = Key(stock_movements.c.sequence, newest_first=True)


async def level_of(tx: Transaction, actor: Actor, sku: str, *, lock: bool = False) -> StockLevel:
    """The level of a tracked SKU. Raises NotFound for an untracked one, and for customers."""
    query = LEVELS.where(stock_levels.c.store_id == actor.store, stock_levels.c.sku == sku)
    row = await tx.first(query.with_for_update() if lock else query) if actor.is_shop else None
    if row is None:
        raise NotFound(detail="This SKU is not tracked; PUT its level first.")
    return StockLevel(**row._mapping)


async def locked_levels(tx: Transaction, actor: Actor, skus: Collection[str]) -> dict[str, int]:
    """Units on hand of those SKUs that are tracked, locked in SKU order, as every other writer locks them."""
    mine = (stock_levels.c.store_id == actor.store) & stock_levels.c.sku.in_(skus)
    rows = await tx.all(sa.select(stock_levels.c.sku, stock_levels.c.on_hand).where(mine).order_by(stock_levels.c.sku).with_for_update())
    return {row.sku: row.on_hand for row in rows}


async def levels(tx: Transaction, actor: Actor, *, below: int | None, cursor: str | None, limit: int) -> Walked[StockLevel]:
    """A page of the tracked SKUs, scarcest first; with `below`, only those with fewer units on hand. Raises Invalid `bad_cursor`."""
    query = LEVELS.where(stock_levels.c.store_id == actor.store if actor.is_shop else sa.false())
    if below is not None:
        query = query.where(stock_levels.c.on_hand < below)
    return await walk(tx, SCARCEST_FIRST, StockLevel, query, cursor=cursor, limit=limit)


async def movements(tx: Transaction, actor: Actor, sku: str, *, cursor: str | None, limit: int) -> Walked[StockMovement]:
    """A page of a SKU's ledger, newest first. Raises NotFound for an untracked one, and for customers; Invalid `bad_cursor`."""
    await level_of(tx, actor, sku)
    mine = (stock_movements.c.store_id == actor.store, stock_movements.c.sku == sku)
    query = sa.select(*columns_of(stock_movements, StockMovement)).where(*mine)
    return await walk(tx, NEWEST_FIRST, StockMovement, query, cursor=cursor, limit=limit)
