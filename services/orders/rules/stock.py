"""Stock movements. Each has a cause that is unique in its store, so that nothing counts twice."""

from collections.abc import Sequence
from dataclasses import dataclass

from shared.contracts.events import InspectedLine, Order, RefundLine


@dataclass(frozen=True, slots=True)
class Movement:
    """`quantity` units of a SKU, negative if they leave the stock. `cause` names the reason, unique in the store."""

    sku: str
    quantity: int
    cause: str


def restocked_by_refund(order: Order, refund_id: str, lines: Sequence[RefundLine]) -> list[Movement]:
    """The movements that restock an approved refund's goods, for lines whose stock was tracked when the order was placed."""
    return _restocked(order, f"refund:{refund_id}", [(line.line, line.restock) for line in lines])


def restocked_by_inspection(order: Order, inspection_id: str, lines: Sequence[InspectedLine]) -> list[Movement]:
    """The movements that restock an inspection's goods; each inspection is a cause of its own."""
    return _restocked(order, f"inspection:{inspection_id}", [(line.line, line.restock) for line in lines])


def _restocked(order: Order, cause: str, back: list[tuple[int, int]]) -> list[Movement]:
    lines = {line.line: line for line in order.lines if line.stock_tracked}
    return [Movement(lines[line].sku, units, f"{cause}:{line}") for line, units in back if units > 0 and line in lines]
