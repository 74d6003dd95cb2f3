"""Where an order may go: forward, in steps or at once. Failed deliveries. Pure tables."""

from typing import Literal

from shared.contracts.actor import Actor, Decision, allowed, refused
from shared.contracts.events import Order, OrderStatus

Step = Literal["confirmed", "picked_up", "shipped", "delivered"]

# pending → confirmed → picked_up → shipped → delivered; steps may be skipped; cancelled is left by nothing.
FORWARD: dict[OrderStatus, int] = {"pending": 0, "confirmed": 1, "picked_up": 2, "shipped": 3, "delivered": 4}
STEPS: tuple[Step, ...] = ("confirmed", "picked_up", "shipped", "delivered")

# A delivery can fail once the shop has accepted the order and before the customer has it.
CAN_FAIL: tuple[OrderStatus, ...] = ("confirmed", "picked_up", "shipped")


def shop_only(actor: Actor) -> Decision:
    """Staff, the platform and ourselves; a customer or a guest link never. Read-only staff may look and not touch."""
    if not actor.is_shop:
        return refused("shop_only", "Only the shop's staff or its platform may do this.")
    if actor.read_only:
        return refused("read_only", "These credentials may only read.")
    return allowed()


def may_read_settings(actor: Actor) -> Decision:
    """The shop may read how it is set up, with credentials that may only read too."""
    return allowed() if actor.is_shop else refused("shop_only", "Only the shop's staff or its platform may do this.")


def may_move(order: Order, to: Step, actor: Actor) -> Decision:
    """Whether `actor` may move the order to `to` now. Forward only (seed section 8, "Order Status Monitoring")."""
    decision = shop_only(actor)
    if not decision.allowed:
        return decision
    if order.status == "cancelled":
        return refused("already_cancelled", "A cancelled order moves nowhere.")
    if order.status == to:
        return refused("already_there", f"The order is {to} already.")
    if FORWARD[to] < FORWARD[order.status]:
        return refused("not_forward", f"The order is {order.status}; it only moves forward.", forward=_ahead(order.status))
    return allowed()


def may_report_failed_delivery(order: Order, actor: Actor) -> Decision:
    """Whether `actor` may record that a delivery was refused or failed; it may fail more than once."""
    decision = shop_only(actor)
    if not decision.allowed:
        return decision
    if order.status not in CAN_FAIL:
        return refused("nothing_to_deliver", f"A delivery can fail from {CAN_FAIL[0]} until delivered; the order is {order.status}.")
    return allowed()


def goods_have_left(status: OrderStatus) -> bool:
    """Whether the goods were out of the shop's hands in `status`: picked up or later."""
    return FORWARD[status] >= FORWARD["picked_up"]


def _ahead(status: OrderStatus) -> list[str]:
    return [step for step in STEPS if FORWARD[step] > FORWARD[status]]
