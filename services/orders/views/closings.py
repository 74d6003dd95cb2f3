"""Response body of a difference that was closed."""

from datetime import datetime

from services.orders.state import OrderState
from shared.contracts.actor import Actor
from shared.contracts.events import ClosingKind, ClosingReason
from shared.contracts.ids import ClosingId
from shared.web.views import ByView, MoneyView, View, money


class ClosingView(View):
    """A difference that the shop let be; its reason and note are for the shop alone."""

    closing_id: ClosingId
    kind: ClosingKind
    amount: MoneyView
    reason: ClosingReason | None
    note: str
    by: ByView
    occurred_at: datetime
    order_version: int


def closing_views(state: OrderState, actor: Actor) -> list[ClosingView]:
    """The order's closed differences as `actor` may see them."""
    shop = actor.is_shop
    return [
        ClosingView.showing(
            one,
            amount=money(one.amount, state.order.currency),
            reason=one.reason if shop else None,
            note=state.closing_notes.get(one.closing_id, "") if shop else "",
            by=ByView.of(one.by, actor),
        )
        for one in state.order.closings
    ]
