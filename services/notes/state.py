"""What the commands and rules of notes work on."""

from dataclasses import dataclass
from typing import Literal

Audience = Literal["customer", "private"]
Side = Literal["shop", "customer"]


@dataclass(frozen=True, slots=True)
class NoteSettings:
    """A version of a store's note settings; version 0 is the defaults."""

    version: int = 0
    customer_answers: bool = True


@dataclass(frozen=True, slots=True)
class NoteState:
    """What the rules need to know of a note."""

    audience: Audience
    side: Side
    retracted: bool
