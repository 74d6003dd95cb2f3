"""Replays take turns by store: a store's oldest is found first, and when a replay was last at it no longer matters."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TIMESTAMP

from shared.data.kernel_versions import v5

revision = "0002"
down_revision = "0001"

SCHEMA = "webhooks"
INDEX = "ix_replays_running"
TIMES = "ck_replays_times"
RUNNING = sa.text("ended_at is null")


def upgrade() -> None:
    op.execute(f"drop index {SCHEMA}.{INDEX}")
    op.drop_column("replays", "stepped_at", schema=SCHEMA)  # and with it the check that also named the other times
    v5.bound(op.get_bind(), f"{SCHEMA}.replays", ("created_at", "ended_at"), TIMES)
    op.create_index(INDEX, "replays", ["store_id", "created_at", "replay_id"], schema=SCHEMA, postgresql_where=RUNNING)


def downgrade() -> None:
    """Every replay was last stepped when it was made, as far as is known."""
    op.execute(f"drop index {SCHEMA}.{INDEX}")
    op.drop_constraint(TIMES, "replays", schema=SCHEMA)
    op.add_column("replays", sa.Column("stepped_at", TIMESTAMP(timezone=True)), schema=SCHEMA)
    op.execute("update webhooks.replays set stepped_at = created_at")
    op.alter_column("replays", "stepped_at", nullable=False, schema=SCHEMA)
    v5.bound(op.get_bind(), f"{SCHEMA}.replays", ("created_at", "stepped_at", "ended_at"), TIMES)
    op.create_index(INDEX, "replays", ["stepped_at", "replay_id"], schema=SCHEMA, postgresql_where=RUNNING)
