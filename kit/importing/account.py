"""The account of an import: what became of every row, with every penny in a column. Pure.

For each row: file value = goods + shipping + rounding + rejected. Refunds are negative, as in the file.
"""

from dataclasses import dataclass, fields
from decimal import Decimal

from kit.importing.mapping import OUTCOMES, PENCE, Plan, Take, pence
from kit.importing.online_retail import Row
from kit.importing.results import Placed, Refusal, Results

ZERO = Decimal(0)
NOT_TRIED = Refusal("not_tried", "The import ended before it.")


@dataclass(slots=True)
class Columns:
    """Amounts in pounds, by what became of the money."""

    goods: Decimal = ZERO
    shipping: Decimal = ZERO
    rounding: Decimal = ZERO
    rejected: Decimal = ZERO

    @property
    def total(self) -> Decimal:
        """The sum of the columns, in pounds."""
        return sum((getattr(self, column.name) for column in fields(self)), ZERO)

    def add(self, other: "Columns") -> None:
        """Add `other` to this, column by column."""
        for column in fields(self):
            setattr(self, column.name, getattr(self, column.name) + getattr(other, column.name))


@dataclass(slots=True)
class Entry:
    """The result of one row: its outcome (see mapping.OUTCOMES), its columns, and the orders that it concerns."""

    row: Row
    outcome: str
    columns: Columns
    orders: tuple[str, ...] = ()
    detail: str = ""


@dataclass(slots=True)
class Bucket:
    """All rows with one outcome."""

    rows: int
    file: Decimal
    columns: Columns

    @property
    def unexplained(self) -> Decimal:
        """Pounds in the file that are in no column; anything but 0 is an error."""
        return self.file - self.columns.total


@dataclass(frozen=True, slots=True)
class Account:
    """Every row, and the sums by outcome and over all."""

    entries: list[Entry]
    buckets: dict[str, Bucket]
    whole: Bucket
    orders: int
    guests: int
    cancelled: int
    refunds: int

    @property
    def unexplained_rows(self) -> int:
        """Rows of the file that have no entry, or whose pennies do not add up."""
        return self.whole.rows - len(self.entries) + sum(1 for entry in self.entries if entry.row.value != entry.columns.total)

    @property
    def adds_up(self) -> bool:
        """Whether every row and penny is explained."""
        return not self.unexplained_rows and not self.whole.unexplained


def account(plan: Plan, results: Results) -> Account:
    """Account for what was planned and how the system answered."""
    entries = [_entry(plan, results, row) for row in plan.source.rows if row.number in plan.outcomes]
    _hold_against_answers(plan, results, {entry.row.number: entry for entry in entries})
    buckets: dict[str, Bucket] = {}
    for entry in entries:
        bucket = buckets.setdefault(entry.outcome, Bucket(0, ZERO, Columns()))
        bucket.rows, bucket.file = bucket.rows + 1, bucket.file + entry.row.value
        bucket.columns.add(entry.columns)
    whole = Bucket(len(plan.source.rows), sum((row.value for row in plan.source.rows), ZERO), Columns())
    for bucket in buckets.values():
        whole.columns.add(bucket.columns)
    placed = [plan.orders[invoice] for invoice, answer in results.items() if isinstance(answer, Placed)]
    return Account(
        entries=entries,
        buckets={outcome: buckets[outcome] for outcome in OUTCOMES if outcome in buckets},
        whole=whole,
        orders=len(placed),
        guests=sum(1 for order in placed if not order.first.customer),
        cancelled=sum(1 for order in placed if order.cancelled_at),
        refunds=sum(1 for order in placed if order.takes),
    )


def foreseen(plan: Plan) -> Results:
    """The system's answers if it accepts everything, for a dry run."""
    return {invoice: Placed("", order.goods, order.shipping) for invoice, order in plan.orders.items()}


def _entry(plan: Plan, results: Results, row: Row) -> Entry:
    outcome = plan.outcomes[row.number]
    if OUTCOMES[outcome][0] == "rejected":
        return Entry(row, outcome, Columns(rejected=row.value))
    if row.cancels:
        return _cancellation(row, outcome, plan.takes[row.number], results)
    answer = results.get(row.invoice, NOT_TRIED)
    if isinstance(answer, Refusal):
        return Entry(row, "refused", Columns(rejected=row.value), (row.invoice,), f"{answer.code}: {answer.detail}")
    amount = pence(row.value) / PENCE
    money = Columns(shipping=amount) if outcome == "shipping" else Columns(goods=amount)
    money.rounding = row.value - amount
    return Entry(row, outcome, money, (row.invoice,))


def _cancellation(row: Row, outcome: str, takes: list[Take], results: Results) -> Entry:
    """What a cancellation took back on the orders that were placed; the rest of its value is rejected."""
    columns = Columns(rejected=(row.quantity + sum(take.units for take in takes)) * row.price)
    refusals: list[Refusal] = []
    for take in takes:
        answer, value = results.get(take.order, NOT_TRIED), -take.units * row.price
        if isinstance(answer, Refusal):
            refusals.append(answer)
            columns.add(Columns(rejected=value))
            continue
        refunded, asked = -take.refunded / PENCE, -take.asked / PENCE
        columns.add(Columns(goods=refunded) if take.line else Columns(shipping=refunded))
        columns.add(Columns(rounding=value - asked, rejected=asked - refunded))
    detail = "; ".join(dict.fromkeys(f"{refusal.code}: {refusal.detail}" for refusal in refusals))
    orders = tuple(dict.fromkeys(take.order for take in takes))
    return Entry(row, "refused" if len(refusals) == len(takes) else outcome, columns, orders, detail)


def _hold_against_answers(plan: Plan, results: Results, entries: dict[int, Entry]) -> None:
    """Where the system's answer differs from the expected figures, put the answer into the account, which then no longer adds up."""
    for invoice, answer in results.items():
        if isinstance(answer, Placed):
            order = plan.orders[invoice]
            columns = entries[order.first.number].columns
            columns.goods += (answer.goods - order.goods) / PENCE
            columns.shipping += (answer.shipping - order.shipping) / PENCE
