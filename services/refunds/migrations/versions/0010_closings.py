"""Each difference that was closed, with its order version: what a part cancellation pays back counts those up to its own.

No difference was ever closed before, so the sums that are dropped are 0.
"""

from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.execute("alter table refunds.orders add closings jsonb not null default '[]', drop column written_off, drop column kept")


def downgrade() -> None:
    op.execute("""alter table refunds.orders drop column closings,
        add written_off bigint not null default 0, add kept bigint not null default 0""")
