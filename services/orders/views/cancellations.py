"""Response bodies of cancellations, whole and in part."""

from datetime import datetime

from pydantic import BaseModel

from services.orders.rules.cancel import lines_to_release
from services.orders.views.timeline import reason_for
from shared.contracts.actor import Actor, Decision
from shared.contracts.events import Cancellation, Order, OrderStatus, PartCancellation
from shared.contracts.lifecycle import goods_left
from shared.web.views import ByView, View


class CancellationView(View):
    """The record of a cancellation."""

    by: ByView
    cancelled_from: OrderStatus
    reason: str
    occurred_at: datetime
    recorded_at: datetime

    @classmethod
    def of(cls, cancellation: Cancellation, actor: Actor) -> "CancellationView":
        """As `actor` may see it."""
        reason = reason_for(cancellation.reason, cancellation.by, actor)
        return cls.showing(cancellation, by=ByView.of(cancellation.by, actor), reason=reason)


class CancelledUnitsView(BaseModel):
    """Units of a line that were cancelled, and how many of them went back to stock."""

    line: int
    quantity: int
    released: int


class PartCancellationView(View):
    """The record of units that were cancelled while the rest of the order went on."""

    part_cancellation_id: str
    by: ByView
    lines: list[CancelledUnitsView]
    reason: str
    occurred_at: datetime

    @classmethod
    def of(cls, part: PartCancellation, actor: Actor) -> "PartCancellationView":
        """As `actor` may see it."""
        lines = [CancelledUnitsView(**one.model_dump()) for one in part.lines]
        return cls.showing(part, by=ByView.of(part.by, actor), lines=lines, reason=reason_for(part.reason, part.by, actor))


class ReleasedLine(View):
    """Units of a line that would be restocked at once."""

    line: int
    sku: str
    quantity: int


class CancelOutlook(View):
    """What a cancellation would do now. The refund service decides what happens to the money."""

    allowed: bool
    code: str | None
    detail: str
    released: list[ReleasedLine]
    goods_return_through_refund: bool

    @classmethod
    def of(cls, order: Order, decision: Decision) -> "CancelOutlook":
        """The decision on `order`; nothing would be released if it may not be cancelled."""
        released = lines_to_release(order) if decision.allowed else ()
        return cls.showing(
            decision,
            released=[ReleasedLine.showing(line, quantity=line.left) for line in released],
            goods_return_through_refund=decision.allowed and goods_left(order.status, order.fulfilment),
        )
