"""An order as it will be placed, before the database is asked: its figures, and its event and answer as text."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.orders.addresses.phones import checked_phone
from services.orders.addresses.postal import checked
from services.orders.requests.placing import PlaceOrder
from services.orders.rules.drafting import drafted
from services.orders.rules.room import enough_room
from services.orders.state import OrderState
from shared.contracts.actor import Actor
from shared.contracts.events import By, OrderLine, OrderPersonal, OrderPlaced, Payment
from shared.contracts.ids import new_id, uuid_of
from shared.data.idempotency import Reservation


@dataclass(frozen=True, slots=True)
class Shown:
    """How callers see a new order and each of its lines, as JSON: the API's, since the answer is stored with the order."""

    order: Callable[[OrderState, Actor], str]
    line: Callable[[OrderLine, str], str]


@dataclass(frozen=True, slots=True)
class LineTexts:
    """A line in the event and in the answer, for a SKU that is not tracked and for one that is: the database knows which."""

    event: str
    answer: str
    tracked_event: str
    tracked_answer: str


@dataclass(frozen=True, slots=True)
class Draft:
    """An order that lacks only what the database knows: its number, and which of its SKUs are tracked.

    `event` and `answer` are JSON without lines and with the order's id as its number: `"lines":[]` and `"number":"order_…"`, each once.
    The statement puts the lines and the number there. No text of a caller's reads like that: inside a JSON string a quote is escaped.
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
        """The order's id as its column holds it."""
        return uuid_of("order", self.state.order.order_id)


def draft(actor: Actor, request: PlaceOrder, reservation: Reservation, *, shown: Shown, now: datetime) -> Draft:
    """The order that `request` asks for. Raises Invalid (figures, addresses, times), TooLarge."""
    state = drafted(request, _personal(request), new_id, now=now)
    order = state.order
    lines = [_texts(line, order.currency, shown) for line in order.lines]
    enough_room([line.event for line in lines])
    bare = OrderState(order.model_copy(update={"lines": ()}), state.personal, state.metadata)
    event = OrderPlaced(occurred_at=order.placed_at, order=bare.order, by=By.of(actor), personal=state.personal).model_dump_json()
    return Draft(reservation, state, request.number, event, shown.order(bare, actor), lines, _payment_rows(order.payments))


def _texts(line: OrderLine, currency: str, shown: Shown) -> LineTexts:
    tracked = line.model_copy(update={"stock_tracked": True})
    return LineTexts(line.model_dump_json(), shown.line(line, currency), tracked.model_dump_json(), shown.line(tracked, currency))


def _personal(request: PlaceOrder) -> OrderPersonal:
    """Contact and addresses as their countries accept them. The billing address is the shipping address where none is given."""
    customer = request.customer
    shipping = checked(request.shipping_address.parts(), "/shipping_address")
    billing = shipping if request.billing_address is None else checked(request.billing_address.parts(), "/billing_address")
    phone = checked_phone(customer.phone, shipping.country_code, "/customer/phone")
    return OrderPersonal(
        customer_name=customer.name, email=customer.email or "", phone=phone, shipping_address=shipping, billing_address=billing
    )


def _payment_rows(payments: tuple[Payment, ...]) -> str:
    """As the table takes them."""
    rows = [payment.model_dump(mode="json") | {"payment_id": str(uuid_of("payment", payment.payment_id))} for payment in payments]
    return json.dumps(rows)
