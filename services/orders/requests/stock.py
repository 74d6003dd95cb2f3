"""Request bodies that change stock."""

from typing import Annotated

from pydantic import Field, field_validator

from services.orders.requests.words import Reason
from shared.web.inputs import Input, example

MAX_ON_HAND = 10**12


class LevelInput(Input):
    """The number of units counted."""

    model_config = example({"on_hand": 120, "reason": "counted"})

    on_hand: Annotated[int, Field(ge=0, le=MAX_ON_HAND)]
    reason: Reason = "counted"


class AdjustmentInput(Input):
    """Units to add (positive) or remove (negative)."""

    model_config = example({"quantity": -2, "reason": "broken in the store room"})

    quantity: Annotated[int, Field(ge=-MAX_ON_HAND, le=MAX_ON_HAND)]
    reason: Reason

    @field_validator("quantity")
    @classmethod
    def _not_nothing(cls, value: int) -> int:
        if value == 0:
            raise ValueError("must not be 0")
        return value
