"""Settings of the refund service beside those that every service has."""

from pydantic import Field

from shared.process.settings import Settings


class RefundSettings(Settings):
    """What limits files that come with requests."""

    attachment_max_bytes: int = Field(10_000_000, ge=1_000, le=20_000_000, description="Largest file that a customer may upload.")
    attachment_max_pixels: int = Field(
        25_000_000, ge=10_000, description="Largest image that is kept, in pixels; a larger JPEG is reduced to it, a WebP may have half."
    )
    attachment_unused_max: int = Field(20, ge=1, description="Uploads that a customer may have in no request yet.")
    attachment_unused_hours: int = Field(24, ge=1, description="How long an upload waits for its request before it is deleted.")
