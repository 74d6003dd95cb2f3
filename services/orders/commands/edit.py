"""Corrects what a placed order says besides its lines and figures, with a reason, as a new version."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from services.orders.addresses.phones import checked_phone
from services.orders.addresses.postal import checked
from services.orders.commands.change import Doing, changed, write
from services.orders.queries.orders import order_for
from services.orders.requests.changes import REMOVABLE, ContactEdit, EditOrder
from services.orders.requests.placing import MAX_METADATA_ENTRIES
from services.orders.rules.edit import EDITABLE, may_edit
from services.orders.state import OrderState
from shared.contracts.actor import Actor
from shared.contracts.errors import Invalid, Refused, expect_version
from shared.contracts.events import OrderEdited, OrderPersonal
from shared.data.db import Transaction


async def edit_order(
    tx: Transaction, actor: Actor, order_id: str, request: EditOrder, *, now: datetime, expected_version: int | None = None
) -> OrderState:
    """Correct the given parts of an order, all or none.

    Raises NotFound, Forbidden, Refused (a part that is frozen, see rules.edit; `nothing_changed`), VersionConflict,
    Invalid (also `too_much_metadata`).
    """
    state = await order_for(tx, actor, order_id, lock=True)
    expect_version(state.order.version, expected_version)
    for part in EDITABLE:
        if part in request.parts():
            may_edit(state.order, part, actor).or_raise()
    tracking = state.order.tracking if request.tracking is None else request.tracking.parts()
    facts = {name: getattr(request, name) for name in REMOVABLE if name in request.model_fields_set}
    tags = state.tags if request.tags is None else tuple(request.tags)
    corrected = replace(state, personal=_corrected(state.personal, request), metadata=_merged(state.metadata, request), tags=tags)
    after = changed(corrected, tracking=tracking, **facts)
    if after == changed(state):
        raise Refused("nothing_changed", "The correction does not change anything.")
    doing = Doing(actor, now, now, message=request.message, reason=request.reason)
    fields = tuple(request.parts())
    await write(tx, after, OrderEdited, doing, {"fields": list(fields)}, reason=request.reason, fields=fields)
    return after


def _merged(metadata: dict[str, str | int | bool], request: EditOrder) -> dict[str, str | int | bool]:
    """The metadata with the request's merged in. Raises Invalid `too_much_metadata`."""
    given = request.metadata or {}
    merged = {key: value for key, value in (metadata | given).items() if value is not None}
    if len(merged) > MAX_METADATA_ENTRIES:
        raise Invalid("too_much_metadata", f"An order can have at most {MAX_METADATA_ENTRIES} entries of metadata.", at="/metadata")
    return merged


def _corrected(personal: OrderPersonal, request: EditOrder) -> OrderPersonal:
    corrected: dict[str, Any] = {}
    if request.shipping_address is not None:
        corrected["shipping_address"] = checked(request.shipping_address.parts(), "/shipping_address")
    if request.billing_address is not None:
        corrected["billing_address"] = checked(request.billing_address.parts(), "/billing_address")
    if request.customer is not None:
        corrected |= _contact(request.customer, personal)
    if request.customer_note is not None:
        corrected["customer_note"] = request.customer_note
    return personal.model_copy(update=corrected)


def _contact(contact: ContactEdit, personal: OrderPersonal) -> dict[str, Any]:
    given: dict[str, Any] = {
        "customer_name": contact.name,
        "email": contact.email,
        "company": contact.company,
        "buyer_reference": contact.buyer_reference,
    }
    if contact.tax_numbers is not None:
        given["tax_numbers"] = tuple(one.parts() for one in contact.tax_numbers)
    if contact.phone is not None:
        home = personal.shipping_address.country_code if personal.shipping_address else ""
        given["phone"] = checked_phone(contact.phone, home, "/customer/phone")
    return {name: value for name, value in given.items() if value is not None}
