"""What an order that was asked for will be, before the database is asked: its figures, and its event and answer as text."""

import json
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.orders import addresses
from services.orders.commands.change import by
from services.orders.requests.placing import PlaceOrder
from services.orders.rules.payments import payment_state
from services.orders.rules.placing import OrderAmounts, amounts
from services.orders.rules.room import enough_room
from services.orders.state import OrderState
from services.orders.views.orders import OrderView, line_view
from shared.contracts.actor import Actor
from shared.contracts.errors import FieldError, Invalid
from shared.contracts.events import Order, OrderLine, OrderPersonal, OrderPlaced, Payment
from shared.contracts.ids import new_id, uuid_of
from shared.contracts.times import happened_at
from shared.data.idempotency import Claim

UNTRACKED = '"stock_tracked":false}'


@dataclass(frozen=True, slots=True)
class Draft:
    """An order that only lacks what the database knows. Event and answer are text without their lines, which follow one by one."""

    claim: Claim
    state: OrderState
    number: str | None
    event: str
    answer: str
    line_events: list[str]
    line_answers: list[str]
    payments: str

    @property
    def order_uuid(self) -> UUID:
        """The order's id as its column holds it."""
        return uuid_of("order", self.state.order.order_id)


def draft(actor: Actor, request: PlaceOrder, claim: Claim, now: datetime) -> Draft:
    """The order that `request` asks for under `claim`. Raises Invalid (figures, addresses, times), TooLarge."""
    state = drafted(actor, request, now)
    order = state.order
    line_events = [line.model_dump_json() for line in order.lines]
    enough_room(line_events)
    line_answers = [line_view(line, order.currency).model_dump_json() for line in order.lines]
    assert all(text.endswith(UNTRACKED) for text in (*line_events, *line_answers))
    bare = OrderState(order.model_copy(update={"lines": ()}), state.personal, state.metadata)
    event = OrderPlaced(occurred_at=order.placed_at, order=bare.order, by=by(actor), personal=state.personal).model_dump_json()
    answer = OrderView.of(bare, actor).model_dump_json()
    return Draft(claim, state, request.number, event, answer, line_events, line_answers, _payment_rows(order.payments))


def drafted(actor: Actor, request: PlaceOrder, now: datetime) -> OrderState:
    """The order that `request` asks for, its figures complete, its number still its id. Raises Invalid, TooLarge."""
    placed_at = happened_at(request.placed_at, now=now, field="placed_at")
    figures = amounts(request.figures())
    payments = _prepaid(request, now)
    collected = sum(payment.amount for payment in payments)
    order_id = new_id("order")
    order = Order(
        order_id=order_id, number=order_id, external_ref=request.external_ref, version=1, status="pending", currency=request.currency,
        language=request.language, prices_include_tax=request.prices_include_tax, customer_id=request.customer.id,
        lines=_lines(request, figures), goods_total=figures.goods_total, discount_total=figures.discount_total,
        tax_total=figures.tax_total, shipping=figures.shipping, shipping_tax=figures.shipping_tax, total=figures.total,
        payments=payments, collected=collected, payment=payment_state(collected, figures.total), placed_at=placed_at,
    )  # fmt: skip
    return OrderState(order, _personal(request), request.metadata)


def _lines(request: PlaceOrder, figures: OrderAmounts) -> tuple[OrderLine, ...]:
    return tuple(
        OrderLine(
            line=number, sku=line.sku, name=line.name, quantity=line.quantity, unit_price=line.unit_price, subtotal=made.subtotal,
            discount=made.discount, order_discount=made.order_discount, tax=made.tax, total=made.total,
        )
        for number, (line, made) in enumerate(zip(request.lines, figures.lines, strict=True), start=1)
    )  # fmt: skip


def _personal(request: PlaceOrder) -> OrderPersonal:
    """Contact and addresses as their countries accept them. The billing address is the shipping address where none is given."""
    customer = request.customer
    shipping = addresses.checked(request.shipping_address.parts(), "/shipping_address")
    billing = shipping if request.billing_address is None else addresses.checked(request.billing_address.parts(), "/billing_address")
    phone = addresses.checked_phone(customer.phone, shipping.country_code, "/customer/phone")
    return OrderPersonal(
        customer_name=customer.name, email=customer.email or "", phone=phone, shipping_address=shipping, billing_address=billing
    )


def _prepaid(request: PlaceOrder, now: datetime) -> tuple[Payment, ...]:
    seen = {(payment.method, payment.reference) for payment in request.payments}
    if len(seen) < len(request.payments):
        message = "A method and reference name one payment."
        raise Invalid("same_payment_twice", message, errors=(FieldError("/payments", "same_payment_twice", message),))
    return tuple(
        Payment(
            payment_id=new_id("payment"), amount=payment.amount, method=payment.method, reference=payment.reference,
            collected_by=payment.collected_by, order_version=1, occurred_at=happened_at(payment.occurred_at, now=now), recorded_at=now,
        )
        for payment in request.payments
    )  # fmt: skip


def _payment_rows(payments: tuple[Payment, ...]) -> str:
    """As the table takes them."""
    rows = [payment.model_dump(mode="json") | {"payment_id": str(uuid_of("payment", payment.payment_id))} for payment in payments]
    return json.dumps(rows)
