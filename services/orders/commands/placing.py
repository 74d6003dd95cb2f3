"""The statement that places orders, and the outcome of each order (docs/decisions/0100-one-statement-places-an-order.md)."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import DBAPIError, IntegrityError

from services.orders.commands.draft import Draft
from shared.contracts.errors import Invalid, Transient
from shared.contracts.events import StockMoved
from shared.contracts.ids import new_uuid
from shared.data.db import Database
from shared.data.idempotency import Stored, answer
from shared.data.schema import TIME
from shared.data.sql import statement
from shared.data.traces import current_traceparent

PLACE = statement(__file__, "place").bindparams(sa.bindparam("now", type_=TIME)).columns(short=JSONB)

NUMBER_IN_USE = "uq_orders_store_id_number"


@dataclass(frozen=True, slots=True)
class Placed:
    """The order is placed; this is the response."""

    stored: Stored


@dataclass(frozen=True, slots=True)
class Repeated:
    """The same call placed the order before; this was its response."""

    stored: Stored


@dataclass(frozen=True, slots=True)
class Short:
    """Nothing is placed: these SKUs have less on hand than was ordered (`sku`, `on_hand`, `ordered`)."""

    skus: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Blocked:
    """Nothing is placed: a number, reference or key is taken, or the database asks for a retry. None: the store has no number series."""

    error: DBAPIError | Transient | Invalid | None = None


Outcome = Placed | Repeated | Short | Blocked


async def attempt(db: Database, name: str, drafts: Sequence[Draft], *, now: datetime) -> list[Outcome]:
    """Place all of these orders of one caller, or none. Returns the outcome of each.

    If the series gives a number in use, as after an import, the statement runs once more and first sets the series behind the highest.
    Raises Unavailable if the outcome is unknown: a repeat with the same keys finds it.
    """
    parameters = _parameters(drafts, now=now)
    try:
        try:
            rows = await db.execute_once(name, PLACE, parameters | {"behind": False})
        except IntegrityError as error:
            if NUMBER_IN_USE not in str(error.orig) or all(one.number is not None for one in drafts):
                raise
            rows = await db.execute_once(name, PLACE, parameters | {"behind": True})
    except (DBAPIError, Transient) as error:
        return [Blocked(error) for _ in drafts]
    return [_outcome(one, row) for one, row in zip(drafts, rows, strict=True)]


async def rehearse(db: Database, _: str, drafts: Sequence[Draft], *, now: datetime) -> list[Outcome]:
    """What attempt() would do with these orders, whose key stays unused and whose number, where the series gives it, is empty.

    A sequence does not roll back: for the statement, such an order brings its own id as its number.
    """
    tried = [
        replace(one, number=one.number or one.state.order.order_id, reservation=replace(one.reservation, key=str(new_uuid())))
        for one in drafts
    ]
    try:
        async with db.rehearsing() as tx:
            rows = await tx.all(PLACE, _parameters(tried, now=now) | {"behind": False})
    except (DBAPIError, Transient) as error:
        return [Blocked(error) for _ in drafts]
    outcomes = [_outcome(one, row) for one, row in zip(tried, rows, strict=True)]
    return [_unnumbered(outcome, one) for outcome, one in zip(outcomes, drafts, strict=True)]


def _unnumbered(outcome: Outcome, one: Draft) -> Outcome:
    if one.number is not None or not isinstance(outcome, Placed):
        return outcome
    body = outcome.stored.body.replace(f'"number":"{one.state.order.order_id}"', '"number":""', 1)
    return Placed(replace(outcome.stored, body=body))


def _outcome(one: Draft, row: Any) -> Outcome:
    if row.placed:
        return Placed(Stored(201, row.answer, '"v1"'))
    if row.status is not None:
        try:
            return Repeated(answer(one.reservation, row))
        except Invalid as another_request:
            return Blocked(another_request)
    return Short(row.short) if row.short else Blocked()


def _parameters(drafts: Sequence[Draft], *, now: datetime) -> dict[str, Any]:
    """One array for each column of the orders, and one for each column of all their lines."""
    orders = [one.state.order for one in drafts]
    lines = [line for one in drafts for line in one.lines]
    reservation = drafts[0].reservation
    return {
        "store": reservation.store_id, "caller": reservation.caller, "now": now, "now_text": now.isoformat(),
        "stock_type": StockMoved.type, "traceparent": current_traceparent(),
        "keys": [one.reservation.key for one in drafts], "request_hashes": [one.reservation.request_hash for one in drafts],
        "order_ids": [one.order_uuid for one in drafts], "public_ids": [order.order_id for order in orders],
        "numbers": [one.number for one in drafts], "answers": [one.answer for one in drafts], "events": [one.event for one in drafts],
        "event_ids": [new_uuid() for _ in drafts], "types": [one.kind.type for one in drafts], "beside": [one.beside for one in drafts],
        "address_problems": [json.dumps([problem.members() for problem in one.state.address_problems]) for one in drafts],
        "payments": [one.payments for one in drafts],
        "line_items": [n for n, one in enumerate(drafts, start=1) for _ in one.lines],
        "skus": [sku for one in drafts for sku in one.skus],
        "quantities": [line.quantity for order in orders for line in order.lines],
        "line_answers": [line.answer for line in lines], "tracked_line_answers": [line.tracked_answer for line in lines],
        "line_events": [line.event for line in lines], "tracked_line_events": [line.tracked_event for line in lines],
    }  # fmt: skip
