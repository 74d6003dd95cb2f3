"""Stores take turns in the outbox: whoever has much waiting delays nobody else, shown by counts."""

import json
from typing import Any

import sqlalchemy as sa

from tests.services.kernel.lab import Lab, an_event, started

MUCH = 20_000
BOUND = 50
COPIES = """
insert into notes.events (store_id, event_id, type, subject, sequence, public, occurred_at, recorded_at, data)
select :store, gen_random_uuid(), type, subject, n, public, occurred_at, recorded_at, data
from (select * from notes.events limit 1) e, generate_series(2, :last) n
"""


async def plant_much(lab: Lab, store: str, events: int) -> None:
    """So many unsent events of one store, by one statement."""
    await lab.emit(an_event())
    async with lab.database.transaction("lab.plant") as tx:
        await tx.execute(sa.text(COPIES), {"store": store, "last": events + 1})
        await tx.execute(sa.text("delete from notes.events where store_id = :store"), {"store": lab.store})


async def test_another_stores_event_overtakes_what_waits(lab: Lab) -> None:
    await plant_much(lab, "a-much", MUCH)
    async with started(lab.broker()) as broker:
        relay = lab.relay(broker, relay_batch=200, relay_store_batch=BOUND)
        assert await relay.send_batch() == BOUND
        assert relay.more
        await lab.emit(an_event())
        assert await relay.send_batch() == BOUND + 1
        assert await lab.count(f"notes.events where store_id = '{lab.store}' and published_at is null") == 0
    assert await lab.count("notes.events where store_id = 'a-much' and published_at is not null") == 2 * BOUND


async def test_many_stores_share_a_batch_and_each_has_its_turn(lab: Lab) -> None:
    """More stores than a batch has room for: the next batch goes on where this one ended."""
    for store in range(7):
        await plant_much(lab, f"store-{store}", 3)
    async with started(lab.broker()) as broker:
        relay = lab.relay(broker, relay_batch=3, relay_store_batch=2)
        told = []
        for _ in range(3):
            await relay.send_batch()
            async with lab.database.reading() as tx:
                rows = await tx.all(sa.text("select distinct store_id from notes.events where published_at is not null order by 1"))
            told.append([row.store_id for row in rows])
        assert told == [[f"store-{store}" for store in range(last)] for last in (3, 6, 7)]
        while relay.more:
            await relay.send_batch()
    assert await lab.count("notes.events where published_at is null") == 0


async def test_a_batch_reads_no_more_than_it_takes(lab: Lab) -> None:
    await plant_much(lab, "a-much", MUCH)
    await plant_much(lab, "b-less", 3)
    relay = lab.relay(lab.broker(), relay_batch=200, relay_store_batch=BOUND)
    bounds = {"from_store": "", "batch": 200, "store_batch": BOUND}
    for analyzed in (False, True):
        async with lab.database.transaction("lab.explain") as tx:
            if analyzed:
                await tx.execute(sa.text("analyze notes.events"))
            explained = sa.text("explain (analyze, format json) " + str(relay._claiming)).bindparams(**bounds)
            plan = (await tx.execute(explained)).scalar_one()
        scans = [
            node for node in _nodes(json.loads(plan)[0]["Plan"] if isinstance(plan, str) else plan[0]["Plan"]) if node.get("Relation Name")
        ]
        assert {node.get("Index Name") for node in scans} == {"ix_events_unsent"}
        assert sum(_read(node) for node in scans) <= 2 * BOUND + 10


def _nodes(node: dict[str, Any]) -> list[dict[str, Any]]:
    return [node] + [found for part in node.get("Plans", ()) for found in _nodes(part)]


def _read(node: dict[str, Any]) -> float:
    removed = node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Index Recheck", 0)
    return float((node["Actual Rows"] + removed) * node["Actual Loops"])
