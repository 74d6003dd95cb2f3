-- Assigns the next numbers of the stores' streams to waiting events, a bounded number of each store (docs/decisions/0109).
--
-- store      the stores with waiting events, one index lookup each, starting with the one whose turn it is
-- head       their heads that nobody else has locked; one that changed since this statement began is read in its current state. A head
--            that somebody set back would fail every store's numbering on a duplicate, so it counts as at least the last assigned number
-- taken      each store's oldest waiting events; one that was numbered meanwhile is already deleted and is skipped
-- numbered   the next numbers, assigned in the order of the events' positions
with recursive store(id) as (
    (select store_id from orders.stream_pending where store_id >= :from_store order by store_id limit 1)
    union all
    select (select p.store_id from orders.stream_pending p where p.store_id > store.id order by p.store_id limit 1)
    from store where store.id is not null
), waiting as materialized (
    select id from store where id is not null limit :stores + 1
), turn as materialized (
    select id from waiting order by id limit :stores
), head as materialized (
    select h.store_id,
           greatest(h.last, (select max(s.stream_position) from orders.stream s where s.store_id = h.store_id)) as last
    from turn join orders.stream_heads h on h.store_id = turn.id order by h.store_id for update of h skip locked
), taken as (
    delete from orders.stream_pending p using (
        select e.store_id, e.position from head cross join lateral (
            select store_id, position from orders.stream_pending where store_id = head.store_id order by position limit :events
        ) e
    ) oldest where p.store_id = oldest.store_id and p.position = oldest.position
    returning p.store_id, p.position
), numbered as (
    insert into orders.stream (store_id, stream_position, position)
    select store_id, head.last + row_number() over (partition by store_id order by taken.position), taken.position
    from taken join head using (store_id)
), moved as (
    update orders.stream_heads h set last = head.last + given.events
    from head join (select store_id, count(*) as events from taken group by store_id) given using (store_id)
    where h.store_id = head.store_id
)
select (select count(*) from taken) as numbered,
       coalesce((select max(events) from (select count(*) as events from taken group by store_id) t), 0) as most,
       array(select id from turn where not exists (select from orders.stream_heads h where h.store_id = turn.id)) as new_stores,
       (select id from waiting order by id offset :stores) as next_store
