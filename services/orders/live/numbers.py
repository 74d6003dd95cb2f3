"""Numbers of the store's stream, given to events after they were committed, so that nothing ever appears behind a reader.

Each process of the service does it, woken by its own commits and by the clock; any number beside each other. What is given, to
whom, and why no order's events change places: docs/decisions/0109-positions-of-the-stream.md
"""

import asyncio

import sqlalchemy as sa
import structlog

from shared.data.db import Database
from shared.messaging.pulse import Pulse
from shared.process.settings import Settings

log = structlog.get_logger()

STORES_AT_ONCE = 200
EVENTS_AT_ONCE = 500
"""Of one store in one statement, so that a burst of one delays no other store's stream."""
PAUSE_SECONDS = 0.05
BACKOFF_SECONDS = 1.0
HANG_SECONDS = 60.0

# `store`: from store to store by the index, from the one whose turn it is. `head`: those whose row nobody holds; a row that was moved
# since this statement began is read as it is now. `taken`: each one's oldest waiting events; one that somebody numbered meanwhile is
# gone and is passed by. A head that somebody put back would stop every store's numbers at the first that was given: it never counts for
# less than what was. `numbered`: they get the next numbers, in the order of their positions.
NUMBER = sa.text("""
with recursive store(id) as (
    (select store_id from orders.stream_pending where store_id >= :from_store order by store_id limit 1)
    union all
    select (select p.store_id from orders.stream_pending p where p.store_id > store.id order by p.store_id limit 1)
    from store where store.id is not null
), waiting as materialized (
    select id from store where id is not null limit :stores + 1
), turn as materialized (
    select id from waiting order by id limit :stores
), head as materialized (
    select h.store_id,
           greatest(h.last, (select max(s.stream_position) from orders.stream s where s.store_id = h.store_id)) as last
    from turn join orders.stream_heads h on h.store_id = turn.id order by h.store_id for update of h skip locked
), taken as (
    delete from orders.stream_pending p using (
        select e.store_id, e.position from head cross join lateral (
            select store_id, position from orders.stream_pending where store_id = head.store_id order by position limit :events
        ) e
    ) oldest where p.store_id = oldest.store_id and p.position = oldest.position
    returning p.store_id, p.position
), numbered as (
    insert into orders.stream (store_id, stream_position, position)
    select store_id, head.last + row_number() over (partition by store_id order by taken.position), taken.position
    from taken join head using (store_id)
), moved as (
    update orders.stream_heads h set last = head.last + given.events
    from head join (select store_id, count(*) as events from taken group by store_id) given using (store_id)
    where h.store_id = head.store_id
)
select (select count(*) from taken) as numbered,
       coalesce((select max(events) from (select count(*) as events from taken group by store_id) t), 0) as most,
       array(select id from turn where not exists (select from orders.stream_heads h where h.store_id = turn.id)) as new_stores,
       (select id from waiting order by id offset :stores) as next_store
""").bindparams(
    sa.bindparam("from_store", type_=sa.Text),
    *(sa.bindparam(name, type_=sa.Integer) for name in ("stores", "events")),
)
NEW_HEADS = sa.text(
    "insert into orders.stream_heads (store_id, last) select store_id, 0 from unnest(cast(:stores as text[])) as s(store_id)"
    " order by store_id on conflict do nothing returning store_id"
).bindparams(sa.bindparam("stores", type_=sa.ARRAY(sa.Text)))


class Numberer:
    """Numbers what is committed, a bounded number of events of each store at a time, stores by turns."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._poll_seconds = settings.relay_poll_seconds
        self._woken = database.woken_by_events()
        self._from_store = ""
        self.pulse = Pulse("stream numbers", every_seconds=self._poll_seconds, hang_seconds=HANG_SECONDS)

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                self._woken.clear()
                with self.pulse.turn():
                    more = await self.number()
                if not more:
                    await self._wait()
            except Exception as error:  # whatever it was, the next time may work
                log.warning("stream_numbers_failed", error=repr(error))
                await asyncio.sleep(BACKOFF_SECONDS)

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(self._poll_seconds):
                await self._woken.wait()
        except TimeoutError:
            return
        await asyncio.sleep(PAUSE_SECONDS)  # a busy shop's commits are numbered together

    async def number(self) -> bool:
        """Number some of what waits, in one statement that holds nothing when it ends; whether more may wait."""
        bounds = {"from_store": self._from_store, "stores": STORES_AT_ONCE, "events": EVENTS_AT_ONCE}
        [done] = await self._database.execute_once("orders.stream", NUMBER, bounds, emits=False)
        started, self._from_store = self._from_store, done.next_store or ""
        if done.new_stores:
            await self._database.execute_once("orders.stream", NEW_HEADS, {"stores": done.new_stores}, emits=False)
        return bool(done.new_stores or done.most >= EVENTS_AT_ONCE or started != self._from_store)
