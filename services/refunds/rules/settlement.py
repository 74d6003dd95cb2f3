"""What a report about the money does: the first success is final, everything after it is stored and changes nothing."""

from dataclasses import dataclass
from typing import Literal

from services.refunds.state import Outcome, Settlement


@dataclass(frozen=True, slots=True)
class Effect:
    """The settlement after a report, and the attention that it opens (None: nothing to look at)."""

    settlement: Settlement
    attention: Literal["settled_twice", "failed_after_settled"] | None = None

    @property
    def counts(self) -> bool:
        """Whether the report has an effect; a refund's claim is never released either way."""
        return self.attention is None


SETTLEMENT: dict[tuple[Settlement, Outcome], Effect] = {
    ("unsettled", "succeeded"): Effect("settled"),
    ("unsettled", "failed"): Effect("failed"),
    ("failed", "succeeded"): Effect("settled"),
    ("failed", "failed"): Effect("failed"),
    ("settled", "succeeded"): Effect("settled", "settled_twice"),
    ("settled", "failed"): Effect("settled", "failed_after_settled"),
}
"""Every report that is taken; a refund whose settlement is `none` (not approved, or nothing to pay) takes none."""


def settlement_of(amount: int) -> Settlement:
    """What an approved refund starts from: nothing is to be settled where the amount is 0."""
    return "unsettled" if amount else "none"
