"""Staff approve or decline a request; its customer may withdraw it."""

from datetime import datetime
from typing import Any

from services.refunds.commands import record
from services.refunds.queries.refunds import refund_for_change
from services.refunds.requests import ApproveRefund, DeclineRefund
from services.refunds.rules import explanation
from services.refunds.rules.amounts import less_fees, refund_amount
from services.refunds.rules.claim import keep_lowest
from services.refunds.rules.decisions import has_seen, may_decide, may_withdraw
from services.refunds.rules.lines import lines_of_units
from services.refunds.rules.payout import may_keep, may_pay, payout
from services.refunds.rules.settlement import settlement_of
from services.refunds.rules.taxes import taxed
from services.refunds.state import Ledger, Refund
from shared.contracts.actor import Actor
from shared.contracts.events import By, Fee, RefundApproved, RefundCancelled
from shared.data.db import Transaction


async def approve_refund(
    tx: Transaction, actor: Actor, refund_id: str, approval: ApproveRefund, *, now: datetime, expected_version: int | None = None
) -> Refund:
    """Approve a request, in full or for fewer units; its own policy determines the amount. Final.

    Raises NotFound, VersionConflict, Forbidden `shop_only`, Refused (rules.decisions.may_decide, claim.keep_lowest, payout.may_keep,
    payout.may_pay).
    """
    refund, ledger = await refund_for_change(tx, actor, refund_id, expected_version=expected_version)
    may_decide(refund, actor).or_raise()
    has_seen(ledger.order, approval.order_version).or_raise()
    figures = _figures(refund, ledger, approval)
    may_pay(ledger.position, figures["credit"], approval.payout).or_raise()
    after = await record.change(
        tx,
        actor.store,
        refund,
        status="approved",
        settlement=settlement_of(figures["amount"]),
        **figures,
        order_version=ledger.order.version,
        order_invoiced=ledger.order.invoiced,
        message=approval.message,
        decided_by=By.of(actor).model_dump(),
        decided_at=now,
    )
    if after.lines != refund.lines:
        await record.change_lines(tx, actor.store, ledger, after)
    await record.approve(tx, actor.store, ledger, after, collected_seen=ledger.order.collected, now=now)
    await record.announce(tx, actor, RefundApproved, after, now=now, message=approval.message)
    return after


async def decline_refund(
    tx: Transaction, actor: Actor, refund_id: str, decline: DeclineRefund, *, now: datetime, expected_version: int | None = None
) -> Refund:
    """Decline a request: the internal reason is only for staff, the message is for the customer. Frees its units.

    Raises NotFound, VersionConflict, Forbidden `shop_only`, Refused (rules.decisions.may_decide).
    """
    refund, _ = await refund_for_change(tx, actor, refund_id, expected_version=expected_version)
    may_decide(refund, actor).or_raise()
    return await cancel(tx, actor, refund, now=now, internal_reason=decline.internal_reason, message=decline.message)


async def withdraw_refund(tx: Transaction, actor: Actor, refund_id: str, *, now: datetime, expected_version: int | None = None) -> Refund:
    """Withdraw the actor's own request. Frees its units.

    Raises NotFound, VersionConflict, Forbidden `customer_only`, Refused (rules.decisions.may_withdraw).
    """
    refund, _ = await refund_for_change(tx, actor, refund_id, expected_version=expected_version)
    may_withdraw(refund, actor).or_raise()
    return await cancel(tx, actor, refund, now=now)


async def cancel(tx: Transaction, actor: Actor, refund: Refund, *, now: datetime, internal_reason: str = "", message: str = "") -> Refund:
    """Cancel an open request and free its units."""
    after = await record.change(
        tx,
        actor.store,
        refund,
        status="cancelled",
        internal_reason=internal_reason,
        message=message,
        decided_by=By.of(actor).model_dump(),
        decided_at=now,
    )
    await record.release(tx, actor.store, after)
    await record.announce(tx, actor, RefundCancelled, after, now=now, message=message)
    return after


def _figures(refund: Refund, ledger: Ledger, approval: ApproveRefund) -> dict[str, Any]:
    """The units, credit, payout, taxes and dispositions of the approval, computed with the policy of the request.

    Raises Refused (claim.keep_lowest, payout.may_keep).
    """
    units, dispositions = refund.claim, {line.line: line.disposition for line in refund.lines}
    if approval.lines is not None:
        units = keep_lowest(units, approval.lines)
        if ledger.order.goods_left:  # what never left cannot come back, whatever the approval says
            dispositions |= {line.line: line.disposition for line in approval.lines if line.disposition is not None}
    keeps = refund.deduct_shipping if approval.shipping == "policy" else approval.shipping == "keep"
    whole = refund_amount(ledger.order, units, ledger.credited, deduct_shipping=keeps)
    fees = tuple(Fee(name=fee.name, amount=fee.amount) for fee in approval.fees)
    kept = sum(fee.amount for fee in fees)
    may_keep(kept, whole.total).or_raise()
    amount = less_fees(whole, kept)
    paid = payout(ledger.position, amount.total)
    tax = taxed(ledger.order, lines_of_units(ledger.order, amount, dispositions), ledger.credited, payout=paid)
    return {
        "amount": paid,
        "credit": amount.total,
        "goods": amount.goods,
        "shipping": amount.shipping,
        "fees": fees,
        "shipping_choice": approval.shipping,
        "shipping_reason": approval.shipping_reason,
        "explanation": explanation.of_units(ledger.order, amount, refund.policy_version, ledger.position, approval.shipping),
        **tax.figures,
    }
