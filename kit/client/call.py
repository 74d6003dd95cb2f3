"""One call as a method describes it, before it is sent."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from urllib.parse import quote
from uuid import UUID

SAFE = ("GET", "HEAD")


@dataclass(frozen=True, slots=True)
class File:
    """A file to upload. The server finds out itself what it is; `name` is shown to people."""

    name: str
    content: bytes
    media_type: str = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class Call:
    """What is sent: None is left out of the query and of the form."""

    method: str
    path: str
    query: Mapping[str, object] = field(default_factory=dict)
    body: Any = None
    content: bytes | None = None
    media_type: str | None = None
    files: Mapping[str, File] = field(default_factory=dict)
    form: Mapping[str, str | None] = field(default_factory=dict)
    key: str | None = None
    if_match: str | None = None
    if_none_match: str | None = None
    writes: bool = True
    """False for a POST that only computes something. What does not write, and what has a key, can be repeated."""

    @property
    def repeatable(self) -> bool:
        """Whether a repeat changes nothing more than the first call did."""
        return self.method in SAFE or self.key is not None or not self.writes

    @property
    def conditions(self) -> dict[str, str]:
        """Its headers."""
        named = {"Idempotency-Key": self.key, "If-Match": self.if_match, "If-None-Match": self.if_none_match}
        return {name: value for name, value in named.items() if value is not None}

    @property
    def parameters(self) -> tuple[tuple[str, str], ...]:
        """Its query as text; a list is sent as one parameter for each of its items."""
        return tuple((name, _text(one)) for name, value in self.query.items() for one in _each(value))


def new_key() -> str:
    """A fresh Idempotency-Key."""
    return uuid.uuid4().hex


def segment(value: str | UUID) -> str:
    """A value as one segment of a path: a customer's id or a SKU may contain a slash, or be `..`, which would lead elsewhere."""
    quoted = quote(str(value), safe="")
    return quoted if quoted.strip(".") else quoted.replace(".", "%2E")


def _each(value: object) -> Iterable[object]:
    if value is None:
        return ()
    return value if isinstance(value, Sequence) and not isinstance(value, str) else (value,)


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.isoformat() if isinstance(value, date | datetime) else str(value)
