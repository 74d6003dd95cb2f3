"""What happens to a message whose handling failed: it is parked, retried a number of times, or retried for as long as it takes."""

from dataclasses import dataclass
from datetime import datetime

from shared.contracts.errors import Failure, OnMessage
from shared.messaging.messages import Malformed

HANDLER_DEADLINE_SECONDS = 60.0
RETRY_DELAYS_SECONDS = (1, 5, 15, 60, 300, 900, 3600, 3600)
"""Delays before each retry of a failure that the message itself may have caused; after the last one it is parked."""
OUTSIDE_DELAYS_SECONDS = (1.0, 20.0)
"""Shortest and longest delay if nothing is wrong with the message: it is never parked, and succeeds soon after the cause is gone."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to do with a message whose handler failed, and why."""

    action: OnMessage
    reason: str
    detail: str

    def delay(self, attempts: int, first_failed_at: datetime, *, now: datetime) -> float | None:
        """Seconds until the next attempt, after `attempts` that counted; None means that it is parked."""
        if self.action == "wait":
            shortest, longest = OUTSIDE_DELAYS_SECONDS
            return min(longest, max(shortest, (now - first_failed_at).total_seconds() / 2))
        if self.action == "retry" and attempts < len(RETRY_DELAYS_SECONDS):
            return RETRY_DELAYS_SECONDS[attempts]
        return None


def verdict(error: BaseException) -> Verdict:
    """What to do after this error. Unexpected errors are retried: their cause may be temporary and not the message."""
    if isinstance(error, Malformed):
        return Verdict("park", error.reason, error.detail)
    if isinstance(error, Failure):
        return Verdict(error.on_message, error.code, error.detail)
    if isinstance(error, TimeoutError):
        return Verdict("retry", "handler_deadline", f"The handler took more than {HANDLER_DEADLINE_SECONDS:.0f} s.")
    return Verdict("retry", "handler_failed", f"{type(error).__name__}: {str(error)[:500]}")
