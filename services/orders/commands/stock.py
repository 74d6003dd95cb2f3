"""The stock ledger: movements with unique causes, and the levels that are their sums."""

import json
from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from services.orders.queries.stock import level_of
from services.orders.requests.stock import MAX_ON_HAND, AdjustmentInput, LevelInput
from services.orders.rules.stock import Movement
from services.orders.state import StockLevel
from services.orders.tables import stock_levels
from shared.contracts.actor import Actor, shop_only
from shared.contracts.errors import Refused, expect_version
from shared.contracts.events import By, StockMoved
from shared.contracts.ids import new_uuid, uuid_of
from shared.data.db import Transaction
from shared.data.schema import TIME
from shared.data.sql import statement
from shared.data.traces import current_traceparent

MOVE = statement(__file__, "move_stock").bindparams(sa.bindparam("now", type_=TIME))


async def move(
    tx: Transaction, actor: Actor, movements: Sequence[Movement], *, order_id: str | None = None, reason: str, now: datetime
) -> None:
    """Write movements, update their levels, and emit a `stock.moved` for each. SKUs without a level are not tracked and are skipped.

    The same cause twice for a SKU, or a movement that takes units that are not there and may not, violates a constraint, and the whole
    transaction rolls back.
    """
    if not movements:
        return
    rows = [{"n": n, "sku": m.sku, "quantity": m.quantity, "cause": m.cause, "oversell": m.oversell} for n, m in enumerate(movements)]
    await tx.execute(
        MOVE,
        {
            "store": actor.store,
            "movements": json.dumps(rows),
            "order_id": None if order_id is None else uuid_of("order", order_id),
            "public_order_id": order_id,
            "reason": reason,
            "by": By.of(actor).model_dump_json(),
            "now": now,
            "now_text": now.isoformat(),
            "type": StockMoved.type,
            "traceparent": current_traceparent(),
        },
    )
    tx.emitted = True


async def set_level(
    tx: Transaction, actor: Actor, sku: str, request: LevelInput, *, now: datetime, expected_version: int | None
) -> StockLevel:
    """Start tracking a SKU, or correct its level to the counted number; the difference is a movement.

    Raises Forbidden, VersionConflict (the level has changed since it was counted).
    """
    shop_only(actor).or_raise()
    started = insert(stock_levels).values(store_id=actor.store, sku=sku, on_hand=0, movements=0, changed_at=now)
    await tx.execute(started.on_conflict_do_nothing())
    level = await level_of(tx, actor, sku, lock=True)
    expect_version(level.version, expected_version)
    if level.on_hand != request.on_hand:
        counted = Movement(sku, request.on_hand - level.on_hand, f"counted:{new_uuid()}")
        await move(tx, actor, [counted], reason=request.reason, now=now)
    return await level_of(tx, actor, sku)


async def adjust_level(tx: Transaction, actor: Actor, sku: str, request: AdjustmentInput, *, now: datetime) -> StockLevel:
    """Add or remove units of a tracked SKU. Raises Forbidden, NotFound (not tracked), Refused `stock_too_low`, `amount_too_large`."""
    shop_only(actor).or_raise()
    level = await level_of(tx, actor, sku, lock=True)
    if request.quantity < 0 and level.on_hand + request.quantity < 0:  # putting units back is right however low the level is
        raise Refused(
            "stock_too_low",
            f"The adjustment would make the stock level negative: {level.on_hand} units are on hand.",
            sku=sku,
            on_hand=level.on_hand,
        )
    if level.on_hand + request.quantity > MAX_ON_HAND:
        raise Refused("amount_too_large", f"A stock level can be at most {MAX_ON_HAND} units.")
    await move(tx, actor, [Movement(sku, request.quantity, f"adjusted:{new_uuid()}")], reason=request.reason, now=now)
    return await level_of(tx, actor, sku)
