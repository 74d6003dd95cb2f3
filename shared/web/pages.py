"""Keyset pages: an opaque, versioned cursor holds where the last page ended, so that page 10,000 costs what page 1 costs."""

import base64
import json
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import urlencode

from shared.contracts.errors import FieldError, Invalid
from shared.data.readable import Kind, OutOfRange
from shared.web.views import Page

DEFAULT_LIMIT = 50
MAX_LIMIT = 200
CURSOR_VERSION = 1


class Int32(int):
    """The kind of a cursor's value that is compared with an `integer` column."""


class Int16(int):
    """The kind of a cursor's value that is compared with a `smallint` column."""


_BITS: dict[type[Any], int] = {int: 63, Int32: 31, Int16: 15}
_TIMES: dict[type[Any], Kind] = {datetime: "timestamptz", date: "date"}
_UNREADABLE = "~"  # before the database's own count of a time or day that Python cannot hold: a page may end at such a row


def encode_cursor(values: Sequence[Any]) -> str:
    """Key values of a row (str, int, datetime, date, None) as an opaque cursor."""
    plain = [_plain(value) for value in values]
    return base64.urlsafe_b64encode(json.dumps([CURSOR_VERSION, *plain], separators=(",", ":")).encode()).decode().rstrip("=")


def _plain(value: Any) -> Any:
    if isinstance(value, OutOfRange):
        return f"{_UNREADABLE}{value.raw}"
    return value.isoformat() if isinstance(value, date) else value


def decode_cursor(cursor: str, kinds: Sequence[type]) -> list[Any]:
    """The values that encode_cursor was given. Raises Invalid `bad_cursor` for anything that is not ours."""
    try:
        values = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        version, *plain = values
        if version != CURSOR_VERSION or len(plain) != len(kinds):
            raise ValueError("not a cursor of this list")
        return [_as(kind, value) for kind, value in zip(kinds, plain, strict=True)]
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        error_at = (FieldError("?cursor", "bad_cursor", "Take it from next_cursor, or leave it out."),)
        raise Invalid("bad_cursor", "The cursor is not one of this list.", errors=error_at) from error


def _as(kind: type[Any], value: Any) -> Any:
    if kind in _TIMES:
        return _time(kind, value)
    if kind in _BITS:
        if type(value) is not int or abs(value) >= 2 ** _BITS[kind]:
            raise ValueError("not a number that the column can hold")
        return value
    if type(value) is not kind or (kind is str and "\x00" in value):
        raise ValueError("another kind of value")
    return value


def _time(kind: type[Any], value: str) -> datetime | date | OutOfRange:
    """Any time that a row may have, also from before there were bounds. Raises ValueError for what no column holds."""
    if value.startswith(_UNREADABLE):
        stands_for = OutOfRange(_TIMES[kind], int(value.removeprefix(_UNREADABLE)))
        if not stands_for.possible:
            raise ValueError("not a time that the column can hold")
        return stands_for
    if kind is date:
        return date.fromisoformat(value)
    moment = datetime.fromisoformat(value)
    if moment.tzinfo is None:
        raise ValueError("a time without a zone")
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("not a time that can be compared") from error


def link_header(path: str, query: Iterable[tuple[str, str]], page: Page[Any]) -> dict[str, str]:
    """The `Link` header of a page that `path` and `query` asked for, as headers to add; none for a list of one page."""
    kept = [(name, value) for name, value in query if name != "cursor"]
    beside = (("next", page.next_cursor), ("prev", page.previous_cursor))
    links = [f'<{path}?{urlencode([*kept, ("cursor", cursor)])}>; rel="{relation}"' for relation, cursor in beside if cursor is not None]
    return {"Link": ", ".join(links)} if links else {}
