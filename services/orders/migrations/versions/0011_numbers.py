"""The number series can be started at a number and set behind numbers in use; the store's country; orders are found by tracking number."""

from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.execute("""alter table orders.settings
        add column next_number bigint, add column numbers_given bigint not null default 0, add column country text""")
    op.execute("alter table orders.settings alter column numbers_given drop default")
    op.execute("alter table orders.settings add constraint ck_settings_next_number check (next_number >= 1)")
    op.execute("""create index ix_orders_number_series on orders.orders
        (store_id, rtrim(number, '0123456789'), length(number), btrim(number))""")

    op.execute("create index ix_orders_tracking_number on orders.orders (store_id, (tracking ->> 'number'), placed_at, order_id)")


def downgrade() -> None:
    op.execute("drop index orders.ix_orders_tracking_number")
    op.execute("drop index orders.ix_orders_number_series")
    op.execute("alter table orders.settings drop column next_number, drop column numbers_given, drop column country")
