"""How an order reaches its customer: what is digital never leaves the shop, so that nothing of it comes back."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0007"


def upgrade() -> None:
    op.add_column("orders", sa.Column("fulfilment", sa.Text, nullable=False, server_default="shipping"), schema="refunds")


def downgrade() -> None:
    op.drop_column("orders", "fulfilment", schema="refunds")
