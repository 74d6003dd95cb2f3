-- Copies an order in one statement: its row, and with the first version that arrives also its lines (docs/decisions/0007).
-- Returns no row if the copy is already as new. Otherwise its row stays locked until the transaction ends, so no new approval can appear.
-- Read the earlier ones in a separate statement: this one sees the data as of the beginning of its wait for the lock.
with copied as (
    insert into refunds.orders as known (store_id, order_id, version, number, customer_id, status, currency, shipping, payments,
        delivered_at, cancellation, fulfilment)
    values (:store, :order_id, :version, :number, :customer, :status, :currency, :shipping, :payments, :delivered_at, :cancellation, :fulfilment)
    on conflict (store_id, order_id) do update set version = excluded.version, number = excluded.number,
        customer_id = excluded.customer_id, status = excluded.status, currency = excluded.currency, shipping = excluded.shipping,
        payments = excluded.payments, delivered_at = excluded.delivered_at, cancellation = excluded.cancellation,
        fulfilment = excluded.fulfilment
    where known.version < excluded.version
    returning known.xmax = 0 as created
), bought as (
    insert into refunds.order_lines (store_id, order_id, line, sku, name, quantity, total, stock_tracked)
    select :store, :order_id, l.line, l.sku, l.name, l.quantity, l.total, l.stock_tracked
    from copied, jsonb_populate_recordset(null::refunds.order_lines, :lines) l
    where copied.created
)
select created from copied
