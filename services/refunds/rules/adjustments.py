"""Money without units: who may give it, when, at most how much, and of which parts (real-shops.md 2.2)."""

from collections.abc import Mapping
from typing import Any

from services.refunds.requests import AdjustRefund
from services.refunds.rules.amounts import left_of
from services.refunds.state import SHIPPING, AdjustmentKind, KnownOrder, Ledger
from shared.contracts.actor import Actor, Decision, allowed, not_yet, refused, shop_only
from shared.contracts.errors import Invalid, Refused
from shared.contracts.money import split

KINDS: tuple[AdjustmentKind, ...] = ("goodwill", "shipping", "overpaid")


def may_adjust(ledger: Ledger, actor: Actor, kind: AdjustmentKind, amount: int = 1, *, line: int | None = None) -> Decision:
    """Whether `actor` may give back `amount` minor units now; a `line` is one of the order's.

    Before the delivery an order is amended or cancelled in part instead: a credit note of its cancellation could not tell a goodwill.
    """
    shop = shop_only(actor)
    if not shop.allowed:
        return shop
    if ledger.order.status == "cancelled":
        return refused("order_cancelled", "The money of a cancelled order is refunded automatically.")
    if kind == "overpaid":
        overpaid = ledger.position.overpaid
        detail = "No more than what was paid too much, and is still here, can go back."
        return allowed() if amount <= overpaid else refused("not_overpaid", detail, overpaid=overpaid)
    if ledger.order.status != "delivered":
        detail = "No delivery of the order has reached this service yet: try again in a moment, or after the delivery."
        return not_yet("delivery_not_seen_yet", detail)
    parts = left_of(ledger.order, ledger.credited)
    left = parts[SHIPPING] if kind == "shipping" else sum(parts.values()) if line is None else parts[line]
    detail = "No more can be credited than what is left of the order, the line or the shipping."
    return allowed() if amount <= left else refused("more_than_left", detail, left=left)


def may_adjust_at_all(ledger: Ledger, actor: Actor) -> Decision:
    """Whether any kind of adjustment is possible now; if none is, why a goodwill is not."""
    decisions = [may_adjust(ledger, actor, kind) for kind in KINDS]
    return next((decision for decision in decisions if decision.allowed), decisions[0])


def check(ledger: Ledger, actor: Actor, wanted: AdjustRefund) -> None:
    """Raises Forbidden, Invalid `unknown_line`, and Refused as may_adjust says; `payout_changed` if another payout is expected."""
    shop_only(actor).or_raise()
    known = [line.line for line in ledger.order.lines]
    if wanted.line is not None and wanted.line not in known:
        accepted = f"The order has the lines {', '.join(map(str, known[:100]))}."
        raise Invalid("unknown_line", f"The order has no line {wanted.line}.", at="/line", accepted=accepted)
    may_adjust(ledger, actor, wanted.kind, wanted.amount, line=wanted.line).or_raise()
    if wanted.kind == "overpaid" and wanted.payout not in (None, wanted.amount):
        detail = "What was paid too much goes back whole: the payout is the amount."
        raise Refused("payout_changed", detail, payout=wanted.amount, expected=wanted.payout)


def parts_of(order: KnownOrder, credited: Mapping[int, int], wanted: AdjustRefund) -> dict[int, int]:
    """What a goodwill, or shipping alone, credits of each part. One on the order is spread over what is left of all its parts."""
    if wanted.kind == "shipping":
        return {SHIPPING: wanted.amount}
    if wanted.line is not None:
        return {wanted.line: wanted.amount}
    left = left_of(order, credited)
    return dict(zip(left, split(wanted.amount, list(left.values())), strict=True))


def explanation(ledger: Ledger, wanted: AdjustRefund, policy_version: int, *, deduct_shipping: bool, payout: int) -> dict[str, Any]:
    """The figures of an adjustment with all their inputs, in minor units. `left` is by part, before it; part 0 is the shipping."""
    order, before = ledger.order, ledger.position
    return {
        "kind": "overpaid" if wanted.kind == "overpaid" else "adjustment",
        "adjustment": wanted.kind,
        "line": wanted.line,
        "policy_version": policy_version,
        "deduct_shipping": deduct_shipping,
        "order_goods": order.goods,
        "order_shipping": order.shipping,
        "left": [{"part": part, "left": left} for part, left in left_of(order, ledger.credited).items()],
        "credit": 0 if wanted.kind == "overpaid" else wanted.amount,
        "order_total": before.total,
        "credited_before": before.credited,
        "written_off": before.written_off,
        "kept": before.kept,
        "collected": before.collected,
        "approved_before": before.paid_back,
        "amount": payout,
    }
