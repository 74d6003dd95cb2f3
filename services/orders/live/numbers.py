"""Numbers of the store's stream, given to events after they were committed, so that nothing ever appears behind a reader.

Each process of the service does it, woken by its own commits and by the clock; any number beside each other. What is given, to
whom, and why no order's events change places: docs/decisions/0109-positions-of-the-stream.md
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
"""Of one store in one statement, so that a burst of one delays no other store's stream."""
PAUSE_SECONDS = 0.05
BACKOFF_SECONDS = 1.0
HANG_SECONDS = 60.0

NUMBER = statement(__file__, "number_events")
NEW_HEADS = sa.text(
    "insert into orders.stream_heads (store_id, last) select store_id, 0 from unnest(cast(:stores as text[])) as s(store_id)"
    " order by store_id on conflict do nothing returning store_id"
).bindparams(sa.bindparam("stores", type_=sa.ARRAY(sa.Text)))


class Numberer:
    """Numbers what is committed, a bounded number of events of each store at a time, stores by turns."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._woken = database.woken_by_events()
        self._from_store = ""
        self.pulse = Pulse("stream numbers", every_seconds=settings.relay_poll_seconds, hang_seconds=HANG_SECONDS)

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                self._woken.clear()
                with self.pulse.turn():
                    more = await self.number()
                if not more and await self.pulse.rest(self._woken):
                    await asyncio.sleep(PAUSE_SECONDS)  # a busy shop's commits are numbered together
            except Exception as error:  # whatever it was, the next time may work
                log.warning("stream_numbers_failed", error=repr(error))
                await asyncio.sleep(BACKOFF_SECONDS)

    async def number(self) -> bool:
        """Number some of what waits, in one statement that holds nothing when it ends; whether more may wait."""
        bounds = {"from_store": self._from_store, "stores": STORES_AT_ONCE, "events": EVENTS_AT_ONCE}
        [done] = await self._database.execute_once("orders.stream", NUMBER, bounds, emits=False)
        started, self._from_store = self._from_store, done.next_store or ""
        if done.new_stores:
            await self._database.execute_once("orders.stream", NEW_HEADS, {"stores": done.new_stores}, emits=False)
        return bool(done.new_stores or done.most >= EVENTS_AT_ONCE or started != self._from_store)
