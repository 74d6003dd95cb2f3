"""What a credit note, or a refund receipt, says of a refund (real-shops.md 3.2).

A refund says its taxes itself. One from before refunds did: a unit carries the same share of its line's tax whichever refund it is part
of, and money that goes back without a credit note its share of the money's.
"""

from collections.abc import Iterable
from typing import Any

from services.documents.rules.taxes import tax_table, taxes_of
from services.documents.state import Nature, SaidLine
from shared.contracts.events import Order, OrderLine, Refund, RefundLine
from shared.contracts.money import share

NATURES: dict[str, Nature] = {
    "request": "return", "part_cancellation": "part_cancellation", "cancellation": "cancellation", "payment": "cancellation",
    "overpaid": "overpaid",
}  # fmt: skip


def credit_of(order: Order, refund: Refund, shipping_before: int) -> dict[str, Any]:
    """What a credit note says: everything at its full value, the fees kept of it, and how much was set off against what was due.

    `shipping_before`: minor units of the shipping on earlier documents of refunds, for a refund that does not say its taxes.
    """
    shipping_tax = refund.shipping_tax
    if shipping_tax is None:
        shipping_tax = share(order.shipping_tax, order.shipping, shipping_before, refund.shipping)
    said = _said(order, refund, shipping_tax)
    if refund.amount < refund.credited:
        said |= {"paid": refund.amount, "balance": refund.credited - refund.amount}
    return said


def receipt_of(order: Order, refund: Refund, known: Iterable[Refund]) -> dict[str, Any]:
    """What a refund receipt says: what was credited, what of it was set off, and the taxes in the money that went back.

    `known`: every refund of the order, to find those before this one where it does not say its taxes.
    """
    if refund.shipping_tax is None:
        said = _by_money(order, refund, sorted(known, key=_turn))
    else:
        taxes = tax_table(refund.payout_taxes)
        said = _said(order, refund, refund.shipping_tax) | {"taxes": taxes, "tax": sum(row.tax for row in taxes)}
    set_off = refund.credited + refund.overpaid - refund.amount
    return said | ({"paid": refund.amount, "balance": set_off} if set_off > 0 else {})


def nature_of(refund: Refund) -> dict[str, Any]:
    """What the refund is for, and the customer's reason; what staff wrote is never printed."""
    if refund.cause == "adjustment":
        return {"nature": "goodwill" if refund.goods else "shipping"}
    return {"nature": NATURES.get(refund.cause), "reason": refund.reason if refund.cause == "request" else ""}


def rest_of(order: Order, credited: list[Refund]) -> dict[str, Any]:
    """What a cancellation credits: the whole order less what was credited apart from it."""
    before: dict[int, list[RefundLine]] = {}
    for refund in credited:
        for part in refund.lines:
            before.setdefault(part.line, []).append(part)
    lines = tuple(said for line in order.lines if (said := _rest(line, before.get(line.line, []))) is not None)
    shipping = order.shipping - sum(refund.shipping for refund in credited)
    shipping_tax = order.shipping_tax - sum(refund.shipping_tax or 0 for refund in credited)
    return {
        "lines": lines,
        "goods": sum(line.amount for line in lines),
        "shipping": shipping,
        "shipping_tax": shipping_tax,
        "tax": sum(line.tax for line in lines) + shipping_tax,
        "taxes": taxes_of(order, lines, shipping, shipping_tax),
        "discount": sum(line.discount for line in lines),
        "nature": "cancellation",
    }


def _rest(line: OrderLine, parts: list[RefundLine]) -> SaidLine | None:
    """What is left of a line, which is no price times quantity where some of it is gone."""
    quantity, amount = line.quantity - sum(one.quantity for one in parts), line.total - sum(one.goods for one in parts)
    if not quantity and not amount:
        return None
    said = SaidLine.like(line, quantity=quantity, discount=line.discount + line.order_discount, amount=amount)
    if not parts:
        return said
    return said.model_copy(update={"unit_price": None, "discount": 0, "tax": line.tax - sum(one.tax or 0 for one in parts)})


def _said(order: Order, refund: Refund, shipping_tax: int) -> dict[str, Any]:
    """Lines and sums of the credit, at full value: what was kept of the lines and the shipping follows as the refund's fees."""
    placed = {line.line: line for line in order.lines}
    lines = tuple(_line(placed[line.line], line) for line in refund.lines if line.quantity or line.goods or line.fee)
    kept_of_goods = sum(line.fee for line in refund.lines)
    kept_of_shipping = sum(fee.amount for fee in refund.fees) - kept_of_goods
    credited = [line.model_copy(update={"amount": line.amount - line.fee}) for line in lines]
    return {
        "lines": lines,
        "goods": refund.goods + kept_of_goods,
        "shipping": refund.shipping + kept_of_shipping,
        "shipping_tax": shipping_tax,
        "overpaid": refund.overpaid,
        "fees": refund.fees,
        "tax": sum(line.tax for line in lines) + shipping_tax,
        "taxes": tax_table(refund.taxes) or taxes_of(order, credited, refund.shipping, shipping_tax),
    } | nature_of(refund)


def _line(placed: OrderLine, refunded: RefundLine) -> SaidLine:
    tax = refunded.tax
    if tax is None:
        tax = sum(share(placed.tax, placed.quantity, units.first - 1, units.last - units.first + 1) for units in refunded.units)
    said = SaidLine.like(placed, quantity=refunded.quantity, tax=tax, amount=refunded.goods + refunded.fee, fee=refunded.fee)
    return said.model_copy(update={"unit_price": None, "discount": 0})


def _by_money(order: Order, refund: Refund, known: list[Refund]) -> dict[str, Any]:
    """Of a refund without taxes: those of its money, after the money of the refunds before it."""
    before = [one for one in known if _turn(one) < _turn(refund)]
    gone: dict[int, int] = {}
    for line in (line for one in before for line in one.lines):
        gone[line.line] = gone.get(line.line, 0) + line.goods
    placed = {line.line: line for line in order.lines}
    taxed = tuple(
        line.model_copy(update={"tax": share(placed[line.line].tax, placed[line.line].total, gone.get(line.line, 0), line.goods)})
        for line in refund.lines
    )
    shipping_tax = share(order.shipping_tax, order.shipping, sum(one.shipping for one in before), refund.shipping)
    return _said(order, refund.model_copy(update={"lines": taxed}), shipping_tax)


def _turn(refund: Refund) -> tuple[int, str]:
    """Refunds in the order in which they were decided."""
    return refund.order_version, refund.refund_id
