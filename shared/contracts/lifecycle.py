"""An order's lifecycle: its statuses, their order, and what follows from having reached each.

pending → confirmed → picked_up → shipped → delivered. Steps may be skipped but never undone. `cancelled` is final; how far a
cancelled order had got is the status that it was cancelled from, which `furthest` returns.
"""

from collections.abc import Mapping
from typing import Literal, Protocol, get_args

OrderStatus = Literal["pending", "confirmed", "picked_up", "shipped", "delivered", "cancelled"]
Step = Literal["confirmed", "picked_up", "shipped", "delivered"]
Fulfilment = Literal["shipping", "pickup", "digital"]

STEPS: tuple[Step, ...] = get_args(Step)
STEPS_OF: Mapping[Fulfilment, tuple[Step, ...]] = {
    "shipping": STEPS,
    "pickup": ("confirmed", "picked_up", "delivered"),  # picked_up: set aside, off the shelf; delivered: handed over
    "digital": ("confirmed", "delivered"),  # delivered: made available
}
"""The steps that exist for what is sent, handed over in the shop, or only made available."""
_WAY: tuple[OrderStatus, ...] = ("pending", *STEPS)


class Cancelled(Protocol):
    """The part of a cancellation's record that the lifecycle needs."""

    @property
    def cancelled_from(self) -> OrderStatus:
        """The status before it."""


def furthest(status: OrderStatus, cancellation: Cancelled | None) -> OrderStatus:
    """How far an order got: its status, or the one that it was cancelled from."""
    return status if cancellation is None else cancellation.cancelled_from


def reached(status: OrderStatus, at_least: OrderStatus) -> bool:
    """Whether an order in `status` has reached `at_least`. `cancelled` is not a step: a cancelled order has reached only `cancelled`."""
    if status == "cancelled" or at_least == "cancelled":
        return status == at_least
    return _WAY.index(status) >= _WAY.index(at_least)


def steps_ahead(status: OrderStatus, fulfilment: Fulfilment = "shipping") -> list[Step]:
    """The steps that an order in `status` can still take, in order."""
    return [step for step in STEPS_OF[fulfilment] if status != "cancelled" and not reached(status, step)]


def goods_left(status: OrderStatus, fulfilment: Fulfilment = "shipping") -> bool:
    """Whether the goods have left the shop: picked up, or later. What is digital never leaves it."""
    return fulfilment != "digital" and reached(status, "picked_up")


def invoiced(status: OrderStatus) -> bool:
    """Whether the order has an invoice, or is due one: confirmed, or later."""
    return reached(status, "confirmed")
