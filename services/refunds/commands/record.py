"""Writes refunds, their claims and approvals, and publishes their events. Always under the order's lock."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from services.refunds.commands import attention
from services.refunds.rules.pay_to import pay_to_missing
from services.refunds.state import SHIPPING, TABLES, Credited, KnownOrder, Ledger, Policy, Refund, Units
from services.refunds.tables import approvals, claims, orders, part_credits, refund_lines, refunds
from shared.contracts import events
from shared.contracts.actor import Actor
from shared.contracts.events import By, Event, RefundApproved, RefundEvent, RefundPersonal
from shared.contracts.ids import new_id
from shared.data.db import Transaction
from shared.messaging.outbox import emit


def begun(actor: Actor, order: KnownOrder, policy: Policy, *, now: datetime) -> dict[str, Any]:
    """The fields of a new refund that come from its order, the policy in force and the actor."""
    return {
        "refund_id": new_id("refund"), "order_id": order.order_id, "order_number": order.number, "customer_id": order.customer_id,
        "version": 1, "order_invoiced": order.invoiced, "policy_version": policy.version, "currency": order.currency,
        "requested_by": By.of(actor).model_dump(), "requested_at": now,
    }  # fmt: skip


async def add(tx: Transaction, store_id: str, ledger: Ledger, refund: Refund) -> None:
    """Write a new refund and claim its units."""
    row = _stored({field.name: getattr(refund, field.name) for field in fields(refund) if field.name != "lines"})
    await tx.execute(sa.insert(refunds), {"store_id": store_id, **row})
    await _add_lines(tx, store_id, refund)
    await _add_claims(tx, store_id, ledger, refund)


async def change(tx: Transaction, store_id: str, before: Refund, **values: Any) -> Refund:
    """Update a refund's values as its next version. change_lines rewrites its lines."""
    after = replace(before, version=before.version + 1, **values)
    columns = {name: getattr(after, name) for name in (*values, "version") if name != "lines"}
    await tx.execute(sa.update(refunds).where(*_one(refunds, store_id, before)).values(**_stored(columns)))
    return after


async def redirect(tx: Transaction, actor: Actor, refund: Refund, pay_to: dict[str, Any] | None, *, now: datetime) -> Refund:
    """Say where the money of a refund goes, or no longer. Its version stays: no event tells of an account."""
    await tx.execute(sa.update(refunds).where(*_one(refunds, actor.store, refund)).values(pay_to=pay_to))
    if pay_to is not None:
        await attention.pay_to_known(tx, actor, refund.refund_id, now=now)
    return replace(refund, pay_to=pay_to)


async def change_lines(tx: Transaction, store_id: str, ledger: Ledger, after: Refund) -> None:
    """Replace a refund's lines, and claim exactly their units."""
    await tx.execute(sa.delete(refund_lines).where(*_one(refund_lines, store_id, after)))
    await release(tx, store_id, after)
    await _add_lines(tx, store_id, after)
    await _add_claims(tx, store_id, ledger, after)


async def release(tx: Transaction, store_id: str, refund: Refund) -> None:
    """Free a refund's units."""
    await tx.execute(sa.delete(claims).where(*_one(claims, store_id, refund)))


async def approve(tx: Transaction, store_id: str, ledger: Ledger, refund: Refund, *, collected_seen: int, now: datetime) -> Ledger:
    """Append an approval, and the credit of each part, to the order's chains. Returns the ledger after it."""
    row = {
        "store_id": store_id,
        "order_id": refund.order_id,
        "number": ledger.approvals + 1,
        "refund_id": refund.refund_id,
        "amount": refund.amount,
        "collected_seen": collected_seen,
        "approved_before": ledger.approved,
        "approved_at": now,
    }
    await tx.execute(sa.insert(approvals), row)
    if pay_to_missing(refund, ledger.order, refund.order_version):
        await attention.pay_to_missing(tx, store_id, refund, now=now)
    after = await _credit(tx, store_id, ledger, refund)
    return replace(ledger, approved=ledger.approved + refund.amount, approvals=ledger.approvals + 1, credits=after)


async def add_approved(
    tx: Transaction, actor: Actor, ledger: Ledger, refund: Refund, claimed: Mapping[int, Sequence[Units]], *, collected_seen: int,
    now: datetime,
) -> Ledger:  # fmt: skip
    """Record a refund that is approved as it is made, and announce it. Returns the ledger after it."""
    await add(tx, actor.store, ledger, refund)
    after = await approve(tx, actor.store, ledger, refund, collected_seen=collected_seen, now=now)
    await announce(tx, actor, RefundApproved, refund, now=now, message=refund.message)
    taken = {line: (*ledger.taken.get(line, ()), *ranges) for line, ranges in claimed.items()}
    return replace(after, taken={**ledger.taken, **taken})


async def _credit(tx: Transaction, store_id: str, ledger: Ledger, refund: Refund) -> dict[int, Credited]:
    """Append what a refund credits of each part. Returns what was credited of every part after it."""
    whole = {SHIPPING: ledger.order.shipping} | {line.line: line.total for line in ledger.order.lines}
    now = {SHIPPING: refund.shipping} | {line.line: line.goods for line in refund.lines}
    after, rows = dict(ledger.credits), []
    for part, amount in now.items():
        if amount:
            before = ledger.credits.get(part, Credited())
            after[part] = Credited(before.amount + amount, before.number + 1)
            row = {"part": part, "number": after[part].number, "amount": amount, "before": before.amount, "whole": whole[part]}
            rows.append({"store_id": store_id, "order_id": refund.order_id, "refund_id": refund.refund_id, **row})
    if rows:
        await tx.execute(sa.insert(part_credits), rows)
    return after


async def announce(
    tx: Transaction,
    actor: Actor,
    kind: type[RefundEvent],
    refund: Refund,
    *,
    now: datetime,
    message: str = "",
    facts: Mapping[str, Any] = {},
) -> None:
    """Emit one refund.* event of the order, with the next value of the order's counter as its sequence."""
    personal = RefundPersonal(description=refund.description, further_information=refund.further_information, message=message)
    event: Event = kind(
        occurred_at=now, refund=events.Refund.model_validate(refund, from_attributes=True), by=By.of(actor), personal=personal, **facts
    )
    mine = (orders.c.store_id == actor.store) & (orders.c.order_id == refund.order_id)
    sequence = await tx.scalar(sa.update(orders).where(mine).values(events=orders.c.events + 1).returning(orders.c.events))
    await emit(tx, event, store_id=actor.store, sequence=sequence, recorded_at=now)


def _stored(values: dict[str, Any]) -> dict[str, Any]:
    """A refund's values as its columns store them."""
    return {name: [row.model_dump() for row in value] if name in TABLES else value for name, value in values.items()}


def _one(table: sa.Table, store_id: str, refund: Refund) -> tuple[sa.ColumnElement[bool], ...]:
    return table.c.store_id == store_id, table.c.refund_id == refund.refund_id


async def _add_lines(tx: Transaction, store_id: str, refund: Refund) -> None:
    if refund.lines:
        rows = [{"store_id": store_id, "refund_id": refund.refund_id, **asdict(line)} for line in refund.lines]
        await tx.execute(sa.insert(refund_lines), rows)


async def _add_claims(tx: Transaction, store_id: str, ledger: Ledger, refund: Refund) -> None:
    quantities = {line.line: line.quantity for line in ledger.order.lines}

    def row(number: int, units: Units) -> dict[str, Any]:
        return {
            "store_id": store_id,
            "order_id": refund.order_id,
            "line": number,
            "first": units.first,
            "last": units.last,
            "slot": ledger.slots[number],
            "line_quantity": quantities[number],
            "refund_id": refund.refund_id,
        }

    rows = [row(number, units) for number, ranges in refund.claim.items() for units in ranges]
    if rows:
        await tx.execute(sa.insert(claims), rows)
