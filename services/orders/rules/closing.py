"""Closing a difference: the shop does not ask for the rest, or keeps what was paid too much (real-shops.md 1.9). Pure.

It is a tolerance, not money: what was written off and is paid after all needs no correction.
"""

from shared.contracts.actor import Actor, Decision, allowed, refused, shop_only
from shared.contracts.events import ClosingKind, Order, OrderDifferenceClosed
from shared.contracts.position import Position

from .room import MAX_CLOSINGS

ONLY_FOR_THE_SHOP = (OrderDifferenceClosed.type,)
"""Events that no customer is told, in no timeline and no stream (real-shops.md, section 5)."""


def difference(position: Position, kind: ClosingKind) -> int:
    """What can be closed now: what is due can be written off, what is overpaid can be kept."""
    return position.due if kind == "written_off" else position.overpaid


def may_close(order: Order, actor: Actor, limit: int, kind: ClosingKind | None = None, amount: int = 1) -> Decision:
    """Whether `actor` may close `amount` minor units of the difference, or anything of whichever there is.

    `limit` is how much staff may close of one order and kind.
    """
    decision = shop_only(actor)
    if not decision.allowed:
        return decision
    if order.status == "pending":
        return refused("pending_is_amended", "Nothing is invoiced while the order is pending: amend it instead.")
    if order.status == "cancelled":
        return refused("already_cancelled", "The money of a cancelled order comes back by itself.")
    position = order.position
    kind = kind or ("kept" if position.overpaid else "written_off")
    if amount > difference(position, kind):
        detail = "What is due can be written off, and what is overpaid can be kept: no more than that, as of now."
        return refused("no_such_difference", detail, due=position.due, overpaid=position.overpaid)
    closed = position.written_off if kind == "written_off" else position.kept
    if actor.role == "staff" and closed + amount > limit:
        detail = f"In this store, staff may close {limit} minor units of this kind per order, and {closed} are closed already."
        return refused("above_closing_limit", detail, limit=limit, closed=closed)
    if len(order.closings) >= MAX_CLOSINGS:
        return refused("too_many_closings", f"Differences of an order can be closed {MAX_CLOSINGS} times.")
    return allowed()
