"""A guest's link can be revoked before it expires."""

from shared.data.kernel_versions import migration, v4

revision = "0005"
down_revision = "0004"
upgrade, downgrade = migration(v4, "refunds")
