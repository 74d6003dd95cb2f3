"""Stock movements. Each has a cause that is unique in its store, so that nothing counts twice."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from services.orders.state import Shortage
from shared.contracts.events import InspectedLine, Order, RefundLine


@dataclass(frozen=True, slots=True)
class Movement:
    """`quantity` units of a SKU, negative if they leave the stock; `oversell` if they may though they are not there.

    `cause` names the reason, unique in the store.
    """

    sku: str
    quantity: int
    cause: str
    oversell: bool = False


def taken(freed: Mapping[str, int], levels: Mapping[str, int]) -> tuple[Shortage, ...]:
    """The units that are not there, of each SKU that an amendment takes more of; `freed` is negative for those."""
    return tuple(
        Shortage(sku, min(-units, -units - levels[sku]))
        for sku, units in sorted(freed.items())
        if units < 0 and sku in levels and levels[sku] + units < 0
    )


def oversold_with(before: Sequence[Shortage], more: Sequence[Shortage]) -> tuple[Shortage, ...]:
    """What an order was short of in all, by SKU."""
    units: Counter[str] = Counter()
    for one in (*before, *more):
        units[one.sku] += one.short
    return tuple(Shortage(sku, number) for sku, number in sorted(units.items()))


def restocked_by_refund(order: Order, refund_id: str, lines: Sequence[RefundLine]) -> list[Movement]:
    """The movements that restock an approved refund's goods, for lines whose stock was tracked when the order was placed."""
    return _restocked(order, f"refund:{refund_id}", [(line.line, line.restock) for line in lines])


def restocked_by_inspection(order: Order, inspection_id: str, lines: Sequence[InspectedLine]) -> list[Movement]:
    """The movements that restock an inspection's goods; each inspection is a cause of its own."""
    return _restocked(order, f"inspection:{inspection_id}", [(line.line, line.restock) for line in lines])


def _restocked(order: Order, cause: str, back: list[tuple[int, int]]) -> list[Movement]:
    lines = {line.line: line for line in order.lines if line.stock_tracked}
    return [Movement(lines[line].sku, units, f"{cause}:{line}") for line, units in back if units > 0 and line in lines]
