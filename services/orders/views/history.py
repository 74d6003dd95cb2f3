"""Response bodies of what had happened to an order before it was imported."""

from datetime import datetime

from shared.contracts.events import Order
from shared.web.views import MoneyView, View, money


class RefundedUnitsView(View):
    """Units of a line that had come back, and the money that had gone back for the line."""

    line: int
    quantity: int
    amount: MoneyView


class RefundedBeforeView(View):
    """What had been refunded before the import."""

    lines: list[RefundedUnitsView]
    shipping: MoneyView


class HistoryView(View):
    """The dates of an order of the past, and what had been refunded of it; a cancellation is shown as `cancellation`."""

    confirmed_at: datetime | None
    picked_up_at: datetime | None
    shipped_at: datetime | None
    delivered_at: datetime | None
    refunded: RefundedBeforeView | None

    @classmethod
    def of(cls, order: Order) -> "HistoryView | None":
        """Of an imported order; None for any other."""
        if order.history is None:
            return None
        refunded = order.history.refunded
        return cls.showing(
            order.history,
            refunded=refunded
            and RefundedBeforeView(
                lines=[RefundedUnitsView.showing(one, amount=money(one.amount, order.currency)) for one in refunded.lines],
                shipping=money(refunded.shipping, order.currency),
            ),
        )
