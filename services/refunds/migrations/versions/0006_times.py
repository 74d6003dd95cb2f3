"""No time lies before 1970 or after 2199. What does, from before, is moved to the nearer end, so that it can be read."""

from shared.data.kernel_versions import v5

revision = "0006"
down_revision = "0005"

TIMES = {
    "orders": ("delivered_at",),
    "refunds": ("requested_at", "decided_at", "overdue_at"),
    "approvals": ("approved_at",),
    "inspections": ("inspected_at",),
    "settlements": ("reported_at",),
    "policies": ("valid_from", "changed_at"),
    "attention": ("opened_at", "closed_at"),
    "attachments": ("uploaded_at", "erased_at"),
}
upgrade, downgrade = v5.migration("refunds", TIMES)
