"""What the customer no longer owes is counted apart from what is paid back, and an order is paid if nothing is due.

Refunds from before count as credits up to the order's total; what a cancellation kept for shipping is known only of later ones.
"""

from alembic import op

revision = "0013"
down_revision = "0008"

STATEMENTS = (
    """alter table orders.orders
    add credited_total bigint not null default 0,
    add shipping_kept_total bigint not null default 0,
    add lines_version integer not null default 1,
    add confirmed_version integer""",
    "alter table orders.payments add lines_version integer not null default 1",
    "alter table orders.refunds add credit bigint, add shipping_kept bigint",
    """update orders.refunds r set shipping_kept = 0, credit = least(o.total, x.upto) - least(o.total, x.upto - r.amount)
    from orders.orders o, (select store_id, refund_id, sum(amount) over (partition by store_id, order_id order by refund_id) as upto
        from orders.refunds) x
    where o.store_id = r.store_id and o.order_id = r.order_id and x.store_id = r.store_id and x.refund_id = r.refund_id""",
    "alter table orders.refunds alter credit set not null, alter shipping_kept set not null",
    "alter table orders.refunds drop constraint ck_refunds_ck_refunds_not_negative",
    """alter table orders.refunds add constraint ck_refunds_not_negative
    check (amount >= 0 and credit >= 0 and shipping_kept >= 0 and units >= 0)""",
    "alter table orders.orders disable trigger user",  # these corrections are no versions
    """update orders.orders o set credited_total = x.credit
    from (select store_id, order_id, sum(credit) as credit from orders.refunds group by store_id, order_id) x
    where x.store_id = o.store_id and x.order_id = o.order_id and x.credit > 0""",
    """update orders.orders o set confirmed_version = x.version
    from (select store_id, order_id, min(version) as version from orders.changes
        where type in ('order.confirmed.v1', 'order.picked_up.v1', 'order.shipped.v1', 'order.delivered.v1') group by store_id, order_id) x
    where x.store_id = o.store_id and x.order_id = o.order_id""",
    "alter table orders.orders enable trigger user",
    """alter table orders.orders add constraint ck_orders_credited
    check (credited_total between 0 and total and shipping_kept_total between 0 and shipping)""",
    "alter table orders.orders drop column payment",
    """alter table orders.orders add payment text not null generated always as (case when case status
    when 'cancelled' then collected >= total else total - credited_total - collected + refunded_total <= 0 end
    then 'paid' else 'unpaid' end) stored""",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    op.execute("alter table orders.orders drop column payment")
    op.execute("""alter table orders.orders add payment text not null
        generated always as (case when collected >= total then 'paid' else 'unpaid' end) stored""")
    op.execute("alter table orders.orders drop constraint ck_orders_credited")
    op.execute("alter table orders.refunds drop constraint ck_refunds_not_negative")
    op.execute("""alter table orders.refunds add constraint ck_refunds_ck_refunds_not_negative check (amount >= 0 and units >= 0)""")
    op.execute("alter table orders.refunds drop column credit, drop column shipping_kept")
    op.execute("alter table orders.payments drop column lines_version")
    op.execute("""alter table orders.orders
        drop column credited_total, drop column shipping_kept_total, drop column lines_version, drop column confirmed_version""")
