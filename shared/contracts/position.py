"""What a customer still owes, or has paid too much: one formula for all services (real-shops.md, section 0, "position")."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Position:
    """An order's sums, in minor units of its currency.

    `credited` is what the customer no longer owes, `paid_back` what was approved to go back; `written_off` and `kept` are tolerances.
    """

    total: int
    credited: int
    collected: int
    paid_back: int
    written_off: int = 0
    kept: int = 0
    cancelled: bool = False

    @property
    def due(self) -> int:
        """What the customer still owes; 0 for a cancelled order, whose money comes back by itself."""
        return 0 if self.cancelled else max(0, self._open - self.written_off)

    @property
    def overpaid(self) -> int:
        """What was paid too much and has not gone back; never above 0 while something is due."""
        return 0 if self.cancelled else max(0, -self._open - self.kept)

    @property
    def paid(self) -> bool:
        """Whether nothing is due; a cancelled order counts as paid if its whole total was collected."""
        return self.collected >= self.total if self.cancelled else self.due == 0

    @property
    def _open(self) -> int:
        return (self.total - self.credited) - (self.collected - self.paid_back)
