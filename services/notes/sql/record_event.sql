-- Records one event in one statement: the order's copy, its counters and the timeline entry (docs/decisions/0007).
-- The copy's row stays locked until the transaction ends. A newer version wins; a stale one, or an event without a version (0),
-- only fills in a missing number. An event without a timeline entry (for_shop = 0) only updates the copy.
with copy as (
    insert into notes.orders as known (store_id, order_id, customer_id, number, version, shop_position, customer_position)
    values (:store, :order_id, :customer, :number, :version, :for_shop, :for_customer)
    on conflict (store_id, order_id) do update set
        customer_id = case when excluded.version > known.version then excluded.customer_id else known.customer_id end,
        number = case when excluded.version > known.version then excluded.number else coalesce(known.number, excluded.number) end,
        version = greatest(excluded.version, known.version),
        shop_position = known.shop_position + excluded.shop_position,
        customer_position = known.customer_position + excluded.customer_position
    returning shop_position, customer_position, erased_at is not null as erased
)
insert into notes.timeline (store_id, order_id, event_id, type, source_rank, sequence, occurred_at, recorded_at, audience,
    by_role, by_id, by_via, details, internal, message, shop_position, customer_position)
-- For an erased customer's order, store what happened, when and by whom (facts), without any free text.
select :store, :order_id, :event_id, :type, :source_rank, :sequence, :occurred_at, :recorded_at, :audience,
    :by_role, :by_id, :by_via,
    case when erased then cast(:facts as jsonb) else cast(:details as jsonb) end,
    case when erased then '{}' else cast(:internal as jsonb) end,
    case when erased then '' else :message end,
    shop_position, case when :for_customer = 1 then customer_position end
from copy
where :for_shop = 1
