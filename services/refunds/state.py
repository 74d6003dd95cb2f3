"""What the service holds, as frozen values between the tables and the rules."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from services.refunds.rules.decisions import RefundState, Status
from services.refunds.rules.known_order import KnownOrder
from services.refunds.rules.settlement import Settlement
from services.refunds.rules.units import Units
from shared.contracts import events
from shared.contracts.actor import Actor
from shared.contracts.events import By, Disposition


@dataclass(frozen=True, slots=True)
class Ledger:
    """An order's copy with everything that its refunds hold of it. Loaded locked, nobody else changes any of it meanwhile."""

    order: KnownOrder
    taken: Mapping[int, tuple[Units, ...]]  # units of open and approved refunds, by line
    slots: Mapping[int, int]  # where each line's units lie in the row of all units
    approved: int  # money approved so far
    approvals: int  # and in how many approvals


@dataclass(frozen=True, slots=True)
class RefundLine:
    """What a refund takes of one line, and what becomes of it."""

    line: int
    sku: str
    name: str
    units: tuple[Units, ...]
    quantity: int
    goods: int
    shipping: int
    disposition: Disposition
    stock_tracked: bool
    restock: int
    not_restocked_because: str | None
    inspected: int = 0

    @property
    def waiting(self) -> int:
        """Units that wait to be inspected."""
        return self.quantity - self.inspected if self.disposition == "inspect" else 0


@dataclass(frozen=True, slots=True)
class Refund:
    """A whole refund; field for field its row, and its lines."""

    refund_id: str
    order_id: str
    order_number: str
    customer_id: str
    version: int
    status: Status
    settlement: Settlement
    cause: Literal["request", "cancellation", "payment"]
    order_version: int
    order_invoiced: bool
    policy_version: int
    reason: str
    currency: str
    amount: int
    goods: int
    shipping: int
    explanation: dict[str, Any]
    requested_by: dict[str, Any]
    requested_at: datetime
    payment_id: str | None = None
    description: str = ""
    further_information: str = ""
    beyond_window_reason: str = ""
    message: str = ""
    internal_reason: str = ""
    overpaid: int = 0
    shipping_kept: int = 0
    decided_by: dict[str, Any] | None = None
    decided_at: datetime | None = None
    overdue_at: datetime | None = None
    lines: tuple[RefundLine, ...] = field(default=())

    @property
    def state(self) -> RefundState:
        """What the decisions look at."""
        return RefundState(self.status, self.settlement, self.customer_id, self.amount)

    @property
    def deduct_shipping(self) -> bool:
        """Whether its policy keeps the shipping: an input of its amount, and stored as one."""
        return bool(self.explanation["deduct_shipping"])

    @property
    def claim(self) -> dict[int, tuple[Units, ...]]:
        """Its units by line."""
        return {line.line: line.units for line in self.lines if line.units}

    def part(self) -> events.Refund:
        """As events carry it."""
        same = set(events.Refund.model_fields) - {"lines"}
        return events.Refund(**{name: getattr(self, name) for name in same}, lines=tuple(_line_part(line) for line in self.lines))


def _line_part(line: RefundLine) -> events.RefundLine:
    return events.RefundLine(
        line=line.line,
        sku=line.sku,
        quantity=line.quantity,
        units=tuple(events.UnitRange(first=units.first, last=units.last) for units in line.units),
        goods=line.goods,
        shipping=line.shipping,
        disposition=line.disposition,
        restock=line.restock,
        not_restocked_because=line.not_restocked_because,
    )


def by(actor: Actor) -> By:
    """Who did it, as events and columns hold it."""
    return By(role=actor.role, id=actor.id, via=actor.via)
