"""What callers get. Written by `./aftersale generate` from the OpenAPI document; never edit it."""

from kit.client.answer import Answer


class UploadTypeView(Answer):
    """An accepted file type; an image with more than `max_pixels` is refused."""

    media_type: str
    max_pixels: int | None


class UploadLimitsView(Answer):
    """The limits of uploads. At most `max_unused` uploads of a customer may be waiting for a request, each for `unused_hours`."""

    types: list[UploadTypeView]
    max_bytes: int
    max_side_pixels: int
    max_unused: int
    unused_hours: int
    max_in_a_request: int
