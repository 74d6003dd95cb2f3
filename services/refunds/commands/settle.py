"""Records reports, by the shop or its platform, of attempts to move the money, and where it goes."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from services.refunds.commands import attention, record
from services.refunds.queries import ledgers
from services.refunds.queries.refunds import automatic_refunds_of, refund_for_change
from services.refunds.requests import ReportSettlement, SavePayTo
from services.refunds.rules.decisions import may_report, may_say_where, may_say_where_back, may_settle
from services.refunds.rules.pay_to import account
from services.refunds.rules.settlement import Effect, effect_of
from services.refunds.state import AttentionKind, KnownOrder, Refund, SettlementReport
from services.refunds.tables import orders, refunds, settlements
from shared.contracts.actor import Actor
from shared.contracts.events import By, RefundPartSettled, RefundSettled, RefundSettlementFailed
from shared.data.columns import columns_of
from shared.data.db import Transaction


async def report_settlement(
    tx: Transaction, actor: Actor, refund_id: str, report: ReportSettlement, *, now: datetime, expected_version: int | None = None
) -> Refund:
    """Store a report and apply its effect from rules.settlement. Repeating a report changes nothing.

    Raises NotFound, VersionConflict, Forbidden `shop_only`, Refused (rules.decisions.may_settle, may_report).
    """
    refund, ledger = await refund_for_change(tx, actor, refund_id, expected_version=expected_version)
    may_settle(refund, actor).or_raise()
    known = await _reports(tx, actor.store, refund_id)
    alike = (report.method, report.reference, report.outcome)
    same = next((one for one in known if (one.method, one.reference, one.outcome) == alike), None)
    may_report(ledger.order, report, same).or_raise()
    if same is not None:
        return refund
    amount = refund.left_to_send if report.amount is None else report.amount
    effect = effect_of(refund, report.outcome, amount)
    said = report.model_dump() | {"amount": amount}
    await _store(tx, actor, refund, effect, said=said, known=known, now=now)
    if effect.attention is not None:
        # The report is stored but changes nothing: a person must look.
        await _open(tx, actor, effect.attention, refund, number=len(known) + 1, facts=said, now=now)
        return await record.change(tx, actor.store, refund)
    after = await record.change(tx, actor.store, refund, settlement=effect.settlement, settled_amount=effect.settled_amount)
    facts = {name: said[name] for name in ("reference", "method", "amount", "payment_id")}
    if report.outcome == "failed":
        await record.announce(tx, actor, RefundSettlementFailed, after, now=now, facts=facts | {"reason": report.reason})
        return after
    kind = RefundSettled if after.settlement == "settled" else RefundPartSettled
    await record.announce(tx, actor, kind, after, now=now, facts=facts)
    if after.settlement == "settled":
        await attention.pay_to_known(tx, actor, refund_id, now=now)
    if report.payment_id is not None:
        await _within_its_payment(tx, actor, ledger.order, after, number=len(known) + 1, said=said, now=now)
    return after


async def save_pay_to(
    tx: Transaction, actor: Actor, refund_id: str, wanted: SavePayTo, *, now: datetime, expected_version: int | None = None
) -> Refund:
    """Say where the money of a refund goes. It is personal, so no event and no version tells of it.

    Raises NotFound, VersionConflict, Forbidden, Refused (rules.decisions.may_say_where).
    """
    refund, _ = await refund_for_change(tx, actor, refund_id, expected_version=expected_version)
    may_say_where(refund, actor).or_raise()
    return await record.redirect(tx, actor, refund, account(wanted.pay_to, actor, now=now), now=now)


async def save_pay_to_of_order(tx: Transaction, actor: Actor, order_id: str, wanted: SavePayTo, *, now: datetime) -> KnownOrder:
    """Say where the money of an order goes that comes back by itself: of what is cancelled, and of what is paid after it.

    Refunds that are made later take it over, and those that were made already, unless money was sent. No event tells of it, so it is said
    to this service and not to the one that cancels: docs/decisions/0126-where-money-goes-when-cancelling.md. Returns the order's copy.
    Raises NotFound `order_not_here_yet`, Forbidden, Refused (rules.decisions.may_say_where_back).
    """
    ledger = await ledgers.ledger(tx, actor, order_id, lock=True)
    may_say_where_back(ledger.order, actor).or_raise()
    said = account(wanted.pay_to, actor, now=now)
    mine = (orders.c.store_id == actor.store, orders.c.order_id == order_id)
    await tx.execute(sa.update(orders).where(*mine).values(pay_to=said))
    for refund in await automatic_refunds_of(tx, actor, order_id):
        if may_say_where(refund, actor).allowed:
            await record.redirect(tx, actor, refund, said, now=now)
    return replace(ledger.order, pay_to=said)


async def _reports(tx: Transaction, store_id: str, refund_id: str) -> list[SettlementReport]:
    mine = (settlements.c.store_id == store_id, settlements.c.refund_id == refund_id)
    return [SettlementReport(**row._mapping) for row in await tx.all(sa.select(*columns_of(settlements, SettlementReport)).where(*mine))]


async def _store(
    tx: Transaction, actor: Actor, refund: Refund, effect: Effect, *, said: dict[str, Any], known: Sequence[SettlementReport], now: datetime
) -> None:
    """Write a report; a success that counts is the next of the refund's chain."""
    row = {
        "store_id": actor.store, "refund_id": refund.refund_id, "number": len(known) + 1, **said, "counts": effect.counts,
        "reported_by": By.of(actor).model_dump(), "reported_at": now,
    }  # fmt: skip
    if effect.counts and said["outcome"] == "succeeded":
        turn = 1 + sum(one.counts and one.outcome == "succeeded" for one in known)
        row |= {"turn": turn, "before": refund.settled_amount, "whole": refund.amount}
    await tx.execute(sa.insert(settlements), row)


async def _within_its_payment(
    tx: Transaction, actor: Actor, order: KnownOrder, refund: Refund, *, number: int, said: dict[str, Any], now: datetime
) -> None:
    """Open an item if more has gone back to a payment of the order than stands of it."""
    of_order = (refunds.c.store_id == settlements.c.store_id) & (refunds.c.refund_id == settlements.c.refund_id)
    to_it = (settlements.c.payment_id == said["payment_id"]) & settlements.c.turn.is_not(None)
    sent = sa.select(sa.func.sum(settlements.c.amount)).join(refunds, of_order)
    paid_back = int(await tx.scalar(sent.where(refunds.c.store_id == actor.store, refunds.c.order_id == order.order_id, to_it)))
    brought = order.brought_by(said["payment_id"]) or 0
    if paid_back > brought:
        facts = said | {"brought": brought, "paid_back": paid_back}
        await _open(tx, actor, "paid_back_above_payment", refund, number=number, facts=facts, now=now)


async def _open(
    tx: Transaction, actor: Actor, kind: AttentionKind, refund: Refund, *, number: int, facts: dict[str, Any], now: datetime
) -> None:
    await attention.open_attention(
        tx, actor, kind, key=f"{refund.refund_id}:{number}", order_id=refund.order_id, refund_id=refund.refund_id,
        facts=facts | {"currency": refund.currency}, now=now,
    )  # fmt: skip
