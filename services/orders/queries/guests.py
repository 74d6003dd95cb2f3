"""Reads the links with which guests read an order."""

from dataclasses import fields
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Row

from services.orders.queries.orders import order_for
from services.orders.state import Link
from services.orders.tables import guest_links
from shared.contracts.actor import Actor
from shared.contracts.errors import Forbidden
from shared.contracts.events import By
from shared.data.db import Transaction


def is_valid(*, now: datetime) -> sa.ColumnElement[bool]:
    """The condition that a link is neither revoked nor expired."""
    return guest_links.c.revoked_at.is_(None) & (guest_links.c.expires_at > now)


async def links_of(tx: Transaction, actor: Actor, order_id: str, *, now: datetime) -> list[Link]:
    """The order's valid links, newest first, for the shop and the order's customer. A setting limits how many there are.

    Raises NotFound; Forbidden for a guest, who must not learn about other links.
    """
    if actor.role == "guest":
        raise Forbidden("read_only", "A guest link can only read its order.")
    await order_for(tx, actor, order_id)
    mine = (guest_links.c.store_id == actor.store) & (guest_links.c.order_id == order_id)
    newest_first = (guest_links.c.created_at.desc(), guest_links.c.link_id.desc())
    rows = await tx.all(sa.select(guest_links).where(mine, is_valid(now=now)).order_by(*newest_first))
    return [link_of(row) for row in rows]


def link_of(row: Row[Any]) -> Link:
    """A `Link` from a row of its table."""
    values = row._mapping
    return Link(**{column.name: values[column.name] for column in fields(Link)} | {"by": By(**row.by)})
