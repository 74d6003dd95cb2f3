"""Kept answers know whom and what they are about: an erasure finds them by an index."""

from shared.data.kernel_versions import migration, v2

revision = "0003"
down_revision = "0002"
upgrade, downgrade = migration(v2, "refunds")
