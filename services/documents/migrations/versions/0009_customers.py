"""Documents are found by their order's present customer."""

from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.create_index("ix_orders_store_id_customer_id", "orders", ["store_id", "customer_id"], schema="documents")


def downgrade() -> None:
    op.drop_index("ix_orders_store_id_customer_id", "orders", schema="documents")
