"""Orders for the operator of queues: make one, change its password, remove it."""

from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from services.webhooks.queues.passwords import hashed, new_password
from services.webhooks.rules import PROBLEMS
from services.webhooks.settings import WebhookSettings
from services.webhooks.state import Endpoint, Secret
from services.webhooks.tables import operators, queues
from shared.contracts.errors import Refused
from shared.contracts.ids import new_uuid
from shared.data.db import Transaction

OPERATOR_SEEN_WITHIN = timedelta(seconds=60)
"""Without an operator that was seen in this time, nobody would make the queue."""


async def check_may_have_queue(tx: Transaction, store_id: str, settings: WebhookSettings, *, now: datetime) -> None:
    """Raise Refused `amqp_endpoints_not_available`, `too_many_queues`. The caller holds the store's turn, so that none is miscounted."""
    seen = sa.select(sa.exists().where(operators.c.seen_at > now - OPERATOR_SEEN_WITHIN))
    if not await tx.scalar(seen):
        raise Refused("amqp_endpoints_not_available", PROBLEMS["amqp_endpoints_not_available"])
    count = sa.select(sa.func.count()).select_from(queues).where(queues.c.store_id == store_id, queues.c.wanted)
    if await tx.scalar(count) >= settings.max_queues:
        raise Refused("too_many_queues", PROBLEMS["too_many_queues"], max_queues=settings.max_queues)


async def order_queue(tx: Transaction, endpoint: Endpoint, key: str | None, *, now: datetime) -> Secret:
    """Order a queue for a new endpoint. Returns the password of its user, which `key` can make again and no row holds."""
    secret = _password(endpoint, key, now=now)
    of = {"store_id": endpoint.store_id, "endpoint_id": endpoint.endpoint_id}
    order = {"wanted": True, "generation": 1, "applied": 0, "error": "", "created_at": now, "changed_at": now}
    await tx.execute(sa.insert(queues).values(**of, **order, **_stored(secret)))
    return secret


async def order_password(tx: Transaction, endpoint: Endpoint, key: str | None, *, now: datetime) -> Secret:
    """Order another password for an endpoint's queue, and return it. The current one ends when the operator has carried it out."""
    secret = _password(endpoint, key, now=now)
    await _reorder(tx, endpoint, **_stored(secret), now=now)
    return secret


async def order_removal(tx: Transaction, endpoint: Endpoint, *, now: datetime) -> None:
    """Order that an endpoint's queue is deleted, with what is in it, and its user."""
    await _reorder(tx, endpoint, wanted=False, now=now)


async def _reorder(tx: Transaction, endpoint: Endpoint, *, now: datetime, **values: Any) -> None:
    mine = (queues.c.store_id == endpoint.store_id) & (queues.c.endpoint_id == endpoint.endpoint_id)
    again = {"generation": queues.c.generation + 1, "tried_at": None, "error": "", "changed_at": now}
    await tx.execute(sa.update(queues).where(mine).values(**again, **values))


def _password(endpoint: Endpoint, key: str | None, *, now: datetime) -> Secret:
    secret_id = new_uuid()
    password = new_password(key, endpoint.store_id, endpoint.endpoint_id, secret_id)
    return Secret(secret_id, endpoint.endpoint_id, "password", password, now, None)


def _stored(secret: Secret) -> dict[str, Any]:
    return {"secret_id": secret.secret_id, "password_hash": hashed(secret.secret)}
