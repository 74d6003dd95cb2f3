-- Deletes the oldest events with their deliveries, whose attempts go with them. What is left of a store's feed has no gap.
with old as (
    select store_id, event_id from webhooks.feed where received_at < :oldest order by received_at, position limit :events
), gone as (
    delete from webhooks.deliveries d using old where d.store_id = old.store_id and d.event_id = old.event_id
)
delete from webhooks.feed f using old where f.store_id = old.store_id and f.event_id = old.event_id
