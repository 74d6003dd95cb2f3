"""Reads endpoints and their secrets."""

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from services.webhooks.state import Endpoint
from services.webhooks.tables import endpoints, secrets
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


async def secret_again(tx: Transaction, actor: Actor, answer: Mapping[str, Any]) -> dict[str, str]:
    """The secret of a stored response as `{"secret": …}`, or `{}` if it was replaced."""
    wanted = sa.select(secrets.c.secret).where(secrets.c.store_id == actor.store, secrets.c.secret_id == answer.get("secret_id"))
    secret = await tx.scalar(wanted)
    return {} if secret is None else {"secret": secret}


def _existing(actor: Actor) -> tuple[sa.ColumnElement[bool], ...]:
    return endpoints.c.store_id == actor.store, endpoints.c.state != sa.literal_column("'deleted'")
