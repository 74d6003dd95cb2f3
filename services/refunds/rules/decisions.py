"""Who may do what with a refund, and when. The same decision guards the command and is shown in the refund's `actions`."""

from dataclasses import dataclass
from datetime import datetime

from services.refunds.state import KnownOrder, Policy, RefundState
from shared.contracts.actor import Actor, Decision, allowed, not_yet, refused
from shared.contracts.errors import Forbidden


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody asks for beside the units."""

    reason: str
    with_attachments: bool = False
    with_further_information: bool = False
    beyond_window_reason: str = ""


WHO = ("staff_only", "customer_only")
"""Refusals of who somebody is, and not of how things stand: 403 instead of 409."""


def enforce(decision: Decision) -> None:
    """Raise Forbidden or Refused unless allowed."""
    if decision.code in WHO:
        raise Forbidden(str(decision.code), decision.detail)
    decision.or_raise()


def may_ask(order: KnownOrder, policy: Policy, closes_at: datetime | None, now: datetime) -> Decision:
    """Whether a refund of the order can be asked for at all at `now`, by its customer."""
    if order.status == "cancelled":
        return refused("order_cancelled", "Nothing needs to be asked for: what was collected is paid back by itself.")
    if order.status != "delivered":
        detail = "The order is not known as delivered yet: try again in a moment, or after the delivery."
        return not_yet("delivery_not_seen_yet", detail)
    if closes_at is not None and now >= closes_at:
        detail = f"Refunds can be asked for until {policy.window_days} days after the delivery."
        return refused("window_over", detail, closed_at=closes_at.isoformat())
    return allowed()


def may_request(order: KnownOrder, actor: Actor, policy: Policy, wish: Wish, *, closes_at: datetime | None, now: datetime) -> Decision:
    """Whether `actor` may request a refund with `wish` now; staff may exceed the window with a reason."""
    exceeds = actor.is_shop and bool(wish.beyond_window_reason)
    asking = may_ask(order, policy, None if exceeds else closes_at, now)
    if not asking.allowed:
        return asking
    if wish.reason not in policy.reasons:
        return refused("reason_not_offered", "Choose one of the store's reasons.", reasons=list(policy.reasons))
    if not policy.attachments and wish.with_attachments:
        return refused("attachments_off", "This store takes no files with a request: say it in the description.")
    if not policy.attachments and wish.with_further_information:
        return refused("attachments_off", "This store takes no further information with a request: say it in the description.")
    return allowed()


def may_decide(refund: RefundState, actor: Actor) -> Decision:
    """Whether `actor` may approve or decline the refund now."""
    if not actor.is_shop:
        return refused("staff_only", "A refund is decided by the shop.")
    return _open(refund)


def may_pay(order: KnownOrder, amount: int, approved_before: int) -> Decision:
    """Whether `amount` is covered by the money that is known as collected and not approved before."""
    left = order.collected - approved_before
    if amount == 0 or amount <= left:
        return allowed()
    detail = "Record the payment on the order first; then the same approval goes through."
    return refused("not_collected", detail, amount=amount, collected=order.collected, approved_before=approved_before)


def may_withdraw(refund: RefundState, actor: Actor) -> Decision:
    """Whether `actor` may take the request back: its own customer, while it is open."""
    if not actor.did("customer", refund.customer_id):
        return refused("customer_only", "The shop declines a request instead of withdrawing it.")
    return _open(refund)


def may_settle(refund: RefundState, actor: Actor) -> Decision:
    """Whether a report about the refund's money is taken from `actor` now."""
    if not actor.is_shop:
        return refused("staff_only", "Settlements are reported by the shop or its platform.")
    if refund.status != "approved":
        return refused("not_approved", "Only an approved refund is settled.")
    if refund.settlement == "none":
        return refused("nothing_to_settle", "The refund pays 0.")
    return allowed()


def may_inspect(refund: RefundState, actor: Actor) -> Decision:
    """Whether `actor` may decide on goods of the refund that wait for inspection."""
    if not actor.is_shop:
        return refused("staff_only", "Goods are inspected by the shop.")
    return allowed() if refund.status == "approved" else refused("not_approved", "Only goods of an approved refund are inspected.")


def _open(refund: RefundState) -> Decision:
    if refund.status == "approved":
        return refused("already_approved", "An approval is final.")
    if refund.status == "cancelled":
        return refused("already_cancelled", "It was declined or withdrawn before.")
    return allowed()


def decisions(refund: RefundState, actor: Actor, order: KnownOrder, approved_before: int) -> dict[str, Decision]:
    """What `actor` may do with the refund now, by action: what its page shows."""
    decide = may_decide(refund, actor)
    return {
        "approve": may_pay(order, refund.amount, approved_before) if decide.allowed else decide,
        "decline": decide,
        "withdraw": may_withdraw(refund, actor),
        "settle": may_settle(refund, actor),
        "inspect": may_inspect(refund, actor),
    }
