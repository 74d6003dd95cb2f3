"""Orders, lines, payments, changes, stock, settings, counts, the kernel's tables, and the invariants that the database itself enforces."""

from functools import partial

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from shared.data.kernel_versions import alike, create_index, create_table, v1

revision = "0001"
down_revision = None

SCHEMA = "orders"
table = partial(create_table, SCHEMA)
index = partial(create_index, SCHEMA)
TABLES = ("orders", "lines", "payments", "changes", "refunds", "stock_levels", "stock_movements", "settings", "counts", "count_deltas")
JSONB = postgresql.JSONB
UUID = postgresql.UUID(as_uuid=True)
TIME = postgresql.TIMESTAMP(timezone=True)

# Σ line totals + shipping = total (the second half is a CHECK). Deferred: the lines arrive with or after their order.
ADD_UP = """
create function orders.lines_must_add_up() returns trigger language plpgsql as $$
declare sums record;
begin
  select count(*) as lines, sum(quantity) as units, sum(total) as total into sums
    from orders.lines where store_id = new.store_id and order_id = new.order_id;
  if (sums.lines, sums.units, sums.total) is distinct from (new.line_count::bigint, new.unit_count, new.goods_total::numeric) then
    raise exception 'the lines of order % do not add up to it', new.order_id using errcode = 'check_violation';
  end if;
  return null;
end $$;
create constraint trigger lines_must_add_up after insert on orders.orders
  deferrable initially deferred for each row execute function orders.lines_must_add_up();
"""

# History is never rewritten: corrections are new rows.
APPEND_ONLY = """
create function orders.append_only() returns trigger language plpgsql as $$
begin
  raise exception '% is append-only', tg_table_name using errcode = 'check_violation';
end $$;
create trigger append_only before update or delete on orders.lines for each row execute function orders.append_only();
create trigger append_only before update or delete on orders.payments for each row execute function orders.append_only();
create trigger append_only before update or delete on orders.stock_movements for each row execute function orders.append_only();
create trigger append_only before update or delete on orders.settings for each row execute function orders.append_only();
"""

# One change, one version; status only forward; lines' sums, total, currency and owner never change after placing.
CHANGE = """
create function orders.one_step_at_a_time() returns trigger language plpgsql as $$
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
    or (new.line_count, new.unit_count, new.goods_total, new.shipping, new.total) is distinct from
      (old.line_count, old.unit_count, old.goods_total, old.shipping, old.total) then
    raise exception 'order % may not change what was bought', old.order_id using errcode = 'check_violation';
  end if;
  return new;
end $$;
create trigger one_step_at_a_time before update on orders.orders for each row execute function orders.one_step_at_a_time();
"""

COUNTED = """
create function orders.counted() returns trigger language plpgsql as $$
begin
  if tg_op = 'UPDATE' then
    if (new.status, new.payment, new.refund_state) = (old.status, old.payment, old.refund_state) then
      return null;
    end if;
    insert into orders.count_deltas (store_id, status, payment, refund_state, delta)
      values (old.store_id, old.status, old.payment, old.refund_state, -1);
  end if;
  insert into orders.count_deltas (store_id, status, payment, refund_state, delta)
    values (new.store_id, new.status, new.payment, new.refund_state, 1);
  return null;
end $$;
create trigger counted after insert or update on orders.orders for each row execute function orders.counted();
"""


def upgrade() -> None:
    v1.apply(op.get_bind(), SCHEMA)
    _orders()
    _lines()
    _payments()
    _changes()
    _refunds()
    _stock_levels()
    _stock_movements()
    _settings()
    _counts()
    _count_deltas()
    for statements in (ADD_UP, APPEND_ONLY, CHANGE, COUNTED):
        for statement in statements.split(";\ncreate "):
            op.execute(statement if statement.lstrip().startswith("create") else f"create {statement}")


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table, schema=SCHEMA)
    for function in ("lines_must_add_up", "append_only", "one_step_at_a_time", "counted"):
        op.execute(f"drop function {SCHEMA}.{function}()")
    op.execute("""
        do $$ declare numbers regclass; begin
          for numbers in select oid::regclass from pg_class
            where relkind = 'S' and relnamespace = 'orders'::regnamespace and relname like 'numbers_%'
          loop execute 'drop sequence ' || numbers; end loop;
        end $$""")
    v1.undo(op.get_bind(), SCHEMA)


def _orders() -> None:
    table(
        "orders",
        sa.Column("order_id", UUID, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("number", sa.Text, nullable=False),
        sa.Column("external_ref", sa.Text),
        *alike(sa.Text, "status", "currency", "language"),
        sa.Column("prices_include_tax", sa.Boolean, nullable=False),
        *alike(sa.Text, "customer_id", "customer_name", "email", "phone"),
        *alike(JSONB, "shipping_address", "billing_address", nullable=True),
        sa.Column("metadata", JSONB, nullable=False),
        sa.Column("line_count", sa.Integer, nullable=False),
        *alike(sa.BigInteger, "unit_count", "goods_total", "discount_total", "tax_total", "shipping", "shipping_tax", "total", "collected"),
        sa.Column(
            "payment", sa.Text, sa.Computed("case when collected >= total then 'paid' else 'unpaid' end", persisted=True), nullable=False
        ),
        sa.Column("refunded_total", sa.BigInteger, nullable=False),
        sa.Column("refund_state", sa.Text, nullable=False),
        sa.Column("refunds", sa.Integer, nullable=False),
        sa.Column("refunded_units", sa.BigInteger, nullable=False),
        sa.Column("tracking", JSONB),
        sa.Column("delivery_failed_at", TIME),
        sa.Column("cancellation", JSONB),
        sa.Column("placed_at", TIME, nullable=False),
        *alike(TIME, "confirmed_at", "delivered_at", nullable=True),
        sa.Column("recorded_at", TIME, nullable=False),
        sa.CheckConstraint("(status = 'cancelled') = (cancellation is not null)", name="ck_orders_cancellation"),
        sa.CheckConstraint("refund_state in ('none', 'partial', 'full')", name="ck_orders_refund_state"),
        sa.CheckConstraint("status in ('pending', 'confirmed', 'picked_up', 'shipped', 'delivered', 'cancelled')", name="ck_orders_status"),
        sa.CheckConstraint(
            "collected >= 0 and refunded_total >= 0 and refunded_units between 0 and unit_count", name="ck_orders_collected"
        ),
        sa.CheckConstraint("goods_total + shipping = total", name="ck_orders_total"),
        sa.CheckConstraint("goods_total >= 0 and shipping >= 0 and discount_total >= 0 and tax_total >= 0", name="ck_orders_not_negative"),
        sa.CheckConstraint("version >= 1 and line_count >= 1 and unit_count >= line_count", name="ck_orders_counted"),
        sa.PrimaryKeyConstraint("store_id", "order_id", name="pk_orders"),
        sa.UniqueConstraint("store_id", "external_ref", name="uq_orders_store_id_external_ref"),
        sa.UniqueConstraint("store_id", "number", name="uq_orders_store_id_number"),
    )
    index("orders", "store_id", "customer_id", "placed_at", "order_id")
    op.create_index(
        "ix_orders_store_id_email_placed_at_order_id",
        "orders",
        ["store_id", sa.literal_column("lower(email)"), "placed_at", "order_id"],
        schema=SCHEMA,
    )
    index("orders", "store_id", "phone", "placed_at", "order_id")
    index("orders", "store_id", "placed_at", "order_id")
    index("orders", "store_id", "status", "placed_at", "order_id")


def _lines() -> None:
    table(
        "lines",
        sa.Column("order_id", UUID, nullable=False),
        sa.Column("line", sa.Integer, nullable=False),
        *alike(sa.Text, "sku", "name"),
        sa.Column("quantity", sa.Integer, nullable=False),
        sa.Column("unit_price", sa.BigInteger),
        *alike(sa.BigInteger, "subtotal", "discount", "order_discount", "tax", "total"),
        sa.Column("stock_tracked", sa.Boolean, nullable=False),
        sa.Column("placed_at", TIME, nullable=False),
        sa.CheckConstraint("discount >= 0 and order_discount >= 0 and tax >= 0 and total >= 0", name="ck_lines_not_negative"),
        sa.CheckConstraint("quantity between 1 and 1000000", name="ck_lines_quantity"),
        sa.CheckConstraint(
            "total in (subtotal - discount - order_discount, subtotal - discount - order_discount + tax)", name="ck_lines_total"
        ),
        sa.CheckConstraint("unit_price is null or unit_price * quantity = subtotal", name="ck_lines_subtotal"),
        sa.ForeignKeyConstraint(
            ["store_id", "order_id"], ["orders.orders.store_id", "orders.orders.order_id"], name="fk_lines_store_id_order_id"
        ),
        sa.PrimaryKeyConstraint("store_id", "order_id", "line", name="pk_lines"),
    )
    index("lines", "store_id", "sku", "placed_at", "order_id")


def _payments() -> None:
    table(
        "payments",
        *alike(UUID, "payment_id", "order_id"),
        sa.Column("order_version", sa.Integer, nullable=False),
        sa.Column("amount", sa.BigInteger, nullable=False),
        *alike(sa.Text, "method", "reference"),
        sa.Column("collected_by", sa.Text),
        sa.Column("reverses", UUID),
        *alike(TIME, "occurred_at", "recorded_at"),
        sa.CheckConstraint("(amount > 0) = (reverses is null) and amount <> 0", name="ck_payments_amount"),
        sa.ForeignKeyConstraint(
            ["store_id", "order_id"], ["orders.orders.store_id", "orders.orders.order_id"], name="fk_payments_store_id_order_id"
        ),
        sa.PrimaryKeyConstraint("store_id", "payment_id", name="pk_payments"),
        sa.UniqueConstraint("store_id", "reverses", name="uq_payments_store_id_reverses"),
    )
    index("payments", "store_id", "order_id", "order_version")
    op.create_index(
        "uq_payments_reference",
        "payments",
        ["store_id", "order_id", "method", "reference"],
        unique=True,
        schema=SCHEMA,
        postgresql_where=sa.text("reverses IS NULL"),
    )


def _changes() -> None:
    table(
        "changes",
        sa.Column("order_id", UUID, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("by", JSONB, nullable=False),
        *alike(sa.Text, "message", "reason"),
        sa.Column("details", JSONB, nullable=False),
        *alike(TIME, "occurred_at", "recorded_at"),
        sa.ForeignKeyConstraint(
            ["store_id", "order_id"], ["orders.orders.store_id", "orders.orders.order_id"], name="fk_changes_store_id_order_id"
        ),
        sa.PrimaryKeyConstraint("store_id", "order_id", "version", name="pk_changes"),
    )


def _refunds() -> None:
    table(
        "refunds",
        *alike(UUID, "refund_id", "order_id"),
        *alike(sa.BigInteger, "amount", "units"),
        sa.Column("recorded_at", TIME, nullable=False),
        sa.CheckConstraint("amount >= 0 and units >= 0", name="ck_refunds_not_negative"),
        sa.ForeignKeyConstraint(
            ["store_id", "order_id"], ["orders.orders.store_id", "orders.orders.order_id"], name="fk_refunds_store_id_order_id"
        ),
        sa.PrimaryKeyConstraint("store_id", "refund_id", name="pk_refunds"),
    )


def _stock_levels() -> None:
    table(
        "stock_levels",
        sa.Column("sku", sa.Text, nullable=False),
        *alike(sa.BigInteger, "on_hand", "movements"),
        sa.Column("changed_at", TIME, nullable=False),
        sa.CheckConstraint("on_hand >= 0", name="ck_stock_levels_never_oversold"),
        sa.PrimaryKeyConstraint("store_id", "sku", name="pk_stock_levels"),
    )
    index("stock_levels", "store_id", "on_hand", "sku")


def _stock_movements() -> None:
    table(
        "stock_movements",
        sa.Column("sku", sa.Text, nullable=False),
        *alike(sa.BigInteger, "sequence", "quantity", "on_hand"),
        sa.Column("cause", sa.Text, nullable=False),
        sa.Column("order_id", UUID),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("by", JSONB, nullable=False),
        sa.Column("recorded_at", TIME, nullable=False),
        sa.CheckConstraint("quantity <> 0 and on_hand >= 0", name="ck_stock_movements_moved"),
        sa.ForeignKeyConstraint(
            ["store_id", "sku"], ["orders.stock_levels.store_id", "orders.stock_levels.sku"], name="fk_stock_movements_store_id_sku"
        ),
        sa.PrimaryKeyConstraint("store_id", "sku", "sequence", name="pk_stock_movements"),
        sa.UniqueConstraint("store_id", "cause", "sku", name="uq_stock_movements_store_id_cause_sku"),
    )


def _settings() -> None:
    table(
        "settings",
        sa.Column("version", sa.Integer, nullable=False),
        *alike(sa.Text, "cancel_preset", "customer_cancel_until"),
        sa.Column("stock", sa.Boolean, nullable=False),
        *alike(sa.Text, "number_prefix", "time_zone"),
        sa.Column("by", JSONB, nullable=False),
        sa.Column("recorded_at", TIME, nullable=False),
        sa.CheckConstraint("cancel_preset in ('cancellation-control', 'order-cancellation')", name="ck_settings_cancel_preset"),
        sa.CheckConstraint("customer_cancel_until in ('picked_up', 'shipped', 'delivered')", name="ck_settings_customer_cancel_until"),
        sa.CheckConstraint("version >= 1", name="ck_settings_version"),
        sa.PrimaryKeyConstraint("store_id", "version", name="pk_settings"),
    )


def _counts() -> None:
    table(
        "counts",
        *alike(sa.Text, "status", "payment", "refund_state"),
        sa.Column("orders", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("store_id", "status", "payment", "refund_state", name="pk_counts"),
    )


def _count_deltas() -> None:
    table(
        "count_deltas",
        sa.Column("position", sa.BigInteger, sa.Identity(always=True), nullable=False),
        *alike(sa.Text, "status", "payment", "refund_state"),
        sa.Column("delta", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("store_id", "position", name="pk_count_deltas"),
    )
