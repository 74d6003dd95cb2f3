"""Checks orders: each row is its last event, and each penny is accounted for."""

# ruff: noqa: S608  (the SQL is put together from constants of this package; values are always bound)

from services.orders.audit.sources import ID, ORDER, PERSONAL
from shared.data.audit import Check, fields, public, same

AT = "orders.orders o left join orders.events e on e.store_id = o.store_id and e.sequence = o.version and e.subject = " + ID
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
# An event from before invoiced addresses has none; a row has had its own since, from the event that confirmed it.
INVOICED = {
    "invoiced_address": (f"case when {PERSONAL} ? 'invoiced_address' then o.invoiced_address end", f"{PERSONAL}->'invoiced_address'"),
    "invoiced_address as confirmed": (
        "o.invoiced_address",
        f"""(select nullif({PERSONAL}->'shipping_address', 'null') from orders.events e where e.store_id = o.store_id
            and e.subject = {ID} and e.sequence = o.confirmed_version)""",
    ),
}
ADDRESSES = dict.fromkeys(("shipping_address", "billing_address"), "jsonb")
TEXTS = ("customer_name", "email", "phone", "company", "buyer_reference", "customer_note")
# What events have only since they have these fields: an older one says nothing, and so does an erased one.
SINCE = {
    "fulfilment": ("o.fulfilment", f"coalesce({ORDER}->>'fulfilment', 'shipping')"),
    **{name: (f"o.{name}", f"coalesce({ORDER}->'{name}', '[]')") for name in ("coupon_codes", "parcels")},
    **{name: (f"o.{name}", f"coalesce({PERSONAL}->>'{name}', '')") for name in TEXTS},
    "tax_numbers": ("o.tax_numbers", f"coalesce({PERSONAL}->'tax_numbers', '[]')"),
    "imported": ("o.imported", f"coalesce(({ORDER}->>'imported')::boolean, false)"),
    "history": ("o.history", f"{ORDER}->'history'"),
    "external_documents": ("o.external_documents", f"coalesce({ORDER}->'external_documents', '[]')"),
    "part_cancellations": ("o.part_cancellations", f"coalesce({ORDER}->'part_cancellations', '[]')"),
    "personal_lines": ("o.personal_lines", f"coalesce({PERSONAL}->'lines', '[]')"),
}
PAYMENTS_OF_ROWS = f"""(select jsonb_agg(jsonb_build_object('payment_id', {public("payment", "x.payment_id")}, 'amount', x.amount,
    'method', x.method, 'reference', x.reference, 'collected_by', x.collected_by, 'order_version', x.order_version,
    'courier_charge', x.courier_charge, 'lines_version', x.lines_version,
    'reverses', {public("payment", "x.reverses")}, 'occurred_at', x.occurred_at, 'recorded_at', x.recorded_at)
    order by x.order_version, x.payment_id)
    from orders.payments x where x.store_id = o.store_id and x.order_id = o.order_id)"""
PAYMENTS_OF_EVENT = f"""(select jsonb_agg(jsonb_build_object('payment_id', x->>'payment_id', 'amount', x->'amount', 'method', x->'method',
    'reference', x->'reference', 'collected_by', x->'collected_by', 'order_version', x->'order_version',
    'courier_charge', (x->>'courier_charge')::bigint, 'lines_version', coalesce(x->'lines_version', '1'), 'reverses', x->'reverses',
    'occurred_at', (x->>'occurred_at')::timestamptz, 'recorded_at', (x->>'recorded_at')::timestamptz)
    order by (x->>'order_version')::int, x->>'payment_id')
    from jsonb_array_elements({ORDER}->'payments') x)"""
CLOSINGS_OF_ROWS = f"""(select jsonb_agg(jsonb_build_object('closing_id', {public("closing", "x.closing_id")}, 'kind', x.kind,
    'amount', x.amount, 'reason', x.reason, 'by', c.by, 'occurred_at', c.occurred_at, 'order_version', x.order_version)
    order by x.order_version) from orders.closings x left join orders.changes c on c.store_id = x.store_id and c.order_id = x.order_id
    and c.version = x.order_version where x.store_id = o.store_id and x.order_id = o.order_id)"""
CLOSINGS_OF_EVENT = f"""(select jsonb_agg(x || jsonb_build_object('occurred_at', (x->>'occurred_at')::timestamptz)
    order by (x->>'order_version')::int) from jsonb_array_elements({ORDER}->'closings') x)"""
CLOSED = "coalesce(sum(amount) filter (where kind = '{}'), 0)"
# Units that were cancelled in part stand in an event's lines, but not in the rows, which are as the order was bought.
LINES_OF_EVENT = f"""(select jsonb_agg(jsonb_strip_nulls(x) - 'cancelled' order by (x->>'line')::int)
    from jsonb_array_elements({ORDER}->'lines') x)"""
LINES_OF_ROWS = """(select jsonb_strip_nulls(jsonb_agg(to_jsonb(x) - 'store_id' - 'order_id' - 'placed_at' order by x.line))
    from orders.lines x where x.store_id = o.store_id and x.order_id = o.order_id)"""

CHECKS: list[Check] = [
    same(
        "order_is_not_its_history",
        "an order's row matches its event of the same version",
        store="o.store_id",
        about_id=ID,
        source=AT,
        pairs=fields("o", ORDER, COLUMNS) | fields("o", PERSONAL, ADDRESSES) | ADDED | SINCE | INVOICED,
    ),
    same(
        "order_parts",
        "an order's lines, payments and closings match its last event",
        store="o.store_id",
        about_id=ID,
        source=AT,
        pairs={"lines": (LINES_OF_ROWS, LINES_OF_EVENT), "payments": (PAYMENTS_OF_ROWS, PAYMENTS_OF_EVENT)}
        | {"closings": (CLOSINGS_OF_ROWS, CLOSINGS_OF_EVENT)},
    ),
    same(
        "order_sums",
        "an order's sums match its lines, payments, closings and refunds, and its payment and refund states follow from them",
        store="o.store_id",
        about_id=ID,
        source=f"""orders.orders o
            cross join lateral (select {CLOSED.format("written_off")} as written_off, {CLOSED.format("kept")} as kept
                from orders.closings x where x.store_id = o.store_id and x.order_id = o.order_id) c
            cross join lateral (select count(*) as lines, sum(quantity) as units, sum(total) as goods,
                sum(discount + order_discount) as discount,
                sum(tax) as tax, bool_and(placed_at = o.placed_at) as placed, bool_or(stock_tracked) as tracked,
                bool_and(total = subtotal - discount - order_discount + case when o.prices_include_tax then 0 else tax end) as added
                from orders.lines x where x.store_id = o.store_id and x.order_id = o.order_id) l
            cross join lateral (select coalesce(sum(amount), 0) as collected, coalesce(bool_and(placed_at = o.placed_at), true) as placed
                from orders.payments x
                where x.store_id = o.store_id and x.order_id = o.order_id) p
            cross join lateral (select count(*) filter (where units > 0 or credit > 0 or o.status = 'cancelled') as refunds,
                coalesce(sum(amount), 0) as refunded, coalesce(sum(units), 0) as units, coalesce(sum(credit), 0) as credited,
                coalesce(sum(shipping_kept), 0) as kept
                from orders.refunds x where x.store_id = o.store_id and x.order_id = o.order_id) r
            cross join lateral (select max(x.line) filter (where e.sequence > 1) as amended, max(x.line) as last
                from orders.events e cross join lateral (select (x->>'line')::int as line from jsonb_array_elements({ORDER}->'lines') x) x
                where (o.last_line is not null or o.lines_version > 1) and e.store_id = o.store_id and e.subject = {ID}
                and e.type in ('order.placed.v1', 'order.amended.v1')) b""",
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
            "written_off_total": ("o.written_off_total", "c.written_off"),
            "kept_total": ("o.kept_total", "c.kept"),
            "refunds": ("o.refunds", "r.refunds"),
            "refunded_units": ("o.refunded_units", "r.units"),
            "last_line": ("o.last_line", "case when b.amended is not null then b.last end"),
            "line placed_at": ("l.placed", "true"),
            "payment placed_at": ("p.placed", "true"),
            "line totals": ("l.added", "true"),
            "stock of the past": ("o.imported and l.tracked", "false"),
            "payment": (
                "o.payment",
                """case when case when o.status = 'cancelled' then p.collected >= o.total
                else (o.total - r.credited) - (p.collected - r.refunded) - c.written_off <= 0 end then 'paid' else 'unpaid' end""",
            ),
            "refund_state": (
                "o.refund_state",
                """case when r.refunds = 0 then 'none' when r.units >= l.units
                or case when o.status = 'cancelled' then r.refunded >= p.collected else r.credited >= o.total end
                then 'full' else 'partial' end""",
            ),
        },
    ),
    same(
        "parcel_numbers",
        "an order is found by the numbers of its parcels, and by no others",
        store="o.store_id",
        about_id=ID,
        source="orders.orders o",
        pairs={
            "numbers": (
                """(select jsonb_object_agg(number, placed_at = o.placed_at) from orders.parcel_numbers x
                where x.store_id = o.store_id and x.order_id = o.order_id)""",
                """(select jsonb_object_agg(number, true) from (select o.tracking->>'number' as number
                union select x->>'number' from jsonb_array_elements(o.parcels) x) given where number <> '')""",
            ),
        },
    ),
    Check(
        "parcels",
        "parcels hold no more units of a line than it has left, of lines that the order has, and are placed, shipped and delivered in turn",
        f"""select o.store_id, {ID} as id, format('line %s: %s packed, %s left', p.line, p.units, l.quantity - c.units) as detail
            from orders.orders o
            cross join lateral (select (x->>'line')::int as line, sum((x->>'quantity')::bigint) as units
                from jsonb_array_elements(o.parcels) p, jsonb_array_elements(p->'lines') x group by 1) p
            left join orders.lines l on l.store_id = o.store_id and l.order_id = o.order_id and l.line = p.line
            cross join lateral (select coalesce(sum((x->>'quantity')::bigint), 0) as units
                from jsonb_array_elements(o.part_cancellations) c, jsonb_array_elements(c->'lines') x
                where (x->>'line')::int = p.line) c
            where coalesce(p.units > l.quantity - c.units, true)
            union all
            select o.store_id, {ID}, format('%s: shipped %s, delivered %s', p->>'parcel_id', p->>'shipped_at', p->>'delivered_at')
            from orders.orders o, jsonb_array_elements(o.parcels) p
            where (p->>'shipped_at')::timestamptz < o.placed_at
            or (p->>'delivered_at')::timestamptz < coalesce((p->>'shipped_at')::timestamptz, o.placed_at)""",
    ),
    Check(
        "payment_reversal",
        "a reversal reverses the payment that it names, of the same order, within what the reversals before it left of it",
        f"""select r.store_id, {public("payment", "r.payment_id")} as id, 'reverses ' || coalesce(p.amount::text, 'nothing') || ' by ' ||
            r.amount || ', where ' || b.stood || ' stood' as detail
            from orders.payments r left join orders.payments p on p.store_id = r.store_id and p.payment_id = r.reverses
            cross join lateral (select coalesce(sum(x.amount), 0) as stood from orders.payments x where x.store_id = r.store_id
                and r.reverses in (x.payment_id, x.reverses) and x.order_version < r.order_version) b
            where r.reverses is not null and ((p.order_id, p.method, p.reference, b.stood) is distinct from (r.order_id, r.method,
                r.reference, r.stood) or r.amount not between -b.stood and -1)""",
    ),
    same(
        "closing",
        "a difference was closed within what was due or overpaid before it, by the change of its version",
        store="c.store_id",
        about_id=public("closing", "c.closing_id"),
        source=f"""orders.closings c join orders.orders o on o.store_id = c.store_id and o.order_id = c.order_id
            left join orders.changes x on x.store_id = c.store_id and x.order_id = c.order_id and x.version = c.order_version
            left join orders.events e on e.store_id = c.store_id and e.sequence = c.order_version - 1 and e.subject = {ID}
            cross join lateral (select {CLOSED.format("written_off")} as written_off, {CLOSED.format("kept")} as kept
                from orders.closings x where x.store_id = c.store_id and x.order_id = c.order_id and x.order_version < c.order_version) b
            cross join lateral (select ({ORDER}->>'total')::bigint - coalesce(({ORDER}->>'credited_total')::bigint,
                ({ORDER}->>'refunded_total')::bigint) - ({ORDER}->>'collected')::bigint + ({ORDER}->>'refunded_total')::bigint as due) d""",
        pairs={
            "type": ("x.type", "'order.difference_closed.v1'"),
            "difference": ("c.difference", "case c.kind when 'kept' then -d.due - b.kept else d.due - b.written_off end"),
            "too much": ("c.amount between 1 and c.difference", "true"),
        },
    ),
    Check(
        "settings_versions",
        "a store's settings are numbered without a gap, each version is published, and a series starts above the numbers that it gave",
        """select s.store_id, 'settings version ' || s.version as id, format('zone %s, published %s; %s versions before; %s numbers given'
            ', %s before', s.time_zone, e.data->>'time_zone', b.n, s.numbers_given, p.numbers_given) as detail
            from orders.settings s
            left join orders.events e on e.store_id = s.store_id and e.subject = 'store_settings' and e.sequence = s.version
            left join orders.settings p on p.store_id = s.store_id and p.version = s.version - 1
            cross join lateral (select count(*) as n from orders.settings x where x.store_id = s.store_id and x.version < s.version) b
            where b.n <> s.version - 1 or (s.time_zone, s.version, s.saved_by, s.saved_at) is distinct from
            (e.data->>'time_zone', (e.data->>'version')::int, e.data->'by', e.recorded_at)
            or not case when s.next_number is null or s.next_number is not distinct from p.next_number
            then s.numbers_given = coalesce(p.numbers_given, 0)
            else s.numbers_given between coalesce(p.numbers_given, 0) and s.next_number - 1 end""",
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
]
