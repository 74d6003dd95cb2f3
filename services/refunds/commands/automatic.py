"""Automatic refunds: money and goods that the copy of an order shows as due are refunded without a request."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from services.refunds.commands import attention, copies, record
from services.refunds.commands.decide import cancel
from services.refunds.queries import ledgers, policies
from services.refunds.queries.refunds import open_refunds_of
from services.refunds.requests import WantedLine
from services.refunds.rules import explanation
from services.refunds.rules.amounts import MoneyBack, money_back, refund_amount, refunded_before
from services.refunds.rules.automatic import Already, Due, due_refunds, if_cancelled, keeps_shipping
from services.refunds.rules.claim import all_free, claim
from services.refunds.rules.decisions import has_seen, may_be_cancelled
from services.refunds.rules.goods import disposition_before, disposition_of
from services.refunds.rules.lines import lines_of_money, lines_of_units
from services.refunds.rules.payout import payout
from services.refunds.rules.settlement import settled_before, settlement_of
from services.refunds.rules.taxes import Taxed, taxed
from services.refunds.state import KnownOrder, Ledger, Policy, Refund
from services.refunds.tables import refunds
from shared.contracts.actor import Actor, system
from shared.contracts.events import By, Cancellation, Order, OrderEvent, PartCancellation, RefundedBefore
from shared.data.db import Transaction

ACTOR_NAME = "refunds"


def is_only_copied(event: OrderEvent) -> bool:
    """Whether the event by itself requires only a newer copy: only what was cancelled is refunded automatically."""
    order = event.order
    return order.cancellation is None and not order.part_cancellations and (order.history is None or order.history.refunded is None)


async def refund_what_is_due(tx: Transaction, store_id: str, order: Order, *, now: datetime) -> None:
    """Update the copy if the order is newer, then refund what the copy shows as due."""
    created = await copies.copy_order(tx, store_id, order)
    if created is None:
        return  # stale: the event that brought the newer copy has already refunded what was due
    approved = 0 if created else await ledgers.approved_of(tx, store_id, order.order_id)
    overdrawn = approved > sum(payment.amount for payment in order.payments)
    had_gone_back = bool(created) and order.history is not None and order.history.refunded is not None
    if order.cancellation is None and not order.part_cancellations and not overdrawn and not had_gone_back:
        return
    actor = system(store_id, ACTOR_NAME)
    ledger = await ledgers.ledger(tx, actor, order.order_id, lock=True)
    if had_gone_back:
        ledger = await _record_history(tx, actor, ledger, now=now)
    if ledger.order.part_cancellations:
        ledger = await _credit_parts(tx, actor, ledger, now=now)
    if ledger.order.cancellation is not None:
        await _give_back(tx, actor, ledger, ledger.order.cancellation, now=now)
    if ledger.approved > ledger.order.collected:
        await attention.approved_above_collected(tx, actor, ledger, now=now)


@dataclass(frozen=True, slots=True)
class PlannedCancellation:
    """What an order's cancellation would do with its money: the refund that it would make (None: it would make none), and its taxes."""

    order: KnownOrder
    policy: Policy
    due: Due | None
    back: MoneyBack
    tax: Taxed
    due_before: int
    open_requests: tuple[str, ...]  # the refunds that it would cancel
    explanation: dict[str, Any]


async def plan_cancellation(
    tx: Transaction, actor: Actor, order_id: str, order_version: int | None, *, now: datetime
) -> PlannedCancellation:
    """Compute what cancelling the order now would do with its money, without writing anything.

    Whether `actor` may cancel it, the order service decides. Raises NotFound, Refused (rules.decisions.has_seen, may_be_cancelled).
    """
    ledger = await ledgers.ledger(tx, actor, order_id)
    has_seen(ledger.order, order_version).or_raise()
    may_be_cancelled(ledger.order).or_raise()
    policy = await policies.policy_at(tx, actor.store, at=now)
    order = if_cancelled(ledger.order, now=now)
    requests = await open_refunds_of(tx, actor, order_id)
    due = next(iter(due_refunds(order, policy, await _already(tx, actor, ledger))), None)
    amount, kept = (due.amount, due.shipping_kept) if due else (0, 0)
    back = money_back(order, ledger.credited, amount, shipping_kept=kept)
    freed = {(number, units) for one in requests for number, ranges in one.claim.items() for units in ranges}
    taken = {number: tuple(units for units in ranges if (number, units) not in freed) for number, ranges in ledger.taken.items()}
    lines = lines_of_money(order, back, all_free(order, taken) if due else {}, disposition_of(order, policy))
    return PlannedCancellation(
        order=ledger.order,
        policy=policy,
        due=due,
        back=back,
        tax=taxed(order, lines, ledger.credited, payout=amount - back.overpaid, shipping_kept=kept),
        due_before=ledger.position.due,
        open_requests=tuple(one.refund_id for one in requests),
        explanation=explanation.of_money(order, due, back, policy, ledger.approved) if due else {},
    )


async def _record_history(tx: Transaction, actor: Actor, ledger: Ledger, *, now: datetime) -> Ledger:
    """Record what had gone back before the order was imported: the first of its refunds. Returns the ledger after it."""
    order, refunded = ledger.order, ledger.order.refunded_before or RefundedBefore()
    wanted = [WantedLine(line=one.line, quantity=one.quantity) for one in refunded.lines if one.quantity]
    units, back = claim(order, ledger.taken, wanted), refunded_before(order, refunded)
    lines = lines_of_money(order, back, units, disposition_before(order))
    refund = Refund(
        **record.begun(actor, order, Policy(version=0, valid_from=now), now=now),
        status="approved",
        settlement=settled_before(refunded.amount),
        settled_amount=refunded.amount,
        cause="history",
        order_version=1,
        reason="history",
        amount=refunded.amount,
        credit=refunded.amount,
        goods=back.goods,
        shipping=back.shipping,
        **taxed(order, lines, ledger.credited, payout=refunded.amount).figures,
        explanation=explanation.of_history(order, back),
        decided_by=By.of(actor).model_dump(),
        decided_at=now,
    )
    return await record.add_approved(tx, actor, ledger, refund, units, collected_seen=order.collected_before, now=now)


async def _credit_parts(tx: Transaction, actor: Actor, ledger: Ledger, *, now: datetime) -> Ledger:
    """One refund for each part cancellation that has none yet, oldest first, also over nothing. Returns the ledger after them."""
    mine = (refunds.c.store_id == actor.store) & (refunds.c.order_id == ledger.order.order_id)
    rows = await tx.all(sa.select(refunds.c.part_cancellation_id).where(mine, refunds.c.cause == "part_cancellation"))
    made = {row.part_cancellation_id for row in rows}
    for part in sorted(ledger.order.part_cancellations, key=lambda part: part.order_version):
        if part.part_cancellation_id not in made:
            policy = await policies.policy_at(tx, actor.store, at=part.recorded_at)
            ledger = await _credit_part(tx, actor, ledger, part, policy, now=now)
    return ledger


async def _credit_part(tx: Transaction, actor: Actor, ledger: Ledger, part: PartCancellation, policy: Policy, *, now: datetime) -> Ledger:
    """Credit the units of a part cancellation, and pay what of it is not owed. Returns the ledger after it."""
    order = ledger.order
    units = claim(order, ledger.taken, [WantedLine(line=one.line, quantity=one.quantity) for one in part.lines])
    amount = refund_amount(order, units, ledger.credited, deduct_shipping=keeps_shipping(part, policy))
    version = part.order_version
    before = replace(ledger.position, collected=order.collected_upto(version), written_off=order.written_off_upto(version))
    paid = payout(before, amount.total)
    lines = lines_of_units(order, amount, dict.fromkeys(units, "never_left"))
    refund = Refund(
        **record.begun(actor, order, policy, now=now),
        status="approved",
        settlement=settlement_of(paid),
        cause="part_cancellation",
        part_cancellation_id=part.part_cancellation_id,
        order_version=part.order_version,
        reason="part_cancellation",
        pay_to=order.pay_to,
        amount=paid,
        credit=amount.total,
        goods=amount.goods,
        shipping=amount.shipping,
        **taxed(order, lines, ledger.credited, payout=paid).figures,
        explanation=explanation.of_units(order, amount, policy.version, before),
        decided_by=By.of(actor).model_dump(),
        decided_at=now,
    )
    return await record.add_approved(tx, actor, ledger, refund, units, collected_seen=before.collected, now=now)


async def _give_back(tx: Transaction, actor: Actor, ledger: Ledger, cancellation: Cancellation, *, now: datetime) -> None:
    """Product section 2: open requests of a cancelled order are cancelled first, then its money and goods are refunded."""
    open_requests = await open_refunds_of(tx, actor, ledger.order.order_id)
    for request in open_requests:
        await cancel(tx, actor, request, now=now, internal_reason="The order was cancelled.")
    if open_requests:
        ledger = await ledgers.ledger(tx, actor, ledger.order.order_id)
    policy = await policies.policy_at(tx, actor.store, at=cancellation.recorded_at)
    made = await _already(tx, actor, ledger)
    first, kept = not made.keys and not ledger.order.cancelled_before, made.shipping_kept
    for due in due_refunds(ledger.order, policy, made):
        ledger = await _make(tx, actor, ledger, due, policy, kept_before=kept, claims_goods=first, now=now)
        first, kept = False, kept + due.shipping_kept


async def _already(tx: Transaction, actor: Actor, ledger: Ledger) -> Already:
    mine = (refunds.c.store_id == actor.store) & (refunds.c.order_id == ledger.order.order_id)
    made = sa.select(refunds.c.payment_id, refunds.c.shipping_kept).where(mine, refunds.c.cause.in_(("cancellation", "payment")))
    rows = await tx.all(made)
    in_parts = sa.select(sa.func.coalesce(sa.func.sum(refunds.c.shipping), 0)).where(
        mine, refunds.c.cause.in_(("part_cancellation", "history"))
    )
    shipping = int(await tx.scalar(in_parts))
    return Already(
        approved=ledger.approved,
        shipping_credited=shipping,
        shipping_kept=sum(row.shipping_kept for row in rows),
        keys={row.payment_id for row in rows},
    )


async def _make(
    tx: Transaction, actor: Actor, ledger: Ledger, due: Due, policy: Policy, *, kept_before: int, claims_goods: bool, now: datetime
) -> Ledger:
    """Create one automatic refund, approved at once. Returns the ledger after it."""
    order, credited = ledger.order, ledger.credited
    kept = due.shipping_kept + kept_before
    back = money_back(order, credited, due.amount, shipping_kept=kept)
    claimed = all_free(order, ledger.taken) if claims_goods else {}
    lines = lines_of_money(order, back, claimed, disposition_of(order, policy))
    tax = taxed(order, lines, credited, payout=due.amount - back.overpaid, shipping_kept=due.shipping_kept, kept_before=kept_before)
    refund = Refund(
        **record.begun(actor, order, policy, now=now),
        status="approved",
        settlement=settlement_of(due.amount),
        cause=due.cause,
        payment_id=due.key,
        order_version=due.order_version,
        reason=due.cause,
        pay_to=order.pay_to,
        amount=due.amount,
        credit=due.amount - back.overpaid,
        goods=back.goods,
        shipping=back.shipping,
        overpaid=back.overpaid,
        shipping_kept=due.shipping_kept,
        **tax.figures,
        explanation=explanation.of_money(order, due, back, policy, ledger.approved),
        decided_by=By.of(actor).model_dump(),
        decided_at=now,
    )
    return await record.add_approved(tx, actor, ledger, refund, claimed, collected_seen=due.collected, now=now)
