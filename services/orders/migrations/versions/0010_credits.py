"""What the customer no longer owes is counted apart from what is paid back, and an order is paid if nothing is due.

Refunds from before count as credits up to the order's total; what a cancellation kept for shipping is known only of later ones.
"""

from alembic import op

revision = "0010"
down_revision = "0009"

ONLY_WHILE_PENDING = """
create function orders.lines_only_while_pending() returns trigger language plpgsql as $$
begin
  if not exists (select from orders.orders o where o.store_id = old.store_id and o.order_id = old.order_id and o.status = 'pending') then
    raise exception 'what was bought with order % is fixed', old.order_id using errcode = 'check_violation';
  end if;
  return case tg_op when 'DELETE' then old else new end;
end $$
"""
ONE_STEP = """
create or replace function orders.one_step_at_a_time() returns trigger language plpgsql as $$
declare path constant text[] := array['pending', 'confirmed', 'picked_up', 'shipped', 'delivered'];
begin
  if new.version <> old.version + 1 then
    raise exception 'order % went from version % to %', old.order_id, old.version, new.version using errcode = 'check_violation';
  end if;
  if new.status <> old.status and (old.status in ('cancelled', 'delivered')
      or (new.status <> 'cancelled' and array_position(path, new.status) < array_position(path, old.status))) then
    raise exception 'order % may not go from % to %', old.order_id, old.status, new.status using errcode = 'check_violation';
  end if;
  if (new.number, new.currency, new.customer_id, new.placed_at) is distinct from
      (old.number, old.currency, old.customer_id, old.placed_at)
    or ((new.line_count, new.unit_count, new.goods_total, new.shipping, new.total) is distinct from
      (old.line_count, old.unit_count, old.goods_total, old.shipping, old.total){bought}) then
    raise exception 'order % may not change what was bought', old.order_id using errcode = 'check_violation';
  end if;
  return new;
end $$
"""
UNLESS_AMENDED = """
      and not (old.status = 'pending' and new.status = 'pending' and new.lines_version = old.lines_version + 1)"""
ADD_UP = """create constraint trigger lines_must_add_up after {events} on orders.orders
  deferrable initially deferred for each row execute function orders.lines_must_add_up()"""

STATEMENTS = (
    """alter table orders.orders
    add credited_total bigint not null default 0,
    add shipping_kept_total bigint not null default 0,
    add lines_version integer not null default 1,
    add last_line integer,
    add part_cancellations jsonb not null default '[]',
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
    "alter table orders.orders add constraint ck_orders_last_line check (last_line between line_count and 10000)",
    "drop trigger append_only on orders.lines",
    ONLY_WHILE_PENDING,
    """create trigger lines_only_while_pending before update or delete on orders.lines
    for each row execute function orders.lines_only_while_pending()""",
    ONE_STEP.format(bought=UNLESS_AMENDED),
    "drop trigger lines_must_add_up on orders.orders",
    ADD_UP.format(events="insert or update of lines_version"),
    """alter table orders.orders add constraint ck_orders_credited
    check (credited_total between 0 and total and shipping_kept_total between 0 and shipping)""",
    "drop index orders.ix_orders_attention",
    """create index ix_orders_attention on orders.orders (store_id, placed_at, order_id)
    where (status <> 'cancelled' and total - credited_total - collected + refunded_total < 0) or address_problems <> '[]'::jsonb""",
    "alter table orders.orders drop column payment",
    """alter table orders.orders add payment text not null generated always as (case when case status
    when 'cancelled' then collected >= total else total - credited_total - collected + refunded_total <= 0 end
    then 'paid' else 'unpaid' end) stored""",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    op.execute("drop index orders.ix_orders_attention")
    op.execute("""create index ix_orders_attention on orders.orders (store_id, placed_at, order_id)
        where collected > total or address_problems <> '[]'::jsonb""")
    op.execute("drop trigger lines_must_add_up on orders.orders")
    op.execute(ADD_UP.format(events="insert"))
    op.execute(ONE_STEP.format(bought=""))
    op.execute("drop trigger lines_only_while_pending on orders.lines")
    op.execute("drop function orders.lines_only_while_pending()")
    op.execute("create trigger append_only before update or delete on orders.lines for each row execute function orders.append_only()")
    op.execute("alter table orders.orders drop column payment")
    op.execute("""alter table orders.orders add payment text not null
        generated always as (case when collected >= total then 'paid' else 'unpaid' end) stored""")
    op.execute("alter table orders.orders drop constraint ck_orders_credited")
    op.execute("alter table orders.refunds drop constraint ck_refunds_not_negative")
    op.execute("""alter table orders.refunds add constraint ck_refunds_ck_refunds_not_negative check (amount >= 0 and units >= 0)""")
    op.execute("alter table orders.refunds drop column credit, drop column shipping_kept")
    op.execute("alter table orders.payments drop column lines_version")
    op.execute("""alter table orders.orders
        drop column credited_total, drop column shipping_kept_total, drop column lines_version, drop column last_line,
        drop column part_cancellations,
        drop column confirmed_version""")
