"""Who may do what with a refund, and when. The same decision guards the command and is shown in the refund's `actions`."""

from datetime import datetime

from services.refunds.requests import PreviewRefund, ReportSettlement
from services.refunds.rules.payout import may_pay
from services.refunds.state import KnownOrder, Policy, RefundSummary, SettlementReport
from shared.contracts.actor import Actor, Decision, allowed, customer_only, not_yet, refused, shop_only
from shared.contracts.position import Position


def has_seen(order: KnownOrder, version: int | None) -> Decision:
    """Whether the copy is as new as what the caller has seen, so that nobody is refused for good by an older one."""
    if version is None or version <= order.version:
        return allowed()
    return not_yet("order_not_seen_yet", "That version of the order has not reached this service yet: try again.", seen=order.version)


def may_ask(order: KnownOrder, policy: Policy, *, closes_at: datetime | None, now: datetime) -> Decision:
    """Whether the order's customer can request any refund of it at `now`."""
    if order.status == "cancelled":
        return refused("order_cancelled", "There is nothing to request: the money collected is refunded automatically.")
    if order.status != "delivered":
        detail = "No delivery of the order has reached this service yet: try again in a moment, or after the delivery."
        return not_yet("delivery_not_seen_yet", detail)
    if closes_at is not None and now >= closes_at:
        detail = f"Refunds can be requested until {policy.window_days} days after the delivery."
        return refused("window_over", detail, closed_at=closes_at.isoformat())
    return allowed()


def may_request(
    order: KnownOrder, actor: Actor, policy: Policy, request: PreviewRefund, *, closes_at: datetime | None, now: datetime
) -> Decision:
    """Whether `actor` may make this `request` now; staff may exceed the window with a reason. A preview may leave out its own reason."""
    exceeds = actor.is_shop and bool(request.beyond_window_reason)
    asking = may_ask(order, policy, closes_at=None if exceeds else closes_at, now=now)
    if not asking.allowed:
        return asking
    if request.reason is not None and request.reason not in policy.reasons:
        return refused("reason_not_offered", "Choose one of the store's reasons.", reasons=list(policy.reasons))
    if not policy.attachments and request.attachments:
        return refused("attachments_off", "This store does not accept files with a request: use the description instead.")
    if not policy.attachments and request.further_information:
        return refused("attachments_off", "This store does not accept further information with a request: use the description instead.")
    return allowed()


def may_be_cancelled(order: KnownOrder) -> Decision:
    """Whether the order can still be cancelled at all, by anybody."""
    if order.status == "cancelled":
        return refused("order_cancelled", "The order is cancelled: the money collected is refunded automatically.")
    if order.status == "delivered":
        return refused("order_delivered", "A delivered order is not cancelled: request a refund.")
    return allowed()


def may_decide(refund: RefundSummary, actor: Actor) -> Decision:
    """Whether `actor` may approve or decline the refund now."""
    shop = shop_only(actor)
    return _open(refund) if shop.allowed else shop


def may_withdraw(refund: RefundSummary, actor: Actor) -> Decision:
    """Whether `actor` may withdraw the request: its own customer, while it is open."""
    own = customer_only(actor, refund.customer_id)
    return _open(refund) if own.allowed else own


def may_settle(refund: RefundSummary, actor: Actor) -> Decision:
    """Whether `actor` may report a settlement of the refund now."""
    shop = shop_only(actor)
    if not shop.allowed:
        return shop
    if refund.status != "approved":
        return refused("not_approved", "Only an approved refund can be settled.")
    if refund.settlement == "none":
        return refused("nothing_to_settle", "The refund pays 0.")
    if refund.cause == "history":
        return refused("nothing_to_settle", "The money had gone back before the order was imported.")
    return allowed()


def may_report(order: KnownOrder, report: ReportSettlement, same: SettlementReport | None) -> Decision:
    """Whether a report can be taken: what it says agrees with the `same` attempt as it was reported before, and its payment is known."""
    if same is not None:
        if report.amount in (None, same.amount) and report.payment_id in (None, same.payment_id):
            return allowed()
        detail = "This attempt was reported before, with another amount or payment: another attempt needs a reference of its own."
        return refused("settlement_conflict", detail, amount=same.amount, payment_id=same.payment_id)
    if report.payment_id is not None and order.brought_by(report.payment_id) is None:
        return not_yet("payment_not_seen_yet", "No such payment of the order has reached this service: try again, or leave it out.")
    return allowed()


def may_say_where(refund: RefundSummary, actor: Actor) -> Decision:
    """Whether `actor` may say where the money goes: the shop or the refund's own customer, until money was sent."""
    own = shop_only(actor) if actor.is_shop else customer_only(actor, refund.customer_id)
    if not own.allowed:
        return own
    if refund.status == "cancelled":
        return refused("refund_cancelled", "The refund was declined or withdrawn, or its order was cancelled: no money goes back.")
    if refund.settled_amount:
        return refused("money_sent", "Money was sent already: where it goes can no longer be changed.")
    if refund.status == "approved" and refund.amount == 0:
        return refused("nothing_to_settle", "The refund pays 0.")
    return allowed()


def may_say_where_back(order: KnownOrder, actor: Actor) -> Decision:
    """Whether `actor` may say where the money goes that comes back by itself: the shop or the order's own customer.

    Before the order is cancelled, and after it: the cancellation may not have reached this service yet.
    """
    own = shop_only(actor) if actor.is_shop else customer_only(actor, order.customer_id)
    if not own.allowed:
        return own
    if order.status == "delivered":
        return refused("order_delivered", "A delivered order is not cancelled: say it with the request of a refund.")
    return allowed()


def may_inspect(refund: RefundSummary, actor: Actor) -> Decision:
    """Whether `actor` may decide on goods of the refund that are waiting for inspection."""
    shop = shop_only(actor)
    if not shop.allowed:
        return shop
    return allowed() if refund.status == "approved" else refused("not_approved", "Only goods of an approved refund can be inspected.")


def _open(refund: RefundSummary) -> Decision:
    if refund.status == "approved":
        return refused("already_approved", "An approval is final.")
    if refund.status == "cancelled":
        return refused("refund_cancelled", "The refund was declined or withdrawn, or its order was cancelled: it can no longer be decided.")
    return allowed()


def decisions(refund: RefundSummary, actor: Actor, position: Position) -> dict[str, Decision]:
    """The decision for `actor` on every action on the refund, by the action's name. `position` is that of its order."""
    decide = may_decide(refund, actor)
    return {
        "approve": may_pay(position, refund.credit) if decide.allowed else decide,
        "decline": decide,
        "withdraw": may_withdraw(refund, actor),
        "settle": may_settle(refund, actor),
        "inspect": may_inspect(refund, actor),
        "pay_to": may_say_where(refund, actor),
    }
