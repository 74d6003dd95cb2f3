-- Copies an order in one statement: its row, and with the first version that arrives also its lines (docs/decisions/0007); newer lines
-- are taken by replace_lines.sql, which also moves `lines_version`.
-- Returns no row if the copy is already as new. Otherwise its row stays locked until the transaction ends, so no new approval can appear.
-- Read the earlier ones in a separate statement: this one sees the data as of the beginning of its wait for the lock.
with copied as (
    insert into refunds.orders as known (store_id, order_id, version, number, customer_id, status, currency, shipping,
        shipping_tax, closings, lines_version, payments, delivered_at, cancellation, part_cancellations, fulfilment,
        shipping_tax_rate, shipping_tax_code, imported, refunded_before)
    values (:store, :order_id, :version, :number, :customer, :status, :currency, :shipping, :shipping_tax, :closings,
        :lines_version, :payments, :delivered_at, :cancellation, :part_cancellations, :fulfilment, :shipping_tax_rate,
        :shipping_tax_code, :imported, :refunded_before)
    on conflict (store_id, order_id) do update set version = excluded.version, number = excluded.number,
        customer_id = excluded.customer_id, status = excluded.status, currency = excluded.currency, shipping = excluded.shipping,
        shipping_tax = excluded.shipping_tax, closings = excluded.closings, payments = excluded.payments, delivered_at = excluded.delivered_at, cancellation = excluded.cancellation,
        part_cancellations = excluded.part_cancellations,
        fulfilment = excluded.fulfilment, shipping_tax_rate = excluded.shipping_tax_rate, shipping_tax_code = excluded.shipping_tax_code
    where known.version < excluded.version
    returning known.xmax = 0 as created
), bought as (
    insert into refunds.order_lines (store_id, order_id, line, sku, name, quantity, total, tax, tax_rate, tax_code, stock_tracked)
    select :store, :order_id, l.line, l.sku, l.name, l.quantity, l.total, l.tax, l.tax_rate, l.tax_code, l.stock_tracked
    from copied, jsonb_populate_recordset(null::refunds.order_lines, :lines) l
    where copied.created
)
select created from copied
