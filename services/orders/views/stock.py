"""Response bodies of stock."""

from datetime import datetime

from shared.web.views import View


class LevelView(View):
    """How many units of a SKU can still be sold; the version counts its movements."""

    sku: str
    on_hand: int
    version: int
    changed_at: datetime


class MovementView(View):
    """One entry of the ledger."""

    sequence: int
    quantity: int
    on_hand: int
    cause: str
    order_id: str | None
    reason: str
    recorded_at: datetime
