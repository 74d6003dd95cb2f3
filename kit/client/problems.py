"""Failures as exceptions: what the server refused, by kind, and calls that got no answer.

ClientError
├── NoAnswer                  no connection, or it broke; the call may have taken effect, and a repeat under its key finds out
└── Problem                   the server's RFC 9457 problem: `code` is stable, `detail` is for people
    ├── Invalid               400, 422  `errors` names the fields
    ├── Unauthenticated       401
    ├── Forbidden             403
    ├── NotFound              404
    ├── Refused               409  a rule does not allow it; with `retry_after`, not yet
    │   └── Busy              409  the same Idempotency-Key is in use right now
    ├── VersionConflict       412  it has changed since it was read
    ├── TooLarge              413
    ├── PreconditionRequired  428
    ├── TooMany               429
    ├── Unavailable           502, 503, 504
    └── Failed                500 and everything else
"""

import json
from collections.abc import Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

from shared.contracts.errors import Choice, FieldError

IN_PROGRESS = "in_progress"
NAMED = ("type", "title", "status", "code", "detail", "instance", "trace_id", "errors")


class ClientError(Exception):
    """A call did not succeed."""


class NoAnswer(ClientError):  # noqa: N818  (named as the failures in shared/contracts/errors.py)
    """There is no answer. `sent` is False if the server cannot have received the call."""

    def __init__(self, why: str, *, sent: bool) -> None:
        super().__init__(why)
        self.sent = sent


class Problem(ClientError):  # noqa: N818  (the name of RFC 9457)
    """The server answered with a problem. `facts` are its further members; `retry_after` is in seconds."""

    def __init__(self, status: int, said: Mapping[str, Any], retry_after: float | None = None) -> None:
        self.status = status
        self.code = str(said.get("code") or f"http_{status}")
        self.title = str(said.get("title") or "")
        self.detail = str(said.get("detail") or "")
        self.errors = tuple(_field(one) for one in said.get("errors") or ())
        self.trace_id: str | None = said.get("trace_id")
        self.retry_after = retry_after
        self.facts = {name: value for name, value in said.items() if name not in NAMED}
        super().__init__(f"{self.code}: {self.detail}" if self.detail else self.code)


class Invalid(Problem):
    """The input is not valid; `errors` name the fields and what would be accepted."""


class Unauthenticated(Problem):
    """The token is missing, expired or not trusted."""


class Forbidden(Problem):
    """A known caller, never allowed to do this."""


class NotFound(Problem):
    """It does not exist, or it belongs to another caller."""


class Refused(Problem):
    """A rule does not allow it; `code` says which. With `retry_after` it will be allowed once something arrives that is on its way."""


class Busy(Refused):
    """A call with the same Idempotency-Key is still running."""


class VersionConflict(Problem):
    """It has changed since it was read; `facts["current_version"]` is its version now."""


class TooLarge(Problem):
    """The input exceeds a limit."""


class PreconditionRequired(Problem):
    """The call needs `if_match`."""


class TooMany(Problem):
    """Too many calls, in a short time or at once."""


class Unavailable(Problem):
    """The server, or what it needs, is down for the moment."""


class Failed(Problem):
    """Something went wrong in the server; its operator finds it by `trace_id`."""


KINDS: dict[int, type[Problem]] = {
    400: Invalid,
    401: Unauthenticated,
    403: Forbidden,
    404: NotFound,
    409: Refused,
    412: VersionConflict,
    413: TooLarge,
    422: Invalid,
    428: PreconditionRequired,
    429: TooMany,
    502: Unavailable,
    503: Unavailable,
    504: Unavailable,
}


def problem_of(status: int, content: bytes, retry_after: str | None, *, now: datetime) -> Problem:
    """The problem in an answer, even if something other than the server wrote it."""
    try:
        said = json.loads(content)
    except ValueError:
        said = {}
    said = said if isinstance(said, dict) else {}
    kind = Busy if status == 409 and said.get("code") == IN_PROGRESS else KINDS.get(status, Failed)
    return kind(status, said, seconds_until(retry_after, now=now))


def seconds_until(retry_after: str | None, *, now: datetime) -> float | None:
    """Retry-After in seconds: a number, or a date. None if there is none that can be read."""
    if retry_after is None:
        return None
    if retry_after.strip().isdecimal():
        return float(retry_after)
    try:
        return max(0.0, (parsedate_to_datetime(retry_after) - now).total_seconds())
    except (ValueError, TypeError):
        return None


def _field(said: Any) -> FieldError:
    known = said if isinstance(said, dict) else {}
    choices = tuple(Choice(str(one.get("name", "")), one.get("code")) for one in known.get("choices") or () if isinstance(one, dict))
    return FieldError(str(known.get("pointer", "")), str(known.get("code", "")), str(known.get("message", "")), choices)
