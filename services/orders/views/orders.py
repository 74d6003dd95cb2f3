"""Response bodies of orders. Money is `{amount, currency, decimal}`: compute with `amount`; `decimal` is for human readers."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from pydantic import BaseModel, ConfigDict

from services.orders.addresses.postal import formatted
from services.orders.rules.attention import needs_attention
from services.orders.state import Change, LineExtra, OrderState
from services.orders.views.cancellations import CancellationView, PartCancellationView
from services.orders.views.closings import ClosingView, closing_views
from services.orders.views.history import HistoryView
from services.orders.views.timeline import TimelineEntry, timeline_of
from shared.contracts.actor import Actor, Decision
from shared.contracts.events import (
    Address,
    ExternalDocument,
    Fulfilment,
    Option,
    Order,
    OrderLine,
    OrderStatus,
    Parcel,
    PaymentState,
    RefundState,
    TaxRegistration,
    Tracking,
)
from shared.contracts.ids import OrderId, PaymentId
from shared.web.problems import FieldProblem
from shared.web.views import ActionView, MoneyView, View, actions, money


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


class ShortageView(View):
    """Units of a SKU that the order took though they were not there."""

    sku: str
    short: int


class PaymentView(View):
    """A recorded payment; a reversal has a negative amount and names the payment that it reverses."""

    payment_id: PaymentId
    amount: MoneyView
    method: str
    reference: str
    collected_by: str | None
    courier_charge: MoneyView | None
    reverses: PaymentId | None
    occurred_at: datetime
    recorded_at: datetime


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
    closings: list[ClosingView]
    needs_attention: list[str]
    oversold: list[ShortageView]
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
    updated_at: datetime
    imported: bool
    history: HistoryView | None
    documents: tuple[ExternalDocument, ...]

    @classmethod
    def of(cls, state: OrderState, actor: Actor) -> "OrderView":
        """The order as `actor` may see it."""
        return cls(**_view(state, actor))


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
        return cls(**_view(state, actor), timeline=timeline_of(state.order, changes, actor), actions=actions(decisions))


class ErasedView(View):
    """A customer whose personal data this service has erased; the other services follow when they receive `customer.erased`."""

    customer_id: str
    orders: int


LINE_MONEY = ("unit_price", "subtotal", "discount", "order_discount", "tax", "total")
ORDER_MONEY = ("goods_total", "discount_total", "tax_total", "shipping", "shipping_tax", "total", "collected", "refunded_total")


def _view(state: OrderState, actor: Actor) -> dict[str, Any]:
    order, personal = state.order, state.personal
    shipping = AddressView.of(personal.shipping_address)
    billing = shipping if personal.billing_address == personal.shipping_address else AddressView.of(personal.billing_address)
    same = ("order_id", "version", "number", "external_ref", "status", "payment", "refund_state", "currency", "language",
            "prices_include_tax", "tracking", "delivery_failed_at", "placed_at", "confirmed_at", "delivered_at",
            "fulfilment", "shipping_method", "payment_method", "coupon_codes", "supplied_on", "payment_due_on", "place_of_supply",
            "shipping_tax_rate", "shipping_tax_code", "parcels", "imported")  # fmt: skip
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
        "history": HistoryView.of(order),
        "documents": order.external_documents,
        "shipping_address": shipping,
        "billing_address": billing,
        "lines": line_views(state, order.lines),
        "payments": [_payment(order, at, actor) for at in range(len(order.payments))],
        "cancellation": order.cancellation and CancellationView.of(order.cancellation, actor),
        "part_cancellations": [PartCancellationView.of(part, actor) for part in order.part_cancellations],
        "closings": closing_views(state, actor),
        "updated_at": state.updated_at,
        "needs_attention": _attention(state) if actor.is_shop else [],
        "oversold": [ShortageView.showing(one) for one in state.oversold] if actor.is_shop else [],
        "address_problems": [FieldProblem(**one.members()) for one in state.address_problems] if actor.is_shop else [],
        "metadata": state.metadata if actor.is_shop else {},
        "tags": state.tags if actor.is_shop else (),
    }


def _attention(state: OrderState) -> list[str]:
    position, misaddressed = state.order.position, bool(state.address_problems)
    return list(needs_attention(position, misaddressed=misaddressed, oversold=state.oversold_open))


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
    charge = payment.courier_charge if actor.is_shop else None
    return PaymentView.showing(
        payment,
        amount=money(payment.amount, order.currency),
        collected_by=payment.collected_by if actor.is_shop else None,
        courier_charge=None if charge is None else money(charge, order.currency),
    )
