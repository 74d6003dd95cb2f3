"""Builds the order that a request asks for, with complete figures."""

from collections.abc import Callable
from datetime import datetime

from services.orders.requests.placing import PlaceOrder
from services.orders.state import LineExtra, OrderState
from shared.contracts.currencies import WITHDRAWN
from shared.contracts.errors import Invalid
from shared.contracts.events import Order, OrderLine, OrderPersonal, Payment
from shared.contracts.money import in_use
from shared.contracts.times import happened_at

from .payments import payment_state
from .placing import OrderAmounts, amounts

SAME = ("fulfilment", "shipping_method", "payment_method", "supplied_on", "payment_due_on", "place_of_supply")
SAME_OF_LINE = ("sku", "name", "quantity", "unit_price", "tax_rate", "tax_code", "commodity_code")


def drafted(request: PlaceOrder, personal: OrderPersonal, new_id: Callable[[str], str], *, now: datetime) -> OrderState:
    """The order, with its own id as its number until the store's next number is known. `new_id(prefix)` creates ids.

    Raises Invalid (figures, times, `currency_withdrawn`, `same_payment_twice`).
    """
    placed_at = happened_at(request.placed_at, now=now, field="placed_at")
    if not in_use(request.currency, placed_at):
        first_day_without = WITHDRAWN[request.currency].isoformat()
        accepted = f"{request.currency} was withdrawn on {first_day_without}: use it for orders placed before that day."
        raise Invalid("currency_withdrawn", accepted, at="/currency", withdrawn=first_day_without)
    figures = amounts(request)
    payments = _prepaid(request, new_id, now=now)
    collected = sum(payment.amount for payment in payments)
    order_id = new_id("order")
    order = Order.like(
        figures, order_id=order_id, number=order_id, external_ref=request.external_ref, version=1, status="pending",
        currency=request.currency, language=request.language, prices_include_tax=request.prices_include_tax,
        customer_id=request.customer.id, lines=_lines(request, figures), payments=payments, collected=collected,
        payment="unpaid", credited_total=0, placed_at=placed_at,
        **{name: getattr(request, name) for name in SAME}, coupon_codes=tuple(request.coupon_codes),
        shipping_tax_rate=request.shipping.tax_rate, shipping_tax_code=request.shipping.tax_code,
    )  # fmt: skip
    order = order.model_copy(update={"payment": payment_state(order.position)})
    return OrderState(order, personal, now, request.metadata, tags=tuple(request.tags), line_extras=_extras(request))


def _extras(request: PlaceOrder) -> tuple[LineExtra, ...]:
    return tuple(
        LineExtra.like(line, line=number)
        for number, line in enumerate(request.lines, start=1)
        if line.product_id is not None or line.image_url is not None
    )


def _lines(request: PlaceOrder, figures: OrderAmounts) -> tuple[OrderLine, ...]:
    return tuple(
        OrderLine.like(
            made, line=number, options=tuple(one.parts() for one in line.options), **{name: getattr(line, name) for name in SAME_OF_LINE}
        )
        for number, (line, made) in enumerate(zip(request.lines, figures.lines, strict=True), start=1)
    )


def _prepaid(request: PlaceOrder, new_id: Callable[[str], str], *, now: datetime) -> tuple[Payment, ...]:
    seen = {(payment.method, payment.reference) for payment in request.payments}
    if len(seen) < len(request.payments):
        raise Invalid("same_payment_twice", "Two prepaid payments have the same method and reference.", at="/payments")
    return tuple(
        Payment.like(one, payment_id=new_id("payment"), order_version=1, occurred_at=happened_at(one.occurred_at, now=now), recorded_at=now)
        for one in request.payments
    )
