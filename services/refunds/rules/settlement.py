"""The effect of a report about moving a refund's money.

Money may go back in parts: successes count until they add up to the refund's amount. What comes after that, and a success over more than
is left, is stored and changes nothing.
"""

from dataclasses import dataclass
from typing import Literal

from services.refunds.state import Outcome, RefundSummary, Settlement


@dataclass(frozen=True, slots=True)
class Effect:
    """The settlement after a report, what has gone back by then (minor units), and the attention item that it opens (None: no item)."""

    settlement: Settlement
    settled_amount: int
    attention: Literal["settled_twice", "failed_after_settled"] | None = None

    @property
    def counts(self) -> bool:
        """Whether the report has an effect; a refund's claim is never released either way."""
        return self.attention is None


def effect_of(refund: RefundSummary, outcome: Outcome, amount: int) -> Effect:
    """The effect of a report over `amount` on an approved refund that pays something: one whose settlement is `none` accepts no report."""
    if outcome == "failed":
        after = refund.settled_amount
        return Effect("settled", after, "failed_after_settled") if refund.settlement == "settled" else Effect("failed", after)
    if refund.settlement == "settled" or amount > refund.left_to_send:
        return Effect(refund.settlement, refund.settled_amount, "settled_twice")
    settled = refund.settled_amount + amount
    return Effect("settled" if settled == refund.amount else "unsettled", settled)


def settlement_of(amount: int) -> Settlement:
    """The initial settlement of an approved refund: `none` if the amount is 0."""
    return "unsettled" if amount else "none"


def settled_before(amount: int) -> Settlement:
    """The settlement of money that had gone back before its order was imported."""
    return "settled" if amount else "none"
