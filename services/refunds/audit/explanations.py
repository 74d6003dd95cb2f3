"""Checks a refund's explanation: its figures are the refund's own, and its inputs those of the order and of the refunds before it."""

from shared.data.audit import Check, public, same

# What was credited of each part before the refund, and let be of its order by then: earlier figures of another way to count.
SOURCE = """refunds.refunds r join refunds.orders o using (store_id, order_id)
    left join refunds.approvals a on a.store_id = r.store_id and a.refund_id = r.refund_id
    cross join lateral (select r.explanation as x offset 0) x
    cross join lateral (select sum(total) as goods from refunds.order_lines l
        where l.store_id = r.store_id and l.order_id = r.order_id) l
    cross join lateral (select coalesce(sum(fee), 0) as fees, min(line) filter (where goods > 0) as line,
        coalesce(bool_and(line = (x->>'line')::int or goods = 0), true) as of_line
        from refunds.refund_lines f where f.store_id = r.store_id and f.refund_id = r.refund_id) f
    cross join lateral (select coalesce(sum((fee->>'amount')::bigint), 0) as kept from jsonb_array_elements(r.fees) fee) k
    cross join lateral (select coalesce(sum((c->>'amount')::bigint) filter (where c->>'kind' = 'written_off'), 0) as written_off,
        coalesce(sum((c->>'amount')::bigint) filter (where c->>'kind' = 'kept'), 0) as kept
        from jsonb_array_elements(o.closings) c where (c->>'order_version')::int <= r.order_version) c
    cross join lateral (select coalesce(sum(b.amount), 0) as credited from refunds.credits b
        join refunds.approvals t using (store_id, refund_id)
        where b.store_id = r.store_id and b.order_id = r.order_id and t.number < a.number) b
    cross join lateral (select jsonb_agg(jsonb_build_object('part', part, 'left', whole - before) order by part = 0, part) as parts
        from (select line as part, total as whole from refunds.order_lines p where p.store_id = r.store_id and p.order_id = r.order_id
            union all select 0, o.shipping) w
        cross join lateral (select coalesce(sum(b.amount), 0) as before from refunds.credits b
            join refunds.approvals t using (store_id, refund_id) where b.store_id = r.store_id and b.order_id = r.order_id
            and b.part = w.part and t.number < a.number) b
        where r.cause in ('adjustment', 'overpaid')) p"""


def _says(name: str, value: str, *, when: str = "true") -> tuple[str, str]:
    """The pair of what an explanation says under a name and what that is; nothing where it does not say it, as those from before."""
    return (f"case when {when} then (x->>'{name}')::bigint end", f"case when {when} and x->'{name}' <> 'null' then {value} end")


DECIDED = "r.status = 'approved' and a.number is not null"  # without its approval, it is reported as such
OF_ADJUSTMENT = "r.cause in ('adjustment', 'overpaid')"

CHECKS: list[Check] = [
    same(
        "explanation",
        "a refund's explanation has its own figures, and as inputs those of its order and of the refunds approved before it",
        store="r.store_id",
        about_id=public("refund", "r.refund_id"),
        source=SOURCE,
        pairs={
            "kind": (
                "x->>'kind'",
                """case when r.cause in ('request', 'part_cancellation') then 'units'
                when r.cause in ('cancellation', 'payment') then 'money' else r.cause end""",
            ),
            "policy_version": _says("policy_version", "r.policy_version"),
            "order_goods": _says("order_goods", "l.goods"),
            "order_shipping": _says("order_shipping", "o.shipping"),
            "order_total": _says("order_total", "l.goods + o.shipping"),
            "amount": _says("amount", "r.amount", when=DECIDED),
            "credit": _says("credit", "r.credit"),
            "collected": _says("collected", "a.collected_seen", when=DECIDED),
            "approved_before": _says("approved_before", "a.approved_before", when=DECIDED),
            "credited_before": _says("credited_before", "b.credited", when=DECIDED),
            "written_off": _says("written_off", "c.written_off", when=DECIDED),
            "kept": _says("kept", "c.kept", when=DECIDED),
            "fees": _says("fees", "k.kept"),
            "goods": _says("goods", "r.goods + f.fees"),  # of units: before the fees
            "shipping": _says("shipping", "r.shipping"),
            "overpaid": _says("overpaid", "r.overpaid"),
            "shipping_kept": _says("shipping_kept", "r.shipping_kept"),
            "adjustment": (
                "x->>'adjustment' in ('goodwill', 'shipping', 'overpaid')",
                f"case when {OF_ADJUSTMENT} then true end",
            ),
            "adjusted": ("x->>'adjustment' = 'overpaid'", "case when x ? 'adjustment' then r.cause = 'overpaid' end"),
            "line": ("(x->>'line')::int", "case when x->'line' <> 'null' then f.line end"),
            "of_line": ("f.of_line", "true"),
            "left": (f"case when {OF_ADJUSTMENT} then x->'left' end", f"case when {OF_ADJUSTMENT} then p.parts end"),
        },
    ),
]
