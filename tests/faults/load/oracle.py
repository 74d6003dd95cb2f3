"""What is really there afterwards: every effect counted by the name of its wish, and what must hold in and between the schemas.

Plain SQL over all schemas, as the administrator; nothing of the services' own code.
"""

from collections import Counter
from dataclasses import dataclass, field

from deploy.operator.registry import READERS, SERVICES
from shared.contracts.events import EVENTS, SOURCES
from tests.faults.load.journal import Journal, Write
from tests.faults.load.world import World

EFFECTS = {
    "place": "select metadata->>'name', count(*) from orders.orders group by 1",
    "step": "select message, count(*) from orders.changes where type = any('{order.confirmed.v1,order.picked_up.v1,order.shipped.v1,"
    "order.delivered.v1}') group by 1",
    "cancel": "select message, count(*) from orders.changes where type = 'order.cancelled.v1' group by 1",
    "pay": "select reference, count(*) from orders.payments where method = 'cod' group by 1",
    "request": "select description, count(*) from refunds.refunds where cause = 'request' group by 1",
    "approve": "select message, count(*) from refunds.refunds where status = 'approved' and cause = 'request' group by 1",
    "decline": "select message, count(*) from refunds.refunds where status = 'cancelled' group by 1",
    "note": "select text, count(*) from notes.notes group by 1",
}
"""For each kind of wish: the names that its effects carry, each with how often it stands there."""

LAWS = {
    "orders: each version has one change": """
        select o.order_id from orders.orders o join orders.changes c using (store_id, order_id)
        group by o.store_id, o.order_id, o.version having count(*) <> o.version or max(c.version) <> o.version""",
    "orders: an order's events are counted without a gap": """
        select subject from orders.events where type like 'order.%' group by store_id, subject having count(*) <> max(sequence)""",
    "orders: as many events as versions": """
        select 1 where (select sum(version) from orders.orders) <> (select count(*) from orders.events where type like 'order.%')""",
    "orders: collected is the sum of payments": """
        select o.order_id from orders.orders o left join orders.payments p using (store_id, order_id)
        group by o.store_id, o.order_id, o.collected having o.collected <> coalesce(sum(p.amount), 0)""",
    "orders: goods and shipping are the total": "select order_id from orders.orders where goods_total + shipping <> total",
    "stock: the level is the sum of its movements": """
        select l.sku from orders.stock_levels l left join orders.stock_movements m using (store_id, sku)
        group by l.store_id, l.sku, l.on_hand, l.movements having l.on_hand <> coalesce(sum(m.quantity), 0) or l.movements <> count(m.*)""",
    "stock: an order's lines were reserved once": """
        select l.order_id from (select store_id, order_id, sku, sum(quantity) q from orders.lines where stock_tracked group by 1, 2, 3) l
        left join (select store_id, order_id, sku, sum(quantity) q from orders.stock_movements
        where cause like 'placed:%' group by 1, 2, 3) m using (store_id, order_id, sku) where l.q + coalesce(m.q, 0) <> 0""",
    "refunds: never more than was collected": """
        select a.order_id from (select store_id, order_id, sum(amount) amount from refunds.approvals group by 1, 2) a
        join orders.orders o using (store_id, order_id) where a.amount > o.collected""",
    "refunds: every approved one is on its order": """
        select r.refund_id from refunds.refunds r full join orders.refunds s using (store_id, refund_id)
        where (r.status = 'approved') is distinct from (s.refund_id is not null) or r.amount <> s.amount""",
    "refunds: the order shows their sum": """
        select o.order_id from orders.orders o left join refunds.approvals a using (store_id, order_id)
        group by o.store_id, o.order_id, o.refunded_total having o.refunded_total <> coalesce(sum(a.amount), 0)""",
    "refunds: a cancelled order's money went back, all of it": """
        select o.order_id from orders.orders o left join refunds.approvals a using (store_id, order_id)
        where o.status = 'cancelled' group by o.store_id, o.order_id, o.collected having coalesce(sum(a.amount), 0) <> o.collected""",
    "copies: as new as the order itself": """
        select o.order_id from orders.orders o left join refunds.orders r using (store_id, order_id)
        left join notes.orders n using (store_id, order_id) left join documents.orders d using (store_id, order_id)
        where r.version is distinct from o.version or n.version is distinct from o.version or d.version is distinct from o.version""",
    "timeline: an entry for each event of an order": """
        select e.event_id from orders.events e left join notes.timeline t using (store_id, event_id)
        where e.type like 'order.%' and e.type <> 'order.refunded.v1' and t.event_id is null""",
    "documents: a receipt for each payment": """
        select p.payment_id from orders.payments p left join documents.documents d
        on d.store_id = p.store_id and d.cause = 'payment' and d.kind = 'receipt' and d.order_id = p.order_id
        where p.reverses is null group by p.store_id, p.payment_id having count(d.*) <> 1""",
    "documents: an invoice for each order that was confirmed": """
        select o.order_id from orders.orders o left join documents.documents d
        on d.store_id = o.store_id and d.order_id = o.order_id and d.kind = 'invoice' and d.cause = 'order'
        where o.version > 1 group by o.store_id, o.order_id
        having exists (select from orders.changes c where c.store_id = o.store_id and c.order_id = o.order_id
                       and c.type = 'order.confirmed.v1') <> (count(d.*) = 1)""",
    "documents: no gap in any series": """
        select s.kind from documents.series s left join documents.documents d using (store_id, kind, year)
        group by s.store_id, s.kind, s.year, s.last having s.last <> count(d.*) or s.last <> coalesce(max(d.counted), 0)""",
}
"""What must hold when all is at rest: each query returns what contradicts it."""

EACH_SCHEMA = {
    "outbox: everything was sent": "select event_id from {schema}.events where published_at is null",
    "inbox: nothing waits and nothing is parked": "select reason || ': ' || detail from {schema}.parked",
}

MISSING = """
select e.event_id from {schema}.events e where type = any($1::text[])
and not exists (select from {reader}.inbox i where i.store_id = e.store_id and i.event_id = e.event_id)"""

LATE = """
select count(*) from {schema}.events e join {reader}.inbox i using (store_id, event_id)
where pg_xact_commit_timestamp(i.xmin) > to_timestamp($1) and e.recorded_at < to_timestamp($2)"""

PUBLIC = " union all ".join(f"select event_id::text from {schema}.events where store_id = $1 and public" for schema in SERVICES)
"""The ids of a store's public events."""


async def whole_feed(world: World, store: str) -> int | None:
    """The last position of the store's feed, if it holds every public event by now."""
    [(events, last)] = await world.sql(
        f"select count(*), (select last from webhooks.counters where store_id = $1) from ({PUBLIC}) e", store
    )
    return int(events) if events == last else None


@dataclass
class Verdict:
    """What the oracle found. Empty lists and no broken law: everything adds up."""

    lost: list[Write] = field(default_factory=list)
    doubled: list[Write] = field(default_factory=list)
    from_nowhere: list[Write] = field(default_factory=list)
    unknown_with_effect: int = 0
    unknown_without: int = 0
    broken: dict[str, list[str]] = field(default_factory=dict)
    late: int = 0
    events: int = 0
    effects: int = 0
    strangers: list[str] = field(default_factory=list)
    reader_kills: int = 0
    receiver_failures: int = 0

    def breaks(self, law: str, examples: list[str]) -> None:
        """Note down what contradicts a law, if anything does: a few of many."""
        if examples:
            shown = self.broken.setdefault(law, [])
            shown += examples[:5] + ([f"… {len(examples)} in all"] if len(examples) > 5 else [])

    @property
    def good(self) -> bool:
        """Whether nothing was lost or doubled, and every law holds. What was late is told beside it."""
        return not (self.lost or self.doubled or self.from_nowhere or self.broken)


async def judge(world: World, journal: Journal, *, healed_at: float, late_seconds: float) -> Verdict:
    """Count everything. `healed_at`: when the last fault was undone; what took effect later than `late_seconds` after it is late."""
    verdict = Verdict()
    for kind, query in EFFECTS.items():
        found = Counter({row[0]: row[1] for row in await world.sql(query)})
        for write in (write for write in journal.writes.values() if write.kind == kind):
            _count(verdict, write, found[write.name])
    for law, query in LAWS.items():
        await _hold(verdict, world, law, query)
    for schema in SERVICES:
        verdict.events += (await world.sql(f"select count(*) from {schema}.events"))[0][0]
        for law, query in EACH_SCHEMA.items():
            await _hold(verdict, world, f"{schema}: {law}", query.format(schema=schema))
        for reader in READERS:
            types = [name for name, event in EVENTS.items() if reader in event.readers and name.startswith(_words(schema))]
            await _hold(verdict, world, f"{reader} has seen every event of {schema}", MISSING.format(schema=schema, reader=reader), types)
            late = await world.sql(LATE.format(schema=schema, reader=reader), healed_at + late_seconds, healed_at)
            verdict.late += late[0][0]
    for reader in READERS:
        verdict.effects += (await world.sql(f"select count(*) from {reader}.inbox"))[0][0]
    verdict.breaks("reads: what was acknowledged is seen at once", journal.stale_reads)
    verdict.breaks("processes: none dies by itself", world.died_by_themselves)
    return verdict


def _count(verdict: Verdict, write: Write, effects: int) -> None:
    if effects > 1:
        verdict.doubled.append(write)
    elif write.state == "acknowledged" and not effects:
        verdict.lost.append(write)
    elif write.state == "refused" and effects:
        verdict.from_nowhere.append(write)
    elif write.state in ("unknown", "intent"):
        verdict.unknown_with_effect += effects
        verdict.unknown_without += 1 - effects


async def _hold(verdict: Verdict, world: World, law: str, query: str, *arguments: object) -> None:
    verdict.breaks(law, [str(tuple(row)) for row in await world.sql(query, *arguments)])


def _words(service: str) -> tuple[str, ...]:
    return tuple(f"{word}." for word in SOURCES[service])
