"""Settings of the order service, in addition to those of every service."""

from pydantic import Field

from shared.process.settings import Settings


class OrderSettings(Settings):
    """Limits on links for guests."""

    guest_links_per_order: int = Field(20, ge=1, le=1_000, description="Maximum number of valid links for one order.")
