-- One step of a back-fill: deliveries of the next :step events of the feed, as far as the endpoint was never sent them.
-- Like all others they are as old as their event, and go with it.
with looked_at as materialized (
    select f.position, f.event_id, f.type, f.subject, f.received_at from webhooks.feed f
    where f.store_id = :store and f.position > :position and f.position <= :until_position
    order by f.position limit :step
), made as (
    insert into webhooks.deliveries (store_id, delivery_id, endpoint_id, position, event_id, type, subject, state, personal, attempts,
        tries, due_at, created_at)
    select :store, gen_random_uuid(), e.endpoint_id, l.position, l.event_id, l.type, l.subject, 'waiting', e.personal,
        0, 0, :now, l.received_at
    from looked_at l join webhooks.endpoints e on e.store_id = :store and e.endpoint_id = :endpoint_id
    where l.type like any (coalesce(:patterns, e.patterns)) and l.received_at >= coalesce(:since, l.received_at)
        and l.received_at < coalesce(:until, timestamptz 'infinity')
    on conflict (store_id, endpoint_id, event_id) do nothing
    returning 1
)
select (select max(position) from looked_at) as position, (select count(*) from looked_at) as looked_at,
    (select count(*) from made) as changed
