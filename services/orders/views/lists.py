"""Response bodies of lists of orders."""

from datetime import datetime

from services.orders.state import Summary
from shared.contracts.events import OrderStatus, PaymentState, RefundState
from shared.contracts.ids import OrderId
from shared.web.views import MoneyView, Page, View, money


class OrderSummaryView(View):
    """An order in a list."""

    order_id: OrderId
    version: int
    number: str
    external_ref: str | None
    placed_at: datetime
    customer_id: str
    customer_name: str
    status: OrderStatus
    payment: PaymentState
    refund_state: RefundState
    total: MoneyView
    collected: MoneyView
    refunded_total: MoneyView

    @classmethod
    def of(cls, row: Summary) -> "OrderSummaryView":
        """One row of a list."""
        return cls.showing(row, **{name: money(getattr(row, name), row.currency) for name in ("total", "collected", "refunded_total")})


class OrderPage(Page[OrderSummaryView]):
    """A page of orders. Follow `next_cursor` until it is null: a page may be short, even empty, and still have a next one."""


class OrderCountsView(View):
    """How many orders have each status, payment and refund state."""

    status: dict[OrderStatus, int]
    payment: dict[PaymentState, int]
    refund_state: dict[RefundState, int]
