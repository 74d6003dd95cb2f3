"""Rows that cannot be published or read are set aside; a parked message can be dropped; the outbox is read per store."""

from shared.data.kernel_versions import migration, v3

revision = "0004"
down_revision = "0003"
upgrade, downgrade = migration(v3, "refunds")
