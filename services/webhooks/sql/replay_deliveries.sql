-- One step of a replay: the next :step deliveries of its endpoint, of which it changes those that it is about.
-- A replay makes them due now; a return (of an endpoint) makes those due that have failed, in the order in which they arrived; a removal
-- parks what waits.
with looked_at as materialized (
    select d.position, d.delivery_id from webhooks.deliveries d
    where d.store_id = :store and d.endpoint_id = :endpoint_id and (d.position, d.delivery_id) > (:position, :delivery_id)
        and d.position <= :until_position
    order by d.position, d.delivery_id limit :step
), changed as (
    update webhooks.deliveries d set
        state = case :kind when 'removal' then 'parked' else 'waiting' end,
        due_at = case :kind when 'replay' then cast(:now as timestamptz) when 'return' then d.created_at end,
        ended_at = case :kind when 'removal' then cast(:now as timestamptz) end,
        tries = case :kind when 'removal' then d.tries else 0 end
    -- as an array, because before the first ANALYZE a join compares each delivery with each of the step
    where d.store_id = :store and d.delivery_id = any (array(select delivery_id from looked_at))
        and (:kind = 'replay' or d.state = 'waiting') and (:kind <> 'return' or d.tries > 0)
        and d.state = coalesce(:state, d.state) and (cast(:patterns as text[]) is null or d.type like any (:patterns))
        and d.created_at >= coalesce(:since, d.created_at) and d.created_at < coalesce(:until, timestamptz 'infinity')
    returning 1
), last as (
    select position, delivery_id from looked_at order by position desc, delivery_id desc limit 1
)
select last.position, last.delivery_id, (select count(*) from looked_at) as looked_at, (select count(*) from changed) as changed
from (select 1) one left join last on true
