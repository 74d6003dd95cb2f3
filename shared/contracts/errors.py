"""Typed failures, and the one table that says what each means to an HTTP caller and to a consumer.

Failure
├── Invalid              422  park    the input is not valid
├── NotFound             404  retry   does not exist for this actor (it may belong to another)
├── Unauthenticated      401  park    no token, or one that we do not trust
├── Forbidden            403  park    a known caller, never allowed to do this
├── Refused              409  park    a rule does not allow it; the code says which
├── VersionConflict      412  retry   somebody changed it since the caller looked
├── PreconditionRequired 428  park    If-Match is required here
├── TooLarge             413  park    over a named limit
├── TooMany              429  retry   too often, or too many at once, for this token or store
├── Busy                 409  retry   the same Idempotency-Key, or a row, is in use right now
├── UnreadableRow        500  park    a stored row cannot be read: noted for the operator; nothing else is affected
├── Transient            503  wait    the database asked us to try again (deadlock, lock time-out, serialization)
└── Unavailable          503  wait    the database is down or refuses our login
    └── StoreBusy        429  wait    this store already uses its fair share; others are served

For a consumer: park = no automatic retry, retry = a limited number of retries, wait = nothing is wrong with the message, so it is
retried at least every 20 s for as long as it takes (shared/messaging/attempts.py).
"""

from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Literal

OnMessage = Literal["retry", "park", "wait"]


@dataclass(frozen=True, slots=True)
class Choice:
    """A value that would be accepted: its name, and its standard code if it has one. Either may be sent."""

    name: str
    code: str | None = None


@dataclass(frozen=True, slots=True)
class FieldError:
    """One invalid field: its JSON pointer, a stable code, and what would be accepted. Never the input itself.

    `choices` lists what would be accepted where only some names are, at most the first 100.
    """

    pointer: str
    code: str
    message: str
    choices: tuple[Choice, ...] = ()

    def members(self) -> dict[str, Any]:
        """As JSON; without `choices` if there are none."""
        choices = {"choices": [asdict(choice) for choice in self.choices]} if self.choices else {}
        return {"pointer": self.pointer, "code": self.code, "message": self.message, **choices}


class Failure(Exception):  # noqa: N818  (a refusal is not an error: "Refused" reads better than "RefusedError")
    """An expected failure. `facts` become members of the problem (and must be JSON)."""

    status: ClassVar[int] = 500
    title: ClassVar[str] = "Internal error"
    on_message: ClassVar[OnMessage] = "retry"
    default_code: ClassVar[str] = "internal_error"

    def __init__(self, code: str = "", detail: str = "", *, retry_after_seconds: int | None = None, **facts: Any) -> None:
        self.code = code or self.default_code
        self.detail = detail
        self.facts = facts
        self.retry_after_seconds = retry_after_seconds
        self.headers: dict[str, str] = {}  # further headers of the HTTP response, such as Allow
        super().__init__(f"{self.code}: {detail}" if detail else self.code)


class Invalid(Failure):
    """The input is not valid. `errors` name the fields; for a single one give `at`, and `accepted` if it differs from `detail`."""

    status, title, on_message, default_code = 422, "Invalid input", "park", "invalid"

    def __init__(
        self, code: str = "", detail: str = "", *, errors: tuple[FieldError, ...] = (), at: str = "", accepted: str = "", **facts: Any
    ) -> None:
        super().__init__(code, detail, **facts)
        self.errors = (FieldError(at, code, accepted or detail),) if at else errors


class NotFound(Failure):
    """Does not exist for this actor. What belongs to another actor is reported the same way, so that ids cannot be probed."""

    status, title, on_message, default_code = 404, "Not found", "retry", "not_found"


class Unauthenticated(Failure):
    """The call has no token, or one that we do not trust."""

    status, title, on_message, default_code = 401, "Not authenticated", "park", "unauthenticated"


class Forbidden(Failure):
    """A known caller who may never do this."""

    status, title, on_message, default_code = 403, "Not allowed", "park", "forbidden"


class Refused(Failure):
    """A rule does not allow it; `code` says which rule, `detail` what would be accepted."""

    status, title, on_message, default_code = 409, "Refused by a rule", "park", "refused"


class VersionConflict(Failure):
    """Somebody changed it since the caller read it; `current_version` is its version now."""

    status, title, on_message, default_code = 412, "Changed in the meantime", "retry", "version_conflict"

    def __init__(self, current_version: int) -> None:
        super().__init__(detail=f"The current version is {current_version}: read it again, then retry.", current_version=current_version)


def expect_version(current: int, expected: int | None) -> None:
    """Raise VersionConflict unless the caller had seen the `current` version (If-Match); None is "whatever it is"."""
    if expected is not None and expected != current:
        raise VersionConflict(current)


class PreconditionRequired(Failure):
    """The call needs an If-Match header."""

    status, title, on_message, default_code = 428, "If-Match required", "park", "if_match_required"


class TooLarge(Failure):
    """The input exceeds a named limit."""

    status, title, on_message, default_code = 413, "Too large", "park", "too_large"


class TooMany(Failure):
    """Too often, or too many at once, for this token or store; `retry_after_seconds` says when there is room again."""

    status, title, on_message, default_code = 429, "Too many requests", "retry", "rate_limited"


class Busy(Failure):
    """Another call is using it right now."""

    status, title, on_message, default_code = 409, "In progress", "retry", "in_progress"


class Transient(Failure):
    """The database asked us to try again; nothing was written."""

    status, title, on_message, default_code = 503, "Try again", "wait", "try_again"


class Unavailable(Failure):
    """The database is down. Nothing was written, or the outcome of a COMMIT is unknown: a repeat under the Idempotency-Key finds out."""

    status, title, on_message, default_code = 503, "Temporarily unavailable", "wait", "unavailable"


class StoreBusy(Unavailable):
    """A store, or one caller of it, already uses its fair share and its queue is full; others are still served."""

    status, title, on_message, default_code = 429, "Too many requests", "wait", "store_busy"


class UnreadableRow(Failure):
    """The stored row cannot be read (a time in year 1 from before times had bounds, a manual restore). The operator must repair it."""

    status, title, on_message, default_code = 500, "Unreadable", "park", "unreadable_row"

    def __init__(self, place: str, store_id: str, row_key: str, why: str) -> None:
        super().__init__(detail="The stored row cannot be read; the operator can see which row it is and why. Nothing else is affected.")
        self.place = place
        self.store_id = store_id
        self.row_key = row_key
        self.why = why
