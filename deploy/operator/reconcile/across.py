"""Checks what crosses services: every event took effect once in every service that reads it, and every copy is up to date.

No database is joined with another: both sides are read as sorted streams and merged.
"""

# ruff: noqa: S608  (the SQL is put together from constants of this package; values are always bound)

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Protocol

from deploy.operator.registry import READERS, REGISTRY
from shared.contracts.events import SOURCES, owner_of
from shared.data.audit import public

SORTED = 'select * from ({sql}) as x(store_id, id, says, young) order by store_id collate "C", id collate "C"'
FETCH_ROWS = 2_000


@dataclass(frozen=True, slots=True)
class Item:
    """One row on one side: its store, its id, what it says (JSON), and whether it is too young to be expected on the other side."""

    store_id: str
    id: str
    says: str
    young: bool


class Reads(Protocol):
    """The part of a service's database that a comparison needs."""

    def rows(self, service: str, sql: str, settled: datetime) -> AsyncIterator[Any]:
        """Rows of a query, streamed; `$1` is `settled`."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two sides that must say the same about the same ids, each as (service, SQL that gives store_id, id, says, young)."""

    kind: str
    about: str
    there: tuple[tuple[str, str], ...]
    here: tuple[str, str]

    @property
    def services(self) -> frozenset[str]:
        """The services whose databases it reads."""
        return frozenset((*(service for service, _ in self.there), self.here[0]))


@dataclass(frozen=True, slots=True)
class Found:
    """Something that cannot be explained."""

    kind: str
    service: str
    store_id: str
    id: str
    detail: str
    how: Literal["wrong", "missing", "extra", "differs"] = "wrong"
    """The result of a comparison: only the source has the row, only the other side has it, or the two differ."""
    order_id: str = ""
    """The order that the finding concerns, if its id is not the order's (as stored in the column)."""


def _quoted(names: tuple[str, ...]) -> str:
    return ", ".join(f"'{name}'" for name in names)


def _effects(reader: str) -> Comparison:
    """Each event that `reader` reads is in its inbox, once; a message that failed is in its table of parked messages instead."""
    types = REGISTRY[reader].reads
    sources = [source for source in sorted(SOURCES) if any(owner_of(name) == source for name in types)]
    there = tuple(
        (
            source,
            f"select store_id, event_id::text, '{{}}' as says, recorded_at >= $1 as young"
            f" from {source}.events where type in ({_quoted(types)})",
        )
        for source in sources
    )
    here = f"""select store_id, event_id::text, '{{}}' as says, received_at >= $1 as young from {reader}.inbox
        union all select store_id, event_id::text, '{{}}', true from {reader}.parked p where event_id is not null
        and not exists (select from {reader}.inbox i where i.store_id = p.store_id and i.event_id = p.event_id)"""
    return Comparison(f"effect_in_{reader}", f"each event that {reader} reads took effect there once", there, (reader, here))


ORDER_ID = public("order", "o.order_id")
ORDERS = f"""select o.store_id, {ORDER_ID}, jsonb_build_object({{fields}})::text as says, e.recorded_at >= $1 as young
    from orders.orders o join orders.events e on e.store_id = o.store_id and e.subject = {ORDER_ID} and e.sequence = o.version"""

# without the reasons of cancellations: they are free text that decides nothing in refunds, which does not store it
LINES = """md5(jsonb_agg(jsonb_build_array(line, sku, name, quantity, total, tax, tax_rate, tax_code, stock_tracked)
    order by line)::text)"""
PARTS = "(select md5(jsonb_agg(p - 'reason' order by n)::text) from jsonb_array_elements(o.part_cancellations) with ordinality t(p, n))"
CLOSINGS = """(select coalesce(jsonb_agg(jsonb_build_object('kind', c->'kind', 'amount', c->'amount', 'order_version', c->'order_version')
    order by n), '[]') from jsonb_array_elements({}) with ordinality t(c, n))"""
# Without the methods of payments, which a copy from before does not have.
FOR_REFUNDS = f"""'version', o.version, 'number', o.number, 'customer_id', o.customer_id, 'status', o.status, 'currency', o.currency,
    'shipping', o.shipping, 'shipping_tax', o.shipping_tax, 'lines_version', o.lines_version, 'fulfilment', o.fulfilment,
    'shipping_tax_rate', o.shipping_tax_rate, 'shipping_tax_code', o.shipping_tax_code, 'parts', {PARTS}, 'imported', o.imported,
    'refunded_before', nullif(o.history->'refunded', 'null'),
    'delivered_at', o.delivered_at, 'cancellation', md5((o.cancellation - 'reason')::text), 'payments', (select
        coalesce(jsonb_agg(jsonb_build_object('payment_id',
    p->'payment_id', 'amount', p->'amount', 'order_version', p->'order_version', 'reverses', p->'reverses') order by n), '[]')
    from jsonb_array_elements(e.data->'order'->'payments') with ordinality t(p, n)),
    'closings', {CLOSINGS.format("e.data->'order'->'closings'")}, 'lines', (select {LINES} from orders.lines l
    where l.store_id = o.store_id and l.order_id = o.order_id)"""
REFUNDS_COPY = f"""select o.store_id, {ORDER_ID}, jsonb_build_object('version', o.version, 'number', o.number, 'customer_id',
    o.customer_id, 'status', o.status,
    'currency', o.currency, 'shipping', o.shipping, 'shipping_tax', o.shipping_tax, 'lines_version', o.lines_version,
    'fulfilment', o.fulfilment, 'shipping_tax_rate', o.shipping_tax_rate, 'shipping_tax_code', o.shipping_tax_code, 'parts', {PARTS},
    'imported', o.imported, 'refunded_before', o.refunded_before,
    'delivered_at', o.delivered_at, 'cancellation', md5((o.cancellation - 'reason')::text), 'payments',
    (select coalesce(jsonb_agg(p - 'method' order by n), '[]') from jsonb_array_elements(o.payments) with ordinality t(p, n)),
    'closings', {CLOSINGS.format("o.closings")}, 'lines', (select {LINES} from refunds.order_lines l
    where l.store_id = o.store_id and l.order_id = o.order_id))::text as says, false as young from refunds.orders o"""
NOTES_COPY = f"""select o.store_id, {ORDER_ID}, jsonb_build_object('version', o.version, 'number', o.number, 'customer_id',
    o.customer_id)::text as says, false
    from notes.orders o"""
DOCUMENTS_COPY = f"""select o.store_id, {ORDER_ID}, jsonb_build_object('version', o.version, 'customer_id', o.customer_id, 'order',
    md5(o.data::text))::text as says, false
    from documents.orders o"""

REFUND_ID = public("refund", "r.refund_id")
APPROVED = f"""select r.store_id, {REFUND_ID}, jsonb_build_object({{fields}})::text as says, r.decided_at >= $1 as young
    from refunds.refunds r where r.status = 'approved'"""
ORDERS_REFUNDS = f"""select r.store_id, {REFUND_ID}, jsonb_build_object('order_id', r.order_id, 'amount', r.amount,
    'credit', r.credit, 'kept', r.shipping_kept, 'units', r.units)::text as says,
    r.recorded_at >= $1 from orders.refunds r"""
UNITS = "(select coalesce(sum(quantity), 0) from refunds.refund_lines l where l.store_id = r.store_id and l.refund_id = r.refund_id)"
DOCUMENTS_REFUNDS = f"""select r.store_id, {REFUND_ID}, jsonb_build_object('order_id', r.order_id, 'refund', md5(r.data::text))::text as
    says, false
    from documents.refunds r"""
APPROVING = f"""(select md5((e.data->'refund')::text) from refunds.events e where e.store_id = r.store_id and e.subject =
    {public("order", "r.order_id")}
    and e.type = 'refund.approved.v1' and e.data->'refund'->>'refund_id' = {REFUND_ID} limit 1)"""

_FACTS = ("order_id", "amount", "goods", "shipping", "reason", "requested_at")
ASKED = "jsonb_build_object(" + ", ".join(f"'{name}', {{refund}}->'{name}'" for name in _FACTS) + ")::text as says"
REQUESTED = f"""select e.store_id, e.data->'refund'->>'refund_id' as id, {ASKED.format(refund="(e.data->'refund')")},
    e.recorded_at >= $1 as young from refunds.events e where e.type = 'refund.requested.v1'"""
DOCUMENTS_REQUESTS = f"""select r.store_id, {REFUND_ID}, {ASKED.format(refund="r.data")}, false from documents.requests r"""

ENTRY = """jsonb_build_object('type', type, 'order', {order}, 'sequence', sequence, 'occurred_at', occurred_at, 'recorded_at',
    recorded_at)::text as says"""
NOT_TOLD = (
    "order.refunded.v1",
    "refund.inspected.v1",
    "customer.erased.v1",
    "guest_link.revoked.v1",
    "store_settings.changed.v1",
)  # these only repeat another event, or belong to no order
TOLD = tuple(name for name in REGISTRY["notes"].reads if name not in NOT_TOLD)
TIMELINE = f"""select store_id, event_id::text, {ENTRY.format(order=public("order", "order_id"))}, false from notes.timeline"""

RESTOCKED = f"""select r.store_id, 'refund:' || {REFUND_ID} || ':' || l.line, jsonb_build_object('sku', l.sku, 'quantity', l.restock,
    'order_id', r.order_id)::text as says,
    r.decided_at >= $1 as young from refunds.refunds r join refunds.refund_lines l using (store_id, refund_id) where r.status = 'approved'
        and l.restock > 0
    union all select i.store_id, 'inspection:' || i.inspection_id || ':' || i.line, jsonb_build_object('sku', l.sku, 'quantity',
        i.restock,
    'order_id', r.order_id)::text, i.inspected_at >= $1 from refunds.inspections i join refunds.refund_lines l using (store_id, refund_id,
        line)
    join refunds.refunds r using (store_id, refund_id) where i.restock > 0"""
MOVED_BACK = """select store_id, cause, jsonb_build_object('sku', sku, 'quantity', quantity, 'order_id', order_id)::text as says,
    recorded_at >= $1
    from orders.stock_movements where cause ~ '^(refund|inspection):'"""

SETTINGS = """select store_id, 'store settings', jsonb_build_object('version', version, 'time_zone', time_zone)::text as says,
    saved_at >= $1 as young
    from (select distinct on (store_id) * from orders.settings order by store_id, version desc) s"""
REFUNDS_STORES = """select store_id, 'store settings', jsonb_build_object('version', version, 'time_zone', time_zone)::text as says, false
    from refunds.stores"""
DOCUMENTS_STORES = """select store_id, 'store settings', jsonb_build_object('version', time_zone_version, 'time_zone', time_zone)::text
    as says, false
    from documents.stores where time_zone_version > 0 or time_zone <> 'UTC'"""

# The further entries of an import: one for each instant after its placing, under an id made of the event's and the status had then.
PAST = f"""select i.store_id, md5(i.event_id || ' ' || i.status)::uuid::text, {ENTRY.format(order="subject")}, i.recorded_at >= $1 from (
    select distinct on (e.store_id, e.event_id, p.at) e.store_id, e.event_id, e.subject, e.type, e.sequence, e.recorded_at,
        p.at as occurred_at, p.status
    from orders.events e, jsonb_path_query_first(e.data, '$.order') o, lateral (values
        (1, 'confirmed', (o->'history'->>'confirmed_at')::timestamptz), (2, 'picked_up', (o->'history'->>'picked_up_at')::timestamptz),
        (3, 'shipped', (o->'history'->>'shipped_at')::timestamptz), (4, 'delivered', (o->'history'->>'delivered_at')::timestamptz),
        (5, 'cancelled', (o->'cancellation'->>'occurred_at')::timestamptz)) p(n, status, at)
    where e.type = 'order.imported.v1' and p.at > e.occurred_at
    order by e.store_id, e.event_id, p.at, p.n desc) i"""


def _told(source: str) -> tuple[str, str]:
    types = tuple(name for name in TOLD if owner_of(name) == source)
    says = ENTRY.format(order="subject")
    each = f"select store_id, event_id::text, {says}, recorded_at >= $1 as young from {source}.events where type in ({_quoted(types)})"
    return source, f"{each} union all {PAST}" if source == "orders" else each


# Whose events lose what is personal, also those that arrive later.
ERASED = """select store_id, id, '{}' as says, bool_and(young) as young from (select e.store_id, x.id, e.recorded_at >= $1 as young
    from orders.events e, jsonb_array_elements_text(e.data->'order_ids') x(id) where e.type = 'customer.erased.v1') e group by 1, 2"""
WEBHOOKS_ERASED = "select store_id, subject, '{}' as says, false from webhooks.erased"

FOR_NOTES = "'version', o.version, 'number', o.number, 'customer_id', o.customer_id"
FOR_DOCUMENTS = "'version', o.version, 'customer_id', o.customer_id, 'order', md5((e.data->'order')::text)"
FOR_ORDERS = f"'order_id', r.order_id, 'amount', r.amount, 'credit', r.credit, 'kept', r.shipping_kept, 'units', {UNITS}"


EFFECTS: tuple[Comparison, ...] = tuple(_effects(reader) for reader in READERS)
COMPARISONS: tuple[Comparison, ...] = (
    Comparison(
        "copy_in_refunds",
        "the refund service's copy of an order is its newest version",
        (("orders", ORDERS.format(fields=FOR_REFUNDS)),),
        ("refunds", REFUNDS_COPY),
    ),
    Comparison(
        "copy_in_notes",
        "the note service's copy of an order is its newest version",
        (("orders", ORDERS.format(fields=FOR_NOTES)),),
        ("notes", NOTES_COPY),
    ),
    Comparison(
        "copy_in_documents",
        "the document service's copy of an order is its newest version",
        (("orders", ORDERS.format(fields=FOR_DOCUMENTS)),),
        ("documents", DOCUMENTS_COPY),
    ),
    Comparison(
        "refund_shown",
        "an approved refund is shown on its order, once, with its amount and units",
        (("refunds", APPROVED.format(fields=FOR_ORDERS)),),
        ("orders", ORDERS_REFUNDS),
    ),
    Comparison(
        "refund_documented",
        "the document service holds each approved refund as it was published",
        (("refunds", APPROVED.format(fields=f"'order_id', r.order_id, 'refund', {APPROVING}")),),
        ("documents", DOCUMENTS_REFUNDS),
    ),
    Comparison(
        "request_documented",
        "the document service holds each refund request as it was published",
        (("refunds", REQUESTED),),
        ("documents", DOCUMENTS_REQUESTS),
    ),
    Comparison(
        "timeline",
        "each event of a timeline has one entry, at the right place, and an import one for each date of its past",
        tuple(_told(source) for source in SOURCES if any(owner_of(name) == source for name in TOLD)),
        ("notes", TIMELINE),
    ),
    Comparison(
        "restock",
        "everything that refunds and inspections restocked was moved once, and nothing else was",
        (("refunds", RESTOCKED),),
        ("orders", MOVED_BACK),
    ),
    Comparison(
        "zone_in_refunds",
        "the refund service knows the store's newest settings",
        (("orders", SETTINGS),),
        ("refunds", REFUNDS_STORES),
    ),
    Comparison(
        "zone_in_documents",
        "the document service knows the store's newest settings",
        (("orders", SETTINGS),),
        ("documents", DOCUMENTS_STORES),
    ),
    Comparison(
        "erased_in_webhooks",
        "the webhook service knows the orders of every erased customer, so that nothing personal of them is sent",
        (("orders", ERASED),),
        ("webhooks", WEBHOOKS_ERASED),
    ),
)


async def compare(reads: Reads, comparison: Comparison, settled: datetime) -> AsyncIterator[Found]:
    """Merge both sides of a comparison and yield what is missing, extra, duplicated or different."""
    there = _merged([_items(reads, service, sql, settled) for service, sql in comparison.there])
    here = _items(reads, *comparison.here, settled)
    left, right, before = await anext(there, None), await anext(here, None), None
    while left is not None or right is not None:
        key, other = _key(left), _key(right)
        if right is None or (left is not None and key < other):
            assert left is not None  # at least one side has a row
            if not left.young:
                yield _found(comparison, left, f"is not there: {left.says[:200]}", "missing")
            left = await anext(there, None)
        elif left is None or other < key:
            if not right.young:
                again = other == before
                yield _found(comparison, right, "is there twice" if again else f"has no origin: {right.says[:200]}", "extra")
            right = await anext(here, None)
        else:
            if left.says != right.says and not left.young:
                yield _found(comparison, left, _difference(left.says, right.says), "differs")
            before = key
            left, right = await anext(there, None), await anext(here, None)


def _found(comparison: Comparison, item: Item, detail: str, how: Literal["missing", "extra", "differs"]) -> Found:
    order_id = str(json.loads(item.says).get("order_id") or "")
    return Found(comparison.kind, comparison.here[0], item.store_id, item.id, detail, how, order_id)


async def _items(reads: Reads, service: str, sql: str, settled: datetime) -> AsyncIterator[Item]:
    async for row in reads.rows(service, SORTED.format(sql=sql), settled):
        yield Item(*row)


async def _merged(streams: list[AsyncIterator[Item]]) -> AsyncIterator[Item]:
    """Merge several sorted streams into one."""
    heads = [(item, stream) for stream in streams if (item := await anext(stream, None)) is not None]
    while heads:
        at = min(range(len(heads)), key=lambda number: _key(heads[number][0]))
        item, stream = heads.pop(at)
        yield item
        if (following := await anext(stream, None)) is not None:
            heads.append((following, stream))


def _key(item: Item | None) -> tuple[bytes, bytes]:
    """Compares by bytes, as PostgreSQL's collation "C" does."""
    return (item.store_id.encode(), item.id.encode()) if item is not None else (b"", b"")


def _difference(there: str, here: str) -> str:
    left, right = json.loads(there), json.loads(here)
    return "; ".join(
        f"{name}: {str(right.get(name))[:120]} is not {str(value)[:120]}" for name, value in left.items() if right.get(name) != value
    )
