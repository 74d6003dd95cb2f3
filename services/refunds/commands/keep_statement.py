"""Keeping an order's copy in one statement: the order, and what was bought with its first version that comes.

It is made once, when it is imported, and runs for every event: docs/decisions/0007-what-an-event-costs.md
"""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from services.refunds.tables import orders
from shared.data.schema import TIME

LINE = ("line", "sku", "name", "quantity", "total", "stock_tracked")
"""What is kept of each line that was bought."""

# No row where the copy is as new already. Otherwise its row is locked until the transaction ends: whatever is approved of it was
# approved before, and is to be read in a statement of its own, because this one is as old as its wait for the lock.
KEEP = sa.text("""
with kept as (
    insert into refunds.orders as known (store_id, order_id, version, number, customer_id, status, currency, shipping, payments,
        delivered_at, cancellation)
    values (:store, :order_id, :version, :number, :customer, :status, :currency, :shipping, :payments, :delivered_at, :cancellation)
    on conflict (store_id, order_id) do update set version = excluded.version, number = excluded.number,
        customer_id = excluded.customer_id, status = excluded.status, currency = excluded.currency, shipping = excluded.shipping,
        payments = excluded.payments, delivered_at = excluded.delivered_at, cancellation = excluded.cancellation
    where known.version < excluded.version
    returning known.xmax = 0 as created
), bought as (
    insert into refunds.order_lines (store_id, order_id, line, sku, name, quantity, total, stock_tracked)
    select :store, :order_id, l.line, l.sku, l.name, l.quantity, l.total, l.stock_tracked
    from kept, jsonb_populate_recordset(null::refunds.order_lines, :lines) l
    where kept.created
)
select created from kept
""").bindparams(
    *(sa.bindparam(name, type_=sa.Text) for name in ("store", "number", "customer", "status", "currency")),
    *(sa.bindparam(name, type_=JSONB) for name in ("payments", "lines")),
    sa.bindparam("cancellation", type_=JSONB(none_as_null=True)),
    sa.bindparam("order_id", type_=orders.c.order_id.type),
    sa.bindparam("version", type_=sa.Integer),
    sa.bindparam("shipping", type_=sa.BigInteger),
    sa.bindparam("delivered_at", type_=TIME),
)
