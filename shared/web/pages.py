"""Keyset pages: an opaque, versioned cursor says where a page ended, so that page 10,000 costs no more than page 1.

Every list has one order, by a Key, and every page is a bounded walk along it that looks at 5,000 rows at most. Filters that no index
supports are applied during the walk, so a page may be short, even empty, and still have a next one
(docs/decisions/0103-bounded-lists.md).
"""

import base64
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import partial
from typing import Annotated, Any, Generic, TypeVar
from urllib.parse import urlencode
from uuid import UUID

import sqlalchemy as sa
from fastapi import Query
from sqlalchemy.engine import Row

from shared.contracts.errors import Invalid
from shared.contracts.ids import uuid_of
from shared.data.columns import PublicIdColumn
from shared.data.db import Transaction
from shared.data.readable import Kind, OutOfRange
from shared.web.views import Page

DEFAULT_LIMIT = 50
MAX_LIMIT = 200
MAX_EXAMINED_ROWS = 5_000  # per walk, and as many index entries again to find its end
CURSOR_VERSION = 1
MAX_CURSOR_CHARACTERS = 1_000  # more than a cursor with the longest SKU of the widest letters needs

Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT)]
Cursor = Annotated[str | None, Query(max_length=MAX_CURSOR_CHARACTERS)]

R = TypeVar("R")


class Int32(int):
    """The kind of a cursor's value that is compared with an `integer` column."""


class Int16(int):
    """The kind of a cursor's value that is compared with a `smallint` column."""


_BITS: dict[type[Any], int] = {int: 63, Int32: 31, Int16: 15}
_TIMES: dict[type[Any], Kind] = {datetime: "timestamptz", date: "date"}
_UNREADABLE = "~"  # prefix of a raw database time or day that Python cannot represent: a page may end at such a row


def encode_cursor(values: Sequence[Any]) -> str:
    """Key values of a row (str, int, datetime, date, None) as an opaque cursor."""
    plain = [_plain(value) for value in values]
    return (
        base64.urlsafe_b64encode(json.dumps([CURSOR_VERSION, *plain], ensure_ascii=False, separators=(",", ":")).encode())
        .decode()
        .rstrip("=")
    )


def _plain(value: Any) -> Any:
    if isinstance(value, OutOfRange):
        return f"{_UNREADABLE}{value.raw}"
    return value.isoformat() if isinstance(value, date) else value


def decode_cursor(cursor: str, kinds: Sequence[type]) -> list[Any]:
    """The values that were passed to encode_cursor. Raises Invalid `bad_cursor` for anything that it did not make."""
    try:
        values = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        version, *plain = values
        if version != CURSOR_VERSION or len(plain) != len(kinds):
            raise ValueError("not a cursor of this list")
        return [_as(kind, value) for kind, value in zip(kinds, plain, strict=True)]
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise _not_ours() from error


def _not_ours() -> Invalid:
    accepted = "Take it from next_cursor or previous_cursor, or leave it out."
    return Invalid("bad_cursor", "The cursor is not from this list.", at="?cursor", accepted=accepted)


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
    """Any time that a row may have, including old rows without bounds. Raises ValueError for values that no column can hold."""
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


Order = Callable[[Any], list[sa.ColumnElement[Any]]]
"""Makes a statement's ORDER BY from its key columns."""

Left = Callable[[sa.Subquery, Order], sa.Select[Any]]
"""Selects the wanted rows from those that a walk looks at, in its order and with the columns of its key."""


@dataclass(frozen=True, slots=True)
class Walked(Generic[R]):
    """A page's items, and the cursors of the pages before and after it."""

    items: list[R]
    next_cursor: str | None
    previous_cursor: str | None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page begins: after a row, or at it if `inclusive`; without a row, at the start of the list."""

    row: tuple[Any, ...] | None = None
    backwards: bool = False
    inclusive: bool = False


_WAYS = {"next": (False, False), "prev": (True, False), "next_with": (False, True), "prev_with": (True, True)}


class Key:
    """The columns that a list is ordered by, which together identify one row.

    A list that has two orders gives the second one a `name`, so that a cursor of one is no cursor of the other.
    """

    def __init__(self, *columns: sa.Column[Any], newest_first: bool = False, name: str = "") -> None:
        self._columns = columns
        self._newest_first = newest_first
        self._places = {f"{name}{way}": place for way, place in _WAYS.items()}
        self._ways = {place: way for way, place in self._places.items()}
        self._kinds = (str, *(_kind_of(column) for column in columns))

    def place(self, cursor: str | None) -> Place:
        """The place that a cursor points to. Raises Invalid `bad_cursor`."""
        if cursor is None:
            return Place()
        way, *values = decode_cursor(cursor, self._kinds)
        try:
            if way not in self._places:
                raise ValueError("leads nowhere")
            for column, value in zip(self._columns, values, strict=True):
                _checked(column, value)
            return Place(tuple(values), *self._places[way])
        except ValueError as error:
            raise _not_ours() from error

    def cursor(self, row: tuple[Any, ...] | None, *, backwards: bool = False, inclusive: bool = False) -> str | None:
        """The cursor of the page that begins after a row, or at it if `inclusive`."""
        return None if row is None else encode_cursor([self._ways[backwards, inclusive], *row])

    def of(self, row: Row[Any]) -> tuple[Any, ...]:
        """A row's key values: from `walked_<name>` if a walked row was replaced by another, otherwise from `<name>`."""
        found, names = row._mapping, (column.name for column in self._columns)
        values = (found.get(f"walked_{name}", found[name]) for name in names)
        return tuple(str(value) if isinstance(value, UUID) else value for value in values)

    def columns(self, columns: Any) -> list[sa.ColumnElement[Any]]:
        """The key columns among `columns`."""
        return [columns[column.name] for column in self._columns]

    def order(self, columns: Any, *, backwards: bool = False) -> list[sa.ColumnElement[Any]]:
        """The list's order, or its reverse, in terms of `columns`."""
        mine = self.columns(columns)
        return [column.desc() for column in mine] if self._newest_first != backwards else mine

    def behind(self, row: tuple[Any, ...], columns: Any, *, backwards: bool = False, inclusive: bool = False) -> sa.ColumnElement[bool]:
        """The rows that follow `row` in the list's order, or its reverse."""
        mine = sa.tuple_(*self.columns(columns))
        there = sa.tuple_(*(sa.literal(value, column.type) for value, column in zip(row, self._columns, strict=True)))
        if self._newest_first != backwards:
            return mine <= there if inclusive else mine < there
        return mine >= there if inclusive else mine > there


async def walk(
    tx: Transaction,
    key: Key,
    kind: Callable[..., R],
    *sources: sa.Select[Any],
    cursor: str | None,
    limit: int,
    left: Left | None = None,
    examined: int = MAX_EXAMINED_ROWS,
) -> Walked[R]:
    """A page of the rows of `sources` that `left` selects, each as a `kind`, which is called with the row's columns.

    An index must return each source in the order of `key`; several are merged, and a row of two of them is looked at twice. They must
    not contain rows that the caller may not see: a walk's last row becomes a cursor. Raises Invalid `bad_cursor`.
    """
    place = key.place(cursor)
    backwards = place.backwards
    order: Order = partial(key.order, backwards=backwards)
    walked = _merged([_walked(source, key, place, order) for source in sources], order, examined)
    window = walked.limit(_number(examined)).subquery("examined")
    found = await tx.all((walked if left is None else left(window, order)).limit(limit + 1))
    rows = list(found[:limit])
    first, last = (key.of(rows[0]), key.of(rows[-1])) if rows else (place.row, place.row)
    end = last if len(found) > limit else None if left is None else await _end_of(tx, key, window, examined)
    on = key.cursor(end, backwards=backwards)
    # An empty page does not include the row that it came from, so the page before it begins at that row.
    back = key.cursor(first, backwards=not backwards, inclusive=not rows) if cursor else None
    items = [kind(**row._mapping) for row in rows]
    return Walked(items[::-1], back, on) if backwards else Walked(items, on, back)


def _walked(source: sa.Select[Any], key: Key, place: Place, order: Order) -> sa.Select[Any]:
    """One source from `place` on, in the list's order."""
    columns = source.selected_columns
    if place.row is not None:
        source = source.where(key.behind(place.row, columns, backwards=place.backwards, inclusive=place.inclusive))
    return source.order_by(*order(columns))


def _merged(walked: Sequence[sa.Select[Any]], order: Order, examined: int) -> sa.Select[Any]:
    """All rows of these walks in one order. Each is bounded by itself, so that no plan can read more."""
    if len(walked) == 1:
        return walked[0]
    together = sa.union_all(*(sa.select(one.limit(_number(examined)).subquery()) for one in walked)).subquery("together")
    return sa.select(together).order_by(*order(together.c))


def _number(value: int) -> sa.ColumnElement[int]:
    """In the statement itself: the planner must know it."""
    return sa.literal_column(str(value))


async def _end_of(tx: Transaction, key: Key, window: sa.Subquery, examined: int) -> tuple[Any, ...] | None:
    """The key of the last row of a walk that did not reach the end of the list; None if it did."""
    row = await tx.first(sa.select(*key.columns(window.c)).offset(examined - 1).limit(1))
    return None if row is None else key.of(row)


def _kind_of(column: sa.Column[Any]) -> type:
    """The kind of a cursor's value that is compared with `column`."""
    kinds: tuple[tuple[type, type], ...] = (
        (sa.DateTime, datetime), (sa.Date, date), (sa.BigInteger, int), (sa.SmallInteger, Int16), (sa.Integer, Int32),
    )  # fmt: skip
    return next((kind for type_, kind in kinds if isinstance(column.type, type_)), str)


def _checked(column: sa.Column[Any], value: Any) -> None:
    """Raise ValueError for a value that the driver would refuse."""
    if isinstance(column.type, PublicIdColumn):
        uuid_of(column.type.prefix, value)
    elif isinstance(column.type, sa.Uuid):
        UUID(value)


def link_header(path: str, query: Iterable[tuple[str, str]], page: Page[Any]) -> dict[str, str]:
    """Headers to add to a page that was requested by `path` and `query`: its `Link` header, unless the list has only one page."""
    kept = [(name, value) for name, value in query if name != "cursor"]
    beside = (("next", page.next_cursor), ("prev", page.previous_cursor))
    links = [f'<{path}?{urlencode([*kept, ("cursor", cursor)])}>; rel="{relation}"' for relation, cursor in beside if cursor is not None]
    return {"Link": ", ".join(links)} if links else {}
