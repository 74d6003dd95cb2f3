"""Checks refunds: no more than was collected, no unit twice, and each row matches its events, reports and inspections."""

# ruff: noqa: S608  (the SQL is put together from constants of this package; values are always bound)

from shared.data.audit import Check, clocks, fields, public, same

ID = public("refund", "r.refund_id")
LAST = """refunds.refunds r left join lateral (select e.data->'refund' as refund, e.data->'personal' as personal, e.type from
    refunds.events e
    where e.store_id = r.store_id and e.subject = {order} and e.data->'refund'->>'refund_id' = {refund}
    order by e.sequence desc limit 1) e on true""".format(order=public("order", "r.order_id"), refund=ID)

RATES = ("shipping_tax_rate", "shipping_tax_code")
COLUMNS = {
    **dict.fromkeys(("order_number", "status", "settlement", "cause", "payment_id", "reason", "currency"), "text"),
    **dict.fromkeys(("order_version", "policy_version"), "int"),
    "order_invoiced": "boolean",
    **dict.fromkeys(("amount", "goods", "shipping", "overpaid", "shipping_kept", "shipping_tax", "shipping_kept_tax"), "bigint"),
    **dict.fromkeys(("requested_at", "decided_at"), "timestamptz"),
}
FOLD = fields("r", "e.refund", COLUMNS) | {
    "payment_id": (public("payment", "r.payment_id"), "e.refund->>'payment_id'"),
    "part_cancellation_id": (public("part_cancellation", "r.part_cancellation_id"), "e.refund->>'part_cancellation_id'"),
    "order_id": (public("order", "r.order_id"), "e.refund->>'order_id'"),
    "description": ("r.description", "coalesce(e.personal->>'description', '')"),  # none in an event that was emptied
    # an event from before there were parts says only whether all of it had gone back
    "settled_amount": (
        "r.settled_amount",
        "coalesce((e.refund->>'settled_amount')::bigint, case e.refund->>'settlement' when 'settled' then r.amount else 0 end)",
    ),
    "credit": ("r.credit", "coalesce((e.refund->>'credit')::bigint, r.amount - r.overpaid)"),
    **{name: (f"r.{name}", f"coalesce(e.refund->'{name}', '[]')") for name in ("taxes", "payout_taxes", "fees")},
    **{name: (f"case when e.refund ? '{name}' then r.{name} end", f"e.refund->>'{name}'") for name in RATES},
}
OF_ORDER = """(select o.{} from refunds.orders o where o.store_id = r.store_id and o.order_id = r.order_id
    and r.shipping_tax is not null and r.cause <> 'overpaid')"""  # which may be given while rates still change
PART = f"""(select p from jsonb_array_elements(o.part_cancellations) p
    where p->>'part_cancellation_id' = {public("part_cancellation", "r.part_cancellation_id")})"""
"""The record of the part cancellation that a refund credits."""
LINES_OF_ROWS = """(select jsonb_agg(jsonb_build_object('line', x.line, 'sku', x.sku, 'quantity', x.quantity, 'goods', x.goods,
    'shipping', x.shipping, 'fee', x.fee, 'tax', x.tax, 'tax_rate', x.tax_rate, 'tax_code', x.tax_code,
    'disposition', x.disposition, 'restock', x.restock, 'not_restocked_because', x.not_restocked_because, 'units',
    (select coalesce(jsonb_agg(jsonb_build_object('first', u->0, 'last', u->1) order by n), '[]') from jsonb_array_elements(x.units) with
        ordinality t(u, n)))
    order by x.line) from refunds.refund_lines x where x.store_id = r.store_id and x.refund_id = r.refund_id)"""
LINES_OF_EVENT = """(select jsonb_agg(jsonb_build_object('line', x->'line', 'sku', x->'sku', 'quantity', x->'quantity', 'goods',
    x->'goods', 'shipping',
    x->'shipping', 'fee', coalesce((x->>'fee')::bigint, 0), 'tax', (x->>'tax')::bigint,
    'tax_rate', x->>'tax_rate', 'tax_code', x->>'tax_code',
    'disposition', x->'disposition', 'restock', x->'restock', 'not_restocked_because', x->'not_restocked_because', 'units',
        x->'units')
    order by (x->>'line')::int) from jsonb_array_elements(e.refund->'lines') x)"""

CHECKS: list[Check] = [
    same(
        "refund_customer",
        "a refund is of its order's present customer",
        store="r.store_id",
        about_id=ID,
        source="refunds.refunds r left join refunds.orders o on o.store_id = r.store_id and o.order_id = r.order_id",
        pairs={"customer_id": ("r.customer_id", "o.customer_id")},
    ),
    same(
        "refund_is_not_its_history",
        "a refund's row matches its last event",
        store="r.store_id",
        about_id=ID,
        source=LAST,
        pairs=FOLD | {"lines": (LINES_OF_ROWS, LINES_OF_EVENT)},
    ),
    same(
        "refund_version",
        "a refund's version counts its request, its decision, and every report and inspection",
        store="r.store_id",
        about_id=ID,
        source="""refunds.refunds r
            cross join lateral (select count(*) as n from refunds.settlements s where s.store_id = r.store_id and s.refund_id =
                r.refund_id) s
            cross join lateral (select count(distinct inspection_id) as n from refunds.inspections s
                where s.store_id = r.store_id and s.refund_id = r.refund_id) i""",
        pairs={"version": ("r.version", "1 + case when r.cause = 'request' and r.status <> 'processing' then 1 else 0 end + s.n + i.n")},
    ),
    same(
        "refund_sums",
        "a refund's amount matches its lines, and its units are claimed while it is open or approved",
        store="r.store_id",
        about_id=ID,
        source="""refunds.refunds r
            cross join lateral (select coalesce(sum(goods), 0) as goods, coalesce(sum(shipping), 0) as shipping,
                coalesce(sum(x.tax), 0) as tax, coalesce(sum(x.fee), 0) as fees,
                coalesce(bool_and(x.quantity = u.units
                and x.restock in (0, x.quantity) and (x.restock = 0 or (x.disposition = 'restock' and x.stock_tracked))), true) as
                    counted,
                coalesce(bool_and(x.sku = o.sku and x.stock_tracked = o.stock_tracked and x.quantity <= o.quantity), true) as bought,
                    count(o.line) = count(*) as known
                from refunds.refund_lines x left join refunds.order_lines o on o.store_id = x.store_id and o.order_id = r.order_id and
                    o.line = x.line
                cross join lateral (select coalesce(sum((v->>1)::int - (v->>0)::int + 1), 0) as units from jsonb_array_elements(x.units)
                    v) u
                where x.store_id = r.store_id and x.refund_id = r.refund_id) l
            cross join lateral (select jsonb_agg(jsonb_build_array(line, first, last) order by line, first) as units from refunds.claims x
                where x.store_id = r.store_id and x.refund_id = r.refund_id and x.order_id = r.order_id) c
            cross join lateral (select jsonb_agg(jsonb_build_array(x.line, v->0, v->1) order by x.line, (v->>0)::int) as units
                from refunds.refund_lines x, jsonb_array_elements(x.units) v where x.store_id = r.store_id and x.refund_id = r.refund_id)
                    u""",
        pairs={
            "goods": ("r.goods", "l.goods"),
            "shipping": ("r.shipping", "l.shipping"),
            "credit": ("r.credit", "l.goods + l.shipping"),
            "tax": (
                "(select sum((t->>'tax')::bigint) from jsonb_array_elements(r.taxes) t)",
                "case when r.taxes <> '[]' then l.tax + r.shipping_tax end",
            ),
            "lines": ("l.counted and l.bought and l.known", "true"),
            # the choice at the approval is told in the explanation; its reason stands nowhere else
            "shipping_choice": ("r.shipping_choice", "coalesce(r.explanation->>'shipping_choice', 'policy')"),
            "no fees": ("r.fees = '[]' and l.fees > 0", "false"),
            **{name: (f"case when r.cause <> 'overpaid' then r.{name} end", OF_ORDER.format(name)) for name in RATES},
            "overpaid": ("r.cause = 'overpaid' and r.amount <> r.overpaid", "false"),
            "units": ("c.units", "case when r.status <> 'cancelled' then u.units end"),
        },
    ),
    same(
        "claim_place",
        "a claim has the slot and quantity of its line, and belongs to its refund's order",
        store="c.store_id",
        about_id=f"{public('refund', 'c.refund_id')} || ' line ' || c.line",
        source="""refunds.claims c left join refunds.order_lines l on l.store_id = c.store_id and l.order_id = c.order_id and l.line =
            c.line
            left join refunds.refunds r on r.store_id = c.store_id and r.refund_id = c.refund_id""",
        pairs={"slot": ("c.slot", "l.slot"), "quantity": ("c.line_quantity", "l.quantity"), "order": ("c.order_id", "r.order_id")},
    ),
    Check(
        "unit_twice",
        "no unit of a line is in two refunds",
        f"""select a.store_id, {public("order", "a.order_id")} || ' line ' || a.line as id, format('units %s to %s and %s to %s', a.first,
            a.last, b.first, b.last) as detail
            from refunds.claims a join refunds.claims b on b.store_id = a.store_id and b.order_id = a.order_id and b.line = a.line
            and b.first > a.first and b.first <= a.last""",
    ),
    same(
        "approval",
        "each approved refund has one approval with its amount and time, chained to the previous one, within the money collected",
        store="coalesce(r.store_id, a.store_id)",
        about_id=f"coalesce({ID}, {public('refund', 'a.refund_id')})",
        source="""(select * from refunds.refunds where status = 'approved') r
            full join refunds.approvals a on a.store_id = r.store_id and a.refund_id = r.refund_id
            left join refunds.approvals b on b.store_id = a.store_id and b.order_id = a.order_id and b.number = a.number - 1
            left join refunds.orders o on o.store_id = r.store_id and o.order_id = r.order_id
            cross join lateral (select coalesce(sum(amount) filter (where before), 0) as collected,
                coalesce(sum(amount) filter (where amount < 0 and not before
                and r.cause not in ('request', 'adjustment', 'overpaid')), 0) as reversed_since
                from (select (p->>'amount')::bigint as amount, (p->>'order_version')::int <= r.order_version as before
                    from jsonb_array_elements(o.payments) p) p) p
            cross join lateral (select count(*) as n from refunds.approvals x where x.store_id = a.store_id and x.order_id = a.order_id)
                n""",
        pairs={
            "order": ("a.order_id", "r.order_id"),
            "amount": ("a.amount", "r.amount"),
            "approved_at": ("a.approved_at", "r.decided_at"),
            "approved_before": ("a.approved_before", "coalesce(b.approved_after, 0)"),
            "approved_after": ("a.approved_after", "a.approved_before + a.amount"),
            "first": ("a.number = 1", "b.number is null"),
            "number": ("a.number between 1 and n.n", "true"),
            # an automatic refund does not count what was known to be reversed since its cause
            "collected_seen": (
                "a.collected_seen between greatest(0, p.collected + p.reversed_since) and greatest(0, p.collected)",
                "true",
            ),
            "too much": ("a.amount = 0 or a.approved_after <= a.collected_seen", "true"),
        },
    ),
    same(
        "credit",
        "each part of an approved refund has one credit, chained to the previous one of its part, within the part's total",
        store="coalesce(r.store_id, c.store_id)",
        about_id=f"coalesce({public('refund', 'r.refund_id')}, {public('refund', 'c.refund_id')}) || ' part ' || coalesce(r.part, c.part)",
        source="""(select r.store_id, r.order_id, r.refund_id, l.line as part, l.goods as amount, o.total as whole, a.number as turn
                from refunds.refunds r
                join refunds.approvals a using (store_id, refund_id)
                join refunds.refund_lines l using (store_id, refund_id)
                left join refunds.order_lines o on o.store_id = r.store_id and o.order_id = r.order_id and o.line = l.line
                where r.status = 'approved' and l.goods > 0
                union all
                select r.store_id, r.order_id, r.refund_id, 0, r.shipping, o.shipping, a.number from refunds.refunds r
                join refunds.approvals a using (store_id, refund_id)
                left join refunds.orders o on o.store_id = r.store_id and o.order_id = r.order_id
                where r.status = 'approved' and r.shipping > 0) r
            full join refunds.credits c on c.store_id = r.store_id and c.refund_id = r.refund_id and c.part = r.part
            left join refunds.credits b on b.store_id = c.store_id and b.order_id = c.order_id and b.part = c.part
                and b.number = c.number - 1
            left join refunds.approvals t on t.store_id = b.store_id and t.refund_id = b.refund_id""",
        pairs={
            "order": ("c.order_id", "r.order_id"),
            "amount": ("c.amount", "r.amount"),
            "whole": ("c.whole", "r.whole"),
            "before": ("c.before", "coalesce(b.after, 0)"),
            "after": ("c.after", "c.before + c.amount"),
            "first": ("c.number = 1", "b.number is null"),
            "in turn": ("coalesce(t.number, 0) < r.turn", "true"),
            "too much": ("c.after <= c.whole", "true"),
        },
    ),
    same(
        "settlement",
        "a refund's settlement follows from the reports about it, of which successes count until they add up to its amount",
        store="r.store_id",
        about_id=ID,
        source="""refunds.refunds r cross join lateral (select count(*) as n, coalesce(max(number), 0) as last,
            coalesce(sum(amount) filter (where counts and outcome = 'succeeded'), 0) as sent,
            (array_agg(outcome order by number desc) filter (where counts))[1] as latest,
            coalesce(bool_and(counts = (sent_before < r.amount and (outcome = 'failed' or sent_before + amount <= r.amount))), true)
                as counted,
            coalesce(bool_and(case when counts and outcome = 'succeeded'
                then row(turn, before, whole, after, turn_before) is not distinct from
                    row(turns_before + 1, sent_before, r.amount, sent_before + amount, nullif(turns_before, 0))
                else num_nulls(turn, before, whole, after, turn_before) = 5 end), true) as chained
            from (select s.*, coalesce(sum(amount) filter (where counts and outcome = 'succeeded') over earlier, 0)::bigint as sent_before,
                (count(*) filter (where counts and outcome = 'succeeded') over earlier)::integer as turns_before
                from refunds.settlements s where s.store_id = r.store_id and s.refund_id = r.refund_id
                window earlier as (order by number rows between unbounded preceding and 1 preceding)) s) s""",
        pairs={
            "settlement": (
                "r.settlement",
                """case when r.status <> 'approved' or r.amount = 0 then 'none' when s.sent = r.amount or r.cause = 'history' then 'settled'
                when s.latest = 'failed' then 'failed' else 'unsettled' end""",
            ),
            "settled_amount": ("r.settled_amount", "case when r.cause = 'history' then r.amount else s.sent end"),
            "counted": ("s.last", "s.n"),
            "counts": ("s.counted", "true"),
            "chain": ("s.chained", "true"),
        },
    ),
    Check(
        "report_without_event",
        "each settlement report that counts was published, with what it says",
        f"""select s.store_id, {public("refund", "s.refund_id")} || ' report ' || s.number as id, s.outcome as detail from
            refunds.settlements s
            join refunds.refunds r on r.store_id = s.store_id and r.refund_id = s.refund_id
            where s.counts and not exists (select from refunds.events e where e.store_id = s.store_id and e.subject =
                {public("order", "r.order_id")}
            and e.type = case when s.outcome = 'failed' then 'refund.settlement_failed.v1' when s.after = r.amount then 'refund.settled.v1'
                else 'refund.part_settled.v1' end
            and e.data->>'reference' = s.reference and coalesce(e.data->>'method', s.method) = s.method
            and coalesce((e.data->>'amount')::bigint, s.amount) = s.amount
            and e.data->>'payment_id' is not distinct from {public("payment", "s.payment_id")}
            and (e.data->>'occurred_at')::timestamptz = s.reported_at
            and e.data->'refund'->>'refund_id' = {ID})""",
    ),
    same(
        "inspection",
        "a line's inspected units are the sum of its inspections, each published with its lines",
        store="l.store_id",
        about_id=f"{public('refund', 'l.refund_id')} || ' line ' || l.line",
        source=f"""refunds.refund_lines l join refunds.refunds r on r.store_id = l.store_id and r.refund_id = l.refund_id
            cross join lateral (select coalesce(sum(quantity), 0) as n, coalesce(sum(restock), 0) as restock, coalesce(bool_and(restock =
                case
                when i.disposition = 'restock' and l.stock_tracked then quantity else 0 end), true) as follows
                from refunds.inspections i where i.store_id = l.store_id and i.refund_id = l.refund_id and i.line = l.line) i
            cross join lateral (select coalesce(sum((x->>'quantity')::int), 0) as n, coalesce(sum((x->>'restock')::int), 0) as restock
                from refunds.events e, jsonb_array_elements(e.data->'lines') x where e.store_id = l.store_id and e.type =
                    'refund.inspected.v1'
                and e.subject = {public("order", "r.order_id")} and e.data->'refund'->>'refund_id' = {ID} and (x->>'line')::int = l.line
                and exists (select from refunds.inspections i where i.store_id = l.store_id and i.refund_id = l.refund_id
                    and i.inspection_id::text = e.data->>'inspection_id' and i.disposition = x->>'disposition' and i.line = l.line)) e""",
        only="l.inspected > 0 or i.n > 0 or e.n > 0",
        pairs={
            "inspected": ("l.inspected", "i.n"),
            "published": ("e.n", "i.n"),
            "restocked": ("e.restock", "i.restock"),
            "restock": ("i.follows", "true"),
        },
    ),
    same(
        "refund_event_counter",
        "an order's event counter matches its last refund.* event",
        store="o.store_id",
        about_id=public("order", "o.order_id"),
        source=f"""refunds.orders o cross join lateral (select coalesce(max(sequence), 0) as last from refunds.events e
            where e.store_id = o.store_id and e.subject = {public("order", "o.order_id")}) e""",
        pairs={"events": ("o.events", "e.last")},
    ),
    Check(
        "refund_event_of_nothing",
        "each refund.* event belongs to an existing refund, with a version that the refund has had",
        f"""select e.store_id, e.subject as id, e.type || ' of ' || (e.data->'refund'->>'refund_id') as detail from refunds.events e
            left join (select r.store_id, {ID} as id, r.version, r.order_id from refunds.refunds r) r on r.store_id = e.store_id and r.id
                = e.data->'refund'->>'refund_id'
            where e.type like 'refund.%' and ((e.data->'refund'->>'version')::int <= r.version and e.subject =
                e.data->'refund'->>'order_id'
            and e.public = (e.type <> 'refund.inspected.v1')) is not true""",
    ),
    same(
        "policy",
        "policies are numbered without a gap, each is published, and a refund names one that was saved before it",
        store="p.store_id",
        about_id="'policy version ' || p.version",
        source="""refunds.settings p left join refunds.events e on e.store_id = p.store_id and e.subject = 'refund_policy' and e.sequence
            = p.version
            cross join lateral (select count(*) as n from refunds.settings x where x.store_id = p.store_id and x.version < p.version)
                b""",
        pairs={
            "counted": ("p.version", "b.n + 1"),
            "version": ("p.version", "(e.data->>'version')::int"),
            "valid_from": ("p.valid_from", "(e.data->>'valid_from')::timestamptz"),
            "manage_stock": ("p.manage_stock", "(e.data->>'manage_stock')::boolean"),
            "attachments": ("p.attachments", "(e.data->>'attachments')::boolean"),
            "deduct_shipping": ("p.deduct_shipping", "(e.data->>'deduct_shipping')::boolean"),
            "saved_by": ("p.saved_by", "e.data->'by'"),
            "saved_at": ("p.saved_at", "e.recorded_at"),
        },
    ),
    Check(
        "policy_of_a_refund",
        "a refund keeps the policy that was in force when it was requested; what was refunded before an import has none",
        f"""select r.store_id, {ID} as id, format('policy %s, in force %s', r.policy_version, p.version) as detail from refunds.refunds r
            left join refunds.orders o on o.store_id = r.store_id and o.order_id = r.order_id
            left join lateral (select version from refunds.settings p where p.store_id = r.store_id and p.valid_from <= case r.cause
                when 'request' then r.requested_at when 'adjustment' then r.requested_at
                when 'overpaid' then r.requested_at when 'part_cancellation' then ({PART}->>'recorded_at')::timestamptz
                else (o.cancellation->>'recorded_at')::timestamptz end and p.saved_at <= r.requested_at
                order by valid_from desc, version desc limit 1) p on true
            where r.policy_version <> case r.cause when 'history' then 0 else coalesce(p.version, 0) end""",
    ),
    Check(
        "attention",
        "an attention item refers to an existing refund and order, and to the report that opened it",
        f"""select a.store_id, {public("attention", "a.attention_id")} as id, a.kind || ' of ' || a.key as detail from refunds.attention a
            left join refunds.refunds r on r.store_id = a.store_id and r.refund_id = a.refund_id
            left join refunds.orders o on o.store_id = a.store_id and o.order_id = a.order_id
            where o.order_id is null or (a.refund_id is not null and r.order_id is distinct from a.order_id)
            or (a.kind = 'pay_to_missing' and (a.key <> {public("refund", "a.refund_id")}
                or (a.facts->>'amount')::bigint is distinct from r.amount))
            or (a.kind not in ('pay_to_missing', 'approved_above_collected') and (a.key not like {public("refund", "a.refund_id")} || ':%'
                or not exists (select from refunds.settlements s where s.store_id = a.store_id
                and s.refund_id = a.refund_id and s.number::text = split_part(a.key, ':', 2) and s.outcome = a.facts->>'outcome'
                and s.outcome = case a.kind when 'failed_after_settled' then 'failed' else 'succeeded' end
                and s.method = a.facts->>'method' and s.reference = a.facts->>'reference'
                and coalesce((a.facts->>'amount')::bigint, s.amount) = s.amount
                and s.counts = (a.kind = 'paid_back_above_payment')
                and (s.payment_id is not null or a.kind <> 'paid_back_above_payment'))))
            or (a.closed_at is null) <> (a.closed_by is null)""",
    ),
    clocks(
        "attention closed before it was opened",
        "an attention item was closed after it was opened",
        f"""select a.store_id, {public("attention", "a.attention_id")} as id, format('opened %s, closed %s', opened_at, closed_at) as detail
            from refunds.attention a where a.closed_at < a.opened_at""",
    ),
    Check(
        "attachment",
        "an attachment belongs to its refund's customer",
        f"""select a.store_id, {public("attachment", "a.attachment_id")} as id, 'customer ' || a.customer_id as detail from
            refunds.attachments a
            left join refunds.refunds r on r.store_id = a.store_id and r.refund_id = a.refund_id
            where a.refund_id is not null and r.customer_id is distinct from a.customer_id""",
    ),
    Check(
        "automatic_refund",
        "an automatic refund belongs to a cancelled order or to what caused it, and each part cancellation and past refund has one",
        f"""select r.store_id, {ID} as id, r.cause as detail from refunds.refunds r
            left join refunds.orders o on o.store_id = r.store_id and o.order_id = r.order_id
            where (r.cause in ('cancellation', 'payment') and o.status <> 'cancelled') or (r.cause = 'payment' and not exists (select from
                jsonb_array_elements(o.payments) p
            where p->>'payment_id' = {public("payment", "r.payment_id")}))
            or (r.cause = 'cancellation' and o.imported and o.cancellation->>'order_version' = '1')
            or (r.cause = 'history' and (o.refunded_before is null or r.order_version <> 1))
            or (r.cause = 'part_cancellation' and ({PART}->>'order_version')::int is distinct from r.order_version)
            union all select o.store_id, {public("order", "o.order_id")}, (p->>'part_cancellation_id') || ' is not refunded'
            from refunds.orders o cross join lateral jsonb_array_elements(o.part_cancellations) p left join refunds.refunds r
                on r.store_id = o.store_id and r.order_id = o.order_id
                and {public("part_cancellation", "r.part_cancellation_id")} = p->>'part_cancellation_id'
            where r.refund_id is null
            union all select o.store_id, {public("order", "o.order_id")}, 'what was refunded before is not recorded' from refunds.orders o
            where o.refunded_before is not null and not exists (select from refunds.refunds r
                where r.store_id = o.store_id and r.order_id = o.order_id and r.cause = 'history')""",
    ),
    Check(
        "counts",
        "the counts by status match the refunds",
        """with shown as (
                select store_id, status, sum(n) as n from (
                    select store_id, status, refunds as n from refunds.counts
                    union all select store_id, status, delta from refunds.count_deltas) x group by 1, 2
            ), real as (select store_id, status, count(*) as n from refunds.refunds group by 1, 2)
            select store_id, status as id, format('%s counted, %s there', s.n, r.n) as detail
            from shown s full join real r using (store_id, status) where coalesce(s.n, 0) <> coalesce(r.n, 0)""",
    ),
    Check(
        "answer_of_a_refund",
        "a stored response shows a version that the refund has had; the response that created it shows the first",
        f"""select k.store_id, k.caller || ' ' || k.key as id, format('status %s, version %s of %s',
            k.status, a.version, a.refund_id) as detail from refunds.idempotency k cross join lateral (select
                substring(left(k.body, 600) from '"refund_id":"(refund_[^"]+)"') as refund_id,
                substring(left(k.body, 600) from '"version":([0-9]+)')::bigint as version) a
            left join (select r.store_id, {ID} as id, r.version from refunds.refunds r) r on r.store_id = k.store_id and r.id = a.refund_id
            where a.refund_id is not null and a.version is not null
            and (r.version >= a.version and (k.status = 201) = (a.version = 1)) is not true""",
    ),
]
