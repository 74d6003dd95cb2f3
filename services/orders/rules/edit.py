"""What may be corrected on a placed order, and until when (product page, section 1, "Edit"). Figures are amended."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal, get_args

from shared.contracts.actor import Actor, Decision, allowed, platform_only, refused, shop_only
from shared.contracts.events import Order, OrderStatus
from shared.contracts.lifecycle import reached

from .parcels import is_shipped, may_change_parcels

Editable = Literal[
    "customer", "shipping_address", "billing_address", "tracking", "company", "tax_numbers", "buyer_reference", "shipping_method",
    "payment_method", "supplied_on", "payment_due_on", "place_of_supply", "lines", "shipping", "customer_note", "tags", "metadata",
    "documents",
]  # fmt: skip
EDITABLE: tuple[Editable, ...] = get_args(Editable)
ALWAYS: tuple[Editable, ...] = ("customer", "customer_note", "tags", "metadata", "documents")
"""What no document prints for good; the contact: a refund may come at any time. The documents are those of other systems."""

# The status from which a part can no longer change: by then the parcel has its label, or the invoice is issued.
FROZEN_FROM: dict[Editable, OrderStatus] = {
    "shipping_address": "picked_up",
    **dict.fromkeys(
        ("billing_address", "company", "tax_numbers", "buyer_reference", "shipping_method", "payment_method", "supplied_on",
         "payment_due_on", "place_of_supply", "lines", "shipping"),
        "confirmed",
    ),
}  # fmt: skip


def may_edit(order: Order, part: Editable, actor: Actor, *, now: datetime) -> Decision:
    """Whether `actor` may correct `part` now."""
    decision = platform_only(actor) if part == "documents" else shop_only(actor)
    if not decision.allowed:
        return decision
    if part in ALWAYS:
        return allowed()
    if order.status == "cancelled":
        return refused(
            "already_cancelled", "The order is cancelled, so only its contact, note, tags, metadata and documents can be corrected."
        )
    frozen = FROZEN_FROM.get(part)
    if frozen is not None and reached(order.status, frozen):
        name = part.replace("_", " ")
        return refused(f"{part}_frozen", f"The {name} can be corrected only before the order is {frozen}; it is {order.status}.")
    if part == "tracking" and order.status == "pending" and is_shipped(order).allowed:
        return refused("tracking_too_early", "Tracking can be given once the order is confirmed.")
    return may_change_parcels(order, actor, now=now) if part == "tracking" else allowed()


def may_accept(actor: Actor) -> Decision:
    """Whether `actor` may accept addresses that their country does not know, or an order that is short, in any status."""
    return shop_only(actor)


def difference(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The values that differ, as they were and as they are; of two objects only the members that differ, at any depth.

    A member that one of them does not have is None there.
    """
    old: dict[str, Any] = {}
    new: dict[str, Any] = {}
    for name in {**before, **after}:
        was, now = before.get(name), after.get(name)
        if was == now:
            continue
        if isinstance(was, Mapping) and isinstance(now, Mapping):
            was, now = difference(was, now)
        old[name], new[name] = was, now
    return old, new
