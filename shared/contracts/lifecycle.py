"""An order's way: its statuses, how far each is, and what follows from having come so far.

pending → confirmed → picked_up → shipped → delivered; steps may be skipped, none is taken back. `cancelled` is left by nothing, and
what a cancelled order had reached is the status that it was cancelled from: ask with `furthest`.
"""

from typing import Literal, Protocol, get_args

OrderStatus = Literal["pending", "confirmed", "picked_up", "shipped", "delivered", "cancelled"]
Step = Literal["confirmed", "picked_up", "shipped", "delivered"]

STEPS: tuple[Step, ...] = get_args(Step)
_WAY: tuple[OrderStatus, ...] = ("pending", *STEPS)


class Cancelled(Protocol):
    """The record of a cancellation, as far as an order's way goes."""

    @property
    def cancelled_from(self) -> OrderStatus:
        """The status before it."""


def furthest(status: OrderStatus, cancellation: Cancelled | None) -> OrderStatus:
    """How far an order got: its status, or the one that it was cancelled from."""
    return status if cancellation is None else cancellation.cancelled_from


def reached(status: OrderStatus, at_least: OrderStatus) -> bool:
    """Whether an order in `status` has come as far as `at_least`. `cancelled` is no place on the way: it has reached nothing else."""
    if status == "cancelled" or at_least == "cancelled":
        return status == at_least
    return _WAY.index(status) >= _WAY.index(at_least)


def steps_ahead(status: OrderStatus) -> list[Step]:
    """The steps that an order in `status` can still take, in order."""
    return [step for step in STEPS if status != "cancelled" and not reached(status, step)]


def goods_left(status: OrderStatus) -> bool:
    """Whether the goods are out of the shop's hands: picked up, or later."""
    return reached(status, "picked_up")


def invoiced(status: OrderStatus) -> bool:
    """Whether the order has an invoice, or is due one: confirmed, or later."""
    return reached(status, "confirmed")
