"""What callers send. Written by `./aftersale generate` from the OpenAPI document; never edit it."""

from typing import NotRequired, TypedDict


class AdjustmentInput(TypedDict):
    """Units to add (positive) or remove (negative)."""

    quantity: int
    reason: str


class LevelInput(TypedDict):
    """The number of units counted."""

    on_hand: int
    reason: NotRequired[str]
