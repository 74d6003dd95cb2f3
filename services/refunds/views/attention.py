"""Items that need a person's attention."""

from datetime import datetime
from typing import Any

from services.refunds.state import Attention
from shared.contracts.actor import Actor
from shared.contracts.ids import OrderId, RefundId
from shared.web.views import ByView, View


class AttentionView(View):
    """An item that needs a person's attention."""

    attention_id: str
    kind: str
    order_id: OrderId
    refund_id: RefundId | None
    facts: dict[str, Any]
    opened_at: datetime
    closed_at: datetime | None
    closed_by: ByView | None
    note: str

    @classmethod
    def of(cls, item: Attention, actor: Actor) -> "AttentionView":
        """The item as `actor` may see it."""
        return cls.showing(item, closed_by=ByView.of_row(item.closed_by, actor) if item.closed_by else None)
