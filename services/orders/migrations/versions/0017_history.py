"""Orders of the past: what had happened to them before they were imported, and what other systems issued for an order."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    op.add_column("orders", sa.Column("imported", sa.Boolean, nullable=False, server_default="false"), schema="orders")
    op.add_column("orders", sa.Column("history", JSONB), schema="orders")
    op.add_column("orders", sa.Column("external_documents", JSONB, nullable=False, server_default="[]"), schema="orders")
    op.execute("alter table orders.orders add constraint ck_orders_imported check (imported = (history is not null))")


def downgrade() -> None:
    op.drop_constraint("ck_orders_imported", "orders", schema="orders")
    for name in ("imported", "history", "external_documents"):
        op.drop_column("orders", name, schema="orders")
