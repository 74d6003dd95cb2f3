"""Loads an order's copy with its refunds' claims and approvals."""

import json
from collections.abc import Sequence
from dataclasses import fields
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Row

from services.refunds.state import SHIPPING, Credited, KnownClosing, KnownOrder, KnownPayment, Ledger, Line, Units
from services.refunds.tables import approvals, claims, order_lines, orders, part_credits, refunds
from shared.contracts.actor import Actor
from shared.contracts.errors import NotFound
from shared.contracts.events import Cancellation, PartCancellation, RefundedBefore
from shared.data.columns import own_rows
from shared.data.db import Transaction
from shared.data.readable import all_read
from shared.data.set_aside import one_row

_APPROVED = (
    sa.select(approvals.c.approved_after)
    .where(approvals.c.store_id == sa.bindparam("store"), approvals.c.order_id == sa.bindparam("order"))
    .order_by(approvals.c.number.desc())
    .limit(1)
)


async def ledger(tx: Transaction, actor: Actor, order_id: str, *, lock: bool = False) -> Ledger:
    """An order that the actor may see, with its refunds' claims and approvals.

    Raises NotFound `order_not_here_yet`. A missing copy, a missing order and another customer's order look the same.

    `lock` serialises all changes to the order's refunds. The lock comes first, and a separate statement reads the claims after it: the
    same statement would see them as of the beginning of its wait for the lock.
    """
    row = await _order_row(tx, actor, sa.literal(order_id, orders.c.order_id.type), lock=lock)
    if row is None:
        raise NotFound("order_not_here_yet", "Order not found, or not yet known to this service.", retry_after_seconds=1)
    return await _ledger(tx, row)


async def ledger_of_refund(tx: Transaction, actor: Actor, refund_id: str) -> Ledger:
    """The ledger of a refund's order, locked. Raises NotFound."""
    its_order = sa.select(refunds.c.order_id).where(refunds.c.store_id == actor.store, refunds.c.refund_id == refund_id)
    row = await _order_row(tx, actor, its_order.scalar_subquery(), lock=True)
    if row is None:  # a refund exists only if its order does, so a retry would not find it either
        raise NotFound(detail="Refund not found.")
    return await _ledger(tx, row)


async def approved_of(tx: Transaction, store_id: str, order_id: str) -> int:
    """The money approved so far for an order whose row the caller has locked: the end of its chain of approvals."""
    return int(await tx.scalar(_APPROVED, {"store": store_id, "order": order_id}) or 0)


async def _order_row(tx: Transaction, actor: Actor, order_id: sa.ColumnElement[Any], *, lock: bool) -> Row[Any] | None:
    statement = sa.select(orders).where(own_rows(actor, orders), orders.c.order_id == order_id)
    return await tx.first(statement.with_for_update() if lock else statement)


async def _ledger(tx: Transaction, row: Row[Any]) -> Ledger:
    lines = await tx.all(_lines_with_claims(row.store_id, row.order_id))
    with one_row("orders", row.store_id, row.order_id):
        all_read(row)
        approvals_made, approved = lines[0].last_approval or (0, 0)
        return Ledger(
            order=_order(row, lines),
            taken={line.line: tuple(Units(*pair) for pair in line.taken) for line in lines},
            slots={line.line: line.slot for line in lines},
            approved=approved,
            approvals=approvals_made,
            credits={line.line: Credited(*line.credited) for line in lines if line.credited}
            | ({SHIPPING: Credited(*lines[0].shipping_credited)} if lines[0].shipping_credited else {}),
        )


def _lines_with_claims(store_id: str, order_id: str) -> sa.Select[Any]:
    """The order's lines, each with its taken units and last credit, and the last approval and credit of shipping of the order."""
    pairs = sa.func.jsonb_agg(sa.func.jsonb_build_array(claims.c.first, claims.c.last))
    taken = sa.select(sa.func.coalesce(pairs, sa.text("'[]'::jsonb"))).where(
        claims.c.store_id == order_lines.c.store_id,
        claims.c.order_id == order_lines.c.order_id,
        claims.c.line == order_lines.c.line,
    )
    last_approval = (
        sa.select(sa.func.jsonb_build_array(approvals.c.number, approvals.c.approved_after))
        .where(approvals.c.store_id == store_id, approvals.c.order_id == order_id)
        .order_by(approvals.c.number.desc())
        .limit(1)
    )
    credited = _last_credit(order_lines.c.store_id, order_lines.c.order_id, order_lines.c.line).label("credited")
    shipping_credited = _last_credit(store_id, order_id, SHIPPING).label("shipping_credited")
    return (
        sa.select(
            order_lines,
            taken.scalar_subquery().label("taken"),
            last_approval.scalar_subquery().label("last_approval"),
            credited,
            shipping_credited,
        )
        .where(order_lines.c.store_id == store_id, order_lines.c.order_id == order_id)
        .order_by(order_lines.c.line)
    )


def _last_credit(store_id: Any, order_id: Any, part: Any) -> sa.ScalarSelect[Any]:
    """[what was credited of a part, in how many credits]; null if none was."""
    last = sa.select(sa.func.jsonb_build_array(part_credits.c.after, part_credits.c.number)).where(
        part_credits.c.store_id == store_id, part_credits.c.order_id == order_id, part_credits.c.part == part
    )
    return last.order_by(part_credits.c.number.desc()).limit(1).scalar_subquery()


def _order(row: Row[Any], lines: Sequence[Row[Any]]) -> KnownOrder:
    same = ("order_id", "number", "customer_id", "version", "status", "currency", "shipping", "shipping_tax", "delivered_at",
            "fulfilment", "imported", "shipping_tax_rate", "shipping_tax_code", "pay_to")  # fmt: skip
    return KnownOrder(
        **{name: row._mapping[name] for name in same},
        lines=tuple(Line(**{field.name: line._mapping[field.name] for field in fields(Line)}) for line in lines),
        payments=tuple(KnownPayment(**payment) for payment in row.payments),
        closings=tuple(KnownClosing(**closing) for closing in row.closings),
        cancellation=Cancellation.model_validate_json(json.dumps(row.cancellation)) if row.cancellation else None,
        refunded_before=None if row.refunded_before is None else RefundedBefore.model_validate(row.refunded_before, strict=False),
        part_cancellations=tuple(PartCancellation.model_validate(one, strict=False) for one in row.part_cancellations),
    )
