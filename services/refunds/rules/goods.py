"""What happens to refunded goods: restocked, inspected, discarded, or never shipped."""

from dataclasses import dataclass

from services.refunds.state import KnownOrder, Line, Policy
from shared.contracts.events import Disposition


@dataclass(frozen=True, slots=True)
class Restock:
    """How many units go back to stock now, and why the others do not."""

    units: int
    because: str | None


def disposition_by_policy(policy: Policy) -> Disposition:
    """Seed, "Manage Stock": refunded goods are restocked automatically, or wait for inspection."""
    return "restock" if policy.manage_stock else "inspect"


def disposition_of(order: KnownOrder, policy: Policy) -> Disposition:
    """As by policy if the goods had left; otherwise `never_left`: the order service has released them, or they are digital."""
    return disposition_by_policy(policy) if order.goods_left else "never_left"


def disposition_before(order: KnownOrder) -> Disposition:
    """Of goods that had come back before the order was imported: nothing is left to do with them, and their lines are not tracked."""
    return "restock" if order.goods_left else "never_left"


def restock(line: Line, quantity: int, disposition: Disposition) -> Restock:
    """The units of a line that go back to stock under a disposition; none for an untracked line."""
    if disposition == "never_left":
        return Restock(0, "never_left")
    if disposition == "discard":
        return Restock(0, "discarded")
    if not line.stock_tracked:
        return Restock(0, "stock_not_tracked")
    if disposition == "inspect":
        return Restock(0, "waits_for_inspection")
    return Restock(quantity, None)
