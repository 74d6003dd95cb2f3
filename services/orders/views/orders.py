"""Response bodies of orders. Money is `{amount, currency, decimal}`: compute with `amount`; `decimal` is for human readers."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from pydantic import BaseModel, ConfigDict

from services.orders.addresses.postal import formatted
from services.orders.rules.attention import needs_attention
from services.orders.rules.cancel import lines_to_release
from services.orders.state import Change, LineExtra, OrderState, Summary
from shared.contracts.actor import Actor, Decision
from shared.contracts.events import (
    Address,
    By,
    Fulfilment,
    Option,
    Order,
    OrderLine,
    OrderStatus,
    Parcel,
    PartCancellation,
    PaymentState,
    RefundState,
    TaxRegistration,
    Tracking,
)
from shared.contracts.ids import OrderId, PaymentId
from shared.contracts.lifecycle import goods_left
from shared.web.problems import FieldProblem
from shared.web.views import ActionView, ByView, MoneyView, Page, View, actions, money


class CustomerView(BaseModel):
    """The buyer."""

    id: str
    name: str
    email: str
    phone: str
    company: str
    tax_numbers: tuple[TaxRegistration, ...]
    buyer_reference: str


class AddressView(Address):
    """A postal address, and its lines as its country formats them."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    formatted: list[str]

    @classmethod
    def of(cls, address: Address | None) -> "AddressView | None":
        """With its formatted lines."""
        return None if address is None else cls(**address.model_dump(), formatted=formatted(address))


class OrderLineView(View):
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
    options: tuple[Option, ...]
    personalisation: str
    product_id: str | None
    image_url: str | None
    tax_rate: str | None
    tax_code: str | None
    commodity_code: str | None
    cancelled: int


class PaymentView(View):
    """A recorded payment; a reversal has a negative amount and names the payment that it reverses."""

    payment_id: PaymentId
    amount: MoneyView
    method: str
    reference: str
    collected_by: str | None
    reverses: PaymentId | None
    occurred_at: datetime
    recorded_at: datetime


class CancellationView(View):
    """The record of a cancellation."""

    by: ByView
    cancelled_from: OrderStatus
    reason: str
    occurred_at: datetime
    recorded_at: datetime


class CancelledUnitsView(BaseModel):
    """Units of a line that were cancelled, and how many of them went back to stock."""

    line: int
    quantity: int
    released: int


class PartCancellationView(View):
    """The record of units that were cancelled while the rest of the order went on."""

    part_cancellation_id: str
    by: ByView
    lines: list[CancelledUnitsView]
    reason: str
    occurred_at: datetime

    @classmethod
    def of(cls, part: PartCancellation, actor: Actor) -> "PartCancellationView":
        """As `actor` may see it."""
        lines = [CancelledUnitsView(**one.model_dump()) for one in part.lines]
        return cls.showing(part, by=ByView.of(part.by, actor), lines=lines, reason=_reason(part.reason, part.by, actor))


class OrderView(View):
    """A whole order, as of `version`."""

    order_id: OrderId
    version: int
    number: str
    external_ref: str | None
    status: OrderStatus
    payment: PaymentState
    refund_state: RefundState
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
    needs_attention: list[str]
    address_problems: list[FieldProblem]
    metadata: dict[str, str | int | bool]
    tags: tuple[str, ...]
    fulfilment: Fulfilment
    shipping_method: str | None
    payment_method: str | None
    coupon_codes: tuple[str, ...]
    customer_note: str
    supplied_on: date | None
    payment_due_on: date | None
    place_of_supply: str | None
    shipping_tax_rate: str | None
    shipping_tax_code: str | None
    parcels: tuple[Parcel, ...]
    placed_at: datetime
    confirmed_at: datetime | None
    delivered_at: datetime | None

    @classmethod
    def of(cls, state: OrderState, actor: Actor) -> "OrderView":
        """The order as `actor` may see it."""
        return cls(**_view(state, actor))


class TimelineEntry(View):
    """One change of the order: who made it, when, and the message to the customer. `details` depend on the type."""

    version: int
    type: str
    by: ByView
    message: str
    reason: str
    details: dict[str, Any]
    occurred_at: datetime
    recorded_at: datetime


class ActionsView(View):
    """What the caller may do with the order at this version."""

    order_id: OrderId
    version: int
    actions: dict[str, ActionView]


class OrderDetails(OrderView):
    """A whole order with its timeline (oldest first) and what the caller may do."""

    timeline: list[TimelineEntry]
    actions: dict[str, ActionView]

    @classmethod
    def with_history(cls, state: OrderState, changes: list[Change], decisions: Mapping[str, Decision], actor: Actor) -> "OrderDetails":
        """The order, its changes, and the decisions for `actor`."""
        return cls(**_view(state, actor), timeline=[timeline_entry(change, actor) for change in changes], actions=actions(decisions))


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


class ReleasedLine(View):
    """Units of a line that would be restocked at once."""

    line: int
    sku: str
    quantity: int


class CancelOutlook(View):
    """What a cancellation would do now. The refund service decides what happens to the money."""

    allowed: bool
    code: str | None
    detail: str
    released: list[ReleasedLine]
    goods_return_through_refund: bool

    @classmethod
    def of(cls, order: Order, decision: Decision) -> "CancelOutlook":
        """The decision on `order`; nothing would be released if it may not be cancelled."""
        released = lines_to_release(order) if decision.allowed else ()
        return cls.showing(
            decision,
            released=[ReleasedLine.showing(line, quantity=line.left) for line in released],
            goods_return_through_refund=decision.allowed and goods_left(order.status, order.fulfilment),
        )


class ErasedView(View):
    """A customer whose personal data this service has erased; the other services follow when they receive `customer.erased`."""

    customer_id: str
    orders: int


SHOWN_TO_CUSTOMERS = (
    "from", "to", "fields", "before", "after", "tracking", "payment_id", "amount", "method", "reverses", "refund_id", "credit", "changed",
    "total", "total_before", "part_cancellation_id", "lines",
)  # fmt: skip

OF_THE_SHOP = ("tags", "metadata", "accept_addresses")


def timeline_entry(change: Change, actor: Actor) -> TimelineEntry:
    """One change as `actor` may see it: internal details (such as a rider's name) are only for the shop."""
    details = change.details if actor.is_shop else _for_customers(change.details)
    return TimelineEntry.showing(change, by=ByView.of(change.by, actor), reason=_reason(change.reason, change.by, actor), details=details)


def _for_customers(details: Mapping[str, Any]) -> dict[str, Any]:
    """Without internal details, and without the parts of an edit that are only the shop's."""
    shown = {name: value for name, value in details.items() if name in SHOWN_TO_CUSTOMERS}
    for name in ("before", "after"):
        if name in shown:
            shown[name] = {part: value for part, value in shown[name].items() if part not in OF_THE_SHOP}
    if "fields" in shown:
        shown["fields"] = [part for part in shown["fields"] if part not in OF_THE_SHOP]
    return shown


LINE_MONEY = ("unit_price", "subtotal", "discount", "order_discount", "tax", "total")
ORDER_MONEY = ("goods_total", "discount_total", "tax_total", "shipping", "shipping_tax", "total", "collected", "refunded_total")


def _view(state: OrderState, actor: Actor) -> dict[str, Any]:
    order, personal = state.order, state.personal
    shipping = AddressView.of(personal.shipping_address)
    billing = shipping if personal.billing_address == personal.shipping_address else AddressView.of(personal.billing_address)
    same = ("order_id", "version", "number", "external_ref", "status", "payment", "refund_state", "currency", "language",
            "prices_include_tax", "tracking", "delivery_failed_at", "placed_at", "confirmed_at", "delivered_at",
            "fulfilment", "shipping_method", "payment_method", "coupon_codes", "supplied_on", "payment_due_on", "place_of_supply",
            "shipping_tax_rate", "shipping_tax_code", "parcels")  # fmt: skip
    return {
        **{name: getattr(order, name) for name in same},
        **{name: money(getattr(order, name), order.currency) for name in ORDER_MONEY},
        "due": money(order.position.due, order.currency),
        "overpaid": money(order.position.overpaid, order.currency),
        "credited_total": money(order.total - order.shipping_kept_total if order.cancellation else order.credited, order.currency),
        "customer": CustomerView(
            id=order.customer_id,
            name=personal.customer_name,
            email=personal.email,
            phone=personal.phone,
            company=personal.company,
            tax_numbers=personal.tax_numbers,
            buyer_reference=personal.buyer_reference,
        ),
        "customer_note": personal.customer_note,
        "shipping_address": shipping,
        "billing_address": billing,
        "lines": line_views(state, order.lines),
        "payments": [_payment(order, at, actor) for at in range(len(order.payments))],
        "cancellation": _cancellation(order, actor),
        "part_cancellations": [PartCancellationView.of(part, actor) for part in order.part_cancellations],
        "needs_attention": list(needs_attention(state)) if actor.is_shop else [],
        "address_problems": [FieldProblem(**one.members()) for one in state.address_problems] if actor.is_shop else [],
        "metadata": state.metadata if actor.is_shop else {},
        "tags": state.tags if actor.is_shop else (),
    }


def line_views(state: OrderState, lines: Sequence[OrderLine]) -> list[OrderLineView]:
    """These lines of the order as responses show them."""
    wishes = {one.line: one.personalisation for one in state.personal.lines}
    extras = {one.line: one for one in state.line_extras}
    return [_line(line, state.order.currency, wishes.get(line.line, ""), extras.get(line.line)) for line in lines]


def _line(line: OrderLine, currency: str, personalisation: str, extra: LineExtra | None) -> OrderLineView:
    amounts = {name: None if (value := getattr(line, name)) is None else money(value, currency) for name in LINE_MONEY}
    shown = {"product_id": extra and extra.product_id, "image_url": extra and extra.image_url}
    return OrderLineView.showing(line, **amounts, personalisation=personalisation, **shown)


def _payment(order: Order, at: int, actor: Actor) -> PaymentView:
    payment = order.payments[at]
    return PaymentView.showing(
        payment, amount=money(payment.amount, order.currency), collected_by=payment.collected_by if actor.is_shop else None
    )


def _cancellation(order: Order, actor: Actor) -> CancellationView | None:
    if order.cancellation is None:
        return None
    reason = _reason(order.cancellation.reason, order.cancellation.by, actor)
    return CancellationView.showing(order.cancellation, by=ByView.of(order.cancellation.by, actor), reason=reason)


def _reason(reason: str, by: By, actor: Actor) -> str:
    """A reason is shown only to the shop and to the actor who gave it; text for the customer goes into the change's message."""
    return reason if actor.is_shop or actor.did(by.role, by.id) else ""
