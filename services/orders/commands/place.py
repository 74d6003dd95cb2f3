"""Places one order."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from services.orders.commands.draft import Draft, Shown, draft
from services.orders.commands.numbers import make_series
from services.orders.commands.placing import NUMBER_IN_USE, Blocked, Placed, Repeated, Short, attempt, rehearse
from services.orders.requests.placing import PlaceOrder
from services.orders.tables import orders
from shared.contracts.actor import Actor, shop_only
from shared.contracts.errors import Refused, Transient
from shared.data.db import Database
from shared.data.idempotency import Reservation, find

MAX_ATTEMPTS = 20  # the platform may assign the very numbers that the series gives, at the same moment


async def place_order(
    db: Database, actor: Actor, request: PlaceOrder, reservation: Reservation, *, shown: Shown, now: datetime, dry_run: bool = False
) -> Placed | Repeated:
    """Place one order; a repeat with the same key gets the same response. A dry run answers the same, with an empty number.

    Raises Forbidden, Invalid (figures, addresses, times), TooLarge, Refused `out_of_stock`, `number_taken`, `external_ref_taken`.
    """
    shop_only(actor).or_raise()
    return await place_draft(db, draft(actor, request, reservation, shown=shown, now=now), now=now, dry_run=dry_run)


async def place_draft(db: Database, one: Draft, *, now: datetime, dry_run: bool = False) -> Placed | Repeated:
    """Place a drafted order. Raises the same as place_order."""
    for _ in range(MAX_ATTEMPTS):
        (outcome,) = await (rehearse if dry_run else attempt)(db, "orders.place", [one], now=now)
        match outcome:
            case Placed() | Repeated():
                return outcome
            case Short(skus):
                raise Refused("out_of_stock", "There is less stock than was ordered.", short=skus)
            case Blocked(error):
                if error is None:
                    async with db.transaction("orders.start_series") as tx:
                        await make_series(tx, one.reservation.store_id)
                elif not isinstance(error, IntegrityError):
                    raise error
                elif not await _number_was_given(db, error, one):
                    return await _earlier(db, one.reservation, error)
    raise Transient(detail="No free number was found; nothing was placed.", retry_after_seconds=1)


async def _number_was_given(db: Database, error: IntegrityError, one: Draft) -> bool:
    """Whether the series hit a number in use, so that the next one is tried. Raises Refused if a value of the request is taken."""
    broken, order = str(error.orig), one.state.order
    if "uq_orders_store_id_external_ref" in broken:
        holder = await _holder(db, one, orders.c.external_ref == order.external_ref)
        raise Refused("external_ref_taken", "Another order of the store already has this external_ref.", order_id=holder) from error
    if NUMBER_IN_USE in broken and one.number is not None:
        holder = await _holder(db, one, orders.c.number == one.number)
        raise Refused("number_taken", "Another order of the store already has this number.", order_id=holder) from error
    return NUMBER_IN_USE in broken


async def _holder(db: Database, one: Draft, same: sa.ColumnElement[bool]) -> str | None:
    """The order that has the value already: a caller that lost its answer and its key finds it by that."""
    async with db.reading() as tx:
        row = await tx.first(sa.select(orders.c.order_id).where(orders.c.store_id == one.reservation.store_id, same))
    return None if row is None else str(row.order_id)


async def _earlier(db: Database, reservation: Reservation, error: IntegrityError) -> Repeated:
    """The response of the call that reserved the same key meanwhile. Raises `error` if there is none: something else failed."""
    async with db.reading() as tx:
        stored = await find(tx, reservation)
    if stored is None:
        raise error
    return Repeated(stored)
