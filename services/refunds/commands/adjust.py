"""Gives money back without units: a goodwill, shipping alone, or what was paid too much (real-shops.md 2.2)."""

from datetime import datetime
from typing import Any

from services.refunds.commands import record
from services.refunds.queries import ledgers, policies
from services.refunds.requests import AdjustRefund
from services.refunds.rules import adjustments
from services.refunds.rules.amounts import money_of_parts
from services.refunds.rules.decisions import has_seen
from services.refunds.rules.goods import disposition_of
from services.refunds.rules.lines import lines_of_money
from services.refunds.rules.pay_to import account
from services.refunds.rules.payout import may_pay, payout
from services.refunds.rules.settlement import settlement_of
from services.refunds.rules.taxes import taxed
from services.refunds.state import Ledger, Policy, Refund
from shared.contracts.actor import Actor
from shared.contracts.events import By
from shared.data.db import Transaction


async def adjust_refund(tx: Transaction, actor: Actor, wanted: AdjustRefund, *, now: datetime) -> Refund:
    """Make an adjustment, approved as it is made. Final.

    Raises NotFound, Forbidden `shop_only`, Invalid `unknown_line`, Refused (rules.adjustments.check, payout.may_pay, decisions.has_seen).
    """
    ledger = await ledgers.ledger(tx, actor, wanted.order_id, lock=True)
    has_seen(ledger.order, wanted.order_version).or_raise()
    adjustments.check(ledger, actor, wanted)
    policy = await policies.policy_at(tx, actor.store, at=now)
    figures = _overpaid(ledger, wanted) if wanted.kind == "overpaid" else _credit(ledger, wanted, policy)
    refund = Refund(
        **record.begun(actor, ledger.order, policy, now=now),
        status="approved",
        settlement=settlement_of(figures["amount"]),
        cause="overpaid" if wanted.kind == "overpaid" else "adjustment",
        order_version=ledger.order.version,
        reason=wanted.reason or wanted.kind,
        message=wanted.message,
        pay_to=account(wanted.pay_to, actor, now=now),
        **figures,
        explanation=adjustments.explanation(
            ledger, wanted, policy.version, deduct_shipping=policy.deduct_shipping, payout=figures["amount"]
        ),
        decided_by=By.of(actor).model_dump(),
        decided_at=now,
    )
    await record.add_approved(tx, actor, ledger, refund, {}, collected_seen=ledger.order.collected, now=now)
    return refund


def _overpaid(ledger: Ledger, wanted: AdjustRefund) -> dict[str, Any]:
    """Money that was paid too much goes back: nothing is credited, and there is no tax in it."""
    tax = taxed(ledger.order, (), ledger.credited, payout=0)
    return {"amount": wanted.amount, "credit": 0, "goods": 0, "shipping": 0, "overpaid": wanted.amount, **tax.figures}


def _credit(ledger: Ledger, wanted: AdjustRefund, policy: Policy) -> dict[str, Any]:
    """A credit of parts of the order, and what of it is paid out. Raises Refused (rules.payout.may_pay)."""
    order = ledger.order
    may_pay(ledger.position, wanted.amount, wanted.payout).or_raise()
    back = money_of_parts(order, ledger.credited, adjustments.parts_of(order, ledger.credited, wanted))
    paid = payout(ledger.position, wanted.amount)
    tax = taxed(order, lines_of_money(order, back, {}, disposition_of(order, policy)), ledger.credited, payout=paid)
    return {"amount": paid, "credit": wanted.amount, "goods": back.goods, "shipping": back.shipping, **tax.figures}
