"""A guest's link can be revoked before it expires."""

from shared.data.kernel_versions import migration, v4

revision = "0004"
down_revision = "0003"
upgrade, downgrade = migration(v4, "documents")
