"""Checks the feed, deliveries and queues: positions have no gap, attempts explain every delivery, and queues belong to endpoints."""

# ruff: noqa: S608  (the SQL is assembled from constants of this package; values are always bound)

from shared.data.audit import Check, public

DELIVERY = public("delivery", "d.delivery_id")
ENDPOINT = public("endpoint", "e.endpoint_id")

CHECKS: list[Check] = [
    Check(
        "feed_positions",
        "a store's feed is numbered without a gap up to its counter",
        """select c.store_id, 'feed' as id, format('%s events from %s to %s, the counter is at %s', f.n, f.first, f.last, c.last) as detail
            from webhooks.counters c cross join lateral (select count(*) as n, min(position) as first, max(position) as last
                from webhooks.feed f where f.store_id = c.store_id) f
            where f.n > 0 and (f.last <> c.last or f.n <> f.last - f.first + 1)""",
    ),
    Check(
        "feed_row_is_not_its_event",
        "an event in the feed is filed as what its body says that it is",
        """select f.store_id, 'feed ' || f.position as id, f.type || ' of ' || f.subject as detail from webhooks.feed f
            cross join lateral (select case when f.body ~ '^\\{.*\\}$' then f.body::jsonb end as said) b
            where (f.event_id::text, f.type, f.source, f.subject, f.store_id, f.sequence, f.occurred_at, f.recorded_at)
                is distinct from (said->>'id', said->>'type', said->>'source', said->>'subject', said->>'storeid',
                (said->>'sequence')::bigint, (said->>'time')::timestamptz, (said->>'recordedtime')::timestamptz)""",
    ),
    Check(
        "delivery_is_not_its_attempts",
        "a delivery's attempts were all recorded, and it counts as delivered if, and only if, the last one was accepted",
        f"""select d.store_id, {DELIVERY} as id, format('%s after %s attempts; recorded %s, the last %s', d.state, d.attempts, a.n,
                coalesce(a.last, 'none')) as detail
            from webhooks.deliveries d cross join lateral (select count(*) as n, max(number) as highest,
                (array_agg(outcome order by number desc))[1] as last from webhooks.attempts a
                where a.store_id = d.store_id and a.delivery_id = d.delivery_id) a
            where a.n <> d.attempts or coalesce(a.highest, 0) <> d.attempts or (d.state = 'delivered' and a.last <> 'delivered')""",
    ),
    Check(
        "delivery_of_nothing",
        "a delivery belongs to an event of the feed, unless it is a test",
        f"""select d.store_id, {DELIVERY} as id, d.type as detail from webhooks.deliveries d
            left join webhooks.feed f on f.store_id = d.store_id and f.position = d.position and f.event_id = d.event_id
            where (f.event_id is null) <> (d.position = 0) or (d.position = 0) <> (d.body is not null)""",
    ),
    Check(
        "queue_is_not_its_endpoints",
        "a queue is ordered for exactly the endpoints of kind amqp that are not deleted",
        f"""select e.store_id, {ENDPOINT} as id, format('%s, %s; its queue is %s', e.kind, e.state,
                case q.wanted when true then 'wanted' when false then 'to be removed' else 'not ordered' end) as detail
            from webhooks.endpoints e left join webhooks.queues q on q.store_id = e.store_id and q.endpoint_id = e.endpoint_id
            where (e.kind = 'amqp' and e.state <> 'deleted') <> coalesce(q.wanted, false)""",
    ),
]
