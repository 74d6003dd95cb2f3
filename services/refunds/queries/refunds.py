"""Loading refunds: one, one with its order's ledger locked, or a page of a list."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Row

from services.refunds.models import refund_lines, refunds
from services.refunds.queries.ledgers import ledger_of_refund, orders_of
from services.refunds.rules.units import Units
from services.refunds.state import Ledger, Refund, RefundLine
from shared.actor import Actor
from shared.db import Transaction
from shared.errors import NotFound, VersionConflict

_LINES = (
    sa.select(sa.func.jsonb_agg(sa.func.to_jsonb(refund_lines.table_valued())))
    .where(refund_lines.c.store_id == refunds.c.store_id, refund_lines.c.refund_id == refunds.c.refund_id)
    .scalar_subquery()
)
WHOLE = [*(refunds.c[field.name] for field in fields(Refund) if field.name != "lines"), _LINES.label("lines")]


async def refund_for(tx: Transaction, actor: Actor, refund_id: str) -> Refund:
    """A refund that the actor may see. Raises NotFound."""
    row = await tx.first(sa.select(*WHOLE).where(orders_of(actor, refunds), refunds.c.refund_id == refund_id))
    if row is None:
        raise NotFound(detail="No refund of yours has this id.")
    return _refund(row)


async def refund_for_change(tx: Transaction, actor: Actor, refund_id: str, *, expected_version: int | None = None) -> tuple[Refund, Ledger]:
    """A refund and its order's ledger, locked; the refund is read after the lock. Raises NotFound, VersionConflict."""
    ledger = await ledger_of_refund(tx, actor, refund_id)
    refund = await refund_for(tx, actor, refund_id)
    if expected_version is not None and expected_version != refund.version:
        raise VersionConflict(refund.version)
    return refund, ledger


async def open_refunds_of(tx: Transaction, actor: Actor, order_id: str) -> list[Refund]:
    """The open requests of an order, oldest first. For use under the order's lock."""
    mine = (orders_of(actor, refunds), refunds.c.order_id == order_id, refunds.c.status == "processing")
    return [_refund(row) for row in await tx.all(sa.select(*WHOLE).where(*mine).order_by(refunds.c.refund_id))]


def _refund(row: Row[Any]) -> Refund:
    lines = sorted(row.lines or [], key=lambda line: line["line"])
    return Refund(**{**row._mapping, "lines": tuple(_line(line) for line in lines)})


def _line(row: dict[str, Any]) -> RefundLine:
    values = {field.name: row[field.name] for field in fields(RefundLine)}
    return RefundLine(**values | {"units": tuple(Units(*pair) for pair in values["units"])})


@dataclass(frozen=True, slots=True)
class Filter:
    """Which refunds a list shows; None leaves a question open."""

    status: str | None = None
    settlement: str | None = None
    cause: str | None = None
    order_id: str | None = None
    order_number: str | None = None
    customer_id: str | None = None
    requested_from: datetime | None = None
    requested_to: datetime | None = None
    overdue_at: datetime | None = None
    search: str | None = None

    def conditions(self) -> list[sa.ColumnElement[bool]]:
        """As SQL, each served by an index that leads with the store."""
        r = refunds.c
        equal = {name: getattr(self, name) for name in ("status", "settlement", "cause", "order_id", "order_number", "customer_id")}
        found = [r[name] == value for name, value in equal.items() if value is not None]
        if self.requested_from is not None:
            found.append(r.requested_at >= self.requested_from)
        if self.requested_to is not None:
            found.append(r.requested_at < self.requested_to)
        if self.overdue_at is not None:
            found.append((r.status == "processing") & (r.overdue_at <= self.overdue_at))
        if self.search:
            found.append(r.order_number.startswith(self.search, autoescape=True) | (r.customer_id == self.search))
        return found


SUMMARY = (
    "refund_id", "order_id", "order_number", "requested_at", "status", "settlement", "cause", "customer_id", "reason", "currency", "amount",
    "decided_at", "overdue_at", "version",
)  # fmt: skip


async def page(tx: Transaction, actor: Actor, wanted: Filter, *, after: tuple[datetime, str] | None, limit: int) -> Sequence[Row[Any]]:
    """Up to `limit` refunds that the actor may see, the last requested first, behind (requested_at, refund_id) `after`."""
    return await tx.all(listing(actor, wanted, after).limit(limit))


def listing(actor: Actor, wanted: Filter, after: tuple[datetime, str] | None = None) -> sa.Select[Any]:
    """The list as a statement, without a limit: for a page, and for the export that streams it."""
    place = (refunds.c.requested_at, refunds.c.refund_id)
    statement = (
        sa.select(*(refunds.c[name] for name in SUMMARY))
        .where(orders_of(actor, refunds), *wanted.conditions())
        .order_by(*(column.desc() for column in place))
    )
    if after is None:
        return statement
    values = (sa.literal(value, column.type) for value, column in zip(after, place, strict=True))
    return statement.where(sa.tuple_(*place) < sa.tuple_(*values))


async def counts(tx: Transaction, actor: Actor, now: datetime) -> dict[str, int]:
    """How many refunds stand where; `overdue` are open ones that should have been decided by `now`."""
    r = refunds.c
    by_status = sa.select(r.status, sa.func.count().label("number")).where(orders_of(actor, refunds)).group_by(r.status)
    found = {row.status: row.number for row in await tx.all(by_status)}
    overdue = sa.select(sa.func.count()).where(orders_of(actor, refunds), r.status == "processing", r.overdue_at <= now)
    return {status: found.get(status, 0) for status in ("processing", "approved", "cancelled")} | {"overdue": await tx.scalar(overdue)}


MEDIAN_OVER_LAST = 1_000


async def median_seconds_to_decide(tx: Transaction, store_id: str) -> float | None:
    """Over the last 1,000 requests that were decided; None before the first."""
    r = refunds.c
    last = (
        sa.select((r.decided_at - r.requested_at).label("took"))
        .where(r.store_id == store_id, r.cause == "request", r.decided_at.is_not(None))
        .order_by(r.decided_at.desc())
        .limit(MEDIAN_OVER_LAST)
        .subquery()
    )
    took = await tx.scalar(sa.select(sa.func.percentile_cont(0.5).within_group(last.c.took)))
    return None if took is None else took.total_seconds()
