"""Corrects what a placed order says besides its figures, with a reason, as a new version."""

from dataclasses import replace
from datetime import date, datetime
from typing import Any

from services.orders.addresses.checking import Checking
from services.orders.commands.change import Doing, changed, write
from services.orders.commands.lines import replace_lines
from services.orders.queries.orders import order_for
from services.orders.queries.settings import settings_of
from services.orders.requests.changes import REMOVABLE, EditOrder
from services.orders.requests.placing import MAX_METADATA_ENTRIES
from services.orders.rules.countries import home_country
from services.orders.rules.edit import EDITABLE, difference, may_accept, may_edit
from services.orders.rules.history import with_documents
from services.orders.rules.lines import corrected_lines, corrected_wishes
from services.orders.rules.parcels import tracked
from services.orders.rules.room import enough_room
from services.orders.rules.validation import is_strict, still_open
from services.orders.state import OrderState
from shared.contracts.actor import Actor
from shared.contracts.errors import Invalid, Refused, expect_version
from shared.contracts.events import Order, OrderEdited, OrderLine, OrderPersonal, Parcel
from shared.contracts.ids import new_id
from shared.data.db import Transaction

CONTACT = {"name": "customer_name", "email": "email", "phone": "phone", "company": "company", "buyer_reference": "buyer_reference"}


async def edit_order(
    tx: Transaction, actor: Actor, order_id: str, request: EditOrder, *, now: datetime, expected_version: int | None = None
) -> OrderState:
    """Correct the given parts of an order, all or none, or accept its addresses as they are or what it is short of.

    The history keeps the old and the new values; the event names only the parts.
    Raises NotFound, Forbidden, Refused (see rules.edit, rules.history.with_documents; `nothing_changed`), VersionConflict, TooLarge,
    Invalid (also `too_much_metadata`, `unknown_line`, `line_twice`).
    """
    state = await order_for(tx, actor, order_id, lock=True)
    expect_version(state.order.version, expected_version)
    for part in EDITABLE:
        if part in request.parts():
            may_edit(state.order, part, actor, now=now).or_raise()
    if request.accept_addresses or request.accept_oversold:
        may_accept(actor).or_raise()
    settings = await settings_of(tx, actor.store)
    home = home_country(settings.country, settings.time_zone)
    checking = Checking(strict=is_strict(request.validation, actor))
    personal = _corrected(state.personal, request, checking, home)
    found = (*still_open(state.address_problems, _checked(request)), *checking.problems)
    problems = () if request.accept_addresses else found
    after = _edited(replace(state, personal=personal, address_problems=problems), request, now=now)
    if request.lines:
        enough_room([one.model_dump_json() for one in (*after.order.lines, *after.personal.lines)])
        await replace_lines(tx, actor, state.order, after.order)
    old, new = difference(_shown(state), _shown(after))
    accepted = [{"pointer": one.pointer, "code": one.code} for one in found] if request.accept_addresses else []
    closes = {"accept_addresses": bool(accepted), "accept_oversold": state.oversold_open and not after.oversold_open}
    fields = (*new, *(name for name, applies in closes.items() if applies))
    if not fields:
        raise Refused("nothing_changed", "The correction does not change anything.")
    details = {"fields": list(fields), "before": old, "after": new} | ({"accepted": accepted} if accepted else {})
    doing = Doing(actor, now, now, message=request.message, reason=request.reason)
    await write(tx, after, OrderEdited, doing, details, reason=request.reason, fields=fields)
    return after


def _edited(state: OrderState, request: EditOrder, *, now: datetime) -> OrderState:
    """The next version, with all that the request says beside contact and addresses."""
    order = state.order
    tags = tuple(request.tags or ()) if "tags" in request.model_fields_set else state.tags
    still_short = state.oversold_open and not request.accept_oversold
    beside = replace(state, metadata=_merged(state.metadata, request), tags=tags, oversold_open=still_short)
    facts = {name: getattr(request, name) for name in REMOVABLE if name in request.model_fields_set} | _printed(order, request)
    documents = with_documents(order, [one.parts(order.version + 1) for one in request.documents or ()], "/documents", now=now)
    return changed(beside, now=now, parcels=_parcels(order, request, now=now), external_documents=documents, **facts)


def _printed(order: Order, request: EditOrder) -> dict[str, Any]:
    """What documents print of lines and shipping, with the request merged in. Where it changes, the receipts of later payments print it,
    so that it is a lines version of its own.
    """
    said = {"lines": corrected_lines(order, request.lines or ())} | (request.shipping.printed() if request.shipping else {})
    changes = {name: value for name, value in said.items() if value != getattr(order, name)}
    return changes | ({"lines_version": order.lines_version + 1} if changes else {})


def _merged(metadata: dict[str, str | int | bool], request: EditOrder) -> dict[str, str | int | bool]:
    """The metadata with the request's merged in. Raises Invalid `too_much_metadata`."""
    if "metadata" not in request.model_fields_set:
        return metadata
    if request.metadata is None:
        return {}
    merged = {key: value for key, value in (metadata | request.metadata).items() if value is not None}
    if len(merged) > MAX_METADATA_ENTRIES:
        raise Invalid("too_much_metadata", f"An order can have at most {MAX_METADATA_ENTRIES} entries of metadata.", at="/metadata")
    return merged


def _corrected(personal: OrderPersonal, request: EditOrder, checking: Checking, home: str | None) -> OrderPersonal:
    """Contact and addresses with the request merged into them. A phone without a prefix is read as of the billing address's country,
    then the shipping address's, then the store's.
    """
    shipping, billing = personal.shipping_address, personal.billing_address
    if request.shipping_address is not None:
        shipping = checking.address(request.shipping_address.of(shipping), "/shipping_address")
    if request.billing_address is not None:
        billing = checking.address(request.billing_address.of(billing), "/billing_address")
    elif "billing_address" in request.parts():
        billing = shipping
    given = request.customer.given() if request.customer else {}
    contact: dict[str, Any] = {CONTACT[name]: value for name, value in given.items()}
    if "email" in contact:
        contact["email"] = checking.email(contact["email"], "/customer/email")
    if "phone" in contact:
        countries = [address.country_code for address in (billing, shipping) if address] + ([home] if home else [])
        contact["phone"] = checking.phone(contact["phone"], countries, "/customer/phone")
    if request.customer and "tax_numbers" in request.customer.model_fields_set:
        contact["tax_numbers"] = tuple(one.parts() for one in request.customer.tax_numbers or ())
    if request.lines:
        contact["lines"] = corrected_wishes(personal.lines, request.lines)
    if "customer_note" in request.model_fields_set:
        contact["customer_note"] = request.customer_note or ""
    return personal.model_copy(update={**contact, "shipping_address": shipping, "billing_address": billing})


def _checked(request: EditOrder) -> tuple[str, ...]:
    """Pointers to what the request checks again."""
    contact = request.customer.given() if request.customer else {}
    addresses = (part for part in request.parts() if part.endswith("_address"))
    return (*(f"/{part}" for part in addresses), *(f"/customer/{name}" for name in contact))


def _parcels(order: Order, request: EditOrder, *, now: datetime) -> tuple[Parcel, ...]:
    """The parcels with the first one tracked as the request says; without it where the request removes the tracking."""
    if "tracking" not in request.parts():
        return order.parcels
    return order.parcels[1:] if request.tracking is None else tracked(order, request.tracking, new_id("parcel"), now=now)


def _shown(state: OrderState) -> dict[str, Any]:
    """What an edit can change, as the API shows it."""
    order, personal = state.order, state.personal
    parts = {"shipping_address": personal.shipping_address, "billing_address": personal.billing_address}
    first = [one.model_dump(include={"parcel_id", "carrier", "number", "url"}) for one in order.parcels[:1]]
    wishes = {one.line: one.personalisation for one in personal.lines}
    customer = {"name": personal.customer_name, "email": personal.email, "phone": personal.phone}
    return (
        {"customer": customer}
        | {name: None if part is None else part.model_dump() for name, part in parts.items()}
        | {"tracking": first[0] if first else None}
        | {"company": personal.company, "tax_numbers": [one.model_dump() for one in personal.tax_numbers]}
        | {"buyer_reference": personal.buyer_reference, "customer_note": personal.customer_note}
        | {name: value.isoformat() if isinstance(value, date) else value for name in REMOVABLE for value in (getattr(order, name),)}
        | {"lines": {str(line.line): _line(line, wishes.get(line.line, "")) for line in order.lines}}
        | {"shipping": {"tax_rate": order.shipping_tax_rate, "tax_code": order.shipping_tax_code}}
        | {"tags": list(state.tags), "metadata": state.metadata}
        | {"documents": [one.model_dump(mode="json") for one in order.external_documents]}
    )


def _line(line: OrderLine, personalisation: str) -> dict[str, Any]:
    codes = {name: getattr(line, name) for name in ("tax_rate", "tax_code", "commodity_code")}
    return {"options": [one.model_dump() for one in line.options], "personalisation": personalisation} | codes
