"""A guest's link may end before its time."""

from shared.data.kernel_versions import migration, v4

revision = "0004"
down_revision = "0003"
upgrade, downgrade = migration(v4, "notes")
