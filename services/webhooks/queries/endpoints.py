"""Reads endpoints with their secrets and queues."""

from collections.abc import Collection, Mapping
from typing import Any

import sqlalchemy as sa

from services.webhooks.queues.passwords import matches, new_password
from services.webhooks.state import Endpoint, Queue
from services.webhooks.tables import endpoints, queues, secrets
from shared.contracts.actor import Actor
from shared.data.columns import columns_of
from shared.data.db import Transaction
from shared.web.pages import Key, Walked, walk

ENDPOINTS = Key(endpoints.c.endpoint_id)


async def endpoint_for(tx: Transaction, actor: Actor, endpoint_id: str, *, lock: bool = False) -> Endpoint:
    """An endpoint of the actor's store; `lock` locks its row until the transaction ends. Raises NotFound."""
    wanted = sa.select(*columns_of(endpoints, Endpoint)).where(*_existing(actor), endpoints.c.endpoint_id == endpoint_id)
    row = await tx.found(wanted.with_for_update() if lock else wanted, "No such endpoint in this store.")
    return Endpoint(**row._mapping)


async def listed_endpoints(tx: Transaction, actor: Actor, *, cursor: str | None, limit: int) -> Walked[Endpoint]:
    """A page of the store's endpoints, oldest first. Raises Invalid `bad_cursor`."""
    mine = sa.select(*columns_of(endpoints, Endpoint)).where(*_existing(actor))
    return await walk(tx, ENDPOINTS, Endpoint, mine, cursor=cursor, limit=limit)


async def count_endpoints(tx: Transaction, actor: Actor) -> int:
    """How many endpoints the store has."""
    return int(await tx.scalar(sa.select(sa.func.count()).select_from(endpoints).where(*_existing(actor))))


async def queues_of(tx: Transaction, actor: Actor, endpoint_ids: Collection[str]) -> dict[str, Queue]:
    """The queues of these endpoints, by endpoint; a webhook has none."""
    mine = (queues.c.store_id == actor.store) & queues.c.endpoint_id.in_(endpoint_ids)
    found = await tx.all(sa.select(*columns_of(queues, Queue)).where(mine)) if endpoint_ids else []
    return {row.endpoint_id: Queue(**row._mapping) for row in found}


async def queue_of(tx: Transaction, actor: Actor, endpoint: Endpoint) -> Queue | None:
    """The endpoint's queue, if it is of kind amqp."""
    return (await queues_of(tx, actor, [endpoint.endpoint_id] if endpoint.kind == "amqp" else [])).get(endpoint.endpoint_id)


async def secret_again(tx: Transaction, actor: Actor, answer: Mapping[str, Any], key: str | None) -> dict[str, str]:
    """The secret of a stored response as `{"secret": …}`, or `{}` if it was replaced, or if `key` did not make it."""
    secret_id = answer.get("secret_id")
    wanted = sa.select(secrets.c.secret).where(secrets.c.store_id == actor.store, secrets.c.secret_id == secret_id)
    secret = await tx.scalar(wanted) or await _password_again(tx, actor, secret_id, key)
    return {} if secret is None else {"secret": secret}


async def _password_again(tx: Transaction, actor: Actor, secret_id: Any, key: str | None) -> str | None:
    mine = (queues.c.store_id == actor.store) & (queues.c.secret_id == secret_id) & queues.c.wanted
    row = await tx.first(sa.select(*columns_of(queues, Queue)).where(mine))
    if row is None:
        return None
    password = new_password(key, row.store_id, row.endpoint_id, row.secret_id)
    return password if matches(password, row.password_hash) else None


def _existing(actor: Actor) -> tuple[sa.ColumnElement[bool], ...]:
    return endpoints.c.store_id == actor.store, endpoints.c.state != sa.literal_column("'deleted'")
