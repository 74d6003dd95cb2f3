"""Drafts an order before the database is involved: its figures, and its event and response as text."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from services.orders.addresses.checking import Checking
from services.orders.requests.placing import PlaceOrder
from services.orders.rules.drafting import drafted
from services.orders.rules.room import enough_room
from services.orders.rules.validation import is_strict
from services.orders.state import OrderState
from shared.contracts.actor import Actor
from shared.contracts.events import By, OrderLine, OrderPersonal, OrderPlaced
from shared.contracts.ids import new_id, uuid_of
from shared.data.idempotency import Reservation


@dataclass(frozen=True, slots=True)
class Shown:
    """Functions that render a new order and its lines as the API's JSON, because the response is stored with the order."""

    order: Callable[[OrderState, Actor], str]
    line: Callable[[OrderLine, str], str]


@dataclass(frozen=True, slots=True)
class LineTexts:
    """A line as text for the event and the response, both for an untracked and for a tracked SKU: only the database knows which it is."""

    event: str
    answer: str
    tracked_event: str
    tracked_answer: str


@dataclass(frozen=True, slots=True)
class Draft:
    """An order that lacks only what the database decides: its number, and which of its SKUs are tracked.

    `event` and `answer` are JSON without lines and with the order's id as its number: `"lines":[]` and `"number":"order_…"`, once each.
    The statement inserts the lines and the number there. No caller's text can imitate these: quotes in a JSON string are escaped.
    """

    reservation: Reservation
    state: OrderState
    number: str | None
    event: str
    answer: str
    lines: list[LineTexts]
    payments: str

    @property
    def order_uuid(self) -> UUID:
        """The order's id as stored in its column."""
        return uuid_of("order", self.state.order.order_id)


def draft(actor: Actor, request: PlaceOrder, reservation: Reservation, *, shown: Shown, now: datetime) -> Draft:
    """The order that `request` asks for. Raises Invalid (figures, times; addresses if they are checked strictly), TooLarge."""
    checking = Checking(strict=is_strict(request.validation, actor))
    personal = _personal(request, checking)
    state = replace(drafted(request, personal, new_id, now=now), address_problems=tuple(checking.problems))
    order = state.order
    lines = [_texts(line, order.currency, shown) for line in order.lines]
    enough_room([line.event for line in lines])
    bare = replace(state, order=order.model_copy(update={"lines": ()}))
    event = OrderPlaced(occurred_at=order.placed_at, order=bare.order, by=By.of(actor), personal=state.personal).model_dump_json()
    payments = [one.model_dump(mode="json") | {"payment_id": str(uuid_of("payment", one.payment_id))} for one in order.payments]
    return Draft(reservation, state, request.number, event, shown.order(bare, actor), lines, json.dumps(payments))


def _texts(line: OrderLine, currency: str, shown: Shown) -> LineTexts:
    tracked = line.model_copy(update={"stock_tracked": True})
    return LineTexts(line.model_dump_json(), shown.line(line, currency), tracked.model_dump_json(), shown.line(tracked, currency))


def _personal(request: PlaceOrder, checking: Checking) -> OrderPersonal:
    """Contact and addresses, checked by the rules of their countries. The billing address defaults to the shipping address."""
    customer, given = request.customer, request.billing_address
    shipping = checking.address(request.shipping_address.parts(), "/shipping_address")
    billing = shipping if given is None else checking.address(given.parts(), "/billing_address")
    return OrderPersonal(
        customer_name=customer.name,
        email=checking.email(customer.email or "", "/customer/email"),
        phone=checking.phone(customer.phone, (billing.country_code, shipping.country_code), "/customer/phone"),
        shipping_address=shipping,
        billing_address=billing,
    )
