"""Numbers the events of a store's stream after their commit, so that no event ever appears behind a reader's position.

Every process of the service does this, woken by its own commits and a timer; any number may run at once. How numbers are assigned,
and why an order's events keep their order: docs/decisions/0109-positions-of-the-stream.md
"""

import asyncio

import sqlalchemy as sa
import structlog

from shared.data.db import Database
from shared.data.sql import statement
from shared.messaging.pulse import Pulse
from shared.process.settings import Settings

log = structlog.get_logger()

STORES_AT_ONCE = 200
EVENTS_AT_ONCE = 500
"""Per store and statement, so that one store's burst does not delay another store's stream."""
PAUSE_SECONDS = 0.05
BACKOFF_SECONDS = 1.0
HANG_SECONDS = 60.0

NUMBER = statement(__file__, "number_events")
NEW_HEADS = sa.text(
    "insert into orders.stream_heads (store_id, last) select store_id, 0 from unnest(cast(:stores as text[])) as s(store_id)"
    " order by store_id on conflict do nothing returning store_id"
).bindparams(sa.bindparam("stores", type_=sa.ARRAY(sa.Text)))


class Numberer:
    """Numbers committed events, round-robin over the stores, a bounded number of each store at a time."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._woken = database.woken_by_events()
        self._from_store = ""
        self.pulse = Pulse("stream numbers", every_seconds=settings.relay_poll_seconds, hang_seconds=HANG_SECONDS)

    async def run(self) -> None:
        """Run until cancelled."""
        while True:
            try:
                self._woken.clear()
                with self.pulse.turn():
                    more = await self.number()
                if not more and await self.pulse.rest(self._woken):
                    await asyncio.sleep(PAUSE_SECONDS)  # so that a busy store's commits are numbered together
            except Exception as error:  # of any kind: the next attempt may succeed
                log.warning("stream_numbers_failed", error=repr(error))
                await asyncio.sleep(BACKOFF_SECONDS)

    async def number(self) -> bool:
        """Number some of the waiting events, in one statement that is its own transaction. Returns whether more may be waiting."""
        bounds = {"from_store": self._from_store, "stores": STORES_AT_ONCE, "events": EVENTS_AT_ONCE}
        [done] = await self._database.execute_once("orders.stream", NUMBER, bounds, emits=False)
        started, self._from_store = self._from_store, done.next_store or ""
        if done.new_stores:
            await self._database.execute_once("orders.stream", NEW_HEADS, {"stores": done.new_stores}, emits=False)
        return bool(done.new_stores or done.most >= EVENTS_AT_ONCE or started != self._from_store)
