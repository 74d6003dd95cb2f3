"""Events of the note service: `note.*`."""

from typing import ClassVar, Literal

from shared.contracts.events.envelope import By, Event, Part
from shared.contracts.ids import NoteId, OrderId


class NoteText(Part):
    """The note's text; empty unless its audience is the customer."""

    text: str = ""


class NoteEvent(Event, readers=("webhooks",)):
    """One change of one note. Events of a private note are not public and never carry its text."""

    subjects: ClassVar[str] = "order_[0-9a-z]+(:private)?"
    note_id: NoteId
    order_id: OrderId
    customer_id: str
    audience: Literal["customer", "private"]
    revision: int
    by: By
    personal: NoteText = NoteText()

    @property
    def subject(self) -> str:
        """The order's id; for a private note `<order id>:private`, so that no gap in the public `sequence` reveals it."""
        return self.order_id if self.audience == "customer" else f"{self.order_id}:private"

    @property
    def public(self) -> bool:
        """Only what the customer may see."""
        return self.audience == "customer"


class NoteAdded(NoteEvent, type="note.added.v1"):
    """A note was written."""


class NoteEdited(NoteEvent, type="note.edited.v1"):
    """A note has a new revision."""


class NoteRetracted(NoteEvent, type="note.retracted.v1"):
    """A note was retracted; a mark stays in its place."""
