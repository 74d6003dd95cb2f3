"""Reads the feed: pages after a position, and one event."""

from collections.abc import Sequence
from uuid import UUID

import sqlalchemy as sa

from services.webhooks.rules.filters import wants
from services.webhooks.state import FeedEvent, FeedPage
from services.webhooks.tables import counters, feed
from shared.contracts.actor import Actor
from shared.data.columns import columns_of
from shared.data.db import Transaction

MAX_EXAMINED = 2_000
"""Events that one page looks at: with a filter it may find few, and says how far it looked."""


async def events_after(
    tx: Transaction, actor: Actor, after: int, *, types: Sequence[str] | None, subject: str | None, limit: int
) -> FeedPage:
    """Up to `limit` events of the store that follow position `after`, in the order of their arrival.

    The page's `after` is where the next one begins: it also passes events that the filter leaves out.
    """
    examined = limit if types is None else MAX_EXAMINED
    mine = [feed.c.store_id == actor.store, feed.c.position > after]
    if subject is not None:
        mine.append(feed.c.subject == subject)
    wanted = sa.select(*columns_of(feed, FeedEvent)).where(*mine).order_by(feed.c.position)
    if types is None:
        items = [FeedEvent(**row._mapping) for row in await tx.all(wanted.limit(examined))]
        return FeedPage(items, items[-1].position if items else after, len(items) == examined)
    places = await tx.all(sa.select(feed.c.position, feed.c.type).where(*mine).order_by(feed.c.position).limit(examined))
    found = [row.position for row in places if wants(types, row.type)]
    chosen = found[:limit]
    rows = await tx.all(wanted.where(feed.c.position.in_(chosen))) if chosen else []
    last = chosen[-1] if len(found) > limit else places[-1].position if places else after
    return FeedPage([FeedEvent(**row._mapping) for row in rows], last, len(found) > limit or len(places) == examined)


async def newest_position(tx: Transaction, store_id: str) -> int:
    """The position of the store's latest event; 0 if there was none."""
    return await tx.scalar(sa.select(counters.c.last).where(counters.c.store_id == store_id)) or 0


async def event_for(tx: Transaction, actor: Actor, event_id: UUID) -> FeedEvent:
    """One event of the store. Raises NotFound, also once it is older than the feed keeps events."""
    wanted = sa.select(*columns_of(feed, FeedEvent)).where(feed.c.store_id == actor.store, feed.c.event_id == event_id)
    row = await tx.found(wanted, "No such event in this store's feed.")
    return FeedEvent(**row._mapping)
