"""The system's answers, from which the account is made together with the plan, and the error that ends an import."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Placed:
    """An order as the system holds it; money in pence."""

    order_id: str
    goods: int
    shipping: int


@dataclass(frozen=True, slots=True)
class Refunded:
    """An approved refund; money in pence."""

    refund_id: str
    goods: int
    shipping: int


@dataclass(frozen=True, slots=True)
class Refusal:
    """A refusal: the problem's stable code and its detail."""

    code: str
    detail: str


@dataclass(slots=True)
class Results:
    """Answers for orders, by invoice, and for refunds, by (cancellation, invoice)."""

    orders: dict[str, Placed | Refusal] = field(default_factory=dict)
    refunds: dict[tuple[str, str], Refunded | Refusal] = field(default_factory=dict)
    unfinished: dict[str, Refusal] = field(default_factory=dict)
    """Orders, by invoice, that were placed but could not be delivered or paid."""
