"""What callers send."""

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
        description="Plain text, links and line ends; markup is text like any other. No control characters other than line ends and tabs.",
        examples=["Your parcel waits at the reception desk."],
    ),
]


class NoteInput(Input):
    """A new note. There is no default audience, so that nobody publishes by forgetting a field."""

    model_config = example({"order_id": "order_01jd3t0v5we1q9h6m7b3k2x4ya", "audience": "customer", "text": "Ready at the desk."})

    order_id: OrderId
    audience: Literal["customer", "private"] = Field(description="`customer` sends it to the order's customer; `private` stays with staff.")
    text: TextOfNote


class NoteEditInput(Input):
    """A note's next text."""

    model_config = example({"text": "Your parcel waits at the post office."})

    text: TextOfNote


class ReadMarkInput(Input):
    """What has been read."""

    model_config = example({})

    through: NoteId | None = Field(None, description="The last note that was shown; without it, everything there is by now.")


class NoteSettingsInput(Input):
    """The store's note settings."""

    model_config = example({"customer_answers": True})

    customer_answers: bool = Field(description="Whether customers may write on their orders.")
