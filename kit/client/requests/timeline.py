"""What callers send. Written by `./aftersale generate` from the OpenAPI document; never edit it."""

from typing import NotRequired, TypedDict


class ReadMarkInput(TypedDict):
    """How far the notes have been read."""

    through: NotRequired[str | None]
    """The last note that was shown. If omitted, all current notes are marked as read."""
