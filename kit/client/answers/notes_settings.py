"""What callers get. Written by `./aftersale generate` from the OpenAPI document; never edit it."""

from datetime import datetime

from kit.client.answer import Answer
from kit.client.answers.shared import ByView


class NoteSettingsVersionView(Answer):
    """A version of the settings, with who saved it and when."""

    version: int
    customer_answers: bool
    saved_at: datetime
    saved_by: ByView


class NoteSettingsView(Answer):
    """The store's note settings; version 0 is the defaults."""

    version: int
    customer_answers: bool


class NoteSettingsVersionPage(Answer):
    """A page of `NoteSettingsVersionView`."""

    items: list[NoteSettingsVersionView]
    next_cursor: str | None
    previous_cursor: str | None = None
