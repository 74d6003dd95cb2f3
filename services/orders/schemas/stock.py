"""Stock, as sent and as shown."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, Field, field_validator
from sqlalchemy.engine import Row

from services.orders.rules.stock import MAX_ON_HAND
from services.orders.schemas.words import Reason
from services.orders.state import StockLevel
from shared.web.app import Input, View, example


class LevelInput(Input):
    """What was counted on the shelf."""

    model_config = example({"on_hand": 120, "reason": "counted"})

    on_hand: Annotated[int, Field(ge=0, le=MAX_ON_HAND)]
    reason: Reason = "counted"


class AdjustmentInput(Input):
    """Units to add (positive) or take (negative)."""

    model_config = example({"quantity": -2, "reason": "broken in the store room"})

    quantity: Annotated[int, Field(ge=-MAX_ON_HAND, le=MAX_ON_HAND)]
    reason: Reason

    @field_validator("quantity")
    @classmethod
    def _not_nothing(cls, value: int) -> int:
        if value == 0:
            raise ValueError("an adjustment of 0 adjusts nothing")
        return value


class LevelView(View):
    """What can still be promised of a SKU; the version counts its movements."""

    sku: str
    on_hand: int
    version: int
    changed_at: datetime

    @classmethod
    def of(cls, level: StockLevel) -> "LevelView":
        """As answers show it."""
        return cls(sku=level.sku, on_hand=level.on_hand, version=level.version, changed_at=level.changed_at)


class MovementView(BaseModel):
    """One entry of the ledger."""

    sequence: int
    quantity: int
    on_hand: int
    cause: str
    order_id: str | None
    reason: str
    recorded_at: datetime

    @classmethod
    def of(cls, row: Row[Any]) -> "MovementView":
        """A row of the ledger."""
        return cls(**{name: row._mapping[name] for name in cls.model_fields})
