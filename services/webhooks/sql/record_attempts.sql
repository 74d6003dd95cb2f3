-- Records finished attempts and what follows each. If another process has attempted a delivery since, because our lease had ended,
-- its record counts, and ours changes nothing. Says of each that was recorded whether its endpoint was failing before.
with done as (
    select * from unnest(cast(:stores as text[]), cast(:deliveries as uuid[]), cast(:numbers as int[]), cast(:states as text[]),
        cast(:dues as timestamptz[]), cast(:begans as timestamptz[]), cast(:durations as int[]), cast(:urls as text[]),
        cast(:addresses as text[]), cast(:statuses as int[]), cast(:outcomes as text[]), cast(:details as text[]), cast(:answers as text[]),
        cast(:requests as text[]))
        as one (store_id, delivery_id, number, state, due_at, began_at, duration_ms, url, address, status, outcome, detail, answer, request)
), moved as (
    update webhooks.deliveries d set attempts = o.number, tries = d.tries + 1, state = o.state, due_at = o.due_at,
        ended_at = case when o.state <> 'waiting' then cast(:now as timestamptz) end
    from done o
    where d.store_id = o.store_id and d.delivery_id = o.delivery_id and d.attempts = o.number - 1 and d.state = 'waiting'
    returning d.store_id, d.delivery_id, d.endpoint_id
), noted as (
    insert into webhooks.attempts (store_id, delivery_id, number, began_at, duration_ms, url, address, status, outcome, detail, answer,
        request)
    select o.store_id, o.delivery_id, o.number, o.began_at, o.duration_ms, o.url, o.address, o.status, o.outcome, o.detail, o.answer,
        cast(o.request as jsonb)
    from done o join moved using (store_id, delivery_id)
)
select m.store_id, m.delivery_id, e.failures > 0 as failing
from moved m join webhooks.endpoints e using (store_id, endpoint_id)
