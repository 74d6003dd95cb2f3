"""Kept answers know whom and what they are about: an erasure finds them by an index."""

from alembic import op

from shared.data.kernel_versions import v2

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

SCHEMA = "orders"


def upgrade() -> None:
    v2.apply(op.get_bind(), SCHEMA)


def downgrade() -> None:
    v2.undo(op.get_bind(), SCHEMA)
