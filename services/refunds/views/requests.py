"""Response bodies about what can be requested, and what it would pay."""

from datetime import datetime
from typing import Any

from services.refunds.rules.taxes import Taxed
from services.refunds.state import KnownOrder
from services.refunds.views.refunds import PayToView, TaxRowView, known, said_where
from shared.contracts.actor import Actor
from shared.contracts.ids import OrderId, RefundId
from shared.web.views import ActionView, ByView, MoneyView, View, money


class PreviewLineView(View):
    """What would be credited of a line: `goods` with their tax, and the share of the shipping."""

    line: int
    quantity: int
    goods: MoneyView
    shipping: MoneyView
    tax: MoneyView | None
    tax_rate: str | None
    tax_code: str | None


def previewed(tax: Taxed, currency: str) -> dict[str, Any]:
    """What both previews say of taxes: by line, of the shipping, and by code and rate."""
    return {
        "taxes": [TaxRowView.of(row, currency) for row in tax.taxes],
        "lines": [
            PreviewLineView.showing(
                line, goods=money(line.goods, currency), shipping=money(line.shipping, currency), tax=known(line.tax, currency)
            )
            for line in tax.lines
        ],
        "shipping_tax": known(tax.shipping_tax, currency),
        "shipping_tax_rate": tax.shipping_tax_rate,
        "shipping_tax_code": tax.shipping_tax_code,
    }


class RefundPreviewView(View):
    """What a request would credit now, and what of it would be paid out. While something is due before it, less or nothing is."""

    order_id: OrderId
    currency: str
    credit: MoneyView
    payout: MoneyView
    due_before: MoneyView
    taxes: list[TaxRowView]
    lines: list[PreviewLineView]
    goods: MoneyView
    shipping: MoneyView
    shipping_tax: MoneyView | None
    shipping_tax_rate: str | None
    shipping_tax_code: str | None
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
    due_before: MoneyView
    goods: MoneyView
    shipping: MoneyView
    shipping_tax: MoneyView | None
    shipping_tax_rate: str | None
    shipping_tax_code: str | None
    overpaid: MoneyView
    shipping_kept: MoneyView
    shipping_kept_tax: MoneyView | None
    taxes: list[TaxRowView]
    lines: list[PreviewLineView]
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
        return cls(order_id=order.order_id, **said_where(order.pay_to, actor, whole=True))


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
