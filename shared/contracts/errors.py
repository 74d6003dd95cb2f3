"""Typed failures, and the one table that says what each means to an HTTP caller and to a consumer.

Failure
├── Invalid              422  park    the input does not say what it should
├── NotFound             404  retry   no such thing for this actor (another's counts as none)
├── Unauthenticated      401  park    no token, or one that we do not trust
├── Forbidden            403  park    a known caller, never allowed to do this
├── Refused              409  park    a rule says no, and why
├── VersionConflict      412  retry   somebody changed it since the caller looked
├── PreconditionRequired 428  park    If-Match is required here
├── TooLarge             413  park    over a named limit
├── TooMany              429  retry   too often, or too many at once, for this token or store
├── Busy                 409  retry   the same Idempotency-Key, or a row, is in use right now
├── UnreadableRow        500  park    a row of ours that cannot be read: noted for the operator, and nobody else's trouble
├── Transient            503  wait    the database asked us to try again (deadlock, lock time-out, serialization)
└── Unavailable          503  wait    the database is away or does not let us in
    └── StoreBusy        429  wait    this store has its fair share at work already; others are served

To a consumer: park = never again by itself, retry = a number of times, wait = nothing is wrong with the message, so it is tried again
at least every 20 s for as long as it takes (shared/messaging/attempts.py).
"""

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

OnMessage = Literal["retry", "park", "wait"]


@dataclass(frozen=True, slots=True)
class FieldError:
    """One wrong field: where (JSON pointer), a stable code, and what would be accepted. Never the input itself."""

    pointer: str
    code: str
    message: str


class Failure(Exception):  # noqa: N818  (a refusal is not an error: "Refused" reads right where "RefusedError" would not)
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
        self.headers: dict[str, str] = {}  # what the HTTP answer says beside the problem, such as Allow
        super().__init__(f"{self.code}: {detail}" if detail else self.code)


class Invalid(Failure):
    """The input does not say what it should; `errors` name the fields."""

    status, title, on_message, default_code = 422, "Invalid input", "park", "invalid"

    def __init__(self, code: str = "", detail: str = "", *, errors: tuple[FieldError, ...] = (), **facts: Any) -> None:
        super().__init__(code, detail, **facts)
        self.errors = errors


class NotFound(Failure):
    """No such thing for this actor; another's counts as none, so that ids cannot be probed."""

    status, title, on_message, default_code = 404, "Not found", "retry", "not_found"


class Unauthenticated(Failure):
    """No token, or one that we do not trust."""

    status, title, on_message, default_code = 401, "Not authenticated", "park", "unauthenticated"


class Forbidden(Failure):
    """A known caller who may never do this."""

    status, title, on_message, default_code = 403, "Not allowed", "park", "forbidden"


class Refused(Failure):
    """A rule says no; `code` says which, `detail` what would be accepted."""

    status, title, on_message, default_code = 409, "Refused by a rule", "park", "refused"


class VersionConflict(Failure):
    """Somebody changed it since the caller looked; `current_version` says what it is now."""

    status, title, on_message, default_code = 412, "Changed meanwhile", "retry", "version_conflict"

    def __init__(self, current_version: int) -> None:
        super().__init__(detail=f"It is at version {current_version} now: read it again, then repeat.", current_version=current_version)


class PreconditionRequired(Failure):
    """If-Match is required here."""

    status, title, on_message, default_code = 428, "If-Match required", "park", "if_match_required"


class TooLarge(Failure):
    """Over a named limit."""

    status, title, on_message, default_code = 413, "Too large", "park", "too_large"


class TooMany(Failure):
    """Too often, or too many at once, for this token or store; `retry_after_seconds` says when there is room again."""

    status, title, on_message, default_code = 429, "Too many requests", "retry", "rate_limited"


class Busy(Failure):
    """In use right now by another call."""

    status, title, on_message, default_code = 409, "In progress", "retry", "in_progress"


class Transient(Failure):
    """The database asked us to try again; nothing was written."""

    status, title, on_message, default_code = 503, "Try again", "wait", "try_again"


class Unavailable(Failure):
    """The database is away; nothing was written, or (after a lost COMMIT) the Idempotency-Key will tell."""

    status, title, on_message, default_code = 503, "Temporarily unavailable", "wait", "unavailable"


class StoreBusy(Unavailable):
    """A store, or one caller of it, has its fair share at work already and as many waiting; others are served meanwhile."""

    status, title, on_message, default_code = 429, "Too many requests", "wait", "store_busy"


class UnreadableRow(Failure):
    """What is kept of this cannot be read (a time of year 1 from before there were bounds, a restore by hand): the operator's to mend."""

    status, title, on_message, default_code = 500, "Unreadable", "park", "unreadable_row"

    def __init__(self, place: str, store_id: str, row_key: str, why: str) -> None:
        super().__init__(detail="What is kept of this cannot be read; the operator sees which row it is and why. Nothing else is touched.")
        self.place = place
        self.store_id = store_id
        self.row_key = row_key
        self.why = why
