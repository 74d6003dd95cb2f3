"""What the courier kept of a payment."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    op.add_column("payments", sa.Column("courier_charge", sa.BigInteger), schema="orders")
    check = "courier_charge is null or (courier_charge >= 0 and reverses is null)"
    op.execute(f"alter table orders.payments add constraint ck_payments_courier_charge check ({check})")


def downgrade() -> None:
    op.drop_column("payments", "courier_charge", schema="orders")
