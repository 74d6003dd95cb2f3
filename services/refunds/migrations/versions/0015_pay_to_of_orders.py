"""Where the money goes that comes back when an order is cancelled, said before there is a refund of it."""

from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    op.execute("alter table refunds.orders add pay_to jsonb")


def downgrade() -> None:
    op.execute("alter table refunds.orders drop column pay_to")
