"""When something happened, as the caller tells it."""

from datetime import datetime

from shared.contracts.errors import FieldError, Invalid
from shared.contracts.times import CLOCKS_MAY_DIFFER


def happened_at(said: datetime | None, now: datetime, *, not_before: datetime | None = None, field: str = "occurred_at") -> datetime:
    """The time that rules windows and timelines: what the caller said, else `now`.

    A clock that runs up to a minute ahead is taken as now. Raises Invalid `in_the_future`, or `before_placing` for a time
    earlier than `not_before`.
    """
    if said is None:
        return now if not_before is None else max(now, not_before)
    if said > now + CLOCKS_MAY_DIFFER:
        raise _invalid("in_the_future", field, "It cannot have happened later than now.")
    if not_before is not None and said < not_before:
        raise _invalid("before_placing", field, f"It cannot have happened before the order was placed, {not_before.isoformat()}.")
    return min(said, now)


def _invalid(code: str, field: str, message: str) -> Invalid:
    return Invalid(code, message, errors=(FieldError(f"/{field}", code, message),))
