"""What this service knows of an order: its copy, from events alone. Everything else in `rules` decides from this."""

from dataclasses import dataclass, field
from datetime import datetime

from shared.contracts.events import Cancellation, OrderStatus

INVOICED = ("confirmed", "picked_up", "shipped", "delivered")
"""An order that is, or was cancelled from, one of these has an invoice, or is due one."""

LEFT = ("picked_up", "shipped", "delivered")
"""The goods of an order in one of these have left the shop."""


@dataclass(frozen=True, slots=True)
class Line:
    """What was bought on one line: `total` in minor units is what the customer pays for all its units."""

    line: int
    sku: str
    quantity: int
    total: int
    stock_tracked: bool = False
    name: str = ""


@dataclass(frozen=True, slots=True)
class KnownPayment:
    """Money recorded on the order (negative: a reversal of `reverses`), with the order version that it made."""

    payment_id: str
    amount: int
    order_version: int
    reverses: str | None = None


@dataclass(frozen=True, slots=True)
class KnownOrder:
    """The copy of an order as of its newest version seen."""

    order_id: str
    number: str
    customer_id: str
    version: int
    status: OrderStatus
    currency: str
    lines: tuple[Line, ...]
    shipping: int
    payments: tuple[KnownPayment, ...] = ()
    delivered_at: datetime | None = None
    cancellation: Cancellation | None = None
    goods: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "goods", sum(line.total for line in self.lines))

    @property
    def collected(self) -> int:
        """Money known as collected: payments less reversals."""
        return sum(payment.amount for payment in self.payments)

    @property
    def reached(self) -> OrderStatus:
        """How far the order got: its status, or the one that it was cancelled from."""
        return self.cancellation.cancelled_from if self.cancellation else self.status

    @property
    def invoiced(self) -> bool:
        """Whether the order was ever confirmed, and so has an invoice or is due one."""
        return self.reached in INVOICED

    @property
    def goods_left(self) -> bool:
        """Whether the goods had been picked up."""
        return self.reached in LEFT
