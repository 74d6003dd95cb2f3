"""What the system answered to an import."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Placed:
    """An order as the system holds it; money in pence."""

    order_id: str
    goods: int
    shipping: int


@dataclass(frozen=True, slots=True)
class Refusal:
    """A refusal: the problem's stable code and its detail."""

    code: str
    detail: str


Results = dict[str, Placed | Refusal]
"""Answers, by invoice."""
