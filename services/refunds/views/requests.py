"""Response bodies about what can be requested, and what it would pay."""

from datetime import datetime
from typing import Any

from services.refunds.views.refunds import TaxRowView
from shared.contracts.ids import OrderId, RefundId
from shared.web.views import ActionView, MoneyView, View


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
