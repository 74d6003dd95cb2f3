"""How strictly contact and addresses are checked. Pure."""

from typing import Literal

from shared.contracts.actor import Actor
from shared.contracts.errors import FieldError


def is_strict(validation: Literal["strict", "warn"] | None, actor: Actor) -> bool:
    """Whether what a country does not know is refused: as the call says, else for staff, who can correct what they type.

    A platform's checkout has accepted the address already, and what it sends may be a paid order or an old one.
    """
    return validation == "strict" if validation else actor.role != "platform"


def still_open(problems: tuple[FieldError, ...], checked: tuple[str, ...]) -> tuple[FieldError, ...]:
    """The problems that an edit has not checked again: those that are not within one of these pointers."""
    return tuple(one for one in problems if not any(f"{one.pointer}/".startswith(f"{pointer}/") for pointer in checked))
