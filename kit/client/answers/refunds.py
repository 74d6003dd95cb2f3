"""What callers get. Written by `./aftersale generate` from the OpenAPI document; never edit it."""

from datetime import datetime
from typing import Any, Literal

from kit.client.answer import Answer
from kit.client.answers.shared import ActionView, AttachmentView, ByView, MoneyView


class AttentionView(Answer):
    """An item that needs a person's attention."""

    attention_id: str
    kind: str
    order_id: str
    refund_id: str | None
    facts: dict[str, Any]
    opened_at: datetime
    closed_at: datetime | None
    closed_by: ByView | None
    note: str


class FeeView(Answer):
    """A named part of the value that is not credited."""

    name: str
    amount: MoneyView


class PayToView(Answer):
    """Where the money goes. In lists, and for guests: without the holder, and only the last 4 characters of the account."""

    method: str
    account: str
    holder: str | None


class PreviewLineView(Answer):
    """What would be credited of a line: `goods` with their tax, and the share of the shipping."""

    line: int
    quantity: int
    goods: MoneyView
    shipping: MoneyView
    tax: MoneyView | None
    tax_rate: str | None
    tax_code: str | None


class RefundCountsView(Answer):
    """How many refunds have each status (at most 5,000 overdue ones are counted), and the median time of the last 1,000 decisions."""

    processing: int
    approved: int
    cancelled: int
    overdue: int
    median_seconds_to_decide: float | None


class RefundFiguresBucketView(Answer):
    """An hour or day; one in which nothing happened is left out."""

    begins_at: datetime
    ends_at: datetime
    requested: int
    credited: MoneyView
    paid_back: MoneyView
    sent: MoneyView


class RefundUnitsView(Answer):
    """Units `first`..`last` of a line."""

    first: int
    last: int


class RefundableLine(Answer):
    """What can still be requested of one line; `amount` is the total for all its free units, `left` what was not credited of the line."""

    line: int
    sku: str
    name: str
    quantity: int
    free: int
    amount: MoneyView
    left: MoneyView


class SettlementView(Answer):
    """A settlement report; `counts` is false if it changed nothing: more than was left, or a failure after the last success."""

    outcome: Literal["succeeded", "failed"] | str
    method: str
    reference: str
    amount: MoneyView
    payment_id: str | None
    reason: str
    counts: bool
    reported_at: datetime


class TaxRowView(Answer):
    """The tax of one code and rate (percent): net + tax = gross."""

    tax_code: str | None
    tax_rate: str | None
    net: MoneyView
    tax: MoneyView
    gross: MoneyView


class AttentionPage(Answer):
    """A page of `AttentionView`."""

    items: list[AttentionView]
    next_cursor: str | None
    previous_cursor: str | None = None


class CancellationPayToView(Answer):
    """Where the money of an order goes that comes back by itself, and who said so, and when."""

    order_id: str
    pay_to: PayToView | None
    pay_to_by: ByView | None
    pay_to_at: datetime | None


class CancellationPreviewView(Answer):
    """What cancelling an order now would do with its money: `credit` + `overpaid` = `payout`. Whether a caller may, the order service
    says.

    `refund` is false where no refund would be made. `open_requests` would be cancelled: their units are in the refund.
    """

    order_id: str
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
    open_requests: list[str]
    policy_version: int
    explanation: dict[str, Any]


class RefundCurrencyFiguresView(Answer):
    """One currency: the sums of its buckets, and `to_send`, which is approved and has not been sent yet, whenever it was approved."""

    currency: str
    requested: int
    credited: MoneyView
    paid_back: MoneyView
    sent: MoneyView
    to_send: MoneyView
    buckets: list[RefundFiguresBucketView]


class RefundLineView(Answer):
    """The refund's part of one line, and what happens to the goods."""

    line: int
    sku: str
    name: str
    quantity: int
    units: list[RefundUnitsView]
    goods: MoneyView
    shipping: MoneyView
    tax: MoneyView | None
    tax_rate: str | None
    tax_code: str | None
    fee: MoneyView
    disposition: Literal["restock", "inspect", "discard", "never_left"] | str
    restock: int
    not_restocked_because: str | None
    waiting_for_inspection: int


class RefundPreviewView(Answer):
    """What a request would credit now, and what of it would be paid out. While something is due before it, less or nothing is."""

    order_id: str
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


class RefundSummaryView(Answer):
    """A refund in a list: order number, request date and status first."""

    order_number: str
    requested_at: datetime
    status: Literal["processing", "approved", "cancelled"] | str
    refund_id: str
    version: int
    order_id: str
    customer_id: str
    settlement: Literal["none", "unsettled", "settled", "failed"] | str
    cause: Literal["request", "cancellation", "payment", "part_cancellation", "adjustment", "overpaid", "history"] | str
    reason: str
    units: int
    credit: MoneyView
    amount: MoneyView
    settled_amount: MoneyView
    pay_to: PayToView | None
    decided_at: datetime | None
    age_seconds: int
    overdue: bool


class RefundableView(Answer):
    """What can still be requested of an order, and how."""

    order_id: str
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


class RefundDetails(Answer):
    """A whole refund with its files, its settlement attempts (only for the shop) and what the caller may do."""

    order_number: str
    requested_at: datetime
    status: Literal["processing", "approved", "cancelled"] | str
    refund_id: str
    version: int
    order_id: str
    customer_id: str
    settlement: Literal["none", "unsettled", "settled", "failed"] | str
    cause: Literal["request", "cancellation", "payment", "part_cancellation", "adjustment", "overpaid", "history"] | str
    payment_id: str | None
    part_cancellation_id: str | None
    reason: str
    description: str
    further_information: str
    message: str
    internal_reason: str | None = None
    beyond_window_reason: str | None = None
    currency: str
    credit: MoneyView
    amount: MoneyView
    settled_amount: MoneyView
    pay_to: PayToView | None
    pay_to_by: ByView | None
    pay_to_at: datetime | None
    goods: MoneyView
    shipping: MoneyView
    shipping_tax: MoneyView | None
    shipping_tax_rate: str | None
    shipping_tax_code: str | None
    overpaid: MoneyView
    shipping_kept: MoneyView
    shipping_kept_tax: MoneyView | None
    taxes: list[TaxRowView]
    payout_taxes: list[TaxRowView]
    fees: list[FeeView]
    shipping_choice: Literal["policy", "keep", "refund"] | str
    shipping_reason: str | None = None
    explanation: dict[str, Any]
    lines: list[RefundLineView]
    policy_version: int
    order_version: int
    requested_by: ByView
    decided_by: ByView | None
    decided_at: datetime | None
    attachments: list[AttachmentView]
    settlements: list[SettlementView]
    actions: dict[str, ActionView]


class RefundFiguresView(Answer):
    """What a store credited and paid back, by the hours or days of its time zone. Amounts of different currencies are never added."""

    by: Literal["hour", "day"] | str
    time_zone: str
    begins_at: datetime
    ends_at: datetime
    currencies: list[RefundCurrencyFiguresView]


class RefundSummaryPage(Answer):
    """A page of `RefundSummaryView`."""

    items: list[RefundSummaryView]
    next_cursor: str | None
    previous_cursor: str | None = None


class RefundView(Answer):
    """A whole refund, as of `version`. `explanation` holds the inputs of its amount, in minor units."""

    order_number: str
    requested_at: datetime
    status: Literal["processing", "approved", "cancelled"] | str
    refund_id: str
    version: int
    order_id: str
    customer_id: str
    settlement: Literal["none", "unsettled", "settled", "failed"] | str
    cause: Literal["request", "cancellation", "payment", "part_cancellation", "adjustment", "overpaid", "history"] | str
    payment_id: str | None
    part_cancellation_id: str | None
    reason: str
    description: str
    further_information: str
    message: str
    internal_reason: str | None = None
    beyond_window_reason: str | None = None
    currency: str
    credit: MoneyView
    amount: MoneyView
    settled_amount: MoneyView
    pay_to: PayToView | None
    pay_to_by: ByView | None
    pay_to_at: datetime | None
    goods: MoneyView
    shipping: MoneyView
    shipping_tax: MoneyView | None
    shipping_tax_rate: str | None
    shipping_tax_code: str | None
    overpaid: MoneyView
    shipping_kept: MoneyView
    shipping_kept_tax: MoneyView | None
    taxes: list[TaxRowView]
    payout_taxes: list[TaxRowView]
    fees: list[FeeView]
    shipping_choice: Literal["policy", "keep", "refund"] | str
    shipping_reason: str | None = None
    explanation: dict[str, Any]
    lines: list[RefundLineView]
    policy_version: int
    order_version: int
    requested_by: ByView
    decided_by: ByView | None
    decided_at: datetime | None
