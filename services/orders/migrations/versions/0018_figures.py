"""Sums per quarter hour and currency, the money that is still to be collected for goods that left, and the index of the journal.

Triggers write deltas, so that no order ever waits for another's sum. What is there already is summed here once.
"""

# ruff: noqa: S608  (the SQL is put together from constants of this file)

from functools import partial

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from shared.data.kernel_versions import alike, create_index, create_table

revision = "0018"
down_revision = "0017"

SCHEMA = "orders"
table = partial(create_table, SCHEMA)
TIME = postgresql.TIMESTAMP(timezone=True)
WITHIN = "quarter between timestamptz '1970-01-01 00:00:00+00' and timestamptz '2199-12-31 23:59:59+00'"
DUE = "case status when 'cancelled' then 0 else greatest(0, total - credited_total - collected + refunded_total - written_off_total) end"
LEFT = "({}.status in ('picked_up', 'shipped', 'delivered'))"
QUARTER = "date_bin('15 minutes', {}, timestamptz '1970-01-01 00:00:00+00')"
CANCELLED_AT = QUARTER.format("({}.cancellation->>'occurred_at')::timestamptz")

PLACED = f"""
create function orders.placing_figured() returns trigger language plpgsql as $$
begin
  insert into orders.figure_deltas (store_id, currency, quarter, placed, sold, collected)
    select store_id, currency, {QUARTER.format("placed_at")}, count(*), sum(total), 0 from news group by 1, 2, 3
    union all
    select store_id, currency, {CANCELLED_AT.format("news")}, 0, -sum(total), 0 from news where status = 'cancelled' group by 1, 2, 3;
  insert into orders.cash_out_deltas (store_id, currency, due)
    select store_id, currency, sum(due) from news where {LEFT.format("news")} and due > 0 group by 1, 2;
  return null;
end $$
"""
CHANGED = f"""
create function orders.change_figured() returns trigger language plpgsql as $$
declare more bigint := case when {LEFT.format("new")} then new.due else 0 end - case when {LEFT.format("old")} then old.due else 0 end;
begin
  if more <> 0 then
    insert into orders.cash_out_deltas (store_id, currency, due) values (new.store_id, new.currency, more);
  end if;
  if new.status = 'cancelled' and old.status <> 'cancelled' then
    insert into orders.figure_deltas (store_id, currency, quarter, placed, sold, collected)
      values (new.store_id, new.currency, {CANCELLED_AT.format("new")}, 0, -new.total, 0);
  end if;
  return null;
end $$
"""
AMENDED = f"""
create function orders.amendment_figured() returns trigger language plpgsql as $$
begin
  insert into orders.figure_deltas (store_id, currency, quarter, placed, sold, collected)
    select store_id, currency, {QUARTER.format("new.occurred_at")}, 0,
        (new.details->>'total')::bigint - (new.details->>'total_before')::bigint, 0
    from orders.orders where store_id = new.store_id and order_id = new.order_id;
  return null;
end $$
"""
PAID = f"""
create function orders.payment_figured() returns trigger language plpgsql as $$
begin
  insert into orders.figure_deltas (store_id, currency, quarter, placed, sold, collected)
    select store_id, currency, {QUARTER.format("new.occurred_at")}, 0, 0, new.amount
    from orders.orders where store_id = new.store_id and order_id = new.order_id;
  return null;
end $$
"""
TRIGGERS = (
    """create trigger placing_figured after insert on orders.orders referencing new table as news
    for each statement execute function orders.placing_figured()""",
    "create trigger change_figured after update on orders.orders for each row execute function orders.change_figured()",
    """create trigger amendment_figured after insert on orders.changes for each row when (new.type = 'order.amended.v1')
    execute function orders.amendment_figured()""",
    "create trigger payment_figured after insert on orders.payments for each row execute function orders.payment_figured()",
)
BEFORE = (
    f"""insert into orders.figures (store_id, currency, quarter, placed, sold, collected)
    select store_id, currency, quarter, sum(placed), sum(sold), sum(collected) from (
        select o.store_id, o.currency, {QUARTER.format("o.placed_at")} as quarter, 1 as placed, o.total - coalesce((
                select sum((c.details->>'total')::bigint - (c.details->>'total_before')::bigint) from orders.changes c
                where o.lines_version > 1 and c.store_id = o.store_id and c.order_id = o.order_id and c.type = 'order.amended.v1'
            ), 0) as sold, 0 as collected from orders.orders o
        union all
        select c.store_id, o.currency, {QUARTER.format("c.occurred_at")}, 0,
            (c.details->>'total')::bigint - (c.details->>'total_before')::bigint, 0
        from orders.changes c join orders.orders o using (store_id, order_id) where c.type = 'order.amended.v1'
        union all
        select o.store_id, o.currency, {CANCELLED_AT.format("o")}, 0, -o.total, 0 from orders.orders o where o.status = 'cancelled'
        union all
        select p.store_id, o.currency, {QUARTER.format("p.occurred_at")}, 0, 0, p.amount
        from orders.payments p join orders.orders o using (store_id, order_id)
    ) x group by 1, 2, 3""",
    f"""insert into orders.cash_out (store_id, currency, due)
    select store_id, currency, sum(due) from orders.orders where {LEFT.format("orders")} and due > 0 group by 1, 2""",
)


def upgrade() -> None:
    op.execute("lock table orders.orders, orders.changes, orders.payments in share row exclusive mode")
    op.execute(f"alter table orders.orders add due bigint not null generated always as ({DUE}) stored")
    create_index(SCHEMA, "payments", "store_id", "occurred_at", "payment_id")
    _sums("figures", [*alike(TIME, "quarter"), *alike(sa.Text, "currency")], ["placed", "sold", "collected"])
    _sums("cash_out", alike(sa.Text, "currency"), ["due"])
    for name in ("figures", "figure_deltas"):
        op.execute(f"alter table orders.{name} add constraint ck_{name}_times check ({WITHIN})")
    for statement in (*BEFORE, PLACED, CHANGED, AMENDED, PAID, *TRIGGERS):
        op.execute(statement)


def _sums(name: str, axes: list[sa.Column[object]], amounts: list[str]) -> None:
    deltas = f"{name.removesuffix('s')}_deltas"
    key = sa.PrimaryKeyConstraint("store_id", *(axis.name for axis in axes), name=f"pk_{name}")
    table(name, *axes, *alike(sa.Numeric, *amounts), key)
    table(
        deltas,
        sa.Column("position", sa.BigInteger, sa.Identity(always=True), nullable=False),
        *(sa.Column(axis.name, axis.type, nullable=False) for axis in axes),
        *alike(sa.BigInteger, *amounts),
        sa.PrimaryKeyConstraint("store_id", "position", name=f"pk_{deltas}"),
    )


def downgrade() -> None:
    for name, of in (("placing", "orders"), ("change", "orders"), ("amendment", "changes"), ("payment", "payments")):
        op.execute(f"drop trigger {name}_figured on orders.{of}")
        op.execute(f"drop function orders.{name}_figured()")
    for name in ("cash_out_deltas", "cash_out", "figure_deltas", "figures"):
        op.drop_table(name, schema=SCHEMA)
    op.drop_index("ix_payments_store_id_occurred_at_payment_id", "payments", schema=SCHEMA)
    op.execute("alter table orders.orders drop column due")
