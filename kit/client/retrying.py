"""Whether a call is repeated, and after which pause. Pure."""

from dataclasses import dataclass

from kit.client.problems import Busy, ClientError, NoAnswer, NotFound, Problem, Refused, TooMany, Unavailable

PATIENCE_SECONDS = 60.0
NOT_YET_SECONDS = 5.0
FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a call is repeated, in seconds since it began; 0 is never."""

    seconds: float = PATIENCE_SECONDS
    """For an answer at all: no connection, too many calls, a server that is down."""
    not_yet_seconds: float = NOT_YET_SECONDS
    """For something that is on its way to a service: a refusal, or a 404, with Retry-After."""


def pause_before_repeat(
    failure: ClientError, patience: Patience, *, repeatable: bool, attempt: int, elapsed: float, spread: float
) -> float | None:
    """Seconds to wait before the call is repeated; None if it is not. `attempt` counts from 0, `spread` is from 0 to 1, at random.

    The server's Retry-After is waited for in full. On top comes a part, `spread`, of a pause that doubles with each attempt, so that
    clients that failed together do not return together.
    """
    until = _until(failure, patience, repeatable=repeatable)
    asked = failure.retry_after if isinstance(failure, Problem) else None
    pause = (asked or 0.0) + spread * min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2.0**attempt)
    return pause if elapsed + pause < until else None


def _until(failure: ClientError, patience: Patience, *, repeatable: bool) -> float:
    if isinstance(failure, NoAnswer):
        return patience.seconds if repeatable or not failure.sent else 0.0
    if isinstance(failure, TooMany | Busy):
        return patience.seconds
    if isinstance(failure, Unavailable):
        return patience.seconds if repeatable else 0.0
    if isinstance(failure, Refused | NotFound) and failure.retry_after is not None:
        return patience.not_yet_seconds
    return 0.0
