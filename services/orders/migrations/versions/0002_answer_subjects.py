"""Kept answers know whom and what they are about: an erasure finds them by an index."""

from shared.data.kernel_versions import migration, v2

revision = "0002"
down_revision = "0001"
upgrade, downgrade = migration(v2, "orders")
