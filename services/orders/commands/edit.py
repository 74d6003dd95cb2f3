"""Corrects contact, addresses and tracking of a placed order, with a reason, as a new version."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from services.orders.addresses.phones import checked_phone
from services.orders.addresses.postal import checked
from services.orders.commands.change import Doing, changed, write
from services.orders.queries.orders import order_for
from services.orders.requests.changes import ContactEdit, EditOrder
from services.orders.rules.carriers import followed
from services.orders.rules.edit import EDITABLE, may_edit
from services.orders.state import OrderState
from shared.contracts.actor import Actor
from shared.contracts.errors import Refused, expect_version
from shared.contracts.events import OrderEdited, OrderPersonal
from shared.data.db import Transaction


async def edit_order(
    tx: Transaction, actor: Actor, order_id: str, request: EditOrder, *, now: datetime, expected_version: int | None = None
) -> OrderState:
    """Correct the given parts of an order, all or none.

    Raises NotFound, Forbidden, Refused (a part that is frozen, see rules.edit; `nothing_changed`), VersionConflict, Invalid.
    """
    state = await order_for(tx, actor, order_id, lock=True)
    expect_version(state.order.version, expected_version)
    for part in EDITABLE:
        if part in request.parts():
            may_edit(state.order, part, actor).or_raise()
    corrected = _corrected(state.personal, request)
    tracking = state.order.tracking if request.tracking is None else followed(request.tracking.parts())
    after = changed(replace(state, personal=corrected), tracking=tracking)
    if corrected == state.personal and tracking == state.order.tracking:
        raise Refused("nothing_changed", "The correction does not change anything.")
    doing = Doing(actor, now, now, message=request.message, reason=request.reason)
    fields = tuple(request.parts())
    await write(tx, after, OrderEdited, doing, {"fields": list(fields)}, reason=request.reason, fields=fields)
    return after


def _corrected(personal: OrderPersonal, request: EditOrder) -> OrderPersonal:
    corrected: dict[str, Any] = {}
    if request.shipping_address is not None:
        corrected["shipping_address"] = checked(request.shipping_address.parts(), "/shipping_address")
    if request.billing_address is not None:
        corrected["billing_address"] = checked(request.billing_address.parts(), "/billing_address")
    if request.customer is not None:
        corrected |= _contact(request.customer, personal)
    return personal.model_copy(update=corrected)


def _contact(contact: ContactEdit, personal: OrderPersonal) -> dict[str, str]:
    given = {"customer_name": contact.name, "email": contact.email}
    if contact.phone is not None:
        home = personal.shipping_address.country_code if personal.shipping_address else ""
        given["phone"] = checked_phone(contact.phone, home, "/customer/phone")
    return {name: value for name, value in given.items() if value is not None}
