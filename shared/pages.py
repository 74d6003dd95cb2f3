"""Keyset pages: an opaque, versioned cursor holds where the last page ended, so that page 10,000 costs what page 1 costs."""

import base64
import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Generic, TypeVar
from urllib.parse import urlencode

from pydantic import BaseModel

from shared.errors import FieldError, Invalid

DEFAULT_LIMIT = 50
MAX_LIMIT = 200
CURSOR_VERSION = 1

V = TypeVar("V", bound=BaseModel)


class Page(BaseModel, Generic[V]):
    """One page of a list; `next_cursor` is null on the last."""

    items: list[V]
    next_cursor: str | None
    previous_cursor: str | None = None


def encode_cursor(values: Sequence[Any]) -> str:
    """Key values of a row (str, int, datetime, None) as an opaque cursor."""
    plain = [value.isoformat() if isinstance(value, datetime) else value for value in values]
    return base64.urlsafe_b64encode(json.dumps([CURSOR_VERSION, *plain], separators=(",", ":")).encode()).decode().rstrip("=")


def decode_cursor(cursor: str, kinds: Sequence[type]) -> list[Any]:
    """The values that encode_cursor was given. Raises Invalid `bad_cursor` for anything that is not ours."""
    try:
        values = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        version, *plain = values
        if version != CURSOR_VERSION or len(plain) != len(kinds):
            raise ValueError("not a cursor of this list")
        return [_as(kind, value) for kind, value in zip(kinds, plain, strict=True)]
    except (ValueError, TypeError, RecursionError) as error:
        error_at = (FieldError("?cursor", "bad_cursor", "Take it from next_cursor, or leave it out."),)
        raise Invalid("bad_cursor", "The cursor is not one of this list.", errors=error_at) from error


def _as(kind: type[Any], value: Any) -> Any:
    if kind is datetime:
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is None:
            raise ValueError("a time without a zone")
        return moment
    if type(value) is not kind or (kind is str and "\x00" in value) or (kind is int and abs(value) >= 2**63):
        raise ValueError("another kind of value")
    return value


def link_header(path: str, query: dict[str, Any], *, next_cursor: str | None, previous_cursor: str | None = None) -> dict[str, str]:
    """The `Link` header of a page, as headers to add; none for a list of one page."""
    links = []
    for relation, cursor in (("next", next_cursor), ("prev", previous_cursor)):
        if cursor is not None:
            target = urlencode({**{k: v for k, v in query.items() if v is not None}, "cursor": cursor}, doseq=True)
            links.append(f'<{path}?{target}>; rel="{relation}"')
    return {"Link": ", ".join(links)} if links else {}
