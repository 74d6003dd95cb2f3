"""How an order reaches its customer: what is digital never leaves the shop, so that nothing of it comes back. And the tax of shipping."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

TEXTS = ("shipping_tax_rate", "shipping_tax_code")


def upgrade() -> None:
    op.add_column("orders", sa.Column("fulfilment", sa.Text, nullable=False, server_default="shipping"), schema="refunds")
    for name in TEXTS:
        op.add_column("orders", sa.Column(name, sa.Text), schema="refunds")


def downgrade() -> None:
    for name in ("fulfilment", *TEXTS):
        op.drop_column("orders", name, schema="refunds")
