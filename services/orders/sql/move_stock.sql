-- Moves stock: any number of movements of a store's SKUs, each with its own ledger row, sequence and event.
-- Levels are locked in SKU order, so that two orders with the same SKUs cannot deadlock, and each level is changed once.
-- A SKU without a level is not tracked and is skipped. A movement that may `oversell` is marked if it takes units that are not there;
-- any other one that would is stopped by the table's constraint.
with moved as (
    select m.sku, m.quantity, m.cause, m.oversell, row_number() over (partition by m.sku order by m.n) as nth,
           sum(m.quantity) over (partition by m.sku order by m.n) as upto
    from jsonb_to_recordset(cast(:movements as jsonb)) as m(n int, sku text, quantity bigint, cause text, oversell boolean)
), level as materialized (
    select sku, on_hand, movements, oversold from orders.stock_levels
    where store_id = :store and sku in (select sku from moved) order by sku for update
), updated as (
    update orders.stock_levels s
    set on_hand = level.on_hand + per.quantity, movements = level.movements + per.movements, changed_at = :now,
        oversold = level.on_hand + per.quantity < 0 and (level.oversold or per.oversell)
    from (select sku, sum(quantity)::bigint as quantity, count(*) as movements, bool_or(oversell) as oversell from moved group by sku) per,
        level
    where s.store_id = :store and s.sku = per.sku and level.sku = per.sku
), ledger as (
    insert into orders.stock_movements (store_id, sku, sequence, quantity, on_hand, cause, order_id, reason, by, recorded_at,
        oversold)
    select :store, moved.sku, level.movements + nth, quantity, level.on_hand + upto, cause, :order_id, :reason, cast(:by as jsonb), :now,
        oversell and quantity < 0 and level.on_hand + upto < 0
    from moved join level using (sku)
    returning sku, sequence, quantity, on_hand, cause
), emitted as (
    insert into orders.events (store_id, event_id, type, subject, sequence, public, occurred_at, recorded_at, data, traceparent)
    select :store, gen_random_uuid(), :type, 'sku:' || sku, sequence, true, :now, :now,
           jsonb_build_object('occurred_at', cast(:now_text as text), 'sku', sku, 'quantity', quantity, 'on_hand', on_hand,
                              'cause', cause, 'order_id', cast(:public_order_id as text)), :traceparent
    from ledger
)
select sku, sequence, on_hand from ledger
