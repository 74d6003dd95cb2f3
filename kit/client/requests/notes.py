"""What callers send. Written by `./aftersale generate` from the OpenAPI document; never edit it."""

from typing import Literal, TypedDict


class NoteEditInput(TypedDict):
    """A note's new text."""

    text: str
    """Plain text with links and line breaks; markup is not interpreted. No control characters except line breaks and tabs."""


class NoteInput(TypedDict):
    """A new note. The audience has no default, so that nobody publishes a note by forgetting a field."""

    order_id: str
    audience: Literal["customer", "private"]
    """`customer` shows it to the order's customer; `private` only to the shop."""
    text: str
    """Plain text with links and line breaks; markup is not interpreted. No control characters except line breaks and tabs."""
