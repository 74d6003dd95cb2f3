"""No time lies before 1970 or after 2199. What does, from before, is moved to the nearer end, so that it can be read."""

from alembic import op

from shared.data.kernel_versions import v5

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

SCHEMA = "documents"
TIMES: dict[str, tuple[str, ...]] = {
    "orders": ("erased_at",),
    "settings": ("saved_at",),
    "logos": ("saved_at",),
    "documents": (
        "issued_on",
        "issued_at",
    ),
    "renderings": (
        "rendered_at",
        "next_attempt_at",
    ),
}


def upgrade() -> None:
    v5.apply(op.get_bind(), SCHEMA)
    for table, columns in TIMES.items():
        v5.bound(op.get_bind(), f"{SCHEMA}.{table}", columns, f"ck_{table}_times")


def downgrade() -> None:
    for table in TIMES:
        op.execute(f"alter table {SCHEMA}.{table} drop constraint ck_{table}_times")
    v5.undo(op.get_bind(), SCHEMA)
