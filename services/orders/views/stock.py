"""Response bodies of stock."""

from datetime import datetime

from shared.web.views import View


class LevelView(View):
    """How many units of a SKU can still be sold, below 0 if more were sold than there are; the version counts its movements."""

    sku: str
    on_hand: int
    version: int
    changed_at: datetime


class MovementView(View):
    """One entry of the ledger; `oversold` if it took units that were not there."""

    sequence: int
    quantity: int
    on_hand: int
    cause: str
    order_id: str | None
    reason: str
    recorded_at: datetime
    oversold: bool
