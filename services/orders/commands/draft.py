"""Drafts an order before the database is involved: its figures, and its event and response as text."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from services.orders.addresses.checking import Checking
from services.orders.requests.placing import PlaceOrder
from services.orders.rules.drafting import drafted
from services.orders.rules.history import with_history
from services.orders.rules.room import enough_room
from services.orders.rules.validation import is_strict
from services.orders.state import OrderState
from shared.contracts.actor import Actor, platform_only
from shared.contracts.errors import Invalid
from shared.contracts.events import By, OrderEvent, OrderImported, OrderLine, OrderPersonal, OrderPlaced, PersonalLine
from shared.contracts.ids import new_id, uuid_of
from shared.data.idempotency import Reservation


@dataclass(frozen=True, slots=True)
class Shown:
    """Functions that render a new order and its lines as the API's JSON, because the response is stored with the order."""

    order: Callable[[OrderState, Actor], str]
    lines: Callable[[OrderState, Sequence[OrderLine]], list[str]]


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

    `event` and `answer` are JSON without lines and with the order's id as its number: `"lines":[],"goods_total"` and `"number":"order_…"`,
    once each. `beside` is JSON of what no event carries.
    The statement inserts the lines and the number there. No caller's text can imitate these: quotes in a JSON string are escaped.
    """

    reservation: Reservation
    state: OrderState
    number: str | None
    kind: type[OrderEvent]
    event: str
    answer: str
    lines: list[LineTexts]
    payments: str
    beside: str

    @property
    def skus(self) -> list[str | None]:
        """The SKU of each line; None if its stock is not moved, because it left long ago."""
        return [None if self.state.order.imported else line.sku for line in self.state.order.lines]

    @property
    def order_uuid(self) -> UUID:
        """The order's id as stored in its column."""
        return uuid_of("order", self.state.order.order_id)


def draft(actor: Actor, request: PlaceOrder, reservation: Reservation, *, shown: Shown, now: datetime) -> Draft:
    """The order that `request` asks for.

    Raises Invalid (figures, times, history; addresses if they are checked strictly), TooLarge, Forbidden `platform_only` (history).
    """
    if request.history is not None:
        platform_only(actor).or_raise()
    checking = Checking(strict=is_strict(request.validation, actor))
    personal = _personal(request, checking)
    state = replace(drafted(request, personal, new_id, now=now), address_problems=tuple(checking.problems))
    if request.history is not None:
        order = with_history(state.order, request.history, By.of(actor), now=now)
        invoiced = personal.shipping_address if order.confirmed_version else None
        state = replace(state, order=order, personal=state.personal.model_copy(update={"invoiced_address": invoiced}))
    order = state.order
    lines = _texts(state, shown)
    of_lines = (*state.personal.lines, *order.refunded_before.lines)
    enough_room([*(line.event for line in lines), *(one.model_dump_json() for one in of_lines)])
    bare = replace(state, order=order.model_copy(update={"lines": ()}))
    kind: type[OrderEvent] = OrderImported if order.imported else OrderPlaced
    event = kind(occurred_at=order.placed_at, order=bare.order, by=By.of(actor), personal=state.personal).model_dump_json()
    payments = [one.model_dump(mode="json") | {"payment_id": str(uuid_of("payment", one.payment_id))} for one in order.payments]
    return Draft(reservation, state, request.number, kind, event, shown.order(bare, actor), lines, json.dumps(payments), _beside(state))


def _texts(state: OrderState, shown: Shown) -> list[LineTexts]:
    lines = state.order.lines
    tracked = [line.model_copy(update={"stock_tracked": True}) for line in lines]
    ways = zip(lines, shown.lines(state, lines), tracked, shown.lines(state, tracked), strict=True)
    return [LineTexts(line.model_dump_json(), answer, other.model_dump_json(), its_answer) for line, answer, other, its_answer in ways]


def _beside(state: OrderState) -> str:
    extras = [one.model_dump() for one in state.line_extras]
    return json.dumps({"metadata": state.metadata, "tags": state.tags, "line_extras": extras})


def _personal(request: PlaceOrder, checking: Checking) -> OrderPersonal:
    """Contact and addresses, checked by the rules of their countries. The billing address defaults to the shipping address.

    Raises Invalid `shipping_address_missing` for an order that is shipped; what the checking raises.
    """
    customer, given = request.customer, request.billing_address
    if request.shipping_address is None and request.fulfilment == "shipping":
        raise Invalid("shipping_address_missing", "An order that is shipped needs a shipping_address.", at="/shipping_address")
    shipping = None if request.shipping_address is None else checking.address(request.shipping_address.parts(), "/shipping_address")
    billing = shipping if given is None else checking.address(given.parts(), "/billing_address")
    countries = [address.country_code for address in (billing, shipping) if address]
    return OrderPersonal(
        customer_name=customer.name,
        email=checking.email(customer.email or "", "/customer/email"),
        phone=checking.phone(customer.phone, countries, "/customer/phone"),
        shipping_address=shipping,
        billing_address=billing,
        company=customer.company,
        tax_numbers=tuple(one.parts() for one in customer.tax_numbers),
        buyer_reference=customer.buyer_reference,
        customer_note=request.customer_note,
        lines=tuple(
            PersonalLine(line=number, personalisation=line.personalisation)
            for number, line in enumerate(request.lines, start=1)
            if line.personalisation
        ),
    )
