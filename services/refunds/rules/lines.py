"""Builds a refund's lines from the results of the other rules: units, money and goods."""

from collections.abc import Mapping, Sequence

from services.refunds.rules import units as ranges
from services.refunds.rules.amounts import Amount, MoneyBack
from services.refunds.rules.goods import restock
from services.refunds.state import KnownOrder, Line, RefundLine, Units
from shared.contracts.events import Disposition


def lines_of_units(order: KnownOrder, amount: Amount, dispositions: Mapping[int, Disposition]) -> tuple[RefundLine, ...]:
    """Lines of a requested refund, with the disposition of each line's goods."""
    known = {line.line: line for line in order.lines}
    return tuple(
        _line(
            known[part.line],
            part.units,
            (part.goods - part.fee, 0 if amount.deduct_shipping else part.shipping - part.shipping_fee),
            dispositions[part.line],
            fee=part.fee,
        )
        for part in amount.lines
    )


def lines_of_money(
    order: KnownOrder, back: MoneyBack, claimed: Mapping[int, Sequence[Units]], disposition: Disposition
) -> tuple[RefundLine, ...]:
    """Lines of an automatic refund: the units that it claims and the money that it refunds; either may be none."""
    return tuple(
        _line(line, tuple(claimed.get(line.line, ())), back.lines.get(line.line, (0, 0)), disposition)
        for line in order.lines
        if line.line in claimed or line.line in back.lines
    )


def _line(line: Line, units: tuple[Units, ...], money: tuple[int, int], disposition: Disposition, fee: int = 0) -> RefundLine:
    quantity = ranges.count(units)
    back = restock(line, quantity, disposition)
    goods, shipping = money
    return RefundLine(
        line=line.line,
        sku=line.sku,
        name=line.name,
        units=units,
        quantity=quantity,
        goods=goods,
        shipping=shipping,
        disposition=disposition,
        stock_tracked=line.stock_tracked,
        restock=back.units,
        not_restocked_because=back.because,
        fee=fee,
    )
