"""Guests, who hold a link to one order, and the links that were revoked. Every service that guests can call stores them.

A token itself proves that it was issued. Events (`guest_link.revoked`, `customer.erased`) say that it was revoked, and each call of a
guest looks that up here, in the service's own schema. Erasing a customer permanently revokes every link to their orders, including
links that this installation did not issue.
"""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from shared.contracts.actor import Actor
from shared.contracts.errors import Failure, Unauthenticated
from shared.data.db import Database, Transaction

EVERY_LINK = ""
"""Stands for all links of an order."""


async def refuse_revoked(database: Database, actor: Actor) -> None:
    """Raise Unauthenticated `link_revoked` if this guest's link, or every link to their order, was revoked."""
    async with database.reading() as tx:
        if await is_revoked(tx, actor.store, actor.id, actor.token_id):
            raise Unauthenticated("link_revoked", "This link is no longer valid: ask the shop for a new one.")


async def while_valid(database: Database, actor: Actor, frames: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    """A live stream's frames. A guest's stream ends before its next frame (keep-alives count) once their link is revoked.

    It also ends if the lookup fails: the guest reconnects, and that call is answered with the reason.
    """
    async with aclosing(frames) as going_on:
        async for frame in going_on:
            if actor.role == "guest":
                try:
                    await refuse_revoked(database, actor)
                except Failure:
                    return
            yield frame


async def is_revoked(tx: Transaction, store_id: str, order_id: str, link_id: str | None = None) -> bool:
    """Whether this link, or every link to the order, was revoked."""
    table = tx.kernel.revoked_guests
    links = {EVERY_LINK, link_id or EVERY_LINK}
    mine = (table.c.store_id == store_id) & (table.c.order_id == order_id) & table.c.link_id.in_(sorted(links))
    return bool(await tx.scalar(sa.select(sa.exists().where(mine))))


async def revoke(tx: Transaction, store_id: str, order_id: str, link_id: str, expires_at: datetime) -> None:
    """Revoke one link. After `expires_at` the link is invalid anyway, and the row is deleted."""
    values = {"store_id": store_id, "order_id": order_id, "link_id": link_id, "expires_at": expires_at}
    await tx.execute(insert(tx.kernel.revoked_guests).values(**values).on_conflict_do_nothing())


async def revoke_all(tx: Transaction, store_id: str, order_ids: Sequence[str]) -> None:
    """Revoke every link to these orders, past and future, whoever issued it: their customer was erased."""
    if order_ids:
        rows = [{"store_id": store_id, "order_id": order_id, "link_id": EVERY_LINK} for order_id in order_ids]
        await tx.execute(insert(tx.kernel.revoked_guests).values(rows).on_conflict_do_nothing())
