"""Leasing due deliveries, and recording what became of them."""

import json
import random
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from services.webhooks.rules.schedule import Failing, Next, after_attempt, due_step
from services.webhooks.state import Endpoint, Leased
from services.webhooks.tables import deliveries, endpoints
from shared.contracts.events import WebhookEndpointDisabled, WebhookEndpointEvent, WebhookEndpointFailing
from shared.contracts.ids import uuid_of
from shared.data.columns import columns_of
from shared.data.db import Transaction
from shared.data.schema import TIME
from shared.data.sql import statement
from shared.messaging.outbox import emit

PACE_SECONDS = 20
"""An endpoint is leased no more than its rate lets through in this time, so that none waits for its turn until its lease ends."""
SPARE_SECONDS = 20
"""Time to record an outcome before its lease ends: one that is unknown by then is attempted again."""

BUSY = {"stores": sa.ARRAY(sa.Text), "endpoints": sa.ARRAY(sa.Uuid), "calls": sa.ARRAY(sa.Integer)}
LEASE_DUE = (
    statement(__file__, "lease_due")
    .bindparams(
        *(sa.bindparam(name, type_=kind) for name, kind in BUSY.items()),
        *(sa.bindparam(name, type_=TIME) for name in ("now", "until")),
        *(sa.bindparam(name, type_=sa.BigInteger) for name in ("per_store", "free", "pace")),
    )
    .columns(
        delivery_id=deliveries.c.delivery_id.type,
        endpoint_id=deliveries.c.endpoint_id.type,
    )
)

RECORDED = {
    "stores": sa.ARRAY(sa.Text), "deliveries": sa.ARRAY(sa.Uuid), "numbers": sa.ARRAY(sa.Integer), "states": sa.ARRAY(sa.Text),
    "dues": sa.ARRAY(TIME), "begans": sa.ARRAY(TIME), "durations": sa.ARRAY(sa.Integer), "urls": sa.ARRAY(sa.Text),
    "addresses": sa.ARRAY(sa.Text), "statuses": sa.ARRAY(sa.Integer), "outcomes": sa.ARRAY(sa.Text), "details": sa.ARRAY(sa.Text),
    "answers": sa.ARRAY(sa.Text), "requests": sa.ARRAY(sa.Text),
}  # fmt: skip
RECORD_ATTEMPTS = statement(__file__, "record_attempts").bindparams(
    *(sa.bindparam(name, type_=kind) for name, kind in RECORDED.items()), sa.bindparam("now", type_=TIME)
)

Of = tuple[str, str]
"""An endpoint: its store and id."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an endpoint answered to one attempt. `status` is None without an answer, and for a queue; `outcome` says how it ended.

    `request` are the headers that were sent, without secrets; the body is the event.
    """

    leased: Leased
    began_at: datetime
    ended_at: datetime
    status: int | None
    outcome: str
    detail: str
    answer: str
    retry_after: str | None
    address: str | None
    request: dict[str, str]


async def lease_due(
    tx: Transaction, calls: Mapping[Of, int], *, per_store: int, free: int, timeout_seconds: float, now: datetime
) -> list[Leased]:
    """Up to `free` due deliveries, leased for longer than waiting for the endpoint's rate and one call with its timeout take.

    `calls` are those in progress in this process, by endpoint.
    """
    values = {
        "stores": [store for store, _ in calls],
        "endpoints": [uuid_of("endpoint", endpoint) for _, endpoint in calls],
        "calls": list(calls.values()),
        "per_store": per_store,
        "free": free,
        "now": now,
        "pace": PACE_SECONDS,
        "until": now + timedelta(seconds=PACE_SECONDS + timeout_seconds + SPARE_SECONDS),
    }
    return [Leased(**row._mapping) for row in await tx.all(LEASE_DUE, values)]


async def record_attempts(tx: Transaction, done: Sequence[Outcome], *, now: datetime) -> None:
    """Record attempts, when each delivery is due again, and how their endpoints are doing."""
    jitter = random.Random()  # noqa: S311  (it spreads attempts, and protects nothing)
    follows = [
        after_attempt(
            one.leased.tries + 1,
            one.status,
            one.retry_after,
            jitter=jitter.random(),
            now=one.ended_at,
            confirmed=one.outcome == "delivered",
        )
        for one in done
    ]
    values = {
        "stores": [one.leased.store_id for one in done],
        "deliveries": [uuid_of("delivery", one.leased.delivery_id) for one in done],
        "numbers": [one.leased.attempts + 1 for one in done],
        "states": [_state(one) for one in follows],
        "dues": [_due(one, at=outcome.ended_at) for one, outcome in zip(follows, done, strict=True)],
        "begans": [one.began_at for one in done],
        "durations": [round((one.ended_at - one.began_at).total_seconds() * 1000) for one in done],
        "urls": [one.leased.url for one in done],
        "addresses": [one.address for one in done],
        "statuses": [one.status for one in done],
        "outcomes": [one.outcome for one in done],
        "details": [one.detail for one in done],
        "answers": [one.answer for one in done],
        "requests": [json.dumps(one.request) for one in done],
        "now": now,
    }
    was_failing = {(row.store_id, row.delivery_id): row.failing for row in await tx.all(RECORD_ATTEMPTS, values)}
    by_endpoint: dict[Of, list[tuple[Outcome, Next]]] = defaultdict(list)
    changing: set[Of] = set()
    for one, follow in zip(done, follows, strict=True):
        failing = was_failing.get((one.leased.store_id, uuid_of("delivery", one.leased.delivery_id)))
        if failing is not None:
            of = one.leased.store_id, one.leased.endpoint_id
            by_endpoint[of].append((one, follow))
            if failing or follow.meaning != "delivered":
                changing.add(of)
    for of in sorted(changing):  # in one order, so that two workers never wait for each other
        await _judge(tx, of, by_endpoint[of], now=now)


def _state(follow: Next) -> str:
    if follow.meaning == "delivered":
        return "delivered"
    return "parked" if follow.parked else "waiting"


def _due(follow: Next, *, at: datetime) -> datetime | None:
    """When it is due: at once if the endpoint is gone, so that it comes first on its return."""
    return None if _state(follow) != "waiting" else follow.at or at


async def _judge(tx: Transaction, of: Of, attempts: Sequence[tuple[Outcome, Next]], *, now: datetime) -> None:
    """Update an endpoint's health by its latest attempts: a success clears it, failures add up, until its owner must be told."""
    mine = (endpoints.c.store_id == of[0]) & (endpoints.c.endpoint_id == of[1])
    failed = [one for one in attempts if one[1].meaning != "delivered"]
    if len(failed) < len(attempts):
        well = {"failing_since": None, "failures": 0, "noticed_at": None, "resting_until": None}
        await tx.execute(sa.update(endpoints).where(mine, endpoints.c.failures > 0).values(**well))
    if not failed or attempts[-1][1].meaning == "delivered":
        return
    rests = [follow.paused_until for _, follow in failed if follow.paused_until is not None]
    change: dict[str, Any] = {
        "failing_since": sa.func.coalesce(endpoints.c.failing_since, min(one.ended_at for one, _ in failed)),
        "failures": endpoints.c.failures + len(failed),
    }
    if rests:
        change["resting_until"] = sa.func.greatest(endpoints.c.resting_until, max(rests))
    row = await tx.first(sa.update(endpoints).where(mine).values(**change).returning(*columns_of(endpoints, Endpoint)))
    endpoint = None if row is None else Endpoint(**row._mapping)
    if endpoint is None or endpoint.state != "active":
        return
    gone = any(follow.meaning == "gone" for _, follow in failed)
    assert endpoint.failing_since is not None
    step = due_step(Failing(endpoint.failing_since, endpoint.failures, noticed=endpoint.noticed_at is not None), now=now)
    if gone or step == "disable":
        reason = "It answered 410 Gone." if gone else "Every call has failed for seven days."
        await _tell(tx, endpoint, WebhookEndpointDisabled, {"state": "disabled", "reason": reason}, now=now, reason=reason)
    elif step == "notice":
        await _tell(tx, endpoint, WebhookEndpointFailing, {"noticed_at": now}, now=now)


async def _tell(
    tx: Transaction, endpoint: Endpoint, kind: type[WebhookEndpointEvent], change: dict[str, Any], *, now: datetime, **more: Any
) -> None:
    """Change the endpoint and emit the event that says so."""
    mine = (endpoints.c.store_id == endpoint.store_id) & (endpoints.c.endpoint_id == endpoint.endpoint_id)
    sequence = endpoint.event_sequence + 1
    counted = {"version": endpoint.version + 1, "changed_at": now, "event_sequence": sequence}
    await tx.execute(sa.update(endpoints).where(mine).values(**change, **counted))
    event = kind.like(endpoint, occurred_at=now, **more)
    await emit(tx, event, store_id=endpoint.store_id, sequence=sequence, recorded_at=now)
