"""A guest's link may end before its time."""

from alembic import op

from shared.data.kernel_versions import v4

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

SCHEMA = "notes"


def upgrade() -> None:
    v4.apply(op.get_bind(), SCHEMA)


def downgrade() -> None:
    v4.undo(op.get_bind(), SCHEMA)
