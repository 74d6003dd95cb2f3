"""What callers get. Written by `./aftersale generate` from the OpenAPI document; never edit it."""

from datetime import date, datetime
from typing import Any, Literal

from pydantic import Field

from kit.client.answer import Answer
from kit.client.answers.shared import ActionView, ByView, MoneyView


class ActionsView(Answer):
    """What the caller may do with the order at this version."""

    order_id: str
    version: int
    actions: dict[str, ActionView]


class AddressView(Answer):
    """A postal address, and its lines as its country formats them."""

    country_code: str
    name: str = ""
    company_name: str = ""
    street_address: str = ""
    city: str = ""
    city_area: str = ""
    country_area: str = ""
    postal_code: str = ""
    sorting_code: str = ""
    phone: str = ""
    formatted: list[str]


class CancellationView(Answer):
    """The record of a cancellation."""

    by: ByView
    cancelled_from: Literal["pending", "confirmed", "picked_up", "shipped", "delivered", "cancelled"] | str
    reason: str
    occurred_at: datetime
    recorded_at: datetime


class CancelledUnitsView(Answer):
    """Units of a line that were cancelled, and how many of them went back to stock."""

    line: int
    quantity: int
    released: int


class ChangedItem(Answer):
    """The result of one item of a bulk change. `order_id` is null if the item names no order, or several, or cannot be read."""

    index: int
    order_id: str | None
    status: int
    version: int | None = None
    problem: dict[str, Any] | None = None


class ChoiceView(Answer):
    """A value that would be accepted: its name or its code."""

    name: str
    code: str | None = None


class ClosingView(Answer):
    """A difference that the shop let be; its reason and note are for the shop alone."""

    closing_id: str
    kind: Literal["written_off", "kept"] | str
    amount: MoneyView
    reason: Literal["rounding", "shortage", "tip", "surplus", "other"] | str | None
    note: str
    by: ByView
    occurred_at: datetime
    order_version: int


class ExternalDocument(Answer):
    """A document that another system issued for the order, with the version of the order that named it."""

    kind: Literal["invoice", "receipt", "credit_note", "refund_receipt", "cancelling_receipt"] | str
    number: str
    issued_on: date
    order_version: int


class FiguresBucketView(Answer):
    """An hour or day; one in which nothing happened is left out. `sold` may be negative: it counts cancellations at their own time."""

    begins_at: datetime
    ends_at: datetime
    placed: int
    sold: MoneyView
    collected: MoneyView


class GuestLinkView(Answer):
    """A link that reads this one order until it expires. Its token is shown when it is created, and in replays of that call soon after."""

    link_id: str
    order_id: str
    token: str | None
    by: ByView
    created_at: datetime
    expires_at: datetime
    audience: Literal["guest"] | str = "guest"


class Option(Answer):
    """A choice that tells variants of an article apart: size, colour."""

    name: str
    value: str


class OrderCountsView(Answer):
    """How many orders have each status, payment and refund state."""

    status: dict[str, int]
    payment: dict[str, int]
    refund_state: dict[str, int]


class OrderSummaryView(Answer):
    """An order in a list. `unit_count` is as bought: units that were cancelled or refunded later are among them."""

    order_id: str
    version: int
    number: str
    external_ref: str | None
    placed_at: datetime
    customer_id: str
    customer_name: str
    status: Literal["pending", "confirmed", "picked_up", "shipped", "delivered", "cancelled"] | str
    payment: Literal["paid", "unpaid"] | str
    refund_state: Literal["none", "partial", "full"] | str
    total: MoneyView
    collected: MoneyView
    due: MoneyView
    refunded_total: MoneyView
    unit_count: int
    fulfilment: Literal["shipping", "pickup", "digital"] | str
    delivery_failed_at: datetime | None
    needs_attention: list[str]
    updated_at: datetime


class ParcelLine(Answer):
    """How many units of a line are in a parcel."""

    line: int
    quantity: int


class PaymentView(Answer):
    """A recorded payment; a reversal has a negative amount and names the payment that it reverses."""

    payment_id: str
    amount: MoneyView
    method: str
    reference: str
    collected_by: str | None
    courier_charge: MoneyView | None
    reverses: str | None
    occurred_at: datetime
    recorded_at: datetime


class PlacedItem(Answer):
    """The result of one order in a batch: `order` if it was placed, otherwise `problem`."""

    index: int
    status: int
    order: dict[str, Any] | None = None
    problem: dict[str, Any] | None = None


class RefundedUnitsView(Answer):
    """Units of a line that had come back, and the money that had gone back for the line."""

    line: int
    quantity: int
    amount: MoneyView


class ReleasedLine(Answer):
    """Units of a line that would be restocked at once."""

    line: int
    sku: str
    quantity: int


class ShortageView(Answer):
    """Units of a SKU that the order took though they were not there."""

    sku: str
    short: int


class TaxRegistration(Answer):
    """A registration of a company, such as `BIN 000123456-0101`; `scheme` is its UNTDID 1153 code (`VA`: a VAT number)."""

    label: str
    number: str
    scheme: str | None = None


class TimelineEntry(Answer):
    """One change of the order: who made it, when, and the message to the customer. `details` depend on the type."""

    version: int
    type: str
    by: ByView
    message: str
    reason: str
    details: dict[str, Any]
    occurred_at: datetime
    recorded_at: datetime


class Tracking(Answer):
    """Where the parcel can be followed."""

    carrier: str
    number: str
    url: str | None = None


class BatchView(Answer):
    """The result of each order in a batch, in the order of the request."""

    placed: int
    refused: int
    items: list[PlacedItem]


class BulkView(Answer):
    """The result of each item of a bulk change, in the order of the request."""

    changed: int
    refused: int
    items: list[ChangedItem]


class CancelOutlook(Answer):
    """What a cancellation would do now. The refund service decides what happens to the money."""

    allowed: bool
    code: str | None
    detail: str
    released: list[ReleasedLine]
    goods_return_through_refund: bool


class CurrencyFiguresView(Answer):
    """One currency: the sums of its buckets, and `cash_out`, which is due now of orders whose goods left."""

    currency: str
    placed: int
    sold: MoneyView
    collected: MoneyView
    cash_out: MoneyView
    buckets: list[FiguresBucketView]


class CustomerView(Answer):
    """The buyer."""

    id: str
    name: str
    email: str
    phone: str
    company: str
    tax_numbers: list[TaxRegistration]
    buyer_reference: str


class FieldProblem(Answer):
    """One invalid field; `choices` lists what would be accepted, at most the first 100, where only some names are."""

    pointer: str
    code: str
    message: str
    choices: list[ChoiceView] | None = None


class GuestLinksView(Answer):
    """The order's valid links, newest first."""

    items: list[GuestLinkView]


class OrderLineView(Answer):
    """A line of the order as placed."""

    line: int
    sku: str
    name: str
    quantity: int
    unit_price: MoneyView | None
    subtotal: MoneyView
    discount: MoneyView
    order_discount: MoneyView
    tax: MoneyView
    total: MoneyView
    stock_tracked: bool
    options: list[Option]
    personalisation: str
    product_id: str | None
    image_url: str | None
    tax_rate: str | None
    tax_code: str | None
    commodity_code: str | None
    cancelled: int


class OrderPage(Answer):
    """A page of orders. Follow `next_cursor` until it is null: a page may be short, even empty, and still have a next one."""

    items: list[OrderSummaryView]
    next_cursor: str | None
    previous_cursor: str | None = None


class Parcel(Answer):
    """One parcel of an order. Without `lines` it says nothing of its contents."""

    parcel_id: str
    carrier: str
    number: str
    url: str | None = None
    lines: list[ParcelLine] = Field(default_factory=list)
    shipped_at: datetime | None = None
    delivered_at: datetime | None = None


class PartCancellationView(Answer):
    """The record of units that were cancelled while the rest of the order went on."""

    part_cancellation_id: str
    by: ByView
    lines: list[CancelledUnitsView]
    reason: str
    occurred_at: datetime


class RefundedBeforeView(Answer):
    """What had been refunded before the import."""

    lines: list[RefundedUnitsView]
    shipping: MoneyView


class HistoryView(Answer):
    """The dates of an order of the past, and what had been refunded of it; a cancellation is shown as `cancellation`."""

    confirmed_at: datetime | None
    picked_up_at: datetime | None
    shipped_at: datetime | None
    delivered_at: datetime | None
    refunded: RefundedBeforeView | None


class OrderFiguresView(Answer):
    """What a store sold and collected, by the hours or days of its time zone. Amounts of different currencies are never added."""

    by: Literal["hour", "day"] | str
    time_zone: str
    begins_at: datetime
    ends_at: datetime
    currencies: list[CurrencyFiguresView]


class OrderDetails(Answer):
    """A whole order with its timeline (oldest first) and what the caller may do."""

    order_id: str
    version: int
    number: str
    external_ref: str | None
    status: Literal["pending", "confirmed", "picked_up", "shipped", "delivered", "cancelled"] | str
    payment: Literal["paid", "unpaid"] | str
    refund_state: Literal["none", "partial", "full"] | str
    currency: str
    language: str
    prices_include_tax: bool
    customer: CustomerView
    shipping_address: AddressView | None
    billing_address: AddressView | None
    lines: list[OrderLineView]
    goods_total: MoneyView
    discount_total: MoneyView
    tax_total: MoneyView
    shipping: MoneyView
    shipping_tax: MoneyView
    total: MoneyView
    collected: MoneyView
    due: MoneyView
    overpaid: MoneyView
    credited_total: MoneyView
    refunded_total: MoneyView
    payments: list[PaymentView]
    tracking: Tracking | None
    delivery_failed_at: datetime | None
    cancellation: CancellationView | None
    part_cancellations: list[PartCancellationView]
    closings: list[ClosingView]
    needs_attention: list[str]
    oversold: list[ShortageView]
    address_problems: list[FieldProblem]
    metadata: dict[str, str | int | bool]
    tags: list[str]
    fulfilment: Literal["shipping", "pickup", "digital"] | str
    shipping_method: str | None
    payment_method: str | None
    coupon_codes: list[str]
    customer_note: str
    supplied_on: date | None
    payment_due_on: date | None
    place_of_supply: str | None
    shipping_tax_rate: str | None
    shipping_tax_code: str | None
    parcels: list[Parcel]
    placed_at: datetime
    confirmed_at: datetime | None
    delivered_at: datetime | None
    updated_at: datetime
    imported: bool
    history: HistoryView | None
    documents: list[ExternalDocument]
    timeline: list[TimelineEntry]
    actions: dict[str, ActionView]


class OrderView(Answer):
    """A whole order, as of `version`."""

    order_id: str
    version: int
    number: str
    external_ref: str | None
    status: Literal["pending", "confirmed", "picked_up", "shipped", "delivered", "cancelled"] | str
    payment: Literal["paid", "unpaid"] | str
    refund_state: Literal["none", "partial", "full"] | str
    currency: str
    language: str
    prices_include_tax: bool
    customer: CustomerView
    shipping_address: AddressView | None
    billing_address: AddressView | None
    lines: list[OrderLineView]
    goods_total: MoneyView
    discount_total: MoneyView
    tax_total: MoneyView
    shipping: MoneyView
    shipping_tax: MoneyView
    total: MoneyView
    collected: MoneyView
    due: MoneyView
    overpaid: MoneyView
    credited_total: MoneyView
    refunded_total: MoneyView
    payments: list[PaymentView]
    tracking: Tracking | None
    delivery_failed_at: datetime | None
    cancellation: CancellationView | None
    part_cancellations: list[PartCancellationView]
    closings: list[ClosingView]
    needs_attention: list[str]
    oversold: list[ShortageView]
    address_problems: list[FieldProblem]
    metadata: dict[str, str | int | bool]
    tags: list[str]
    fulfilment: Literal["shipping", "pickup", "digital"] | str
    shipping_method: str | None
    payment_method: str | None
    coupon_codes: list[str]
    customer_note: str
    supplied_on: date | None
    payment_due_on: date | None
    place_of_supply: str | None
    shipping_tax_rate: str | None
    shipping_tax_code: str | None
    parcels: list[Parcel]
    placed_at: datetime
    confirmed_at: datetime | None
    delivered_at: datetime | None
    updated_at: datetime
    imported: bool
    history: HistoryView | None
    documents: list[ExternalDocument]
