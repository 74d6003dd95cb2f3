"""Maps every row to an order of the past or a rejection with its reason. Pure; the account is computed from the result.

Matching: a cancellation names a customer and a product, never the invoice. Its units are taken from the same customer's earlier
purchases of that product that still have units, the most recent first, so one row may concern several orders. Carriage is matched likewise.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
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
    "refund": ("mapped", "a cancellation: what came back, and its money, stands in the history of the purchases that match it"),
    "refund_in_part": ("mapped", "a cancellation of more units or money than the purchases before it have left: the rest is rejected"),
    "not_a_product": ("rejected", "a discount, fee, sample or manual correction: neither product nor carriage"),
    "carriage_alone": ("rejected", "carriage on an invoice without a priced product"),
    "nothing_sold": ("rejected", "a free product on an invoice without a priced product: not a sale"),
    "write_off": ("rejected", "a negative quantity outside a cancellation: a stock write-off"),
    "no_customer": ("rejected", "a cancellation that names no customer, so that no purchase can be matched to it"),
    "no_purchase": ("rejected", "a cancellation for which the customer has no earlier purchase with units left"),
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


@dataclass(frozen=True, slots=True)
class Take:
    """Units of one order line (numbered from 1; 0 is its carriage) that a cancellation row takes back, and their money in pence.

    `asked` is at the row's price; `refunded` is as much of it as the purchase has left.
    """

    row: Row
    order: str
    line: int
    units: int
    asked: int
    refunded: int


@dataclass(slots=True)
class PlannedOrder:
    """One sales invoice with at least one priced product, and what was taken back of it later."""

    invoice: str
    lines: list[PlannedLine]
    carriage: list[Row]
    takes: list[Take] = field(default_factory=list)

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
        return sum(pence(row.value) for row in self.carriage)

    @property
    def total(self) -> int:
        """In pence."""
        return self.goods + self.shipping

    @property
    def refunded(self) -> int:
        """In pence."""
        return sum(take.refunded for take in self.takes)

    @property
    def cancelled_at(self) -> datetime | None:
        """When the last priced unit was taken back, if that was on the day of the invoice: the order was cancelled, not delivered."""
        back = [take for take in self.takes if take.line and take.row.day == self.first.day]
        whole = sum(take.units for take in back) == sum(line.row.quantity for line in self.lines if line.row.price > 0)
        return max(take.row.at for take in back) if whole else None

    @property
    def customer(self) -> str:
        """The file's customer, or one made up for this invoice alone, so that different people are never merged into one customer."""
        return self.first.customer or f"guest-{self.invoice}"


@dataclass(frozen=True, slots=True)
class Plan:
    """All orders that will be placed, the outcome of each row, and what each cancellation row takes back (both by row number)."""

    source: Source
    orders: dict[str, PlannedOrder]
    outcomes: dict[int, str]
    takes: dict[int, list[Take]]


def plan(source: Source) -> Plan:
    """Decide what to do with every row of the file."""
    orders, outcomes = _orders(source.rows)
    takes = _takes(source.rows, orders)
    for row in source.rows:
        if row.cancels:
            outcomes[row.number] = _cancellation(row, takes[row.number])
    for take in (take for its_takes in takes.values() for take in its_takes):
        orders[take.order].takes.append(take)
    return Plan(source, orders, outcomes, takes)


def pence(pounds: Decimal) -> int:
    """Whole pence, rounded half up; applied once, to a row's total."""
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
    units: int
    money: int


def _takes(rows: Iterable[Row], orders: dict[str, PlannedOrder]) -> dict[int, list[Take]]:
    """What each cancellation row takes back, in the order of their times."""
    bought: dict[tuple[str, str], list[_Purchase]] = defaultdict(list)
    places = {line.row.number: (order.invoice, at) for order in orders.values() for at, line in enumerate(order.lines, start=1)}
    places |= {row.number: (order.invoice, 0) for order in orders.values() for row in order.carriage}
    takes: dict[int, list[Take]] = {}
    for row in sorted(rows, key=lambda row: (row.at, row.number)):
        purchases = bought[row.customer, row.product]
        if row.cancels:
            takes[row.number] = _matched(row, purchases) if row.customer else []
        elif row.customer and row.price > 0 and row.number in places:
            purchases.append(_Purchase(*places[row.number], row.quantity, pence(row.value)))
    return takes


def _matched(row: Row, purchases: list[_Purchase]) -> list[Take]:
    """Take the row's units from the latest purchases that still have some, at the row's price but for no more than each has left."""
    takes, wanted = [], -row.quantity
    while wanted > 0 and purchases:
        latest = purchases[-1]
        units = min(latest.units, wanted)
        asked = pence(units * row.price)
        take = Take(row, latest.order, latest.line, units, asked, min(asked, latest.money))
        takes.append(take)
        latest.units, latest.money, wanted = latest.units - units, latest.money - take.refunded, wanted - units
        if not latest.units:
            purchases.pop()
    return takes


def _cancellation(row: Row, takes: list[Take]) -> str:
    """The outcome of a row of a cancellation invoice."""
    if not row.is_product and not row.is_carriage:
        return "not_a_product"
    if not row.customer:
        return "no_customer"
    if not takes:
        return "no_purchase"
    whole = sum(take.units for take in takes) == -row.quantity and all(take.refunded == take.asked for take in takes)
    return "refund" if whole else "refund_in_part"
