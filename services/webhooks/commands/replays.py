"""Sending events again: some deliveries, a range, or a back-fill of what an endpoint was never sent. Ids stay the same."""

import json
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from services.webhooks import queries
from services.webhooks.requests import ReplayInput
from services.webhooks.rules import PROBLEMS
from services.webhooks.rules.filters import check_types, like_patterns
from services.webhooks.state import Endpoint
from services.webhooks.tables import deliveries
from shared.contracts.actor import Actor, shop_only
from shared.contracts.errors import Refused
from shared.contracts.events import read_by
from shared.contracts.ids import new_id, new_uuid
from shared.data.db import Transaction
from shared.data.schema import TIME
from shared.data.sql import statement

BACKFILL = statement(__file__, "backfill").bindparams(
    sa.bindparam("endpoint_id", type_=deliveries.c.endpoint_id.type),
    sa.bindparam("patterns", type_=sa.ARRAY(sa.Text)),
    *(sa.bindparam(name, type_=TIME) for name in ("since", "until", "now")),
)

TEST_TYPE = "webhooks.test.v1"


async def replay(tx: Transaction, actor: Actor, endpoint_id: str, request: ReplayInput, *, now: datetime) -> int:
    """Make deliveries due again, from the first attempt of the schedule on. Returns how many.

    Raises Forbidden, NotFound, Invalid `unknown_event_types`, Refused `endpoint_disabled`.
    """
    shop_only(actor).or_raise()
    endpoint = await _active(tx, actor, endpoint_id)
    if request.types is not None:
        check_types(request.types, (*read_by("webhooks"), TEST_TYPE), at="/types")
    wanted = [deliveries.c.store_id == actor.store, deliveries.c.endpoint_id == endpoint_id]
    if request.delivery_ids is not None:
        wanted.append(deliveries.c.delivery_id.in_(request.delivery_ids))
    if request.state is not None:
        wanted.append(deliveries.c.state == request.state)
    if request.types is not None:
        wanted.append(sa.or_(*(deliveries.c.type.like(one) for one in like_patterns(request.types))))
    if request.since is not None:
        wanted.append(deliveries.c.created_at >= request.since)
    if request.until is not None:
        wanted.append(deliveries.c.created_at < request.until)
    due = {"state": "waiting", "due_at": now, "ended_at": None, "tries": 0}
    count = (await tx.execute(sa.update(deliveries).where(*wanted).values(**due))).rowcount
    if request.backfill:
        count += await _backfill(tx, endpoint, request, now=now)
    tx.emitted = True  # wakes the deliverer
    return count


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


async def _backfill(tx: Transaction, endpoint: Endpoint, request: ReplayInput, *, now: datetime) -> int:
    values = {
        "store": endpoint.store_id,
        "endpoint_id": endpoint.endpoint_id,
        "patterns": like_patterns(request.types or endpoint.types),
        "since": request.since,
        "until": request.until,
        "now": now,
    }
    return (await tx.execute(BACKFILL, values)).rowcount
