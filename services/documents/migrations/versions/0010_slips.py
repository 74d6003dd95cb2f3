"""Whether slips say what is still to be collected."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.add_column("settings", sa.Column("slip_shows_due", sa.Boolean, nullable=False, server_default=sa.true()), schema="documents")


def downgrade() -> None:
    op.drop_column("settings", "slip_shows_due", schema="documents")
