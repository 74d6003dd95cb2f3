-- Deliveries of stored events that an endpoint was never sent.
insert into webhooks.deliveries (store_id, delivery_id, endpoint_id, position, event_id, type, subject, state, personal, attempts,
    tries, due_at, created_at)
select f.store_id, gen_random_uuid(), :endpoint_id, f.position, f.event_id, f.type, f.subject, 'waiting', e.personal,
    0, 0, :now, :now
from webhooks.feed f join webhooks.endpoints e on e.store_id = f.store_id and e.endpoint_id = :endpoint_id
where f.store_id = :store and f.type like any (:patterns) and f.received_at >= coalesce(:since, f.received_at)
    and f.received_at < coalesce(:until, timestamptz 'infinity')
on conflict (store_id, endpoint_id, event_id) do nothing
