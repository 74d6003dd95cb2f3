"""Orders with addresses that their country does not know are kept, with what was wrong; one index finds all that need attention."""

from alembic import op

revision = "0009"
down_revision = "0008"

ATTENTION = "collected > total or address_problems <> '[]'::jsonb"


def upgrade() -> None:
    op.execute("alter table orders.orders add column address_problems jsonb not null default '[]'::jsonb")
    op.execute(f"create index ix_orders_attention on orders.orders (store_id, placed_at, order_id) where {ATTENTION}")


def downgrade() -> None:
    op.execute("drop index orders.ix_orders_attention")
    op.execute("alter table orders.orders drop column address_problems")
