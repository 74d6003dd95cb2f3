"""Files for refund requests."""

from datetime import datetime

from pydantic import BaseModel

from shared.web.views import View


class AttachmentView(View):
    """A file; its content is at `GET /v1/attachments/{attachment_id}`."""

    attachment_id: str
    name: str
    media_type: str
    size_bytes: int
    sha256: str
    uploaded_at: datetime


class UploadTypeView(BaseModel):
    """An accepted file type; an image with more than `max_pixels` is refused."""

    media_type: str
    max_pixels: int | None


class UploadLimitsView(View):
    """The limits of uploads. At most `max_unused` uploads of a customer may be waiting for a request, each for `unused_hours`."""

    types: list[UploadTypeView]
    max_bytes: int
    max_side_pixels: int
    max_unused: int
    unused_hours: int
    max_in_a_request: int
