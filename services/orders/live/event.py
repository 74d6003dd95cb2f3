"""What a live stream shows of one event."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel

from shared.contracts.actor import Actor
from shared.contracts.events import By, OrderStatus, PaymentState, RefundState, Tracking
from shared.contracts.ids import OrderId
from shared.web.views import ByView


class LiveEvent(BaseModel):
    """One change of one order, small enough for thousands of listeners: who wants it all reads the order."""

    event_id: UUID
    type: str
    order_id: OrderId
    number: str
    version: int
    status: OrderStatus
    payment: PaymentState
    refund_state: RefundState
    tracking: Tracking | None
    message: str
    by: ByView
    occurred_at: datetime

    @classmethod
    def of(cls, event_id: UUID, type_: str, data: dict[str, Any], actor: Actor, *, occurred_at: datetime) -> "LiveEvent":
        """An event with its data, as `actor` may see it."""
        order, by = data["order"], By(**data["by"])
        same = ("order_id", "number", "version", "status", "payment", "refund_state")
        return cls(
            event_id=event_id,
            type=type_,
            **{name: order[name] for name in same},
            tracking=None if order.get("tracking") is None else Tracking(**order["tracking"]),
            message=data.get("personal", {}).get("message", ""),
            by=ByView.of(by, actor),
            occurred_at=occurred_at,
        )
