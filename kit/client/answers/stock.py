"""What callers get. Written by `./aftersale generate` from the OpenAPI document; never edit it."""

from datetime import datetime

from kit.client.answer import Answer


class LevelView(Answer):
    """How many units of a SKU can still be sold, below 0 if more were sold than there are; the version counts its movements."""

    sku: str
    on_hand: int
    version: int
    changed_at: datetime


class MovementView(Answer):
    """One entry of the ledger; `oversold` if it took units that were not there."""

    sequence: int
    quantity: int
    on_hand: int
    cause: str
    order_id: str | None
    reason: str
    recorded_at: datetime
    oversold: bool


class LevelPage(Answer):
    """A page of `LevelView`."""

    items: list[LevelView]
    next_cursor: str | None
    previous_cursor: str | None = None


class MovementPage(Answer):
    """A page of `MovementView`."""

    items: list[MovementView]
    next_cursor: str | None
    previous_cursor: str | None = None
