"""Stock as callers see it."""

from datetime import datetime

from pydantic import BaseModel

from services.orders.state import StockLevel, StockMovement
from shared.web.views import View


class LevelView(View):
    """How many units of a SKU can still be sold; the version counts its movements."""

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
    def of(cls, movement: StockMovement) -> "MovementView":
        """As answers show it."""
        return cls(**{name: getattr(movement, name) for name in cls.model_fields})
