"""The content of one event in a live stream."""

import json
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from pydantic import BaseModel

from shared.contracts.actor import Actor
from shared.contracts.events import EVENTS, By, OrderStatus, PaymentState, RefundState, Tracking
from shared.contracts.ids import OrderId
from shared.web.views import ByView


@dataclass(frozen=True, slots=True)
class Happened:
    """A row of the events table: `data` is its JSON text, `occurred_at` is None if the driver could not read it.

    `id` is its position in the stream.
    """

    id: int
    store_id: str
    position: int
    event_id: UUID
    type: str
    occurred_at: datetime | None
    data: str


class LiveEvent(BaseModel):
    """One change of one order, small enough for thousands of listeners; read the order for its full state."""

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
    def of(cls, event: Happened, actor: Actor) -> "LiveEvent":
        """The event as `actor` may see it. Malformed data raises any exception."""
        if event.type not in EVENTS or event.occurred_at is None:
            raise ValueError("the type is unknown to this version, or the time is unreadable")
        data = json.loads(event.data)
        order, by = data["order"], By(**data["by"])
        same = ("order_id", "number", "version", "status", "payment", "refund_state")
        return cls(
            event_id=event.event_id,
            type=event.type,
            **{name: order[name] for name in same},
            tracking=None if order.get("tracking") is None else Tracking(**order["tracking"]),
            message=data.get("personal", {}).get("message", ""),
            by=ByView.of(by, actor),
            occurred_at=event.occurred_at,
        )
