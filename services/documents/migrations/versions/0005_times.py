"""Times must lie in 1970 to 2199. Existing times outside that range are moved to its nearer end, so that they can be read."""

from shared.data.kernel_versions import v5

revision = "0005"
down_revision = "0004"

TIMES = {
    "orders": ("erased_at",),
    "settings": ("saved_at",),
    "logos": ("saved_at",),
    "documents": ("issued_on", "issued_at"),
    "renderings": ("rendered_at", "next_attempt_at"),
}
upgrade, downgrade = v5.migration("documents", TIMES)
