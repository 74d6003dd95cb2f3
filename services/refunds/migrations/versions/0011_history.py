"""What had been refunded before an order was imported is a refund of its own cause."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0011"
down_revision = "0010"

CAUSES = "'request', 'cancellation', 'payment', 'part_cancellation'"


def upgrade() -> None:
    op.add_column("orders", sa.Column("imported", sa.Boolean, nullable=False, server_default="false"), schema="refunds")
    op.add_column("orders", sa.Column("refunded_before", JSONB), schema="refunds")
    op.execute("alter table refunds.orders add constraint ck_orders_refunded_before check (imported or refunded_before is null)")
    _causes(f"{CAUSES}, 'history'")
    op.execute("create unique index uq_refunds_history on refunds.refunds (store_id, order_id) where cause = 'history'")


def downgrade() -> None:
    """What had been refunded before an import cannot be said before: such a refund makes this fail, and nothing changes."""
    op.execute("drop index refunds.uq_refunds_history")
    _causes(CAUSES)
    for name in ("imported", "refunded_before"):
        op.drop_column("orders", name, schema="refunds")


def _causes(known: str) -> None:
    op.execute("alter table refunds.refunds drop constraint ck_refunds_cause")
    op.execute(f"alter table refunds.refunds add constraint ck_refunds_cause check (cause in ({known}))")
