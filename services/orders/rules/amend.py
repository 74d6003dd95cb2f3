"""Changing what was bought while an order is pending: the whole is stated anew (real-shops.md 1.1)."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from services.orders.requests.amending import AmendedLine, AmendOrder
from services.orders.requests.placing import LineInput, OptionInput, ShippingInput
from shared.contracts.actor import Actor, Decision, allowed, refused, shop_only
from shared.contracts.errors import Invalid, Refused
from shared.contracts.events import MAX_LINE_NUMBER, Order, OrderLine

from .drafting import SAME_OF_LINE
from .lines import line_named
from .placing import amounts

Changed = Literal["lines", "shipping", "discount"]
FIGURES = ("quantity", "unit_price", "subtotal", "discount", "total")
CODES = ("tax_rate", "tax_code", "commodity_code")
OF_SHIPPING = ("shipping", "shipping_tax", "shipping_tax_rate", "shipping_tax_code")


def may_amend(order: Order, actor: Actor) -> Decision:
    """Whether `actor` may change what was bought now: until the shop accepts the order, which fixes what its invoice says."""
    decision = shop_only(actor)
    if not decision.allowed:
        return decision
    if order.status != "pending":
        return refused("lines_frozen", f"What was bought can be changed only while the order is pending; it is {order.status}.")
    return allowed()


@dataclass(frozen=True, slots=True)
class Wanted:
    """The figures of the whole wanted order."""

    lines: Sequence[LineInput]
    shipping: ShippingInput
    discount: int
    tax: int | None
    total: int | None
    prices_include_tax: bool


def amended(order: Order, request: AmendOrder, *, tracked: Collection[str], last_line: int) -> Order:
    """The order with what is wanted now, one lines version later; `tracked` SKUs of new lines reserve stock.

    A kept line keeps its number, SKU and everything that is not said; a new one takes the number after `last_line`, the highest that was
    ever used. Raises Invalid (`unknown_line`, `line_twice`, `line_is_another_sku`, `no_lines_left`, figures), Refused
    `line_numbers_used_up`, `nothing_changed`.
    """
    kept = _kept(order, request.lines)
    new = [one for one in request.lines if one.line is None]
    if last_line + len(new) > MAX_LINE_NUMBER:
        detail = f"Line numbers are never used again and go up to {MAX_LINE_NUMBER}; cancel the order and place it anew."
        raise Refused("line_numbers_used_up", detail, last=last_line)
    spread = request.tax is not None and not any(one.tax is not None for one in (*request.lines, request.shipping) if one is not None)
    inputs = [_line(request, order, line, one, spread=spread) for line, one in kept]
    inputs += [LineInput(**one.model_dump(exclude={"line"}, exclude_none=True)) for one in new]
    discount = sum(line.order_discount for line in order.lines) if request.discount is None else request.discount
    shipping = _shipping(order, request.shipping, spread=spread)
    figures = amounts(Wanted(inputs, shipping, discount, request.tax, request.total, order.prices_include_tax))
    numbers = [*(line.line for line, _ in kept), *range(last_line + 1, last_line + 1 + len(new))]
    was = {line.line: line for line in order.lines}
    lines = []
    for number, asked, made in zip(numbers, inputs, figures.lines, strict=True):
        tracks = was[number].stock_tracked if number in was else asked.sku in tracked
        options = tuple(one.parts() for one in asked.options)
        said = {name: getattr(asked, name) for name in SAME_OF_LINE}
        lines.append(OrderLine.like(made, line=number, stock_tracked=tracks, options=options, **said))
    sums = ("goods_total", "discount_total", "tax_total", "shipping", "shipping_tax", "total")
    also: dict[str, Any] = {"shipping_tax_rate": shipping.tax_rate, "shipping_tax_code": shipping.tax_code}
    if request.coupon_codes is not None:
        also["coupon_codes"] = tuple(request.coupon_codes)
    after = order.model_copy(update={"lines": tuple(lines), **{name: getattr(figures, name) for name in sums}, **also})
    if not changed_parts(order, after):
        raise Refused("nothing_changed", "The order is already as it is wanted.")
    return after.model_copy(update={"lines_version": order.lines_version + 1})


def changed_parts(before: Order, after: Order) -> tuple[Changed, ...]:
    """What an amendment changed; coupon codes are part of the discount."""
    parts: list[Changed] = []
    if [_own(line) for line in before.lines] != [_own(line) for line in after.lines]:
        parts.append("lines")
    if any(getattr(before, name) != getattr(after, name) for name in OF_SHIPPING):
        parts.append("shipping")
    discounts = [sum(line.order_discount for line in order.lines) for order in (before, after)]
    if discounts[0] != discounts[1] or before.coupon_codes != after.coupon_codes:
        parts.append("discount")
    return tuple(parts)


def freed(before: Order, after: Order) -> Counter[str]:
    """Units by SKU that the amendment puts back into stock; negative where it takes more. Only tracked lines reserve any."""
    units: Counter[str] = Counter()
    for line in before.lines:
        units[line.sku] += line.quantity if line.stock_tracked else 0
    for line in after.lines:
        units[line.sku] -= line.quantity if line.stock_tracked else 0
    return Counter({sku: number for sku, number in units.items() if number})


def _own(line: OrderLine) -> dict[str, Any]:
    """A line without what the order's own discount makes of it."""
    return line.model_dump(exclude={"order_discount", "total"})


def _kept(order: Order, wanted: Sequence[AmendedLine]) -> list[tuple[OrderLine, AmendedLine]]:
    """The lines that stay, by number, each with what is wanted of it."""
    if not wanted:
        raise Invalid("no_lines_left", "At least one line stays; to end the order, cancel it.", at="/lines")
    known, kept = {line.line: line for line in order.lines}, dict[int, tuple[OrderLine, AmendedLine]]()
    for at, one in enumerate(wanted):
        if one.line is None:
            continue
        line = line_named(known, one.line, at=f"/lines/{at}", named=kept)
        if one.sku is not None and one.sku != line.sku:
            detail = f"Line {one.line} is {line.sku}."
            raise Invalid("line_is_another_sku", detail, at=f"/lines/{at}/sku", accepted="Leave the line out, and add a new one.")
        kept[one.line] = (line, one)
    return [kept[number] for number in sorted(kept)]


def _line(request: AmendOrder, order: Order, line: OrderLine, one: AmendedLine, *, spread: bool) -> LineInput:
    """A kept line's figures: what is said, and else what was."""
    same = all(getattr(one, name) in (None, getattr(line, name)) for name in FIGURES)
    given = one.model_dump(include={*FIGURES, "tax"}, exclude_none=True)
    if not {"unit_price", "subtotal", "total"} & given.keys():
        if line.unit_price is not None:
            given["unit_price"] = line.unit_price
        elif one.quantity in (None, line.quantity):
            given["subtotal"] = line.subtotal
    if same:
        given.pop("total", None)  # it may change with the order's discount
    if one.tax is None and not spread:
        if not same and line.tax:
            raise _tax_missing(f"/lines/{request.lines.index(one)}/tax", line.tax)
        given["tax"] = line.tax
    given = {"discount": line.discount, "quantity": line.quantity} | given
    given |= {name: getattr(line, name) if (said := getattr(one, name)) is None else said for name in CODES}
    options = [OptionInput(**option.model_dump()) for option in line.options] if one.options is None else one.options
    return LineInput(sku=line.sku, name=one.name or line.name, options=options, **given)


def _shipping(order: Order, wanted: ShippingInput | None, *, spread: bool) -> ShippingInput:
    """The shipping's figures: what is said, or what was."""
    before = order.shipping if order.prices_include_tax else order.shipping - order.shipping_tax
    rate, code = order.shipping_tax_rate, order.shipping_tax_code
    if wanted is None:
        return ShippingInput(amount=before, tax=None if spread else order.shipping_tax, tax_rate=rate, tax_code=code)
    wanted = wanted.model_copy(update={"tax_rate": wanted.tax_rate or rate, "tax_code": wanted.tax_code or code})
    if wanted.tax is None and not spread and order.shipping_tax:
        if wanted.amount - wanted.discount != before:
            raise _tax_missing("/shipping/tax", order.shipping_tax)
        return wanted.model_copy(update={"tax": order.shipping_tax})
    return wanted


def _tax_missing(pointer: str, tax: int) -> Invalid:
    detail = f"It had {tax} of tax, which does not follow from the new figures: say the tax, or the whole order's in /tax."
    return Invalid("figures_missing", detail, at=pointer)
