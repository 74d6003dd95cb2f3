"""Times must lie in 1970 to 2199. Existing times outside that range are moved to its nearer end, so that they can be read."""

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
