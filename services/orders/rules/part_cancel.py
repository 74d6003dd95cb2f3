"""Cancelling units that never leave, while the rest of the order goes on (real-shops.md 1.11)."""

from collections import Counter
from collections.abc import Sequence

from services.orders.requests.changes import CancelledLine
from shared.contracts.actor import Actor, Decision, allowed, refused, shop_only
from shared.contracts.errors import Refused
from shared.contracts.events import CancelledUnits, Order, OrderLine

from .lines import named_lines
from .parcels import units_sent
from .room import MAX_CANCELLED_PARTS, MAX_PART_CANCELLATIONS
from .stock import Movement


def may_cancel_in_part(order: Order, actor: Actor) -> Decision:
    """Whether `actor` may cancel some of the units now: from confirmation, when they are invoiced, until the rest is delivered."""
    decision = shop_only(actor)
    if not decision.allowed:
        return decision
    if order.status == "pending":
        return refused("pending_is_amended", "Nothing is invoiced while the order is pending: amend it instead.")
    if order.status == "cancelled":
        return refused("already_cancelled", "The order is already cancelled.")
    if order.status == "delivered":
        return refused("delivered", "The order is delivered; request a refund instead.")
    return allowed()


def cancelled_units(order: Order, wanted: Sequence[CancelledLine]) -> tuple[CancelledUnits, ...]:
    """The units that are cancelled of each line, of those that had not come back before an import.

    Raises Invalid `unknown_line`, `line_twice`, Refused `units_not_free`, `units_in_parcel`, `cancel_the_order`,
    `too_many_part_cancellations`.
    """
    lines, sent, units = named_lines(order, [one.line for one in wanted]), units_sent(order), dict[int, CancelledUnits]()
    back = {one.line: one.quantity for one in order.refunded_before.lines}
    for line, one in zip(lines, wanted, strict=True):
        left = line.left - back.get(one.line, 0)
        if one.quantity > left:
            detail = f"Line {one.line}: {left} units are left, but {one.quantity} were to be cancelled."
            raise Refused("units_not_free", detail, line=one.line, free=left, wanted=one.quantity)
        free = min(left, line.left - sent[one.line])
        if one.quantity > free:
            detail = f"Line {one.line}: {sent[one.line]} of {line.left} units are in parcels that have left, so {free} can be cancelled."
            raise Refused("units_in_parcel", detail, line=one.line, free=free, in_parcels=sent[one.line], wanted=one.quantity)
        released = one.quantity if one.release_stock and line.stock_tracked else 0
        units[one.line] = CancelledUnits(line=one.line, quantity=one.quantity, released=released)
    named = sum(len(part.lines) for part in order.part_cancellations) + len(units)
    if len(order.part_cancellations) >= MAX_PART_CANCELLATIONS or named > MAX_CANCELLED_PARTS:
        detail = f"An order can be cancelled in part {MAX_PART_CANCELLATIONS} times, naming {MAX_CANCELLED_PARTS} lines in all."
        raise Refused("too_many_part_cancellations", detail)
    if sum(one.quantity for one in units.values()) == sum(line.left - back.get(line.line, 0) for line in order.lines):
        raise Refused("cancel_the_order", "These are all the units that are left: cancel the order instead.")
    return tuple(units[number] for number in sorted(units))


def with_cancelled(lines: Sequence[OrderLine], units: Sequence[CancelledUnits]) -> tuple[OrderLine, ...]:
    """The lines with these units cancelled as well."""
    if not units:
        return tuple(lines)
    more = Counter[int]()
    for one in units:
        more[one.line] += one.quantity
    return tuple(line.model_copy(update={"cancelled": line.cancelled + more[line.line]}) for line in lines)


def released(order: Order, units: Sequence[CancelledUnits], part_cancellation_id: str) -> list[Movement]:
    """The movements that put the units back which are on the shelf."""
    skus = {line.line: line.sku for line in order.lines}
    return [Movement(skus[one.line], one.released, f"part_cancelled:{part_cancellation_id}:{one.line}") for one in units if one.released]
