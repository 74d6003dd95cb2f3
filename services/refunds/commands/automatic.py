"""Automatic refunds: money and goods that the copy of an order shows as due are refunded without a request."""

from dataclasses import replace
from datetime import datetime

import sqlalchemy as sa

from services.refunds.commands import attention, copies, record
from services.refunds.commands.decide import cancel
from services.refunds.queries import ledgers, policies
from services.refunds.queries.refunds import open_refunds_of
from services.refunds.rules import explanation
from services.refunds.rules.amounts import money_back
from services.refunds.rules.automatic import Already, Due, due_refunds
from services.refunds.rules.claim import all_free
from services.refunds.rules.goods import disposition_of
from services.refunds.rules.lines import lines_of_money
from services.refunds.rules.settlement import settlement_of
from services.refunds.state import Ledger, Policy, Refund
from services.refunds.tables import refunds
from shared.contracts.actor import Actor, system
from shared.contracts.events import By, Cancellation, Order, OrderEvent, RefundApproved
from shared.data.db import Transaction

ACTOR_NAME = "refunds"


def is_only_copied(event: OrderEvent) -> bool:
    """Whether the event by itself requires only a newer copy: only a cancelled order's money and goods are refunded automatically."""
    return event.order.cancellation is None


async def refund_what_is_due(tx: Transaction, store_id: str, order: Order, *, now: datetime) -> None:
    """Update the copy if the order is newer, then refund what the copy shows as due."""
    created = await copies.copy_order(tx, store_id, order)
    if created is None:
        return  # stale: the event that brought the newer copy has already refunded what was due
    approved = 0 if created else await ledgers.approved_of(tx, store_id, order.order_id)
    if order.cancellation is None and approved <= sum(payment.amount for payment in order.payments):
        return
    actor = system(store_id, ACTOR_NAME)
    ledger = await ledgers.ledger(tx, actor, order.order_id, lock=True)
    if ledger.order.cancellation is not None:
        await _give_back(tx, actor, ledger, ledger.order.cancellation, now=now)
    if ledger.approved > ledger.order.collected:
        await attention.approved_above_collected(tx, actor, ledger, now=now)


async def _give_back(tx: Transaction, actor: Actor, ledger: Ledger, cancellation: Cancellation, *, now: datetime) -> None:
    """Product section 2: open requests of a cancelled order are cancelled first, then its money and goods are refunded."""
    open_requests = await open_refunds_of(tx, actor, ledger.order.order_id)
    for request in open_requests:
        await cancel(tx, actor, request, now=now, internal_reason="The order was cancelled.")
    if open_requests:
        ledger = await ledgers.ledger(tx, actor, ledger.order.order_id)
    policy = await policies.policy_at(tx, actor.store, at=cancellation.recorded_at)
    made = await _already(tx, actor, ledger)
    first = not made.keys
    for due in due_refunds(ledger.order, policy, made):
        ledger = await _make(tx, actor, ledger, due, policy, claims_goods=first, now=now)
        first = False


async def _already(tx: Transaction, actor: Actor, ledger: Ledger) -> Already:
    rows = await tx.all(
        sa.select(refunds.c.payment_id, refunds.c.shipping_kept).where(
            refunds.c.store_id == actor.store, refunds.c.order_id == ledger.order.order_id, refunds.c.cause != "request"
        )
    )
    return Already(ledger.approved, sum(row.shipping_kept for row in rows), {row.payment_id for row in rows})


async def _make(tx: Transaction, actor: Actor, ledger: Ledger, due: Due, policy: Policy, *, claims_goods: bool, now: datetime) -> Ledger:
    """Create one automatic refund, approved at once. Returns the ledger after it."""
    order, before = ledger.order, ledger.approved
    back = money_back(order, before, before + due.amount)
    claimed = all_free(order, ledger.taken) if claims_goods else {}
    refund = Refund(
        **record.begun(actor, order, policy, now=now),
        status="approved",
        settlement=settlement_of(due.amount),
        cause=due.cause,
        payment_id=due.key,
        order_version=due.order_version,
        reason=due.cause,
        amount=due.amount,
        goods=back.goods,
        shipping=back.shipping,
        overpaid=back.overpaid,
        shipping_kept=due.shipping_kept,
        explanation=explanation.of_money(order, due, back, policy, before),
        decided_by=By.of(actor).model_dump(),
        decided_at=now,
        lines=lines_of_money(order, back, claimed, disposition_of(order, policy)),
    )
    await record.add(tx, actor.store, ledger, refund)
    after = await record.approve(tx, actor.store, ledger, refund, collected_seen=order.collected, now=now)
    await record.announce(tx, actor, RefundApproved, refund, now=now)
    return replace(after, taken={**ledger.taken, **{line: (*ledger.taken.get(line, ()), *ranges) for line, ranges in claimed.items()}})
