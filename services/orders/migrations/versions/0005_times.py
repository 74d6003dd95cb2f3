"""Times must lie in 1970 to 2199. Existing times outside that range are moved to its nearer end, so that they can be read."""

from shared.data.kernel_versions import v5

revision = "0005"
down_revision = "0004"

TIMES = {
    "orders": ("delivery_failed_at", "placed_at", "confirmed_at", "delivered_at", "recorded_at"),
    "lines": ("placed_at",),
    "payments": ("occurred_at", "recorded_at"),
    "changes": ("occurred_at", "recorded_at"),
    "refunds": ("recorded_at",),
    "guest_links": ("created_at", "expires_at", "revoked_at"),
    "stock_levels": ("changed_at",),
    "stock_movements": ("recorded_at",),
    "settings": ("recorded_at",),
}
upgrade, downgrade = v5.migration("orders", TIMES)
