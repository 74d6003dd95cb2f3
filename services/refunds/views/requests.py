"""Response bodies about what can be requested, and what it would pay."""

from datetime import datetime
from typing import Any

from services.refunds.views.refunds import TaxRowView
from shared.contracts.ids import OrderId
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
    deduct_shipping: bool
    lines: list[RefundableLine]
    amount: MoneyView
    due: MoneyView
    overpaid: MoneyView
    shipping_left: MoneyView
    actions: dict[str, ActionView]
