"""What of a credit is paid out: nothing while something is owed, and never more than was collected (real-shops.md 2.1)."""

from shared.contracts.actor import Decision, allowed, not_yet, refused
from shared.contracts.position import Position


def payout(before: Position, credit: int) -> int:
    """The money that goes back with a `credit`, given the order's position before it. Minor units."""
    owed = max(0, before.total - before.credited - credit - before.written_off)
    return min(credit, max(0, before.collected - before.paid_back - owed))


def may_keep(fees: int, value: int) -> Decision:
    """Whether fees can be kept of a `value`, both in minor units: at most all of it."""
    if fees <= value:
        return allowed()
    return refused("fee_too_large", "No more can be kept as a fee than what would be credited without it.", at_most=value)


def may_pay(before: Position, credit: int, said: int | None = None) -> Decision:
    """Whether a refund of `credit` can be approved now; `said` is the payout that the approver expects.

    Nothing collected and nothing said is most likely cash that was not recorded yet, and paying it back would be wrong forever.
    """
    left, computed = before.collected - before.paid_back, payout(before, credit)
    if said is None and (credit == 0 or left > 0):
        return allowed()
    if said is None or said > max(0, left):
        detail = (
            "Record the payment on the order first; once it has reached this service, the approval will succeed. "
            "To credit the customer without paying anything out, approve a payout of 0."
        )
        figures = {"amount": credit, "collected": before.collected, "approved_before": before.paid_back, "payout": computed}
        return not_yet("not_collected", detail, **figures)
    if said != computed:
        detail = "What goes back is not what was expected: something was recorded meanwhile."
        return refused("payout_changed", detail, payout=computed, expected=said)
    return allowed()
