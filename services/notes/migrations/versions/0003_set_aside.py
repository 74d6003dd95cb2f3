"""Rows that cannot be published or read are set aside; a parked message can be let go of; the outbox is read by stores."""

from alembic import op

from shared.data.kernel_versions import v3

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

SCHEMA = "notes"


def upgrade() -> None:
    v3.apply(op.get_bind(), SCHEMA)


def downgrade() -> None:
    v3.undo(op.get_bind(), SCHEMA)
