"""Orders say when they last changed, and are found by anything that people know of them: one index for each kind of value."""

from alembic import op

revision = "0013"
down_revision = "0012"

FIRST, LAST = "timestamptz '1970-01-01 00:00:00+00'", "timestamptz '2199-12-31 23:59:59+00'"
TIMES = ("delivery_failed_at", "placed_at", "confirmed_at", "delivered_at", "recorded_at")
DAYS = ("supplied_on", "payment_due_on")

PARCELS_NUMBERED = """
create function orders.parcels_numbered() returns trigger language plpgsql as $$
begin
  delete from orders.parcel_numbers where store_id = new.store_id and order_id = new.order_id;
  insert into orders.parcel_numbers (store_id, order_id, number, placed_at)
  select new.store_id, new.order_id, number, new.placed_at from (
    select new.tracking ->> 'number' as number union select parcel ->> 'number' from jsonb_array_elements(new.parcels) parcel
  ) given where number <> '';
  return null;
end $$
"""
NUMBERS = """
insert into orders.parcel_numbers (store_id, order_id, number, placed_at)
select distinct o.store_id, o.order_id, given.number, o.placed_at from orders.orders o, lateral (
  select o.tracking ->> 'number' as number union select parcel ->> 'number' from jsonb_array_elements(o.parcels) parcel
) given where given.number <> ''
"""

STATEMENTS = (
    "alter table orders.orders add updated_at timestamptz",
    "alter table orders.orders disable trigger user",  # this is no version
    """update orders.orders o set updated_at = coalesce((select c.recorded_at from orders.changes c
    where c.store_id = o.store_id and c.order_id = o.order_id and c.version = o.version), o.recorded_at)""",
    "alter table orders.orders enable trigger user",
    "alter table orders.orders alter updated_at set not null",
    "alter table orders.payments add placed_at timestamptz",
    "alter table orders.payments disable trigger user",
    """update orders.payments p set placed_at = o.placed_at from orders.orders o
    where o.store_id = p.store_id and o.order_id = p.order_id""",
    "alter table orders.payments enable trigger user",
    "alter table orders.payments alter placed_at set not null",
    """create table orders.parcel_numbers (store_id text not null, order_id uuid not null, number text not null,
    placed_at timestamptz not null,
    constraint pk_parcel_numbers primary key (store_id, order_id, number),
    constraint fk_parcel_numbers_store_id_order_id foreign key (store_id, order_id) references orders.orders (store_id, order_id))""",
    NUMBERS,
    PARCELS_NUMBERED,
    """create trigger parcels_numbered_first after insert on orders.orders for each row
    when (new.tracking is not null or new.parcels <> '[]') execute function orders.parcels_numbered()""",
    """create trigger parcels_numbered after update on orders.orders for each row
    when (new.tracking is distinct from old.tracking or new.parcels <> old.parcels) execute function orders.parcels_numbered()""",
    """create index ix_parcel_numbers_store_id_number_placed_at_order_id on orders.parcel_numbers
    (store_id, number, placed_at, order_id)""",
    """create index ix_payments_store_id_reference_placed_at_order_id on orders.payments
    (store_id, reference, placed_at, order_id)""",
    "drop index orders.ix_orders_tracking_number",
    "drop index orders.ix_orders_store_id_email_placed_at_order_id",
    "create index ix_orders_email on orders.orders (store_id, lower(normalize(email)), placed_at, order_id)",
    "drop index orders.ix_orders_store_id_phone_placed_at_order_id",
    "create index ix_orders_phone on orders.orders (store_id, split_part(phone, ';', 1), placed_at, order_id)",
    """create index ix_orders_recipient_phone on orders.orders
    (store_id, split_part(shipping_address ->> 'phone', ';', 1), placed_at, order_id)
    where shipping_address ->> 'phone' <> '' and shipping_address ->> 'phone' <> phone""",
    'create index ix_orders_name on orders.orders (store_id, (lower(normalize(customer_name)) collate "C"))',
    """create index ix_orders_recipient on orders.orders (store_id, (lower(normalize(shipping_address ->> 'name')) collate "C"))
    where shipping_address ->> 'name' <> customer_name""",
    "create index ix_orders_store_id_updated_at_order_id on orders.orders (store_id, updated_at, order_id)",
    """create index ix_orders_store_id_customer_id_updated_at_order_id on orders.orders
    (store_id, customer_id, updated_at, order_id)""",
)


def _bound(table: str, columns: tuple[str, ...]) -> None:
    op.execute(f"alter table orders.{table} drop constraint if exists ck_{table}_times")
    within = " and ".join(f"{column} between {FIRST} and {LAST}" for column in columns)
    op.execute(f"alter table orders.{table} add constraint ck_{table}_times check ({within})")


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
    _bound("orders", (*TIMES, "updated_at", *DAYS))
    _bound("payments", ("occurred_at", "recorded_at", "placed_at"))
    _bound("parcel_numbers", ("placed_at",))


def downgrade() -> None:
    _bound("payments", ("occurred_at", "recorded_at"))
    _bound("orders", (*TIMES, *DAYS))
    for trigger in ("parcels_numbered", "parcels_numbered_first"):
        op.execute(f"drop trigger {trigger} on orders.orders")
    op.execute("drop function orders.parcels_numbered()")
    op.execute("drop table orders.parcel_numbers")
    for index in ("email", "phone", "recipient_phone", "name", "recipient"):
        op.execute(f"drop index orders.ix_orders_{index}")
    op.execute("create index ix_orders_store_id_email_placed_at_order_id on orders.orders (store_id, lower(email), placed_at, order_id)")
    op.execute("create index ix_orders_store_id_phone_placed_at_order_id on orders.orders (store_id, phone, placed_at, order_id)")
    op.execute("create index ix_orders_tracking_number on orders.orders (store_id, (tracking ->> 'number'), placed_at, order_id)")
    op.execute("alter table orders.payments drop column placed_at")
    op.execute("alter table orders.orders drop column updated_at")
