"""What callers send. Written by `./aftersale generate` from the OpenAPI document; never edit it."""

from typing import TypedDict


class NoteSettingsInput(TypedDict):
    """The store's note settings."""

    customer_answers: bool
    """Whether customers may write on their orders."""
