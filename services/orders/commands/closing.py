"""Closes a difference: what is still due, or was paid too much, is let be."""

from dataclasses import replace
from datetime import datetime

import sqlalchemy as sa

from services.orders.commands.change import Doing, changed, write
from services.orders.queries.orders import order_for
from services.orders.queries.settings import settings_of
from services.orders.requests.changes import CloseDifference
from services.orders.rules.closing import difference, may_close
from services.orders.state import OrderState
from services.orders.tables import closings
from shared.contracts.actor import Actor
from shared.contracts.errors import expect_version
from shared.contracts.events import Closing, OrderDifferenceClosed
from shared.contracts.ids import new_id
from shared.data.db import Transaction


async def close_difference(
    tx: Transaction, actor: Actor, order_id: str, request: CloseDifference, *, now: datetime, expected_version: int | None = None
) -> OrderState:
    """Let a difference be. Its note is stored with the change, as the reason of it, and is in no event.

    Raises NotFound, Forbidden, VersionConflict and Refused (see rules.closing.may_close).
    """
    state = await order_for(tx, actor, order_id, lock=True)
    before = state.order
    expect_version(before.version, expected_version)
    settings = await settings_of(tx, actor.store)
    may_close(before, actor, settings.closing_limit, request.kind, request.amount).or_raise()
    doing = Doing(actor, now, now, reason=request.note)
    closing = Closing.like(request, closing_id=new_id("closing"), by=doing.by, occurred_at=now, order_version=before.version + 1)
    noted = replace(state, closing_notes=state.closing_notes | {closing.closing_id: request.note})
    after = changed(noted, now=now, closings=(*before.closings, closing))
    said = closing.model_dump(include={"closing_id", "kind", "amount", "reason"})
    await write(tx, after, OrderDifferenceClosed, doing, said, closing_id=closing.closing_id)
    row = {"store_id": actor.store, "order_id": order_id, "order_version": closing.order_version, **said}
    await tx.execute(sa.insert(closings).values(difference=difference(before.position, request.kind), **row))
    return after
