"""No time lies before 1970 or after 2199. What does, from before, is moved to the nearer end, so that it can be read."""

from alembic import op

from shared.data.kernel_versions import v5

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

SCHEMA = "refunds"
TIMES: dict[str, tuple[str, ...]] = {
    "orders": ("delivered_at",),
    "refunds": (
        "requested_at",
        "decided_at",
        "overdue_at",
    ),
    "approvals": ("approved_at",),
    "inspections": ("inspected_at",),
    "settlements": ("reported_at",),
    "policies": (
        "valid_from",
        "changed_at",
    ),
    "attention": (
        "opened_at",
        "closed_at",
    ),
    "attachments": (
        "uploaded_at",
        "erased_at",
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
