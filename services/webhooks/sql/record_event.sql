-- Records one event in one statement: its position in the store's feed, and a delivery for each endpoint that wants it.
-- The counter's row stays locked until the transaction ends, so positions become visible in their order (P21).
-- The order of an erased customer loses what is personal, whenever its events arrive.
with counter as (
    insert into webhooks.counters as known (store_id, last) values (:store, 1)
    on conflict (store_id) do update set last = known.last + 1
    returning last
), known as (
    select exists (select from webhooks.erased where store_id = :store and subject = :subject) as erased
), event as (
    insert into webhooks.feed (store_id, position, event_id, type, source, subject, sequence, occurred_at, recorded_at, received_at,
        body, sent, personal)
    select :store, last, :event_id, :type, :source, :subject, :sequence, :occurred_at, :recorded_at, :received_at,
        case when erased then :erased else :whole end, case when not erased then :sent end, case when not erased then :personal end
    from counter, known
    returning position
)
insert into webhooks.deliveries (store_id, delivery_id, endpoint_id, position, event_id, type, subject, state, personal,
    attempts, tries, due_at, created_at)
select :store, gen_random_uuid(), e.endpoint_id, event.position, :event_id, :type, :subject, 'waiting', e.personal,
    0, 0, :received_at, :received_at
from event, webhooks.endpoints e
where e.store_id = :store and e.state <> 'deleted' and :type like any (e.patterns)
