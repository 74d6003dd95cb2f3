"""Placing: one order, or a batch of them of which each stands or falls alone."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from services.orders import addresses
from services.orders.commands.change import by, enforce
from services.orders.commands.placing_statement import FIRST_NUMBER, PLACE, SERIES
from services.orders.rules.payments import payment_state
from services.orders.rules.placing import OrderAmounts, amounts
from services.orders.rules.status import shop_only
from services.orders.rules.times import happened_at
from services.orders.schemas.placing import PlaceOrder
from services.orders.schemas.views import OrderView, line_view
from services.orders.state import OrderState
from shared.actor import Actor
from shared.db import Database
from shared.errors import FieldError, Invalid, Refused, TooLarge, Transient
from shared.events import MAX_EVENT_BYTES, Order, OrderLine, OrderPersonal, OrderPlaced, Payment, StockMoved
from shared.idempotency import Claim, Kept, answer, find
from shared.ids import new_id, new_uuid, uuid_of
from shared.telemetry import current_traceparent

ROOM_FOR_LIFE_BYTES = 300_000  # of an event: payments, tracking and corrections come after placing
MAX_ATTEMPTS = 20  # the series may meet numbers that the platform gave out itself
UNTRACKED = '"stock_tracked":false}'


@dataclass(frozen=True, slots=True)
class Placed:
    """What became of a call: the answer, and whether it was given before."""

    kept: Kept
    replayed: bool


async def place_order(db: Database, actor: Actor, request: PlaceOrder, claim: Claim, *, now: datetime) -> Placed:
    """Place one order; the same claim again gets the same answer.

    Raises Forbidden, Invalid (figures, addresses, times), TooLarge, Refused `out_of_stock`, `number_taken`, `external_ref_taken`.
    """
    enforce(shop_only(actor))
    state = drafted(actor, request, now)
    parameters = _parameters(actor, state, request.number, claim, now)
    for _ in range(MAX_ATTEMPTS):
        try:
            (row,) = await db.execute_once("orders.place", PLACE, parameters)
        except IntegrityError as error:
            if _taken(error, request):
                continue
            raise
        if row.placed:
            return Placed(Kept(201, row.answer, '"v1"'), replayed=False)
        if row.status is not None:
            return Placed(answer(claim, row), replayed=True)
        if row.short:
            raise Refused("out_of_stock", "There is less on hand than ordered.", short=row.short)
        if row.no_series:
            await _start_series(db, actor.store)
            continue
        earlier = await _find(db, claim)
        if earlier is not None:
            return Placed(earlier, replayed=True)
    raise Transient(detail="No free number was found; nothing was placed.", retry_after_seconds=1)


def drafted(actor: Actor, request: PlaceOrder, now: datetime) -> OrderState:
    """The order that `request` asks for, its figures complete, its number still its id. Raises Invalid, TooLarge."""
    placed_at = happened_at(request.placed_at, now, field="placed_at")
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
            collected_by=payment.collected_by, order_version=1, occurred_at=happened_at(payment.occurred_at, now), recorded_at=now,
        )
        for payment in request.payments
    )  # fmt: skip


def _parameters(actor: Actor, state: OrderState, number: str | None, claim: Claim, now: datetime) -> dict[str, Any]:
    """What the statement takes. Event and answer go as text without their lines, which follow one by one."""
    order, personal = state.order, state.personal
    line_events = [line.model_dump_json() for line in order.lines]
    line_answers = [line_view(line, order.currency).model_dump_json() for line in order.lines]
    assert all(text.endswith(UNTRACKED) for text in (*line_events, *line_answers))
    bare = OrderState(order.model_copy(update={"lines": ()}), personal, state.metadata)
    event = OrderPlaced(occurred_at=order.placed_at, order=bare.order, by=by(actor), personal=personal).model_dump_json()
    if len(event.encode()) + sum(len(text.encode()) for text in line_events) > MAX_EVENT_BYTES - ROOM_FOR_LIFE_BYTES:
        raise TooLarge("order_too_large", "The order's texts are too long.")
    return {
        "store": actor.store, "caller": claim.caller, "key": claim.key, "request_hash": claim.request_hash, "now": now,
        "now_text": now.isoformat(), "placed_at": order.placed_at, "order_id": uuid_of("order", order.order_id),
        "public_id": order.order_id, "number": number, "skus": [line.sku for line in order.lines],
        "quantities": [line.quantity for line in order.lines], "line_answers": line_answers, "line_events": line_events,
        "answer": OrderView.of(bare, actor).model_dump_json(), "event": event, "type": OrderPlaced.type,
        "order": json.dumps(_order_row(state)), "lines": f"[{','.join(line_events)}]",
        "payments": json.dumps(_payment_rows(order.payments)),
        "by": by(actor).model_dump_json(), "event_id": str(new_uuid()), "stock_type": StockMoved.type, "traceparent": current_traceparent(),
    }  # fmt: skip


def _order_row(state: OrderState) -> dict[str, Any]:
    order, personal = state.order, state.personal
    same = ("external_ref", "currency", "language", "prices_include_tax", "customer_id", "goods_total", "discount_total", "tax_total",
            "shipping", "shipping_tax", "total", "collected")  # fmt: skip
    return {
        **{name: getattr(order, name) for name in same},
        **personal.model_dump(mode="json", exclude={"message"}),
        "metadata": state.metadata,
        "line_count": len(order.lines),
        "unit_count": sum(line.quantity for line in order.lines),
    }


def _payment_rows(payments: Sequence[Payment]) -> list[dict[str, Any]]:
    return [payment.model_dump(mode="json") | {"payment_id": str(uuid_of("payment", payment.payment_id))} for payment in payments]


def _taken(error: IntegrityError, request: PlaceOrder) -> bool:
    """Whether to take the next number: ours met one that the platform had given. Raises Refused for what the caller chose."""
    broken = str(error.orig)
    if "uq_orders_store_id_external_ref" in broken:
        raise Refused("external_ref_taken", "Another order of the store has this external_ref.") from error
    if "uq_orders_store_id_number" in broken and request.number is not None:
        raise Refused("number_taken", "Another order of the store has this number.") from error
    return "uq_orders_store_id_number" in broken


async def _find(db: Database, claim: Claim) -> Kept | None:
    async with db.reading() as tx:
        return await find(tx, claim)


async def _start_series(db: Database, store_id: str) -> None:
    """Make the store's number sequence; of several that come first, one makes it."""
    lock, name = SERIES
    async with db.transaction("orders.start_series") as tx:
        await tx.execute(lock, {"store": store_id})
        sequence = await tx.scalar(name, {"store": store_id})
        await tx.execute(sa.text(f"create sequence if not exists {sequence} start {FIRST_NUMBER}"))
