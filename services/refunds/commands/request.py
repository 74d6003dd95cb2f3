"""Requests a refund, as the customer or as staff on their behalf."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from services.refunds.commands import files, record
from services.refunds.queries import ledgers, policies
from services.refunds.requests import PreviewRefund, RequestRefund
from services.refunds.rules import explanation
from services.refunds.rules.amounts import Amount, refund_amount
from services.refunds.rules.claim import claim
from services.refunds.rules.decisions import has_seen, may_request
from services.refunds.rules.goods import disposition_of
from services.refunds.rules.lines import lines_of_units
from services.refunds.rules.pay_to import account
from services.refunds.rules.policy import window_end
from services.refunds.rules.taxes import taxed
from services.refunds.state import KnownOrder, Ledger, Policy, Refund
from shared.contracts.actor import Actor
from shared.contracts.events import RefundRequested
from shared.data.db import Transaction


@dataclass(frozen=True, slots=True)
class Planned:
    """A request that is allowed, with everything that it is computed from."""

    ledger: Ledger
    policy: Policy
    amount: Amount


async def plan(tx: Transaction, actor: Actor, request: PreviewRefund, *, now: datetime, lock: bool = False) -> Planned:
    """Compute what `request` would pay now, without writing anything.

    Raises NotFound (no copy of an order that they may see), Refused (rules.decisions.may_request, rules.claim), Invalid (unknown line).
    """
    ledger = await ledgers.ledger(tx, actor, request.order_id, lock=lock)
    has_seen(ledger.order, request.order_version).or_raise()
    policy = await policies.policy_at(tx, actor.store, at=now)
    closes_at = await closing_time(tx, actor, ledger.order, policy)
    may_request(ledger.order, actor, policy, request, closes_at=closes_at, now=now).or_raise()
    units = claim(ledger.order, ledger.taken, request.lines)
    amount = refund_amount(ledger.order, units, ledger.credited, deduct_shipping=policy.deduct_shipping)
    return Planned(ledger, policy, amount)


async def closing_time(tx: Transaction, actor: Actor, order: KnownOrder, policy: Policy) -> datetime | None:
    """When the window for requests closes; None if there is no window or no delivery yet."""
    if policy.window_days is None or order.delivered_at is None:
        return None
    return window_end(policy, order.delivered_at, await policies.time_zone(tx, actor.store))


async def request_refund(tx: Transaction, actor: Actor, request: RequestRefund, *, now: datetime) -> Refund:
    """Claim the units and store the request as `processing`, under the policy in force now. The event carries no message for the customer.

    Raises what plan() raises, and Refused `attachment_not_found`.
    """
    planned = await plan(tx, actor, request, now=now, lock=True)
    refund = _requested(planned, actor, request, now=now)
    await record.add(tx, actor.store, planned.ledger, refund)
    await files.take(tx, actor, request.attachments, refund)
    await record.announce(tx, actor, RefundRequested, refund, now=now)
    return refund


def _requested(planned: Planned, actor: Actor, request: RequestRefund, *, now: datetime) -> Refund:
    ledger, policy, amount = planned.ledger, planned.policy, planned.amount
    order = ledger.order
    disposition = disposition_of(order, policy)
    lines = lines_of_units(order, amount, dict.fromkeys((line.line for line in amount.lines), disposition))
    return Refund(
        **record.begun(actor, order, policy, now=now),
        status="processing",
        settlement="none",
        cause="request",
        order_version=order.version,
        reason=request.reason,
        description=request.description,
        further_information=request.further_information,
        pay_to=account(request.pay_to, actor, now=now),
        beyond_window_reason=request.beyond_window_reason,
        amount=amount.total,  # until it is decided: what goes back once everything is paid
        credit=amount.total,
        goods=amount.goods,
        shipping=amount.shipping,
        explanation=explanation.of_units(order, amount, policy.version, ledger.position),
        overdue_at=now + timedelta(hours=policy.overdue_after_hours),
        **taxed(order, lines, ledger.credited, payout=amount.total).figures,
    )
