"""The order's display copy of its refunds. The refund service decides; here it is only shown."""

from shared.contracts.events import RefundState


def refund_state(*, approved: int, units: int, ordered: int, refunded: int, collected: int, cancelled: bool) -> RefundState:
    """`full` when approved refunds hold every unit, or all that was collected of a cancelled order; `partial` when any; else `none`.

    `approved` counts refunds, `units` and `ordered` count units, `refunded` and `collected` are minor units.
    """
    if not approved:
        return "none"
    if units >= ordered or (cancelled and refunded >= collected):
        return "full"
    return "partial"
