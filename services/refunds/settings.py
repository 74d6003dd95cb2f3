"""Environment settings of the refund service, in addition to those of every service. A store's own settings are its policy."""

from pydantic import Field

from shared.process.settings import Settings


class RefundsEnvironment(Settings):
    """Limits on files for refund requests."""

    attachment_max_bytes: int = Field(10_000_000, ge=1_000, le=20_000_000, description="Largest file that a customer may upload.")
    attachment_max_pixels: int = Field(
        25_000_000, ge=10_000, description="Largest image that is stored, in pixels; a larger JPEG is reduced to it; a WebP may have half."
    )
    attachment_unused_max: int = Field(20, ge=1, description="Maximum uploads per customer that are waiting for a request.")
    attachment_unused_hours: int = Field(24, ge=1, description="How long an upload waits for a request before it is deleted, in hours.")
