"""Changing many deliveries of an endpoint: sending again, its return, its removal. Ids stay the same.

A backlog may have millions of rows, so the call itself takes one step, which for most is all, and the worker takes the others.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from services.webhooks import queries
from services.webhooks.requests import ReplayInput
from services.webhooks.rules import PROBLEMS
from services.webhooks.rules.filters import check_types, like_patterns
from services.webhooks.state import Endpoint, Replay, ReplayKind
from services.webhooks.tables import deliveries, replays
from shared.contracts.actor import Actor, shop_only
from shared.contracts.errors import Refused
from shared.contracts.events import read_by
from shared.contracts.ids import new_id, new_uuid
from shared.data.columns import columns_of
from shared.data.db import Database, Transaction
from shared.data.schema import TIME
from shared.data.sql import statement
from shared.process.settings import Settings

STEP_ROWS = 1_000
STORES_AT_ONCE = 100
ROUNDS = 20
"""So that a sweeper's turn ends."""
NO_DELIVERY = UUID(int=0)
TEST_TYPE = "webhooks.test.v1"

BOUND: dict[str, Any] = {
    "endpoint_id": deliveries.c.endpoint_id.type, "position": sa.BigInteger, "until_position": sa.BigInteger, "step": sa.Integer,
    "patterns": sa.ARRAY(sa.Text), "since": TIME, "until": TIME, "now": TIME,
}  # fmt: skip
BACKFILL = statement(__file__, "backfill").bindparams(*(sa.bindparam(name, type_=kind) for name, kind in BOUND.items()))
REPLAY = statement(__file__, "replay_deliveries").bindparams(
    *(sa.bindparam(name, type_=kind) for name, kind in BOUND.items()),
    *(sa.bindparam(name, type_=sa.Text) for name in ("kind", "state")),
    sa.bindparam("delivery_id", type_=sa.Uuid),
)


async def replay(tx: Transaction, actor: Actor, endpoint_id: str, request: ReplayInput, *, now: datetime) -> Replay:
    """Make deliveries due again, from the first attempt of the schedule on.

    Raises Forbidden, NotFound, Invalid `unknown_event_types`, Refused `endpoint_disabled`.
    """
    shop_only(actor).or_raise()
    endpoint = await _active(tx, actor, endpoint_id)
    if request.types is not None:
        check_types(request.types, (*read_by("webhooks"), TEST_TYPE), at="/types")
    wanted = request.model_dump(mode="json", include={"state", "since", "until", "backfill"})
    wanted["patterns"] = None if request.types is None else like_patterns(request.types)
    if request.delivery_ids is None:
        return await begin(tx, endpoint, "replay", wanted, now=now)
    return await _replay_these(tx, endpoint, request.delivery_ids, wanted, now=now)


async def begin(tx: Transaction, endpoint: Endpoint, kind: ReplayKind, wanted: Mapping[str, Any], *, now: datetime) -> Replay:
    """Record a change of the endpoint's deliveries, as far as they exist now, and take its first step."""
    made = await _insert(tx, endpoint, kind, wanted, await queries.newest_position(tx, endpoint.store_id), now=now)
    return await _step(tx, made, now=now)


async def run_replays(database: Database, settings: Settings, *, now: datetime) -> int:
    """Take steps of unfinished replays; stores take turns, however many replays each has. Returns how many deliveries were changed."""
    changed = 0
    running = sa.select(replays.c.store_id).where(replays.c.ended_at.is_(None)).group_by(replays.c.store_id)
    for _ in range(ROUNDS):
        async with database.reading() as tx:
            stores = await tx.all(running.order_by(sa.func.min(replays.c.created_at)).limit(STORES_AT_ONCE))
        if not stores:
            break
        for row in stores:
            changed += await _turn(database, row.store_id, now=now)
    return changed


async def _turn(database: Database, store_id: str, *, now: datetime) -> int:
    """One step of the store's oldest replay that nobody else is at. Returns how many deliveries it changed."""
    oldest = sa.select(*columns_of(replays, Replay)).where(replays.c.store_id == store_id, replays.c.ended_at.is_(None))
    async with database.transaction("webhooks.replay") as tx:
        first = oldest.order_by(replays.c.created_at, replays.c.replay_id).limit(1)
        row = await tx.first(first.with_for_update(skip_locked=True))
        if row is None:
            return 0
        before = Replay(**row._mapping)
        return (await _step(tx, before, now=now)).deliveries - before.deliveries


async def send_test(tx: Transaction, actor: Actor, endpoint_id: str, *, now: datetime) -> str:
    """Send an event of the type `webhooks.test.v1` to this endpoint alone. Returns the delivery's id.

    Raises Forbidden, NotFound, Refused `endpoint_disabled`.
    """
    shop_only(actor).or_raise()
    endpoint = await _active(tx, actor, endpoint_id)
    event_id, delivery_id = new_uuid(), new_id("delivery")
    subject = f"webhook_endpoint:{endpoint.endpoint_id}"
    body: dict[str, Any] = {
        "specversion": "1.0", "id": str(event_id), "source": "webhooks", "type": TEST_TYPE, "subject": subject, "time": now.isoformat(),
        "storeid": actor.store, "datacontenttype": "application/json", "data": {"endpoint_id": endpoint.endpoint_id},
    }  # fmt: skip
    row = {
        "store_id": actor.store, "delivery_id": delivery_id, "endpoint_id": endpoint_id, "position": 0, "event_id": event_id,
        "type": TEST_TYPE, "subject": subject, "state": "waiting", "personal": False,
        "body": json.dumps(body, separators=(",", ":")), "attempts": 0, "tries": 0, "due_at": now, "created_at": now,
    }  # fmt: skip
    await tx.execute(sa.insert(deliveries).values(**row))
    tx.emitted = True  # wakes the deliverer
    return delivery_id


async def _active(tx: Transaction, actor: Actor, endpoint_id: str) -> Endpoint:
    endpoint = await queries.endpoint_for(tx, actor, endpoint_id, lock=True)
    if endpoint.state == "disabled":
        raise Refused("endpoint_disabled", PROBLEMS["endpoint_disabled"], reason=endpoint.reason)
    return endpoint


async def _replay_these(
    tx: Transaction, endpoint: Endpoint, delivery_ids: list[str], wanted: Mapping[str, Any], *, now: datetime
) -> Replay:
    """Named deliveries are few enough for one step."""
    mine = [deliveries.c.store_id == endpoint.store_id, deliveries.c.endpoint_id == endpoint.endpoint_id]
    mine.append(deliveries.c.delivery_id.in_(delivery_ids))
    if wanted["state"] is not None:
        mine.append(deliveries.c.state == wanted["state"])
    due = {"state": "waiting", "due_at": now, "ended_at": None, "tries": 0}
    count = (await tx.execute(sa.update(deliveries).where(*mine).values(**due))).rowcount
    tx.emitted = True  # wakes the deliverer
    made = await _insert(tx, endpoint, "replay", wanted, 0, now=now)
    return await _save(tx, replace(made, deliveries=count, ended_at=now))


async def _insert(tx: Transaction, endpoint: Endpoint, kind: ReplayKind, wanted: Mapping[str, Any], until: int, *, now: datetime) -> Replay:
    row = {
        "store_id": endpoint.store_id, "replay_id": new_id("replay"), "endpoint_id": endpoint.endpoint_id, "kind": kind,
        "wanted": dict(wanted), "in_feed": False, "position": -1, "delivery_id": NO_DELIVERY, "until_position": until, "deliveries": 0,
        "created_at": now,
    }  # fmt: skip
    made = await tx.execute(sa.insert(replays).values(**row).returning(*columns_of(replays, Replay)))
    return Replay(**made.one()._mapping)


async def _step(tx: Transaction, one: Replay, *, now: datetime) -> Replay:
    """Take one step: of the deliveries that exist, then (with `backfill`) of the feed."""
    moment = {name: None if (at := one.wanted.get(name)) is None else datetime.fromisoformat(at) for name in ("since", "until")}
    values = {
        "store": one.store_id, "endpoint_id": one.endpoint_id, "position": one.position, "until_position": one.until_position,
        "step": STEP_ROWS, "patterns": one.wanted.get("patterns"), "now": now, **moment,
    }  # fmt: skip
    if one.in_feed:
        [row] = await tx.all(BACKFILL, values)
        after = replace(one, position=row.position or one.position, deliveries=one.deliveries + row.changed)
    else:
        [row] = await tx.all(REPLAY, values | {"kind": one.kind, "state": one.wanted.get("state"), "delivery_id": one.delivery_id})
        after = replace(one, deliveries=one.deliveries + row.changed)
        if row.looked_at:
            after = replace(after, position=row.position, delivery_id=row.delivery_id)
    tx.emitted = True  # wakes the deliverer
    if row.looked_at == STEP_ROWS:
        return await _save(tx, after)
    if one.in_feed or not one.wanted.get("backfill"):
        return await _save(tx, replace(after, ended_at=now))
    return await _step(tx, replace(after, in_feed=True, position=0), now=now)


async def _save(tx: Transaction, one: Replay) -> Replay:
    mine = (replays.c.store_id == one.store_id) & (replays.c.replay_id == one.replay_id)
    changed = {name: getattr(one, name) for name in ("in_feed", "position", "delivery_id", "deliveries", "ended_at")}
    await tx.execute(sa.update(replays).where(mine).values(**changed))
    return one
