"""Settings of the order service beside those that every service has."""

from pydantic import Field

from shared.process.settings import Settings


class OrderSettings(Settings):
    """What limits links for guests."""

    guest_links_per_order: int = Field(20, ge=1, le=1_000, description="Links of one order that may be valid at once.")
