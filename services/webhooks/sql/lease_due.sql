-- Leases due deliveries: nobody else attempts them until :until, when their attempt is due again if no outcome was recorded.
-- Stores take turns: the first due delivery of each, then the second, up to :per_store in progress here. An endpoint has at most its
-- own number of calls in progress (:calls are this process's), and what its rate lets through in :pace seconds; one with in_order has
-- one delivery of each subject at a time. Before its queue was made, an endpoint of kind amqp has nothing due.
with busy as (
    select * from unnest(cast(:stores as text[]), cast(:endpoints as uuid[]), cast(:calls as int[])) as one (store_id, endpoint_id, calls)
), due as (
    select e.store_id, e.endpoint_id, d.delivery_id, d.position, d.due_at,
        row_number() over (partition by e.store_id order by d.due_at, d.position) + coalesce(s.calls, 0) as turn
    from webhooks.endpoints e
    left join busy b on b.store_id = e.store_id and b.endpoint_id = e.endpoint_id
    left join (select store_id, sum(calls) as calls from busy group by store_id) s on s.store_id = e.store_id
    cross join lateral (
        select d.delivery_id, d.position, d.due_at from webhooks.deliveries d
        where d.store_id = e.store_id and d.endpoint_id = e.endpoint_id and d.state = 'waiting' and d.due_at <= :now
            and not (e.in_order and exists (
                select from webhooks.deliveries before where before.store_id = d.store_id and before.endpoint_id = d.endpoint_id
                    and before.state = 'waiting' and before.subject = d.subject and before.position < d.position))
        order by d.due_at, d.position
        limit greatest(least(e.calls_at_once, e.calls_per_second * :pace) - coalesce(b.calls, 0), 0)
        for update of d skip locked
    ) d
    where e.state = 'active' and coalesce(e.resting_until, :now) <= :now
        and (e.kind = 'webhook' or exists (
            select from webhooks.queues q where q.store_id = e.store_id and q.endpoint_id = e.endpoint_id and q.applied > 0))
), chosen as (
    select * from due where turn <= :per_store order by turn, due_at limit :free
)
update webhooks.deliveries d set due_at = :until
from chosen c
    join webhooks.endpoints e on e.store_id = c.store_id and e.endpoint_id = c.endpoint_id
where d.store_id = c.store_id and d.delivery_id = c.delivery_id
returning d.store_id, d.delivery_id, d.endpoint_id, d.event_id, d.type, d.subject, d.attempts, d.tries, e.kind, e.url,
    e.headers, e.calls_per_second, coalesce(d.body, (
        -- the personal part becomes the last member of `data`, with which every message ends
        select coalesce(case when d.personal then left(coalesce(f.sent, f.body), -2) || ',"personal":' || f.personal || '}}' end,
            coalesce(f.sent, f.body))
        from webhooks.feed f where f.store_id = d.store_id and f.position = d.position)) as body,
    (select jsonb_agg(jsonb_build_object('scheme', s.scheme, 'secret', s.secret) order by s.created_at desc) from webhooks.secrets s
        where s.store_id = d.store_id and s.endpoint_id = d.endpoint_id and coalesce(s.ends_at, :until) > :now) as secrets
