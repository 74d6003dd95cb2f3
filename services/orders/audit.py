"""Checks orders: each row matches its history, each step is legal, each penny and each unit in stock is accounted for."""

# ruff: noqa: S608  (the SQL is put together from constants of this package; values are always bound)

from shared.data.audit import Check, field, fields, public, same

ID = public("order", "o.order_id")
AT = "orders.orders o left join orders.events e on e.store_id = o.store_id and e.sequence = o.version and e.subject = " + ID
ORDER = "e.data->'order'"
PERSONAL = "e.data->'personal'"

COLUMNS = {
    **dict.fromkeys(("number", "external_ref", "status", "currency", "language", "customer_id", "payment", "refund_state"), "text"),
    "version": "int",
    "prices_include_tax": "boolean",
    **dict.fromkeys(
        ("goods_total", "discount_total", "tax_total", "shipping", "shipping_tax", "total", "collected", "refunded_total"), "bigint"
    ),
    **dict.fromkeys(("delivery_failed_at", "placed_at", "confirmed_at", "delivered_at"), "timestamptz"),
    **dict.fromkeys(("tracking", "cancellation"), "jsonb"),
    **dict.fromkeys(("shipping_method", "payment_method", "place_of_supply", "shipping_tax_rate", "shipping_tax_code"), "text"),
    **dict.fromkeys(("supplied_on", "payment_due_on"), "date"),
}
ADDED = {
    "credited_total": ("o.credited_total", f"coalesce(({ORDER}->>'credited_total')::bigint, least(o.total, o.refunded_total))"),
    "shipping_kept_total": ("o.shipping_kept_total", f"coalesce(({ORDER}->>'shipping_kept_total')::bigint, 0)"),
    "lines_version": ("o.lines_version", f"coalesce(({ORDER}->>'lines_version')::int, 1)"),
    "confirmed_version": (f"case when {ORDER} ? 'confirmed_version' then o.confirmed_version end", f"({ORDER}->>'confirmed_version')::int"),
}
"""Fields that events from before do not have."""
CONTACT = {
    **dict.fromkeys(("customer_name", "email", "phone"), "text"),
    **dict.fromkeys(("shipping_address", "billing_address"), "jsonb"),
}
# What events have only since they have these fields: an older one says nothing, and so does an erased one.
SINCE = {
    "fulfilment": ("o.fulfilment", f"coalesce({ORDER}->>'fulfilment', 'shipping')"),
    **{name: (f"o.{name}", f"coalesce({ORDER}->'{name}', '[]')") for name in ("coupon_codes", "parcels")},
    **{name: (f"o.{name}", f"coalesce({PERSONAL}->>'{name}', '')") for name in ("company", "buyer_reference", "customer_note")},
    "tax_numbers": ("o.tax_numbers", f"coalesce({PERSONAL}->'tax_numbers', '[]')"),
    "part_cancellations": ("o.part_cancellations", f"coalesce({ORDER}->'part_cancellations', '[]')"),
    "personal_lines": ("o.personal_lines", f"coalesce({PERSONAL}->'lines', '[]')"),
}
NEVER_CHANGES = ("order_id", "number", "external_ref", "currency", "language", "prices_include_tax", "customer_id", "placed_at")
BOUGHT = ("goods_total", "discount_total", "tax_total", "shipping", "shipping_tax", "total")
"""What changes, as the lines do, only by an amendment."""

# The order of the statuses, and the status after each event (product page, section 1): forward only, steps may be skipped.
RANK = "array_position(array['pending', 'confirmed', 'picked_up', 'shipped', 'delivered'], {})"
STEP = "case when e.type in ({moves}) then split_part(e.type, '.', 2) when e.type = 'order.cancelled.v1' then 'cancelled' else p.status end"
MOVES = ", ".join(f"'order.{status}.v1'" for status in ("confirmed", "picked_up", "shipped", "delivered"))

PAYMENTS_OF_ROWS = f"""(select jsonb_agg(jsonb_build_object('payment_id', {public("payment", "x.payment_id")}, 'amount', x.amount,
    'method', x.method, 'reference', x.reference, 'collected_by', x.collected_by, 'order_version', x.order_version,
    'lines_version', x.lines_version,
    'reverses', {public("payment", "x.reverses")}, 'occurred_at', x.occurred_at, 'recorded_at', x.recorded_at)
    order by x.order_version, x.payment_id)
    from orders.payments x where x.store_id = o.store_id and x.order_id = o.order_id)"""
PAYMENTS_OF_EVENT = f"""(select jsonb_agg(jsonb_build_object('payment_id', x->>'payment_id', 'amount', x->'amount', 'method', x->'method',
    'reference', x->'reference', 'collected_by', x->'collected_by', 'order_version', x->'order_version',
    'lines_version', coalesce(x->'lines_version', '1'), 'reverses', x->'reverses',
    'occurred_at', (x->>'occurred_at')::timestamptz, 'recorded_at', (x->>'recorded_at')::timestamptz)
    order by (x->>'order_version')::int, x->>'payment_id')
    from jsonb_array_elements({ORDER}->'payments') x)"""
# Units that were cancelled in part stand in an event's lines, but not in the rows, which are as the order was bought.
LINES_OF_EVENT = f"""(select jsonb_agg(jsonb_strip_nulls(x) - 'cancelled' order by (x->>'line')::int)
    from jsonb_array_elements({ORDER}->'lines') x)"""
LINES_OF_ROWS = """(select jsonb_strip_nulls(jsonb_agg(to_jsonb(x) - 'store_id' - 'order_id' - 'placed_at' order by x.line))
    from orders.lines x where x.store_id = o.store_id and x.order_id = o.order_id)"""

# The lines of two successive events, but what a part cancellation adds to them.
SAME_LINES = f"""case when e.type = 'order.part_cancelled.v1'
    then (select jsonb_agg(x - 'cancelled') from jsonb_array_elements({ORDER}->'lines') x)
    = (select jsonb_agg(x - 'cancelled') from jsonb_array_elements(b.data->'order'->'lines') x)
    else {ORDER}->'lines' = b.data->'order'->'lines' end"""
CANCELLED_OF_LINES = f"""(select jsonb_object_agg(x->>'line', x->'cancelled') from jsonb_array_elements({ORDER}->'lines') x
    where x ? 'cancelled')"""
CANCELLED_OF_PARTS = f"""(select jsonb_object_agg(line, units) from (select x->>'line' as line, sum((x->>'quantity')::int) as units
    from jsonb_array_elements({ORDER}->'part_cancellations') p, jsonb_array_elements(p->'lines') x group by 1) x)"""

CHECKS: list[Check] = [
    same(
        "order_is_not_its_history",
        "an order's row matches its event of the same version",
        store="o.store_id",
        about_id=ID,
        source=AT,
        pairs=fields("o", ORDER, COLUMNS) | fields("o", PERSONAL, CONTACT) | ADDED | SINCE,
    ),
    same(
        "order_parts",
        "an order's lines and payments match its last event",
        store="o.store_id",
        about_id=ID,
        source=AT,
        pairs={"lines": (LINES_OF_ROWS, LINES_OF_EVENT), "payments": (PAYMENTS_OF_ROWS, PAYMENTS_OF_EVENT)},
    ),
    same(
        "order_sums",
        "an order's sums match its lines, payments and refunds, and its payment and refund states follow from them",
        store="o.store_id",
        about_id=ID,
        source="""orders.orders o
            cross join lateral (select count(*) as lines, max(line) as last, sum(quantity) as units, sum(total) as goods,
                sum(discount + order_discount) as discount,
                sum(tax) as tax, bool_and(placed_at = o.placed_at) as placed,
                bool_and(total = subtotal - discount - order_discount + case when o.prices_include_tax then 0 else tax end) as added
                from orders.lines x where x.store_id = o.store_id and x.order_id = o.order_id) l
            cross join lateral (select coalesce(sum(amount), 0) as collected from orders.payments x
                where x.store_id = o.store_id and x.order_id = o.order_id) p
            cross join lateral (select count(*) filter (where units > 0 or credit > 0 or o.status = 'cancelled') as refunds,
                coalesce(sum(amount), 0) as refunded, coalesce(sum(units), 0) as units, coalesce(sum(credit), 0) as credited,
                coalesce(sum(shipping_kept), 0) as kept
                from orders.refunds x where x.store_id = o.store_id and x.order_id = o.order_id) r""",
        pairs={
            "line_count": ("o.line_count", "l.lines"),
            "unit_count": ("o.unit_count", "l.units"),
            "goods_total": ("o.goods_total", "l.goods"),
            "discount_total": ("o.discount_total", "l.discount"),
            "tax_total": ("o.tax_total", "l.tax + o.shipping_tax"),
            "total": ("o.total", "l.goods + o.shipping"),
            "collected": ("o.collected", "p.collected"),
            "refunded_total": ("o.refunded_total", "r.refunded"),
            "credited_total": ("o.credited_total", "r.credited"),
            "shipping_kept_total": ("o.shipping_kept_total", "r.kept"),
            "refunds": ("o.refunds", "r.refunds"),
            "refunded_units": ("o.refunded_units", "r.units"),
            "last_line": ("coalesce(o.last_line, l.last) >= l.last", "true"),
            "line placed_at": ("l.placed", "true"),
            "line totals": ("l.added", "true"),
            "payment": (
                "o.payment",
                """case when case when o.status = 'cancelled' then p.collected >= o.total
                else (o.total - r.credited) - (p.collected - r.refunded) <= 0 end then 'paid' else 'unpaid' end""",
            ),
            "refund_state": (
                "o.refund_state",
                """case when r.refunds = 0 then 'none' when r.units >= l.units
                or case when o.status = 'cancelled' then r.refunded >= p.collected else r.credited >= o.total end
                then 'full' else 'partial' end""",
            ),
        },
    ),
    Check(
        "order_versions",
        "each version of an order has exactly one order.* event, and no event has a higher version than the row",
        f"""select o.store_id, {ID} as id, format('version %s, %s events up to %s', o.version, count(e.*), max(e.sequence)) as detail
            from orders.orders o left join orders.events e on e.store_id = o.store_id and e.subject = {ID} and e.type like 'order.%'
            group by o.store_id, o.order_id, o.version
            having count(e.*) <> o.version or max(e.sequence) is distinct from o.version::bigint""",
    ),
    Check(
        "event_without_order",
        "every order.* event belongs to an existing order",
        f"""select e.store_id, e.subject as id, e.type as detail from orders.events e
            where e.type like 'order.%' and not exists (select from (select store_id, {ID} as id from orders.orders o) o
            where o.store_id = e.store_id and o.id = e.subject)""",
    ),
    same(
        "illegal_step",
        "an order moves forward by legal steps, what was bought changes only while it is pending, and records are only added",
        store="e.store_id",
        about_id="e.subject || ' version ' || e.sequence",
        source="""orders.events e
            left join orders.events b on b.store_id = e.store_id and b.subject = e.subject and b.sequence = e.sequence - 1
            cross join lateral (select b.data->'order'->>'status' as status, jsonb_array_length(b.data->'order'->'payments') as paid,
                e.type = 'order.amended.v1' as amended) p""",
        only="e.type like 'order.%'",
        pairs={
            "order": (f"{ORDER}->>'order_id'", "e.subject"),
            "version": (field(ORDER, "version", "bigint"), "e.sequence"),
            "public": ("e.public", "true"),
            "first": ("e.type = 'order.placed.v1'", "e.sequence = 1"),
            "status": (f"{ORDER}->>'status'", f"case when e.sequence = 1 then 'pending' else {STEP.format(moves=MOVES)} end"),
            "forward": (
                f"""e.sequence = 1 or {ORDER}->>'status' = p.status or {RANK.format(f"{ORDER}->>'status'")} > {RANK.format("p.status")}
                or ({ORDER}->>'status' = 'cancelled' and p.status <> 'delivered')""",
                "true",
            ),
            "cancelled is the end": (f"coalesce(p.status = 'cancelled' and e.type in ({MOVES}, 'order.cancelled.v1'), false)", "false"),
            **{name: (f"case when e.sequence > 1 then {ORDER}->'{name}' end", f"b.data->'order'->'{name}'") for name in NEVER_CHANGES},
            **{name: (f"p.amended or e.sequence = 1 or {ORDER}->'{name}' = b.data->'order'->'{name}'", "true") for name in BOUGHT},
            "lines": (f"p.amended or e.sequence = 1 or {SAME_LINES}", "true"),
            "lines_version": (
                f"coalesce({field(ORDER, 'lines_version', 'int')}, 1)",
                "coalesce((b.data->'order'->>'lines_version')::int, 1) + case when p.amended then 1 else 0 end",
            ),
            "amended": ("not p.amended or p.status = 'pending'", "true"),
            "cancelled units": (CANCELLED_OF_LINES, CANCELLED_OF_PARTS),
            "part cancellations": (
                f"""coalesce(jsonb_array_length({ORDER}->'part_cancellations'), 0)""",
                """coalesce(jsonb_array_length(b.data->'order'->'part_cancellations'), 0)
                + case when e.type = 'order.part_cancelled.v1' then 1 else 0 end""",
            ),
            "payments": (
                f"""case when p.paid > 0 then (select jsonb_agg(x order by n) from jsonb_array_elements({ORDER}->'payments')
                with ordinality as t(x, n) where n <= p.paid) end""",
                "case when p.paid > 0 then b.data->'order'->'payments' end",
            ),
            "collected": (
                field(ORDER, "collected", "bigint"),
                f"(select coalesce(sum((x->>'amount')::bigint), 0) from jsonb_array_elements({ORDER}->'payments') x)",
            ),
        },
    ),
    same(
        "change_without_event",
        "each version's history row matches its event",
        store="o.store_id",
        about_id=f"{ID} || ' version ' || o.version",
        source=f"orders.changes o full join orders.events e on e.store_id = o.store_id and e.sequence = o.version and e.subject = {ID}"
        " and e.type like 'order.%'",
        only="o.store_id is not null",
        pairs={
            "type": ("o.type", "e.type"),
            "by": ("o.by", "e.data->'by'"),
            "occurred_at": ("o.occurred_at", "e.occurred_at"),
            "recorded_at": ("o.recorded_at", "e.recorded_at"),
            "message": ("o.message", "coalesce(e.data->'personal'->>'message', '')"),
        },
    ),
    same(
        "history_is_short",
        "each version has a history row",
        store="o.store_id",
        about_id=ID,
        source="""orders.orders o cross join lateral (select count(*) as n, min(version) as low,
            max(version) as high,
            min(recorded_at) filter (where version = 1) as first
            from orders.changes c where c.store_id = o.store_id and c.order_id = o.order_id) c""",
        pairs={"versions": ("o.version", "c.n"), "last": ("o.version", "c.high"), "recorded_at": ("o.recorded_at", "c.first")},
    ),
    Check(
        "payment_reversal",
        "a reversal reverses exactly the payment that it names, of the same order, once",
        f"""select r.store_id, {public("payment", "r.payment_id")} as id, 'reverses ' || coalesce(p.amount::text, 'nothing') || ' by ' ||
            r.amount as detail
            from orders.payments r left join orders.payments p on p.store_id = r.store_id and p.payment_id = r.reverses
            where r.reverses is not null and (p.order_id, -p.amount, p.method, p.reference) is distinct from (r.order_id, r.amount,
                r.method, r.reference)""",
    ),
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
    Check(
        "movement_cause",
        "a movement has a cause of a known kind, and one that names an order moves that order's stock",
        f"""select m.store_id, m.sku || ' movement ' || m.sequence as id, m.cause as detail from orders.stock_movements m
            where m.cause !~ '^(placed|amended|part_cancelled|cancelled|refund|inspection|counted|adjusted):'
            or (m.cause ~ '^(placed|amended|cancelled):' and split_part(m.cause, ':', 2) is distinct from {public("order", "m.order_id")})
            or (m.cause ~ '^(counted|adjusted):') <> (m.order_id is null)""",
    ),
    Check(
        "settings_versions",
        "a store's settings are numbered without a gap, and each version is published",
        """select s.store_id, 'settings version ' || s.version as id, format('zone %s, published %s; %s versions before', s.time_zone,
            e.data->>'time_zone', b.n) as detail
            from orders.settings s
            left join orders.events e on e.store_id = s.store_id and e.subject = 'store_settings' and e.sequence = s.version
            cross join lateral (select count(*) as n from orders.settings x where x.store_id = s.store_id and x.version < s.version) b
            where b.n <> s.version - 1 or (s.time_zone, s.version, s.saved_by, s.saved_at) is distinct from
            (e.data->>'time_zone', (e.data->>'version')::int, e.data->'by', e.recorded_at)""",
    ),
    Check(
        "counts",
        "the dashboard's counts match the orders",
        """with shown as (
                select store_id, status, payment, refund_state, sum(n) as n from (
                    select store_id, status, payment, refund_state, orders as n from orders.counts
                    union all select store_id, status, payment, refund_state, delta from orders.count_deltas) x group by 1, 2, 3, 4
            ), real as (select store_id, status, payment, refund_state, count(*) as n from orders.orders group by 1, 2, 3, 4)
            select store_id, concat_ws('/', status, payment, refund_state) as id, format('%s counted, %s there', s.n, r.n) as detail
            from shown s full join real r using (store_id, status, payment, refund_state) where coalesce(s.n, 0) <> coalesce(r.n, 0)""",
    ),
    Check(
        "answer_without_effect",
        "each change that a stored response reports is in the history",
        """select k.store_id, k.caller || ' ' || k.key as id, format('%s version %s', a.order_id, a.version) as detail
            from orders.idempotency k cross join lateral (select substring(left(k.body, 400) from '"order_id":"(order_[^"]+)"')
                as order_id, substring(left(k.body, 400) from '"version":([0-9]+)')::bigint as version) a
            left join orders.events e on e.store_id = k.store_id and e.subject = a.order_id and e.sequence = a.version
            where a.order_id is not null and a.version is not null and (e.event_id is null or (k.status = 201) <> (a.version = 1))""",
    ),
]
