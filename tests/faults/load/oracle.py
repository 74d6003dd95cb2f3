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
    "import": "select metadata->>'name', count(*) from orders.orders where imported group by 1",
    "amend": "select message, count(*) from orders.changes where type = 'order.amended.v1' group by 1",
    "step": "select message, count(*) from orders.changes where type = any('{order.confirmed.v1,order.picked_up.v1,order.shipped.v1,"
    "order.delivered.v1}') group by 1",
    "parcel": "select p->>'number', count(*) from orders.orders, jsonb_array_elements(parcels) p group by 1",
    "part_cancel": "select message, count(*) from orders.changes where type = 'order.part_cancelled.v1' group by 1",
    "cancel": "select message, count(*) from orders.changes where type = 'order.cancelled.v1' group by 1",
    "pay": "select reference, count(*) from orders.payments where method = 'cod' group by 1",
    "close": "select reason, count(*) from orders.changes where type = 'order.difference_closed.v1' group by 1",
    "request": "select description, count(*) from refunds.refunds where cause = 'request' group by 1",
    "approve": "select message, count(*) from refunds.refunds where status = 'approved' and cause = 'request' group by 1",
    "decline": "select message, count(*) from refunds.refunds where status = 'cancelled' group by 1",
    "adjust": "select message, count(*) from refunds.refunds where cause in ('adjustment', 'overpaid') group by 1",
    "settle": "select reference, count(*) from refunds.settlements group by 1",
    "note": "select text, count(*) from notes.notes group by 1",
}
"""For each kind of wish: the names that its effects carry, each with how often it stands there."""
ENOUGH = 10
"""Of so many wishes of a kind, one at least is acknowledged. Otherwise clients ask for something that there is not, and prove nothing."""

NEVER_LEFT = """select store_id, order_id, (x->>'line')::int line, sum((x->>'quantity')::int) units, sum((x->>'released')::int) released
    from orders.orders, jsonb_array_elements(part_cancellations) p, jsonb_array_elements(p->'lines') x group by 1, 2, 3"""
"""The units of each line that were cancelled in part."""

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
    "orders: goods are the sum of the lines": """
        select o.order_id from orders.orders o join orders.lines l using (store_id, order_id)
        group by o.store_id, o.order_id, o.goods_total having o.goods_total <> sum(l.total)""",
    "orders: each amendment was made once": """
        select o.order_id from orders.orders o join orders.changes c using (store_id, order_id)
        group by o.store_id, o.order_id, o.lines_version
        having o.lines_version - 1 <> count(*) filter (where c.type = 'order.amended.v1')""",
    "orders: what was let be is the sum of closings": """
        select o.order_id from orders.orders o left join orders.closings c using (store_id, order_id)
        group by o.store_id, o.order_id, o.written_off_total, o.kept_total
        having o.written_off_total <> coalesce(sum(c.amount) filter (where c.kind = 'written_off'), 0)
        or o.kept_total <> coalesce(sum(c.amount) filter (where c.kind = 'kept'), 0)""",
    "orders: each closing is one change": """
        select order_id from orders.closings k full join (select * from orders.changes where type = 'order.difference_closed.v1') c
        using (store_id, order_id) group by store_id, order_id having count(distinct k.order_version) <> count(distinct c.version)""",
    "parcels: no more units than a line has left": f"""
        select order_id from (select store_id, order_id, (x->>'line')::int line, sum((x->>'quantity')::int) units
            from orders.orders, jsonb_array_elements(parcels) p, jsonb_array_elements(p->'lines') x group by 1, 2, 3) p
        left join orders.lines l using (store_id, order_id, line) left join ({NEVER_LEFT}) n using (store_id, order_id, line)
        where (p.units <= l.quantity - coalesce(n.units, 0)) is not true""",
    "stock: the level is the sum of its movements": """
        select l.sku from orders.stock_levels l left join orders.stock_movements m using (store_id, sku)
        group by l.store_id, l.sku, l.on_hand, l.movements having l.on_hand <> coalesce(sum(m.quantity), 0) or l.movements <> count(m.*)""",
    "stock: an order's lines were reserved once": """
        select order_id from (select store_id, order_id, sku, sum(quantity) q from orders.lines where stock_tracked group by 1, 2, 3) l
        full join (select store_id, order_id, sku, sum(quantity) q from orders.stock_movements
        where cause like 'placed:%' or cause like 'amended:%' group by 1, 2, 3) m using (store_id, order_id, sku)
        where coalesce(l.q, 0) + coalesce(m.q, 0) <> 0""",
    "stock: what was cancelled came back once": f"""
        select order_id from (select o.store_id, o.order_id, sum(coalesce(n.released, 0) + case
            when o.cancellation->>'cancelled_from' in ('pending', 'confirmed') then l.quantity - coalesce(n.units, 0) else 0 end) q
            from orders.orders o join orders.lines l using (store_id, order_id) left join ({NEVER_LEFT}) n using (store_id, order_id, line)
            where l.stock_tracked group by 1, 2) o
        full join (select store_id, order_id, sum(quantity) q from orders.stock_movements
            where cause like 'part_cancelled:%' or cause like 'cancelled:%' group by 1, 2) m using (store_id, order_id)
        where coalesce(o.q, 0) <> coalesce(m.q, 0)""",
    "refunds: never more than was collected": """
        select a.order_id from (select store_id, order_id, sum(amount) amount from refunds.approvals group by 1, 2) a
        join orders.orders o using (store_id, order_id) where a.amount > o.collected""",
    "refunds: no part of an order is credited above its total, and no tax above its part's": """
        select order_id from (select store_id, order_id, line, total, tax from orders.lines
            union all select store_id, order_id, 0, shipping, shipping_tax from orders.orders) p
        left join (select store_id, order_id, line, sum(goods) credit, sum(coalesce(tax, 0)) tax from (
            select r.store_id, r.order_id, l.line, l.goods, l.tax from refunds.refunds r join refunds.refund_lines l
                using (store_id, refund_id) where r.status = 'approved'
            union all select store_id, order_id, 0, shipping, shipping_tax from refunds.refunds where status = 'approved') x
            group by 1, 2, 3) c using (store_id, order_id, line)
        where c.credit > p.total or c.tax > p.tax or p.tax - c.tax > p.total - c.credit""",
    "refunds: no more goes out than is credited or was paid too much": """
        select refund_id from refunds.refunds where status = 'approved' and amount > credit + overpaid""",
    "refunds: settled is the sum of what was sent": """
        select r.refund_id from refunds.refunds r left join refunds.settlements s using (store_id, refund_id) where r.cause <> 'history'
        group by r.store_id, r.refund_id, r.settled_amount, r.amount
        having r.settled_amount <> coalesce(sum(s.amount) filter (where s.counts and s.outcome = 'succeeded'), 0)
        or r.settled_amount > r.amount""",
    "refunds: every approved one is on its order": """
        select r.refund_id from refunds.refunds r full join orders.refunds s using (store_id, refund_id)
        where (r.status = 'approved') is distinct from (s.refund_id is not null) or r.amount <> s.amount""",
    "refunds: the order shows their sum": """
        select o.order_id from orders.orders o left join refunds.approvals a using (store_id, order_id)
        group by o.store_id, o.order_id, o.refunded_total having o.refunded_total <> coalesce(sum(a.amount), 0)""",
    "refunds: a cancelled order's money went back, all of it": """
        select o.order_id from orders.orders o left join refunds.approvals a using (store_id, order_id)
        where o.status = 'cancelled' group by o.store_id, o.order_id, o.collected having coalesce(sum(a.amount), 0) <> o.collected""",
    "refunds: each part cancellation and what went back before an import, once": """
        select o.order_id from orders.orders o left join refunds.refunds r using (store_id, order_id)
        group by o.store_id, o.order_id, o.part_cancellations, o.history
        having count(*) filter (where r.cause = 'part_cancellation') <> jsonb_array_length(o.part_cancellations)
        or count(*) filter (where r.cause = 'history') <> (coalesce(jsonb_typeof(o.history->'refunded'), '') = 'object')::int""",
    "copies: as new as the order itself": """
        select o.order_id from orders.orders o left join refunds.orders r using (store_id, order_id)
        left join notes.orders n using (store_id, order_id) left join documents.orders d using (store_id, order_id)
        where r.version is distinct from o.version or n.version is distinct from o.version or d.version is distinct from o.version""",
    "timeline: an entry for each event of an order": """
        select e.event_id from orders.events e left join notes.timeline t using (store_id, event_id)
        where e.type like 'order.%' and e.type <> 'order.refunded.v1' and t.event_id is null""",
    "documents: a receipt for each payment, but none for what an import says": """
        select p.payment_id from orders.payments p join orders.orders o using (store_id, order_id) left join documents.documents d
        on d.store_id = p.store_id and d.cause = 'payment' and d.kind = 'receipt' and d.order_id = p.order_id
        where p.reverses is null group by p.store_id, p.payment_id, o.imported
        having count(d.*) <> case when o.imported and p.order_version = 1 then 0 else 1 end""",
    "documents: a credit note for each credit": """
        select order_id from (select store_id, order_id, count(*) n, sum(credit) credit from refunds.refunds
            join orders.orders o using (store_id, order_id) where refunds.status = 'approved' and not o.imported
            and (cause = 'request' or (cause in ('part_cancellation', 'adjustment') and credit > 0)) group by 1, 2) r
        full join (select store_id, order_id, count(*) n, sum(total) credit from documents.documents
            where cause = 'refund' and kind = 'credit_note' group by 1, 2) d using (store_id, order_id)
        where (r.n, r.credit) is distinct from (d.n, d.credit)""",
    "documents: the taxes of an order's credit notes are those of its refunds": """
        select order_id from (select store_id, order_id, sum((t->>'tax')::bigint) tax from refunds.refunds
            join orders.orders o using (store_id, order_id), jsonb_array_elements(taxes) t
            where refunds.status = 'approved' and not o.imported
            and cause in ('request', 'part_cancellation', 'adjustment') group by 1, 2) r
        full join (select store_id, order_id, sum((data::jsonb->>'tax')::bigint) tax from documents.documents
            where cause = 'refund' and kind = 'credit_note' group by 1, 2) d using (store_id, order_id)
        where coalesce(r.tax, 0) <> coalesce(d.tax, 0)""",
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
        wanted = [write for write in journal.writes.values() if write.kind == kind]
        for write in wanted:
            _count(verdict, write, found[write.name])
        if len(wanted) >= ENOUGH and not any(write.state == "acknowledged" for write in wanted):
            verdict.breaks("load: some of each kind succeeds", [kind])
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
