"""Loads refunds: one, one with its order's ledger locked, or a page of a list."""

from dataclasses import fields
from datetime import datetime
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Row

from services.refunds.queries.ledgers import ledger_of_refund
from services.refunds.requests import RefundFilter
from services.refunds.state import TAX_TABLES, Ledger, Refund, RefundLine, RefundRow, RefundSummary, Units
from services.refunds.tables import refund_lines, refunds
from shared.contracts.actor import Actor
from shared.contracts.errors import expect_version
from shared.contracts.events import Fee, TaxRow
from shared.data.columns import columns_of, own_rows
from shared.data.db import Transaction
from shared.data.readable import all_read
from shared.data.set_aside import one_row
from shared.web.pages import Key, Order, Walked, walk

_LINES = (
    sa.select(sa.func.jsonb_agg(sa.func.to_jsonb(refund_lines.table_valued())))
    .where(refund_lines.c.store_id == refunds.c.store_id, refund_lines.c.refund_id == refunds.c.refund_id)
    .scalar_subquery()
)
WHOLE = [*columns_of(refunds, Refund), _LINES.label("lines")]


async def refund_for(tx: Transaction, actor: Actor, refund_id: str) -> Refund:
    """A refund that the actor may see. Raises NotFound, UnreadableRow."""
    row = await tx.found(sa.select(*WHOLE).where(own_rows(actor, refunds), refunds.c.refund_id == refund_id), "Refund not found.")
    return _refund(row, actor.store)


async def refund_for_change(tx: Transaction, actor: Actor, refund_id: str, *, expected_version: int | None = None) -> tuple[Refund, Ledger]:
    """A refund and its order's ledger, locked; the refund is read after the lock. Raises NotFound, VersionConflict."""
    ledger = await ledger_of_refund(tx, actor, refund_id)
    refund = await refund_for(tx, actor, refund_id)
    expect_version(refund.version, expected_version)
    return refund, ledger


async def open_refunds_of(tx: Transaction, actor: Actor, order_id: str) -> list[Refund]:
    """The open requests of an order, oldest first. For use under the order's lock."""
    return await _refunds_of(tx, actor, order_id, refunds.c.status == "processing")


async def automatic_refunds_of(tx: Transaction, actor: Actor, order_id: str) -> list[Refund]:
    """The refunds of an order that were made because something was cancelled, oldest first. For use under the order's lock."""
    return await _refunds_of(tx, actor, order_id, refunds.c.cause.in_(BY_ITSELF))


async def _refunds_of(tx: Transaction, actor: Actor, order_id: str, wanted: sa.ColumnElement[bool]) -> list[Refund]:
    mine = (own_rows(actor, refunds), refunds.c.order_id == order_id, wanted)
    return [_refund(row, actor.store) for row in await tx.all(sa.select(*WHOLE).where(*mine).order_by(refunds.c.refund_id))]


def _refund(row: Row[Any], store_id: str) -> Refund:
    """Raises UnreadableRow."""
    with one_row("refunds", store_id, row.refund_id):
        all_read(row)
        lines = sorted(row.lines or [], key=lambda line: line["line"])
        taxes = {name: tuple(TaxRow(**one) for one in row._mapping[name]) for name in TAX_TABLES}
        fees = tuple(Fee(**one) for one in row.fees)
        return Refund(**{**row._mapping, **taxes, "fees": fees, "lines": tuple(_line(line) for line in lines)})


def _line(row: dict[str, Any]) -> RefundLine:
    values = {field.name: row[field.name] for field in fields(RefundLine)}
    return RefundLine(**values | {"units": tuple(Units(*pair) for pair in values["units"])})


BY_ITSELF = ("part_cancellation", "cancellation", "payment")
"""Causes of refunds that nobody asked for: something was cancelled, or paid after it."""
EQUAL = ("status", "settlement", "cause", "order_id", "order_number", "customer_id")
NEWEST_FIRST = Key(refunds.c.requested_at, refunds.c.refund_id, newest_first=True)
Wanted = TypeVar("Wanted", bound=RefundFilter)


async def page(tx: Transaction, actor: Actor, wanted: RefundFilter, *, now: datetime, cursor: str | None, limit: int) -> Walked[RefundRow]:
    """A page of the refunds that the actor may see, latest request first. Raises Invalid `bad_cursor`.

    It is a bounded walk along the index that fits best (docs/decisions/0205-lists-and-counts.md).
    """
    meant = await resolved(tx, actor, wanted)

    def left(window: sa.Subquery, order: Order) -> sa.Select[Any]:
        of_refund = (refund_lines.c.store_id == actor.store) & (refund_lines.c.refund_id == window.c.refund_id)
        units = sa.select(sa.cast(sa.func.coalesce(sa.func.sum(refund_lines.c.quantity), 0), sa.BigInteger)).where(of_refund)
        found = sa.select(window, units.scalar_subquery().label("units"))
        return found.where(*_conditions(meant, window, now=now)).order_by(*order(window.c))

    return await walk(tx, NEWEST_FIRST, RefundRow, _source(actor, meant), cursor=cursor, limit=limit, left=left)


async def resolved(tx: Transaction, actor: Actor, wanted: Wanted) -> Wanted:
    """Resolve the search text: a full order number or customer id, which indexes serve, or else the beginning of an order number."""
    if not wanted.q:
        return wanted
    for name in ("order_number", "customer_id"):
        one = sa.select(refunds.c.refund_id).where(own_rows(actor, refunds), refunds.c[name] == wanted.q).limit(1)
        if getattr(wanted, name) in (None, wanted.q) and await tx.first(one) is not None:
            return wanted.model_copy(update={"q": None, name: wanted.q})
    return wanted


def _conditions(wanted: RefundFilter, table: sa.FromClause, *, now: datetime) -> list[sa.ColumnElement[bool]]:
    """The conditions for the examined rows."""
    found = [table.c[name] == value for name in EQUAL if (value := getattr(wanted, name)) is not None]
    if wanted.overdue:
        found.append((table.c.status == "processing") & (table.c.overdue_at <= now))
    if wanted.q:
        found.append(table.c.order_number.startswith(wanted.q, autoescape=True))
    return found


def _source(actor: Actor, wanted: RefundFilter) -> sa.Select[Any]:
    """Rows that one index returns in the list's order; the other conditions then filter them."""
    r = refunds.c
    statement = sa.select(*columns_of(refunds, RefundSummary)).where(own_rows(actor, refunds))
    indexed = ("order_number", "order_id", "customer_id", "settlement", "status")
    first = next((name for name in indexed if getattr(wanted, name) is not None), None)
    if first in ("settlement", "status", None) and actor.role == "customer":
        first = None  # the customer's own index is the best there is
    elif first is None and wanted.overdue:
        statement = statement.where(r.status == "processing")
    if first is not None:
        statement = statement.where(r[first] == getattr(wanted, first))
    if wanted.requested_from is not None:
        statement = statement.where(r.requested_at >= wanted.requested_from)
    if wanted.requested_before is not None:
        statement = statement.where(r.requested_at < wanted.requested_before)
    return statement


MEDIAN_OVER_LAST = 1_000


async def median_seconds_to_decide(tx: Transaction, store_id: str) -> float | None:
    """The median over the last 1,000 decided requests; None before the first."""
    r = refunds.c
    last = (
        sa.select(sa.extract("epoch", r.decided_at - r.requested_at).label("took"))
        .where(r.store_id == store_id, r.cause == "request", r.decided_at.is_not(None), sa.func.isfinite(r.decided_at))
        .order_by(r.decided_at.desc())
        .limit(MEDIAN_OVER_LAST)
        .subquery()
    )
    took = await tx.scalar(sa.select(sa.func.percentile_cont(0.5).within_group(last.c.took)))
    return None if took is None else float(took)
