"""Response bodies about what can be requested, and what it would pay."""

from datetime import datetime
from typing import Any

from services.refunds.state import KnownOrder
from services.refunds.views.refunds import PayToView, TaxRowView
from shared.contracts.actor import Actor
from shared.contracts.ids import OrderId, RefundId
from shared.web.views import ActionView, ByView, MoneyView, View


class RefundPreviewView(View):
    """What a request would credit now, and what of it would be paid out. While something is due before it, less or nothing is."""

    order_id: OrderId
    currency: str
    credit: MoneyView
    payout: MoneyView
    due_before: MoneyView
    taxes: list[TaxRowView]
    goods: MoneyView
    shipping: MoneyView
    shipping_deducted: MoneyView
    policy_version: int
    explanation: dict[str, Any]


class CancellationPreviewView(View):
    """What cancelling an order now would do with its money: `credit` + `overpaid` = `payout`. Whether a caller may, the order service says.

    `refund` is false where no refund would be made. `open_requests` would be cancelled: their units are in the refund.
    """

    order_id: OrderId
    order_version: int
    currency: str
    refund: bool
    credit: MoneyView
    payout: MoneyView
    goods: MoneyView
    shipping: MoneyView
    overpaid: MoneyView
    shipping_kept: MoneyView
    taxes: list[TaxRowView]
    open_requests: list[RefundId]
    policy_version: int
    explanation: dict[str, Any]


class CancellationPayToView(View):
    """Where the money of an order goes that comes back by itself, and who said so, and when."""

    order_id: OrderId
    pay_to: PayToView | None
    pay_to_by: ByView | None
    pay_to_at: datetime | None

    @classmethod
    def of(cls, order: KnownOrder, actor: Actor) -> "CancellationPayToView":
        """As `actor`, who may say it, sees it: whole."""
        said = order.pay_to
        return cls(
            order_id=order.order_id,
            pay_to=PayToView.of(said, whole=True),
            pay_to_by=ByView.of_row(said["by"], actor) if said else None,
            pay_to_at=datetime.fromisoformat(said["at"]) if said else None,
        )


class RefundableLine(View):
    """What can still be requested of one line; `amount` is the total for all its free units, `left` what was not credited of the line."""

    line: int
    sku: str
    name: str
    quantity: int
    free: int
    amount: MoneyView
    left: MoneyView


class RefundableView(View):
    """What can still be requested of an order, and how."""

    order_id: OrderId
    order_number: str
    currency: str
    request: ActionView
    closes_at: datetime | None
    reasons: list[str]
    attachments: bool
    max_attachments: int
    max_attachment_bytes: int
    attachment_types: list[str]
    deduct_shipping: bool
    lines: list[RefundableLine]
    amount: MoneyView
    due: MoneyView
    overpaid: MoneyView
    shipping_left: MoneyView
    actions: dict[str, ActionView]
