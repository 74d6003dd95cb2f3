"""Stored responses record the customer and the ids that they are about, so that an erasure finds them by an index."""

from shared.data.kernel_versions import migration, v2

revision = "0003"
down_revision = "0002"
upgrade, downgrade = migration(v2, "refunds")
