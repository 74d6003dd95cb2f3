"""Checks the histories of orders: each version is one event, and each step from one to the next is legal."""

# ruff: noqa: S608  (the SQL is put together from constants of this package; values are always bound)

from services.orders.audit.sources import ID, ORDER
from shared.data.audit import Check, field, same

NEVER_CHANGES = ("order_id", "number", "external_ref", "currency", "language", "prices_include_tax", "placed_at")
HANDED_OVER = "(e.type = 'order.edited.v1' and e.data->'fields' ? 'customer_id')"
BOUGHT = ("goods_total", "discount_total", "tax_total", "shipping", "shipping_tax", "total")
"""What changes, as the lines do, only by an amendment."""

# The order of the statuses, and the status after each event (product page, section 1): forward only, steps may be skipped.
RANK = "array_position(array['pending', 'confirmed', 'picked_up', 'shipped', 'delivered'], {})"
STEP = "case when e.type in ({moves}) then split_part(e.type, '.', 2) when e.type = 'order.cancelled.v1' then 'cancelled' else p.status end"
MOVES = ", ".join(f"'order.{status}.v1'" for status in ("confirmed", "picked_up", "shipped", "delivered"))

# The lines of two successive events, but what a part cancellation adds to them, or an edit corrects while the order is pending.
SAME_LINES = f"""{ORDER}->'lines' = b.data->'order'->'lines'
    or (select jsonb_agg(x - p.apart) from jsonb_array_elements({ORDER}->'lines') x)
    = (select jsonb_agg(x - p.apart) from jsonb_array_elements(b.data->'order'->'lines') x)"""
APART = """case when e.type = 'order.part_cancelled.v1' then array['cancelled']
    when e.type = 'order.edited.v1' and b.data->'order'->>'status' = 'pending'
    then array['options', 'tax_rate', 'tax_code', 'commodity_code'] else array[]::text[] end"""
PRINTED = "({0}->'lines', {0}->>'shipping_tax_rate', {0}->>'shipping_tax_code')"
CORRECTED = f"""e.type = 'order.edited.v1' and b.data->'order'->>'status' = 'pending'
    and {PRINTED.format(ORDER)} is distinct from {PRINTED.format("b.data->'order'")}"""
CANCELLED_OF_LINES = f"""(select jsonb_object_agg(x->>'line', x->'cancelled') from jsonb_array_elements({ORDER}->'lines') x
    where x ? 'cancelled')"""
CANCELLED_OF_PARTS = f"""(select jsonb_object_agg(line, units) from (select x->>'line' as line, sum((x->>'quantity')::int) as units
    from jsonb_array_elements({ORDER}->'part_cancellations') p, jsonb_array_elements(p->'lines') x group by 1) x)"""

PARCELS = f"coalesce({ORDER}->'parcels', '[]')"
PARCELS_BEFORE = "coalesce(b.data->'order'->'parcels', '[]')"
CHANGES_PARCELS = f"""e.type in ('order.placed.v1', 'order.imported.v1', 'order.parcels_changed.v1', 'order.edited.v1',
    'order.part_cancelled.v1', {MOVES})"""
# An order from before there were parcels has, from its next version on, one that is made of its tracking.
MADE_OF_TRACKING = f"""{PARCELS_BEFORE} = '[]' and jsonb_array_length({PARCELS}) = 1
    and {PARCELS}->0->>'number' = coalesce(b.data->'order'->'tracking'->>'number', '')"""
TRACKED = f"""case when {PARCELS} = '[]' then nullif({ORDER}->'tracking', 'null') when {PARCELS}->0->>'number' <> ''
    then jsonb_build_object('carrier', {PARCELS}->0->'carrier', 'number', {PARCELS}->0->'number', 'url', {PARCELS}->0->'url') end"""
# The status that an import's dates say, and the documents of other systems that an event does not itself name.
STATUS_OF_PAST = f"""case when {ORDER}->'cancellation'->>'order_version' = '1' then 'cancelled'
    when {ORDER}->'history'->>'delivered_at' is not null then 'delivered' when {ORDER}->'history'->>'shipped_at' is not null then 'shipped'
    when {ORDER}->'history'->>'picked_up_at' is not null then 'picked_up' else 'confirmed' end"""
DOCUMENTS_BEFORE = f"""(select coalesce(jsonb_agg(x order by n), '[]') from jsonb_array_elements({ORDER}->'external_documents')
    with ordinality t(x, n) where x->'order_version' <> {ORDER}->'version')"""

CHECKS: list[Check] = [
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
        "an order moves forward by legal steps, what was bought changes only while it is pending, records are only added, and its tracking"
        " is that of its first parcel",
        store="e.store_id",
        about_id="e.subject || ' version ' || e.sequence",
        source=f"""orders.events e
            left join orders.events b on b.store_id = e.store_id and b.subject = e.subject and b.sequence = e.sequence - 1
            cross join lateral (select b.data->'order'->>'status' as status,
                e.type = 'order.amended.v1' as amended, {CORRECTED} as corrected, {APART} as apart) p""",
        only="e.type like 'order.%'",
        pairs={
            "order": (f"{ORDER}->>'order_id'", "e.subject"),
            "version": (field(ORDER, "version", "bigint"), "e.sequence"),
            "public": ("e.public", "true"),
            "first": ("e.type in ('order.placed.v1', 'order.imported.v1')", "e.sequence = 1"),
            "imported": (
                f"{ORDER} ? 'history' and (e.sequence > 1 or e.type = 'order.imported.v1')",
                f"coalesce({field(ORDER, 'imported', 'boolean')}, false)",
            ),
            "history": (f"case when e.sequence > 1 then {ORDER}->'history' end", "b.data->'order'->'history'"),
            "documents": (DOCUMENTS_BEFORE, "coalesce(b.data->'order'->'external_documents', '[]')"),
            "status": (
                f"{ORDER}->>'status'",
                f"""case when e.type = 'order.imported.v1' then {STATUS_OF_PAST} when e.sequence = 1 then 'pending'
                else {STEP.format(moves=MOVES)} end""",
            ),
            "forward": (
                f"""e.sequence = 1 or {ORDER}->>'status' = p.status or {RANK.format(f"{ORDER}->>'status'")} > {RANK.format("p.status")}
                or ({ORDER}->>'status' = 'cancelled' and p.status <> 'delivered')""",
                "true",
            ),
            "cancelled is the end": (f"coalesce(p.status = 'cancelled' and e.type in ({MOVES}, 'order.cancelled.v1'), false)", "false"),
            **{name: (f"case when e.sequence > 1 then {ORDER}->'{name}' end", f"b.data->'order'->'{name}'") for name in NEVER_CHANGES},
            **{
                name: (
                    f"p.amended or p.corrected or e.sequence = 1 or {ORDER}->>'{name}' is not distinct from b.data->'order'->>'{name}'",
                    "true",
                )
                for name in ("shipping_tax_rate", "shipping_tax_code")
            },
            **{name: (f"p.amended or e.sequence = 1 or {ORDER}->'{name}' = b.data->'order'->'{name}'", "true") for name in BOUGHT},
            "customer_id": (
                f"e.sequence = 1 or {ORDER}->'customer_id' <> b.data->'order'->'customer_id'",
                f"e.sequence = 1 or {HANDED_OVER}",
            ),
            "handed over": (
                f"not {HANDED_OVER} or ({ORDER}) - 'version' - 'customer_id' @> (b.data->'order') - 'version' - 'customer_id'",
                "true",
            ),
            "lines": (f"p.amended or e.sequence = 1 or {SAME_LINES}", "true"),
            "lines_version": (
                f"coalesce({field(ORDER, 'lines_version', 'int')}, 1)",
                "coalesce((b.data->'order'->>'lines_version')::int, 1) + case when p.amended or p.corrected then 1 else 0 end",
            ),
            "amended": ("not p.amended or p.status = 'pending'", "true"),
            "cancelled units": (CANCELLED_OF_LINES, CANCELLED_OF_PARTS),
            "part cancellations": (
                f"""coalesce(jsonb_array_length({ORDER}->'part_cancellations'), 0)""",
                """coalesce(jsonb_array_length(b.data->'order'->'part_cancellations'), 0)
                + case when e.type = 'order.part_cancelled.v1' then 1 else 0 end""",
            ),
            "parcels": (f"{CHANGES_PARCELS} or {PARCELS} = {PARCELS_BEFORE} or ({MADE_OF_TRACKING})", "true"),
            "tracking": (f"nullif({ORDER}->'tracking', 'null')", TRACKED),
            "closings": (
                f"coalesce({ORDER}->'closings', '[]')",
                f"""coalesce(b.data->'order'->'closings', '[]') || case when e.type = 'order.difference_closed.v1'
                then jsonb_build_array({ORDER}->'closings'->-1) else '[]' end""",
            ),
            "closed": (
                f"""e.type <> 'order.difference_closed.v1' or (p.status not in ('pending', 'cancelled')
                and {ORDER}->'closings'->-1->>'closing_id' = e.data->>'closing_id'
                and ({ORDER}->'closings'->-1->>'order_version')::bigint = e.sequence)""",
                "true",
            ),
            "payments": (
                f"""not exists (select from jsonb_array_elements(b.data->'order'->'payments') with ordinality t(x, n)
                where not coalesce({ORDER}->'payments'->(n - 1)::int @> x, false))""",  # an older event has fewer fields
                "true",
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
            min(recorded_at) filter (where version = 1) as first, min(recorded_at) filter (where version = o.version) as newest
            from orders.changes c where c.store_id = o.store_id and c.order_id = o.order_id) c""",
        pairs={
            "versions": ("o.version", "c.n"),
            "last": ("o.version", "c.high"),
            "recorded_at": ("o.recorded_at", "c.first"),
            "updated_at": ("o.updated_at", "c.newest"),
        },
    ),
    Check(
        "answer_without_effect",
        "each change that a stored response reports is in the history",
        """select k.store_id, k.caller || ' ' || k.key as id, format('%s version %s', a.order_id, a.version) as detail
            from orders.idempotency k cross join lateral (select substring(left(k.body, 400) from '"order_id":"(order_[^"]+)"')
                as order_id, substring(left(k.body, 400) from '"version":([0-9]+)')::bigint as version) a
            left join orders.events e on e.store_id = k.store_id and e.subject = a.order_id and e.sequence = a.version
            where a.order_id is not null and a.version is not null and (e.event_id is null or (k.status = 201 and a.version <> 1))""",
    ),
]
