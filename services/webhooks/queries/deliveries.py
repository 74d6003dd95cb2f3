"""Reads deliveries and their attempts."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from services.webhooks.state import Attempt, Delivery, DeliveryState, Replay
from services.webhooks.tables import attempts, deliveries, replays
from shared.contracts.actor import Actor
from shared.data.columns import columns_of
from shared.data.db import Transaction
from shared.web.pages import Key, Order, Walked, walk

DELIVERIES = Key(deliveries.c.position, deliveries.c.delivery_id, newest_first=True)
MAX_ATTEMPTS = 32
"""Attempts of a delivery that are shown: the latest ones, two whole schedules."""
MAX_ATTEMPTS_TOGETHER = 1_000
"""Attempts of several deliveries that are shown together: an answer of a few megabytes, whatever their receivers said."""
MAX_DELIVERIES = 1_000
"""Deliveries of one event that are shown: as many as a store may have endpoints."""


async def listed_deliveries(
    tx: Transaction,
    actor: Actor,
    endpoint_id: str,
    *,
    state: DeliveryState | None,
    since: datetime | None,
    until: datetime | None,
    cursor: str | None,
    limit: int,
) -> Walked[Delivery]:
    """A page of an endpoint's deliveries, latest event first. Raises Invalid `bad_cursor`."""
    mine = sa.select(*columns_of(deliveries, Delivery)).where(_mine(actor), deliveries.c.endpoint_id == endpoint_id)

    def left(window: sa.Subquery, order: Order) -> sa.Select[Any]:
        chosen = sa.select(window)
        if state is not None:
            chosen = chosen.where(window.c.state == state)
        if since is not None:
            chosen = chosen.where(window.c.created_at >= since)
        if until is not None:
            chosen = chosen.where(window.c.created_at < until)
        return chosen.order_by(*order(window.c))

    return await walk(tx, DELIVERIES, Delivery, mine, cursor=cursor, limit=limit, left=left)


async def delivery_for(tx: Transaction, actor: Actor, delivery_id: str) -> Delivery:
    """One delivery of the store. Raises NotFound."""
    wanted = sa.select(*columns_of(deliveries, Delivery)).where(_mine(actor), deliveries.c.delivery_id == delivery_id)
    return Delivery(**(await tx.found(wanted, "No such delivery in this store."))._mapping)


async def deliveries_of_event(tx: Transaction, actor: Actor, event_id: UUID) -> list[Delivery]:
    """The deliveries of one event, by endpoint."""
    mine = sa.select(*columns_of(deliveries, Delivery)).where(_mine(actor), deliveries.c.event_id == event_id)
    return [Delivery(**row._mapping) for row in await tx.all(mine.order_by(deliveries.c.endpoint_id).limit(MAX_DELIVERIES))]


async def attempts_of(tx: Transaction, actor: Actor, delivery_ids: Sequence[str]) -> dict[str, list[Attempt]]:
    """The latest attempts of each of these deliveries, in order: MAX_ATTEMPTS of each, fewer of many."""
    each = max(1, min(MAX_ATTEMPTS, MAX_ATTEMPTS_TOGETHER // max(1, len(delivery_ids))))
    mine = (
        sa.select(deliveries.c.store_id, deliveries.c.delivery_id)
        .where(_mine(actor), deliveries.c.delivery_id.in_(delivery_ids))
        .subquery()
    )
    its = (attempts.c.store_id == mine.c.store_id) & (attempts.c.delivery_id == mine.c.delivery_id)
    latest = sa.select(attempts).where(its).order_by(attempts.c.number.desc()).limit(each).lateral()
    found: dict[str, list[Attempt]] = {one: [] for one in delivery_ids}
    for row in await tx.all(sa.select(latest).select_from(mine.join(latest, sa.true())).order_by(latest.c.delivery_id, latest.c.number)):
        found[row.delivery_id].append(Attempt(**row._mapping))
    return found


async def replay_for(tx: Transaction, actor: Actor, replay_id: str) -> Replay:
    """One replay of the store. Raises NotFound."""
    mine = (replays.c.store_id == actor.store) & (replays.c.replay_id == replay_id) & (replays.c.kind == "replay")
    row = await tx.found(sa.select(*columns_of(replays, Replay)).where(mine), "No such replay in this store.")
    return Replay(**row._mapping)


def _mine(actor: Actor) -> sa.ColumnElement[bool]:
    return deliveries.c.store_id == actor.store
