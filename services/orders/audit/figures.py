"""Checks the sums that dashboards show against the orders, amendments and payments that they are of."""

# ruff: noqa: S608  (the SQL is put together from constants of this package; values are always bound)

from shared.data.audit import Check

QUARTER = "date_bin('15 minutes', {}, timestamptz '1970-01-01 00:00:00+00')"
MORE = "(c.details->>'total')::bigint - (c.details->>'total_before')::bigint"
FIGURES = ("placed", "sold", "collected")

CHECKS: list[Check] = [
    Check(
        "figures",
        "the sums of each quarter hour match the orders, amendments, cancellations and payments of it",
        f"""with shown as (
                select store_id, currency, quarter, sum(placed) as placed, sum(sold) as sold, sum(collected) as collected from (
                    select store_id, currency, quarter, placed, sold, collected from orders.figures
                    union all select store_id, currency, quarter, placed, sold, collected from orders.figure_deltas) x group by 1, 2, 3
            ), amended as (
                select c.store_id, c.order_id, c.occurred_at, {MORE} as more from orders.changes c where c.type = 'order.amended.v1'
            ), real as (
                select store_id, currency, {QUARTER.format("at")} as quarter, sum(placed) as placed, sum(sold) as sold,
                    sum(collected) as collected from (
                    select store_id, currency, placed_at as at, 1 as placed, total as sold, 0 as collected from orders.orders
                    union all select a.store_id, o.currency, x.at, 0, x.more, 0 from amended a
                        join orders.orders o using (store_id, order_id),
                        lateral (values (o.placed_at, -a.more), (a.occurred_at, a.more)) x (at, more)
                    union all select store_id, currency, (cancellation->>'occurred_at')::timestamptz, 0, -total, 0
                        from orders.orders where status = 'cancelled'
                    union all select p.store_id, o.currency, p.occurred_at, 0, 0, p.amount from orders.payments p
                        join orders.orders o using (store_id, order_id)) x group by 1, 2, 3
            )
            select store_id, currency || ' ' || quarter as id,
                format('%s shown, %s there', ({", ".join(f"s.{one}" for one in FIGURES)}), ({", ".join(f"r.{one}" for one in FIGURES)}))
                    as detail
            from shown s full join real r using (store_id, currency, quarter)
            where ({", ".join(f"coalesce(s.{one}, 0)" for one in FIGURES)})
                <> ({", ".join(f"coalesce(r.{one}, 0)" for one in FIGURES)})""",
    ),
    Check(
        "cash_out",
        "the cash that is out matches what is due of orders whose goods left",
        """with shown as (
                select store_id, currency, sum(due) as due from (select store_id, currency, due from orders.cash_out
                    union all select store_id, currency, due from orders.cash_out_deltas) x group by 1, 2
            ), real as (
                select store_id, currency, sum(greatest(0, total - credited_total - collected + refunded_total - written_off_total)) as due
                from orders.orders where status in ('picked_up', 'shipped', 'delivered') group by 1, 2
            )
            select store_id, currency as id, format('%s shown, %s there', s.due, r.due) as detail
            from shown s full join real r using (store_id, currency) where coalesce(s.due, 0) <> coalesce(r.due, 0)""",
    ),
]
