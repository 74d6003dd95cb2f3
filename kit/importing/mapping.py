"""Maps every row to an order, a refund or a rejection with its reason. Pure; the account is computed from the result.

Matching: a cancellation names a customer and a product, never the invoice. Its units are taken from the same customer's earlier
purchases of that product that still have units, the most recent first, so one row may refund several orders.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

from kit.importing.online_retail import Row, Source

PENCE = Decimal(100)

# What can become of a row: (kind, sentence). The kinds are imported as it is, mapped to something else, and rejected.
OUTCOMES: Final[dict[str, tuple[str, str]]] = {
    "line": ("imported", "a line of an order"),
    "line_of_a_guest": ("mapped", "a line of an order whose customer the file does not name: a customer was made up for the invoice"),
    "free_line": ("mapped", "a free product beside priced ones: a line of 0.00"),
    "shipping": ("mapped", "postage or carriage: the order's shipping amount"),
    "refund": ("mapped", "a cancellation, refunded on the purchases that match it"),
    "refund_in_part": ("mapped", "a cancellation of more units than were bought before: those bought are refunded, the rest is rejected"),
    "not_a_product": ("rejected", "a discount, fee, sample or manual correction: neither product nor carriage"),
    "carriage_alone": ("rejected", "carriage on an invoice without a priced product"),
    "nothing_sold": ("rejected", "a free product on an invoice without a priced product: not a sale"),
    "write_off": ("rejected", "a negative quantity outside a cancellation: a stock write-off"),
    "no_customer": ("rejected", "a cancellation that names no customer, so that no purchase can be matched to it"),
    "no_purchase": ("rejected", "a cancellation of a product for which the customer has no earlier purchase with units left"),
    "carriage_back": ("rejected", "carriage on a cancellation: the store's policy decides what shipping is refunded with the goods"),
    "refused": ("rejected", "the system refused it"),
}


@dataclass(frozen=True, slots=True)
class PlannedLine:
    """A line of an order; money in pence."""

    row: Row
    name: str
    subtotal: int

    @property
    def unit_price(self) -> int | None:
        """In pence; None if the price is not whole pence, so that only the line's rounded total is known."""
        exact = self.row.price * PENCE
        return int(exact) if exact == exact.to_integral_value() else None


@dataclass(slots=True)
class PlannedOrder:
    """One sales invoice with at least one priced product."""

    invoice: str
    lines: list[PlannedLine]
    carriage: list[Row]

    @property
    def first(self) -> Row:
        """The row that supplies the time, customer and country."""
        return self.lines[0].row

    @property
    def goods(self) -> int:
        """In pence."""
        return sum(line.subtotal for line in self.lines)

    @property
    def shipping(self) -> int:
        """In pence."""
        return pence(sum((row.value for row in self.carriage), Decimal(0)))

    @property
    def total(self) -> int:
        """In pence."""
        return self.goods + self.shipping

    @property
    def customer(self) -> str:
        """The file's customer, or one made up for this invoice alone, so that different people are never merged into one customer."""
        return self.first.customer or f"guest-{self.invoice}"


@dataclass(frozen=True, slots=True)
class Take:
    """Units of one order line that a cancellation row refunds; `line` is numbered from 1."""

    row: Row
    order: str
    line: int
    units: int


@dataclass(slots=True)
class PlannedRefund:
    """What one cancellation invoice refunds on one order."""

    cancellation: str
    order: str
    takes: list[Take] = field(default_factory=list)

    @property
    def quantities(self) -> dict[int, int]:
        """Units to refund, by line."""
        found: dict[int, int] = defaultdict(int)
        for take in self.takes:
            found[take.line] += take.units
        return dict(sorted(found.items()))


@dataclass(frozen=True, slots=True)
class Plan:
    """All requests that will be made of the system, and the outcome of each row (by row number)."""

    source: Source
    orders: dict[str, PlannedOrder]
    refunds: list[PlannedRefund]
    outcomes: dict[int, str]
    unmatched: dict[int, int]  # by row number: units of a partly matched cancellation for which no purchase was found


def plan(source: Source) -> Plan:
    """Decide what to do with every row of the file."""
    orders, outcomes = _orders(source.rows)
    refunds, unmatched = _refunds(source.rows, orders, outcomes)
    return Plan(source, orders, refunds, outcomes, unmatched)


def pence(pounds: Decimal) -> int:
    """Whole pence, rounded half up; applied once, to a line's total."""
    return int((pounds * PENCE).to_integral_value(ROUND_HALF_UP))


def _orders(rows: Iterable[Row]) -> tuple[dict[str, PlannedOrder], dict[int, str]]:
    invoices: dict[str, list[Row]] = defaultdict(list)
    names: dict[str, str] = {}
    for row in rows:
        if not row.cancels:
            invoices[row.invoice].append(row)
        if row.description:
            names.setdefault(row.product, row.description)
    orders: dict[str, PlannedOrder] = {}
    outcomes: dict[int, str] = {}
    for invoice, its_rows in invoices.items():
        sells = any(_sells(row) and row.price > 0 for row in its_rows)
        if sells:
            lines = [
                PlannedLine(row, row.description or names.get(row.product, row.code), pence(row.value)) for row in its_rows if _sells(row)
            ]
            orders[invoice] = PlannedOrder(invoice, lines, [row for row in its_rows if row.is_carriage and row.quantity > 0])
        outcomes.update({row.number: _sale(row, sells=sells) for row in its_rows})
    return orders, outcomes


def _sells(row: Row) -> bool:
    return row.is_product and row.quantity > 0 and row.price >= 0


def _sale(row: Row, *, sells: bool) -> str:
    """The outcome of a row of a sales invoice."""
    if row.quantity <= 0:
        return "write_off"
    if row.is_carriage:
        return "shipping" if sells else "carriage_alone"
    if not row.is_product or row.price < 0:
        return "not_a_product"
    if not sells:
        return "nothing_sold"
    if row.price == 0:
        return "free_line"
    return "line" if row.customer else "line_of_a_guest"


@dataclass(slots=True)
class _Purchase:
    order: str
    line: int
    left: int


def _refunds(rows: Iterable[Row], orders: dict[str, PlannedOrder], outcomes: dict[int, str]) -> tuple[list[PlannedRefund], dict[int, int]]:
    bought: dict[tuple[str, str], list[_Purchase]] = defaultdict(list)
    lines = {line.row.number: (order.invoice, at) for order in orders.values() for at, line in enumerate(order.lines, start=1)}
    refunds: dict[tuple[str, str], PlannedRefund] = {}
    unmatched: dict[int, int] = {}
    for row in sorted(rows, key=lambda row: (row.at, row.number)):
        if row.cancels:
            takes = _matched(row, bought[row.customer, row.product]) if row.is_product and row.customer else []
            for take in takes:
                refunds.setdefault((row.invoice, take.order), PlannedRefund(row.invoice, take.order)).takes.append(take)
            missing = -row.quantity - sum(take.units for take in takes)
            outcomes[row.number] = _cancellation(row, matched=bool(takes), missing=missing)
            if takes and missing:
                unmatched[row.number] = missing
        elif row.customer and row.price > 0 and row.number in lines:
            order, line = lines[row.number]
            bought[row.customer, row.product].append(_Purchase(order, line, row.quantity))
    return list(refunds.values()), unmatched


def _matched(row: Row, purchases: list[_Purchase]) -> list[Take]:
    """Take the row's units from the latest purchases that still have some."""
    takes, wanted = [], -row.quantity
    while wanted > 0 and purchases:
        latest = purchases[-1]
        units = min(latest.left, wanted)
        takes.append(Take(row, latest.order, latest.line, units))
        latest.left, wanted = latest.left - units, wanted - units
        if not latest.left:
            purchases.pop()
    return takes


def _cancellation(row: Row, *, matched: bool, missing: int) -> str:
    """The outcome of a row of a cancellation invoice."""
    if row.is_carriage:
        return "carriage_back"
    if not row.is_product:
        return "not_a_product"
    if not row.customer:
        return "no_customer"
    if not matched:
        return "no_purchase"
    return "refund_in_part" if missing else "refund"
