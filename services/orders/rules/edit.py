"""What may be corrected on a placed order, and until when (product page, section 1, "Edit"). Lines and prices never change."""

from typing import Literal

from shared.contracts.actor import Actor, Decision, allowed, refused, shop_only
from shared.contracts.events import Order, OrderStatus
from shared.contracts.lifecycle import reached

Editable = Literal["customer", "shipping_address", "billing_address", "tracking"]
EDITABLE: tuple[Editable, ...] = ("customer", "shipping_address", "billing_address", "tracking")

# From this status on a part is frozen: the parcel has its label, the invoice is issued at confirmation.
FROZEN_FROM: dict[Editable, OrderStatus] = {"shipping_address": "picked_up", "billing_address": "confirmed"}


def may_edit(order: Order, part: Editable, actor: Actor) -> Decision:
    """Whether `actor` may correct `part` now."""
    decision = shop_only(actor)
    if not decision.allowed:
        return decision
    if part == "customer":
        return allowed()  # who to reach stays correctable: a refund may come after anything
    if order.status == "cancelled":
        return refused("already_cancelled", "The order is cancelled, so only its contact can be corrected.")
    frozen = FROZEN_FROM.get(part)
    if frozen is not None and reached(order.status, frozen):
        return refused(f"{part}_frozen", f"It can be corrected only until {frozen}; the order is {order.status}.")
    if part == "tracking" and order.tracking is None:
        return refused("no_tracking", "There is no tracking to correct yet; send it with a status change.")
    return allowed()
