"""Checks the sums that dashboards show against the refunds and reports that they are of."""

# ruff: noqa: S608  (the SQL is put together from constants of this package; values are always bound)

from shared.data.audit import Check

QUARTER = "date_bin('15 minutes', {}, timestamptz '1970-01-01 00:00:00+00')"
FIGURES = ("requested", "credited", "paid_back", "sent")

CHECKS: list[Check] = [
    Check(
        "figures",
        "the sums of each quarter hour match the requests, approvals and settlements of it",
        f"""with shown as (
                select store_id, currency, quarter, {", ".join(f"sum({one}) as {one}" for one in FIGURES)} from (
                    select store_id, currency, quarter, {", ".join(FIGURES)} from refunds.figures
                    union all select store_id, currency, quarter, {", ".join(FIGURES)} from refunds.figure_deltas) x group by 1, 2, 3
            ), real as (
                select store_id, currency, {QUARTER.format("at")} as quarter, {", ".join(f"sum({one}) as {one}" for one in FIGURES)} from (
                    select store_id, currency, requested_at as at, 1 as requested, 0 as credited, 0 as paid_back, 0 as sent
                        from refunds.refunds where cause = 'request'
                    union all select r.store_id, r.currency, a.approved_at, 0, r.goods + r.shipping, a.amount, 0
                        from refunds.approvals a join refunds.refunds r using (store_id, refund_id) where r.cause <> 'history'
                    union all select s.store_id, r.currency, s.reported_at, 0, 0, 0, s.amount
                        from refunds.settlements s join refunds.refunds r using (store_id, refund_id)
                        where s.counts and s.outcome = 'succeeded') x group by 1, 2, 3
            )
            select store_id, currency || ' ' || quarter as id,
                format('%s shown, %s there', ({", ".join(f"s.{one}" for one in FIGURES)}), ({", ".join(f"r.{one}" for one in FIGURES)}))
                    as detail
            from shown s full join real r using (store_id, currency, quarter)
            where ({", ".join(f"coalesce(s.{one}, 0)" for one in FIGURES)})
                <> ({", ".join(f"coalesce(r.{one}, 0)" for one in FIGURES)})""",
    ),
    Check(
        "to_send",
        "what is still to send matches the approvals less what was sent of them",
        """with shown as (
                select store_id, currency, sum(due) as due from (select store_id, currency, due from refunds.to_send
                    union all select store_id, currency, due from refunds.to_send_deltas) x group by 1, 2
            ), real as (
                select r.store_id, r.currency, sum(a.amount - (select coalesce(sum(s.amount), 0) from refunds.settlements s
                    where s.store_id = a.store_id and s.refund_id = a.refund_id and s.counts and s.outcome = 'succeeded')) as due
                from refunds.approvals a join refunds.refunds r using (store_id, refund_id) where r.cause <> 'history' group by 1, 2
            )
            select store_id, currency as id, format('%s shown, %s there', s.due, r.due) as detail
            from shown s full join real r using (store_id, currency) where coalesce(s.due, 0) <> coalesce(r.due, 0)""",
    ),
]
