"""Why staff should look at an order. Pure."""

from services.orders.state import OrderState


def needs_attention(state: OrderState) -> tuple[str, ...]:
    """`overpaid` if more was paid than was owed and it has not gone back, `address` if its country does not know the contact or an address,
    `oversold` if it took units that were not there and staff have not accepted that.

    The list filter asks the same of the columns (tables.ATTENTION).
    """
    reasons = {"overpaid": state.order.position.overpaid > 0, "address": bool(state.address_problems), "oversold": state.oversold_open}
    return tuple(reason for reason, applies in reasons.items() if applies)
