"""Who may cancel, and until when: one policy table, two presets.

The seed contradicts itself in section 8. "Cancellation Control": when an order is unpaid, only customers retain the authority
to cancel. "Order Cancellation": customers can cancel until the status is "Unpaid" or "Delivered". Both are presets here; a store
chooses one (docs/decisions/0101-who-may-cancel.md).
"""

from typing import Literal

from services.orders.state import CancelPreset, CustomerStop
from shared.contracts.actor import Actor, Decision, Role, allowed, forbidden, refused
from shared.contracts.events import Order, OrderLine, PaymentState
from shared.contracts.lifecycle import goods_left, reached

CancelRule = Literal["until_delivered", "after_failed_delivery", "never"]

CANCEL_PRESETS: dict[CancelPreset, dict[tuple[Role, PaymentState], CancelRule]] = {
    "cancellation-control": {
        ("customer", "unpaid"): "until_delivered",
        ("customer", "paid"): "until_delivered",
        ("staff", "unpaid"): "after_failed_delivery",
        ("staff", "paid"): "until_delivered",
        ("platform", "unpaid"): "until_delivered",
        ("platform", "paid"): "until_delivered",
    },
    "order-cancellation": {
        ("customer", "unpaid"): "never",
        ("customer", "paid"): "until_delivered",
        ("staff", "unpaid"): "until_delivered",
        ("staff", "paid"): "until_delivered",
        ("platform", "unpaid"): "until_delivered",
        ("platform", "paid"): "until_delivered",
    },
}


def may_cancel(order: Order, actor: Actor, preset: CancelPreset, customer_stop: CustomerStop) -> Decision:
    """Whether `actor` may cancel `order` now.

    The same decision guards the command and is shown in the order's `actions`. `customer_stop` is the status from which
    the store's customers can no longer cancel.
    """
    rule = CANCEL_PRESETS[preset].get((actor.role, order.payment))
    if rule is None or actor.read_only:
        return forbidden("read_only")
    if order.status == "cancelled":
        return refused("already_cancelled", "The order is already cancelled.")
    if order.status == "delivered":
        return refused("delivered", "A delivered order cannot be cancelled; request a refund instead.")
    if rule == "never":
        return refused("unpaid_locked", "In this store, customers cannot cancel an unpaid order.")
    if rule == "after_failed_delivery" and order.delivery_failed_at is None:
        return refused(
            "unpaid_is_the_customers", "Only its customer can cancel an unpaid order; staff can once a failed delivery has been recorded."
        )
    if actor.role == "customer" and reached(order.status, customer_stop):
        return refused("too_late_for_customers", f"In this store, customers can cancel until {customer_stop}; the order is {order.status}.")
    return allowed()


def lines_to_release(order: Order) -> tuple[OrderLine, ...]:
    """The lines whose reserved goods a cancellation now would restock: none once the goods have left."""
    if goods_left(order.status, order.fulfilment):
        return ()
    return tuple(line for line in order.lines if line.stock_tracked and line.left)
