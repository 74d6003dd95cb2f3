"""The effect of a settlement report: the first success is final; later reports are stored and change nothing."""

from dataclasses import dataclass
from typing import Literal

from services.refunds.state import Outcome, Settlement


@dataclass(frozen=True, slots=True)
class Effect:
    """The settlement after a report, and the attention item that it opens (None: no item)."""

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
"""Every report that is accepted; a refund whose settlement is `none` (not approved, or nothing to pay) accepts none."""


def settlement_of(amount: int) -> Settlement:
    """The initial settlement of an approved refund: `none` if the amount is 0."""
    return "unsettled" if amount else "none"


def settled_before(amount: int) -> Settlement:
    """The settlement of money that had gone back before its order was imported."""
    return "settled" if amount else "none"
