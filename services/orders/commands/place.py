"""Placing orders: one, or several of a batch of which each stands or falls alone."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import Any

import sqlalchemy as sa
import structlog
from sqlalchemy.exc import DBAPIError, IntegrityError

from services.orders.commands.change import enforce
from services.orders.commands.draft import Draft, draft
from services.orders.commands.placing_statement import FIRST_NUMBER, PLACE, SERIES
from services.orders.requests.placing import PlaceOrder
from services.orders.rules.status import shop_only
from shared.contracts.actor import Actor
from shared.contracts.errors import Failure, Refused, Transient, Unavailable
from shared.contracts.events import OrderPlaced, StockMoved
from shared.contracts.ids import new_uuid
from shared.data.db import Database
from shared.data.idempotency import Claim, Kept, answer, find
from shared.data.traces import current_traceparent

log = structlog.get_logger()

MAX_ATTEMPTS = 20  # the series may meet numbers that the platform gave out itself
PARTS = 8


@dataclass(frozen=True, slots=True)
class Placed:
    """What became of a call: the answer, and whether it was given before."""

    kept: Kept
    replayed: bool


async def place_order(db: Database, actor: Actor, request: PlaceOrder, claim: Claim, *, now: datetime) -> Placed:
    """Place one order; the same claim again gets the same answer.

    Raises Forbidden, Invalid (figures, addresses, times), TooLarge, Refused `out_of_stock`, `number_taken`, `external_ref_taken`.
    """
    enforce(shop_only(actor))
    return await _place(db, draft(actor, request, claim, now), now)


async def place_together(db: Database, drafts: Sequence[Draft], now: datetime) -> list[Kept | Failure]:
    """Place several orders as if one after the other, in one statement if nothing is in the way: each one's answer, or its refusal.

    What was placed before is answered from what was kept. Where anything else stands in the way nothing is written, and the orders
    go again in smaller parts, down to each by itself, so that only those in the way are refused.
    """
    if not drafts:
        return []
    if len(drafts) == 1:
        try:
            return [(await _place(db, drafts[0], now)).kept]
        except Failure as failure:
            return [failure]
        except Exception as error:  # its own trouble, and no other order's
            log.error("bug", error=repr(error), exc_info=error)
            return [Failure(detail="Our mistake; nothing of this order was placed. The trace id finds it in the logs.")]
    try:
        rows = await db.execute_once("orders.place_together", PLACE, _parameters(drafts, now))
    except Unavailable as away:  # unknown for all of them, and no use to ask for each: a repeat under the same keys finds out
        return [away] * len(drafts)
    except (DBAPIError, Transient):  # each by itself finds out what it means for it, and whether it was placed
        rows = []
    if rows and all(row.placed for row in rows):
        return [Kept(201, row.answer, '"v1"') for row in rows]
    left = [one for one, row in zip(drafts, rows, strict=True) if row.status is None] if rows else []
    if rows and len(left) < len(drafts):
        others = iter(await place_together(db, left, now))
        return [next(others) if row.status is None else _earlier(one.claim, row) for one, row in zip(drafts, rows, strict=True)]
    size = -(-len(drafts) // PARTS)
    parts = [drafts[first : first + size] for first in range(0, len(drafts), size)]
    return [placed for part in parts for placed in await place_together(db, part, now)]


async def _place(db: Database, one: Draft, now: datetime) -> Placed:
    parameters = _parameters([one], now)
    for _ in range(MAX_ATTEMPTS):
        try:
            (row,) = await db.execute_once("orders.place", PLACE, parameters)
        except IntegrityError as error:
            if _taken(error, one):
                continue
            earlier = await _find(db, one.claim)
            if earlier is None:
                raise
            return Placed(earlier, replayed=True)
        if row.placed:
            return Placed(Kept(201, row.answer, '"v1"'), replayed=False)
        if row.status is not None:
            return Placed(answer(one.claim, row), replayed=True)
        if row.short:
            raise Refused("out_of_stock", "There is less on hand than ordered.", short=row.short)
        await _start_series(db, one.claim.store_id)
    raise Transient(detail="No free number was found; nothing was placed.", retry_after_seconds=1)


def _parameters(drafts: Sequence[Draft], now: datetime) -> dict[str, Any]:
    """What the statement takes: an array for each column of the orders, and for each column of all their lines."""
    orders = [one.state.order for one in drafts]
    claim = drafts[0].claim
    return {
        "store": claim.store_id, "caller": claim.caller, "now": now, "now_text": now.isoformat(), "type": OrderPlaced.type,
        "stock_type": StockMoved.type, "traceparent": current_traceparent(),
        "keys": [one.claim.key for one in drafts], "request_hashes": [one.claim.request_hash for one in drafts],
        "order_ids": [one.order_uuid for one in drafts], "public_ids": [order.order_id for order in orders],
        "numbers": [one.number for one in drafts], "answers": [one.answer for one in drafts], "events": [one.event for one in drafts],
        "event_ids": [new_uuid() for _ in drafts], "metadata": [json.dumps(one.state.metadata) for one in drafts],
        "payments": [one.payments for one in drafts],
        "line_items": [n for n, order in enumerate(orders, start=1) for _ in order.lines],
        "skus": [line.sku for order in orders for line in order.lines],
        "quantities": [line.quantity for order in orders for line in order.lines],
        "line_answers": list(chain.from_iterable(one.line_answers for one in drafts)),
        "line_events": list(chain.from_iterable(one.line_events for one in drafts)),
    }  # fmt: skip


def _earlier(claim: Claim, row: Any) -> Kept | Failure:
    try:
        return answer(claim, row)
    except Failure as failure:
        return failure


def _taken(error: IntegrityError, one: Draft) -> bool:
    """Whether to take the next number: ours met one that the platform had given. Raises Refused for what the caller chose."""
    broken = str(error.orig)
    if "uq_orders_store_id_external_ref" in broken:
        raise Refused("external_ref_taken", "Another order of the store has this external_ref.") from error
    if "uq_orders_store_id_number" in broken and one.number is not None:
        raise Refused("number_taken", "Another order of the store has this number.") from error
    return "uq_orders_store_id_number" in broken


async def _find(db: Database, claim: Claim) -> Kept | None:
    async with db.reading() as tx:
        return await find(tx, claim)


async def _start_series(db: Database, store_id: str) -> None:
    """Make the store's number sequence; of several that come first, one makes it."""
    lock, name = SERIES
    async with db.transaction("orders.start_series") as tx:
        await tx.execute(lock, {"store": store_id})
        sequence = await tx.scalar(name, {"store": store_id})
        await tx.execute(sa.text(f"create sequence if not exists {sequence} start {FIRST_NUMBER}"))
