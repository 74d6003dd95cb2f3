"""Guests: whoever holds a link to one order. Which links ended before their time, kept by every service that lets guests in.

A token proves by itself that it was given; that it was taken back is told by events (`guest_link.revoked`, `customer.erased`) and
looked up here, in the service's own schema, whenever a guest calls. Of an erased customer's order every link ends, for ever, also one
that this installation never made.
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
    """Raise Unauthenticated `link_revoked` if this guest's link, or every link of their order, was taken back."""
    async with database.reading() as tx:
        if await is_revoked(tx, actor.store, actor.id, actor.token_id):
            raise Unauthenticated("link_revoked", "This link is no longer valid: ask the shop for a new one.")


async def while_valid(database: Database, actor: Actor, frames: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    """A live stream's frames; a guest's ends before the next one (a sign of life is one too) when their link was taken back.

    It ends as well where that cannot be looked up: the guest comes again, and is told.
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
    """Whether this link, or every link of the order, was taken back."""
    table = tx.kernel.revoked_guests
    links = {EVERY_LINK, link_id or EVERY_LINK}
    mine = (table.c.store_id == store_id) & (table.c.order_id == order_id) & table.c.link_id.in_(sorted(links))
    return bool(await tx.scalar(sa.select(sa.exists().where(mine))))


async def revoke(tx: Transaction, store_id: str, order_id: str, link_id: str, expires_at: datetime) -> None:
    """One link is valid no more; after `expires_at` it would not be anyway, and the row goes."""
    values = {"store_id": store_id, "order_id": order_id, "link_id": link_id, "expires_at": expires_at}
    await tx.execute(insert(tx.kernel.revoked_guests).values(**values).on_conflict_do_nothing())


async def revoke_all(tx: Transaction, store_id: str, order_ids: Sequence[str]) -> None:
    """No link of these orders is valid any more, whoever made it and whenever: their customer was erased."""
    if order_ids:
        rows = [{"store_id": store_id, "order_id": order_id, "link_id": EVERY_LINK} for order_id in order_ids]
        await tx.execute(insert(tx.kernel.revoked_guests).values(rows).on_conflict_do_nothing())
