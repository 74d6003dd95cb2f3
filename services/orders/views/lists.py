"""Response bodies of lists of orders."""

from datetime import datetime

from services.orders.rules.attention import needs_attention
from services.orders.state import Summary
from shared.contracts.actor import Actor
from shared.contracts.events import Fulfilment, OrderStatus, PaymentState, RefundState
from shared.contracts.ids import OrderId
from shared.web.views import MoneyView, Page, View, money


class OrderSummaryView(View):
    """An order in a list. `unit_count` is as bought: units that were cancelled or refunded later are among them."""

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
    due: MoneyView
    refunded_total: MoneyView
    unit_count: int
    fulfilment: Fulfilment
    delivery_failed_at: datetime | None
    needs_attention: list[str]
    updated_at: datetime

    @classmethod
    def of(cls, row: Summary, actor: Actor) -> "OrderSummaryView":
        """One row of a list, as `actor` may see it."""
        amounts = {name: money(getattr(row, name), row.currency) for name in ("total", "collected", "refunded_total")}
        position = row.position
        reasons = list(needs_attention(position, misaddressed=row.misaddressed, oversold=row.oversold_open)) if actor.is_shop else []
        return cls.showing(row, **amounts, due=money(position.due, row.currency), needs_attention=reasons)


class OrderPage(Page[OrderSummaryView]):
    """A page of orders. Follow `next_cursor` until it is null: a page may be short, even empty, and still have a next one."""


class OrderCountsView(View):
    """How many orders have each status, payment and refund state."""

    status: dict[OrderStatus, int]
    payment: dict[PaymentState, int]
    refund_state: dict[RefundState, int]
