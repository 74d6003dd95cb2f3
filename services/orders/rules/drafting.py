"""Builds the order that a request asks for, with complete figures."""

from collections.abc import Callable
from datetime import datetime

from services.orders.requests.placing import PlaceOrder
from services.orders.state import OrderState
from shared.contracts.currencies import WITHDRAWN
from shared.contracts.errors import Invalid
from shared.contracts.events import Order, OrderLine, OrderPersonal, Payment
from shared.contracts.money import in_use
from shared.contracts.times import happened_at

from .payments import payment_state
from .placing import OrderAmounts, amounts


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
        payment=payment_state(collected, figures.total), placed_at=placed_at,
    )  # fmt: skip
    return OrderState(order, personal, request.metadata)


def _lines(request: PlaceOrder, figures: OrderAmounts) -> tuple[OrderLine, ...]:
    return tuple(
        OrderLine.like(made, line=number, sku=line.sku, name=line.name, quantity=line.quantity, unit_price=line.unit_price)
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
