"""Why staff should look at an order. Pure."""

from shared.contracts.position import Position


def needs_attention(position: Position, *, misaddressed: bool, oversold: bool) -> tuple[str, ...]:
    """`overpaid` if more was paid than was owed and it has not gone back, `address` if its country does not know the contact or an address,
    `oversold` if it took units that were not there and staff have not accepted that.

    The list filter asks the same of the columns (tables.ATTENTION).
    """
    reasons = {"overpaid": position.overpaid > 0, "address": misaddressed, "oversold": oversold}
    return tuple(reason for reason, applies in reasons.items() if applies)
