-- Replaces the lines of a copied order by newer ones: an amendment, which is possible only before anything can be claimed or credited.
-- The caller holds the lock of the order's row. A line that stays keeps its slot.
with newer as (
    update refunds.orders set lines_version = :lines_version
    where store_id = :store and order_id = :order_id and lines_version < :lines_version
    returning order_id
), bought as (
    select l.* from newer, jsonb_populate_recordset(null::refunds.order_lines, :lines) l
), removed as (
    delete from refunds.order_lines where store_id = :store and order_id in (select order_id from newer)
        and line not in (select line from bought)
)
insert into refunds.order_lines as known (store_id, order_id, line, sku, name, quantity, total, tax, tax_rate, tax_code, stock_tracked)
select :store, :order_id, line, sku, name, quantity, total, tax, tax_rate, tax_code, stock_tracked from bought
on conflict (store_id, order_id, line) do update set sku = excluded.sku, name = excluded.name, quantity = excluded.quantity,
    total = excluded.total, tax = excluded.tax, tax_rate = excluded.tax_rate, tax_code = excluded.tax_code,
    stock_tracked = excluded.stock_tracked
