"""Which status an order may move to (forward only, one step or several at a time), and when a delivery can fail. Pure."""

from shared.contracts.actor import Actor, Decision, allowed, refused, shop_only
from shared.contracts.events import Order, OrderStatus
from shared.contracts.lifecycle import STEPS_OF, Step, reached, steps_ahead

# A delivery can fail after the shop has accepted the order and before the customer has it.
CAN_FAIL: tuple[OrderStatus, ...] = ("confirmed", "picked_up", "shipped")


def may_move(order: Order, to: Step, actor: Actor) -> Decision:
    """Whether `actor` may move the order to `to` now. Forward only (seed section 8, "Order Status Monitoring")."""
    decision = shop_only(actor)
    if not decision.allowed:
        return decision
    if order.status == "cancelled":
        return refused("already_cancelled", "The order is cancelled, so its status cannot change.")
    if order.status == to:
        return refused("already_there", f"The order is already {to}.")
    if reached(order.status, to):
        return refused(
            "not_forward", f"The order is {order.status}; it only moves forward.", forward=steps_ahead(order.status, order.fulfilment)
        )
    if to not in STEPS_OF[order.fulfilment]:
        said = f"A {order.fulfilment} order is never {to}; its steps are {', '.join(STEPS_OF[order.fulfilment])}."
        return refused("nothing_is_shipped", said, forward=steps_ahead(order.status, order.fulfilment))
    return allowed()


def may_report_failed_delivery(order: Order, actor: Actor) -> Decision:
    """Whether `actor` may record that a delivery was refused or failed, which may happen more than once."""
    decision = shop_only(actor)
    if not decision.allowed:
        return decision
    if order.status not in CAN_FAIL:
        return refused(
            "nothing_to_deliver", f"A delivery can fail only after confirmation and before delivery; the order is {order.status}."
        )
    return allowed()
