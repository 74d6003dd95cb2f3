"""Checks stock: each level is the sum of its movements, and orders move exactly the units that they say."""

# ruff: noqa: S608  (the SQL is put together from constants of this package; values are always bound)

from services.orders.audit.sources import ID
from shared.data.audit import Check, public, same

CHECKS: list[Check] = [
    same(
        "stock_level",
        "a stock level is the sum of its movements, which have no gap in their numbers and each record the level after them",
        store="s.store_id",
        about_id="s.sku",
        source="""orders.stock_levels s cross join lateral (select count(*) as n, coalesce(sum(quantity), 0) as sum,
            coalesce(max(sequence), 0) as last,
            coalesce(bool_and(on_hand = running), true) as adds,
            (array_agg(recorded_at order by sequence desc))[1] as changed from (select m.*, sum(quantity) over (order
                by sequence) as running
            from orders.stock_movements m where m.store_id = s.store_id and m.sku = s.sku) m) m""",
        pairs={
            "on_hand": ("s.on_hand", "m.sum"),
            "oversold": ("s.oversold", "m.sum < 0"),
            "movements": ("s.movements", "m.n"),
            "counted": ("m.last", "m.n"),
            "levels": ("m.adds", "true"),
            "changed_at": ("s.changed_at", "coalesce(m.changed, s.changed_at)"),
        },
    ),
    same(
        "movement_without_event",
        "each movement is published in one stock.moved event",
        store="m.store_id",
        about_id="m.sku || ' movement ' || m.sequence",
        source="""orders.stock_movements m left join orders.events e on e.store_id = m.store_id and e.subject = 'sku:' || m.sku
            and e.sequence = m.sequence and e.type = 'stock.moved.v1'""",
        pairs={
            "quantity": ("m.quantity", "(e.data->>'quantity')::bigint"),
            "on_hand": ("m.on_hand", "(e.data->>'on_hand')::bigint"),
            "cause": ("m.cause", "e.data->>'cause'"),
            "oversold": ("m.oversold", "(e.data->>'quantity')::bigint < 0 and (e.data->>'on_hand')::bigint < 0"),
            "order": (public("order", "m.order_id"), "e.data->>'order_id'"),
            "recorded_at": ("m.recorded_at", "e.recorded_at"),
            "sku": ("m.sku", "e.data->>'sku'"),
        },
    ),
    Check(
        "event_without_movement",
        "each stock.moved event belongs to a movement",
        """select e.store_id, e.subject as id, 'movement ' || e.sequence || ' does not exist' as detail from orders.events e
            left join orders.stock_movements m on m.store_id = e.store_id and 'sku:' || m.sku = e.subject and m.sequence = e.sequence
            where e.type = 'stock.moved.v1' and m.sku is null""",
    ),
    Check(
        "stock_of_an_order",
        "placing, amending and cancelling reserve and release exactly the tracked units that they say, each once",
        f"""with changed as (
                select o.store_id, o.order_id, {ID} as id from orders.orders o where o.lines_version > 1
            ), placed as (
                select o.store_id, o.order_id, l.sku, l.quantity from orders.orders o
                join orders.lines l on l.store_id = o.store_id and l.order_id = o.order_id and l.stock_tracked where o.lines_version = 1
                union all
                select o.store_id, o.order_id, x->>'sku', (x->>'quantity')::int from changed o
                join orders.events e on e.store_id = o.store_id and e.subject = o.id and e.sequence = 1,
                jsonb_array_elements(e.data->'order'->'lines') x where (x->>'stock_tracked')::boolean
            ), amended as (
                select o.store_id, o.order_id, x->>'sku' as sku, 'amended:' || o.id || ':' || e.sequence as cause,
                    sum((x->>'quantity')::int * side)::bigint as quantity
                from changed o
                join orders.events e on e.store_id = o.store_id and e.subject = o.id and e.type = 'order.amended.v1'
                join orders.events b on b.store_id = e.store_id and b.subject = e.subject and b.sequence = e.sequence - 1
                cross join lateral (select x, 1 as side from jsonb_array_elements(b.data->'order'->'lines') x
                    union all select x, -1 from jsonb_array_elements(e.data->'order'->'lines') x) bought
                where (x->>'stock_tracked')::boolean group by 1, 2, 3, 4
            ), parts as (
                select o.store_id, o.order_id, p->>'part_cancellation_id' as id, (x->>'line')::int as line,
                    (x->>'quantity')::bigint as quantity, (x->>'released')::bigint as released
                from orders.orders o, jsonb_array_elements(o.part_cancellations) p, jsonb_array_elements(p->'lines') x
            ), wanted as (
                select store_id, order_id, sku, 'placed:' || {public("order", "order_id")} as cause, -sum(quantity)::bigint as quantity
                from placed group by store_id, order_id, sku
                union all select store_id, order_id, sku, cause, quantity from amended where quantity <> 0
                union all
                select l.store_id, l.order_id, l.sku, 'part_cancelled:' || p.id || ':' || l.line, p.released
                from parts p join orders.lines l using (store_id, order_id, line) where p.released <> 0
                union all
                select l.store_id, l.order_id, l.sku, 'cancelled:' || {ID} || ':' || l.line, l.quantity - units
                from orders.orders o join orders.lines l on l.store_id = o.store_id and l.order_id = o.order_id and l.stock_tracked
                cross join lateral (select coalesce(sum(p.quantity), 0)::bigint as units from parts p
                    where p.store_id = l.store_id and p.order_id = l.order_id and p.line = l.line) p
                where (o.cancellation->>'cancelled_from' in ('pending', 'confirmed')
                    or (o.cancellation is not null and o.fulfilment = 'digital')) and l.quantity > units
            )
            select coalesce(w.store_id, m.store_id) as store_id, coalesce(w.cause, m.cause) as id,
                format('%s: %s moved, %s expected', coalesce(w.sku, m.sku), m.quantity, w.quantity) as detail
            from wanted w full join (select * from orders.stock_movements where cause ~ '^(placed|amended|part_cancelled|cancelled):') m
                on m.store_id = w.store_id and m.cause = w.cause and m.sku = w.sku
            where (m.quantity, m.order_id) is distinct from (w.quantity, w.order_id)""",
    ),
    same(
        "oversold",
        "what an order took though it was not there is what its movements say, and needs attention until staff have accepted it",
        store="store_id",
        about_id="id",
        source=f"""(select store_id, {ID} as id, oversold, oversold_open from orders.orders o where oversold <> '[]') o
            full join (select store_id, id, jsonb_agg(jsonb_build_object('sku', sku, 'short', short) order by sku) as oversold,
                    max(version) as version
                from (select store_id, {public("order", "order_id")} as id, sku, sum(least(-quantity, -on_hand)) as short,
                        max(case when cause like 'amended:%' then split_part(cause, ':', 3)::bigint else 1 end) as version
                    from orders.stock_movements where oversold and order_id is not null group by 1, 2, 3) x group by 1, 2) m
                using (store_id, id)
            left join (select store_id, subject as id, max(sequence) as version from orders.events
                where type = 'order.edited.v1' and data->'fields' ? 'accept_oversold' group by 1, 2) a using (store_id, id)""",
        pairs={
            "oversold": ("o.oversold", "m.oversold"),
            "open": ("o.oversold_open", "m.version > coalesce(a.version, 0)"),
        },
    ),
    Check(
        "movement_cause",
        "a movement has a cause of a known kind, and one that names an order moves that order's stock",
        f"""select m.store_id, m.sku || ' movement ' || m.sequence as id, m.cause as detail from orders.stock_movements m
            where m.cause !~ '^(placed|amended|part_cancelled|cancelled|refund|inspection|counted|adjusted):'
            or (m.cause ~ '^(placed|amended|cancelled):' and split_part(m.cause, ':', 2) is distinct from {public("order", "m.order_id")})
            or (m.cause ~ '^(counted|adjusted):') <> (m.order_id is null)
            or (m.oversold and m.cause !~ '^(placed|amended):')""",
    ),
]
