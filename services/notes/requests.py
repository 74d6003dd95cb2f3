"""Request bodies."""

from typing import Annotated, Literal

from pydantic import Field

from shared.contracts.ids import NoteId, OrderId
from shared.web.inputs import Input, example

MAX_TEXT_CHARACTERS = 10_000

TextOfNote = Annotated[
    str,
    Field(
        min_length=1,
        max_length=MAX_TEXT_CHARACTERS,
        description="Plain text with links and line breaks; markup is not interpreted. No control characters except line breaks and tabs.",
        examples=["Your parcel waits at the reception desk."],
    ),
]


class NoteInput(Input):
    """A new note. The audience has no default, so that nobody publishes a note by forgetting a field."""

    model_config = example({"order_id": "order_01jd3t0v5we1q9h6m7b3k2x4ya", "audience": "customer", "text": "Ready at the desk."})

    order_id: OrderId
    audience: Literal["customer", "private"] = Field(description="`customer` shows it to the order's customer; `private` only to the shop.")
    text: TextOfNote


class NoteEditInput(Input):
    """A note's new text."""

    model_config = example({"text": "Your parcel waits at the post office."})

    text: TextOfNote


class ReadMarkInput(Input):
    """How far the notes have been read."""

    model_config = example({})

    through: NoteId | None = Field(None, description="The last note that was shown. If omitted, all current notes are marked as read.")


class NoteSettingsInput(Input):
    """The store's note settings."""

    model_config = example({"customer_answers": True})

    customer_answers: bool = Field(description="Whether customers may write on their orders.")
