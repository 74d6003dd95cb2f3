"""Times must lie in 1970 to 2199. Existing times outside that range are moved to its nearer end, so that they can be read."""

from shared.data.kernel_versions import v5

revision = "0005"
down_revision = "0004"

TIMES = {
    "orders": ("erased_at",),
    "notes": ("written_at", "edited_at", "retracted_at", "erased_at", "customer_read_at", "shop_read_at"),
    "revisions": ("written_at",),
    "timeline": ("occurred_at", "recorded_at"),
    "settings": ("changed_at",),
}
upgrade, downgrade = v5.migration("notes", TIMES)
