"""What becomes of a message that could not take effect: parked, tried again a number of times, or for as long as it takes."""

from dataclasses import dataclass
from datetime import datetime

from shared.contracts.errors import Failure, OnMessage
from shared.messaging.messages import Malformed

HANDLER_DEADLINE_SECONDS = 60.0
RETRY_DELAYS_SECONDS = (1, 5, 15, 60, 300, 900, 3600, 3600)
"""Waits before each further attempt of what may be the message's own fault; then it is parked."""
OUTSIDE_DELAYS_SECONDS = (1.0, 20.0)
"""Shortest and longest wait where nothing is wrong with the message: it is never parked, and goes on soon after its cause is gone."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to do with a message whose handler failed, and why."""

    action: OnMessage
    reason: str
    detail: str

    def delay(self, attempts: int, first_failed_at: datetime, *, now: datetime) -> float | None:
        """Seconds until the next attempt after `attempts` that counted; None: parked."""
        if self.action == "wait":
            shortest, longest = OUTSIDE_DELAYS_SECONDS
            return min(longest, max(shortest, (now - first_failed_at).total_seconds() / 2))
        if self.action == "retry" and attempts < len(RETRY_DELAYS_SECONDS):
            return RETRY_DELAYS_SECONDS[attempts]
        return None


def verdict(error: BaseException) -> Verdict:
    """An unexpected error is tried again: it may be the day's, not the message's."""
    if isinstance(error, Malformed):
        return Verdict("park", error.reason, error.detail)
    if isinstance(error, Failure):
        return Verdict(error.on_message, error.code, error.detail)
    if isinstance(error, TimeoutError):
        return Verdict("retry", "handler_deadline", f"The handler took more than {HANDLER_DEADLINE_SECONDS:.0f} s.")
    return Verdict("retry", "handler_failed", f"{type(error).__name__}: {str(error)[:500]}")
