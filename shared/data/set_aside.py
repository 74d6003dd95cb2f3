"""Stored rows that cannot be read or published: each is noted once with the reason, so that it blocks nothing and is not overlooked.

Code that meets such a row (the relay, a list, an export, a stream) leaves it out, notes it here, and goes on. `aftersale parked list`,
the readiness warning `set_aside` and a metric show the notes; `aftersale parked retry` removes the note once the row is repaired.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import sqlalchemy as sa
import structlog
from pydantic import ValidationError
from sqlalchemy.dialects.postgresql import insert

from shared.contracts.errors import Failure, UnreadableRow
from shared.contracts.ids import new_uuid
from shared.data.db import Database, Transaction

log = structlog.get_logger()

OUTBOX = "outbox"
"""The place of events that cannot be published. Only these are also marked in their own row, so that the relay skips them."""

AGAIN_SECONDS = 60
"""A row that is read often is counted again at most this often; otherwise each read of a popular list would write."""

MOST_DETAIL = 500

R = TypeVar("R")
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Unusable:
    """One row that was left out. `row_key` finds it in its table; neither it nor `detail` may hold anything personal."""

    store_id: str
    row_key: str
    reason: str
    detail: str


def unusable(store_id: str, row_key: str, error: Exception) -> Unusable:
    """A row that failed with `error`, described without its values (pydantic's own text quotes them)."""
    if isinstance(error, ValidationError):
        wrong = [f"{'.'.join(str(part) for part in one['loc'])}: {one['type']}" for one in error.errors(include_input=False)[:5]]
        return Unusable(store_id, row_key, "unreadable", "; ".join(wrong)[:MOST_DETAIL])
    return Unusable(store_id, row_key, "unreadable", type(error).__name__)


def each_readable(
    rows: Iterable[R], read: Callable[[R], V], key: Callable[[R], tuple[str, str]]
) -> tuple[list[tuple[R, V]], list[Unusable]]:
    """Apply `read` to each row: returns the readable rows with their results, and the others. `key` gives store and row key."""
    good: list[tuple[R, V]] = []
    bad: list[Unusable] = []
    for row in rows:
        try:
            good.append((row, read(row)))
        except Exception as error:  # any error concerns this row alone
            bad.append(unusable(*key(row), error))
    return good, bad


async def shown(database: Database, place: str, rows: Iterable[R], view: Callable[[R], V], key: Callable[[R], tuple[str, str]]) -> list[V]:
    """Views of several rows: rows that cannot be shown are noted and left out.

    Call it while holding no connection (see set_aside).
    """
    good, bad = each_readable(rows, view, key)
    await set_aside(database, place, bad)
    return [seen for _, seen in good]


@contextmanager
def one_row(place: str, store_id: str, row_key: str) -> Iterator[None]:
    """For reading a single row: raises UnreadableRow if the block fails on the row's values."""
    try:
        yield
    except Failure:
        raise
    except (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError) as error:
        why = unusable(store_id, row_key, error)
        raise UnreadableRow(place, why.store_id, why.row_key, why.detail) from error


async def set_aside(database: Database, place: str, rows: Sequence[Unusable]) -> None:
    """Note the rows that `place` left out, in a separate transaction. Never raises: the caller goes on without the rows.

    Call it while holding no connection: the holder of the pool's last connection would wait for itself.
    """
    if not rows:
        return
    try:
        async with database.transaction("set_aside") as tx:
            await note(tx, place, rows, now=datetime.now(UTC))
    except Exception as error:
        log.warning("set_aside_not_noted", place=place, rows=len(rows), error=repr(error))


async def note(tx: Transaction, place: str, rows: Sequence[Unusable], *, now: datetime) -> None:
    """Note them in the caller's transaction; a row that is already noted is only counted again."""
    table = tx.kernel.set_aside
    for row in sorted(set(rows), key=lambda one: (one.store_id, one.row_key)):  # always in the same order, or two callers would deadlock
        statement = insert(table).values(
            store_id=row.store_id, place=place, row_key=row.row_key, set_aside_id=new_uuid(), reason=row.reason,
            detail=row.detail[:MOST_DETAIL], first_seen_at=now, last_seen_at=now, times=1,
        )  # fmt: skip
        seen = {"last_seen_at": now, "times": table.c.times + 1, "reason": row.reason, "detail": row.detail[:MOST_DETAIL]}
        again = table.c.last_seen_at < now - timedelta(seconds=AGAIN_SECONDS)
        new = (await tx.execute(statement.on_conflict_do_nothing())).rowcount
        if new:
            log.error("set_aside", place=place, store_id=row.store_id, row_key=row.row_key, reason=row.reason, detail=row.detail)
        else:
            mine = (table.c.store_id == row.store_id) & (table.c.place == place) & (table.c.row_key == row.row_key)
            await tx.execute(sa.update(table).where(mine, again).values(**seen))
