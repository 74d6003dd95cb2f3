"""The account of an import: what became of every row, with every penny in a column. Pure.

For each row: file value = goods + shipping + price differs + shipping by policy + rounding + rejected. Refunds are negative, as in
the file. `price_differs` is the difference between the cancellation's price and the purchase's, which the refund pays.
`shipping_by_policy` is shipping refunded with the goods under the store's policy, which the file's cancellation does not contain.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, fields
from decimal import Decimal

from kit.importing.mapping import OUTCOMES, PENCE, Plan, PlannedOrder, PlannedRefund, Take
from kit.importing.online_retail import Row
from kit.importing.results import Placed, Refunded, Refusal, Results
from shared.contracts.refund_shares import goods_of, shipping_of

ZERO = Decimal(0)


@dataclass(slots=True)
class Columns:
    """Amounts in pounds, by what became of the money."""

    goods: Decimal = ZERO
    shipping: Decimal = ZERO
    price_differs: Decimal = ZERO
    shipping_by_policy: Decimal = ZERO
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
    refunds: int
    cancellation_rows: int
    matched_rows: int
    guests: int

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
    takes = _expected(plan, results)
    subtotals = {line.row.number: line.subtotal for order in plan.orders.values() for line in order.lines}
    entries = [_entry(plan, results, row, takes, subtotals) for row in plan.source.rows if row.number in plan.outcomes]
    by_number = {entry.row.number: entry for entry in entries}
    _hold_against_answers(plan, results, takes, by_number)
    buckets: dict[str, Bucket] = {}
    for entry in entries:
        bucket = buckets.setdefault(entry.outcome, Bucket(0, ZERO, Columns()))
        bucket.rows, bucket.file = bucket.rows + 1, bucket.file + entry.row.value
        bucket.columns.add(entry.columns)
    whole = Bucket(len(plan.source.rows), sum((row.value for row in plan.source.rows), ZERO), Columns())
    for bucket in buckets.values():
        whole.columns.add(bucket.columns)
    placed = [plan.orders[invoice] for invoice, answer in results.orders.items() if isinstance(answer, Placed)]
    cancellations = [row for row in plan.source.rows if row.cancels and row.is_product]
    return Account(
        entries=entries,
        buckets={outcome: buckets[outcome] for outcome in OUTCOMES if outcome in buckets},
        whole=whole,
        orders=len(placed),
        refunds=sum(1 for answer in results.refunds.values() if isinstance(answer, Refunded)),
        cancellation_rows=len(cancellations),
        matched_rows=sum(1 for row in cancellations if by_number[row.number].outcome in ("refund", "refund_in_part")),
        guests=sum(1 for order in placed if not order.first.customer),
    )


def foreseen(plan: Plan, *, deduct_shipping: bool) -> Results:
    """The system's answers if it accepts everything, for a dry run."""
    results = Results()
    for invoice, order in plan.orders.items():
        results.orders[invoice] = Placed("", order.goods, order.shipping)
    for refund, goods, shipping in _shares(plan, plan.refunds):
        results.refunds[refund.cancellation, refund.order] = Refunded("", sum(goods), 0 if deduct_shipping else sum(shipping))
    return results


@dataclass(frozen=True, slots=True)
class _Paid:
    """What one take refunds, in pence, or the refusal if the system rejected it."""

    take: Take
    goods: int = 0
    shipping: int = 0
    refusal: Refusal | None = None


def _expected(plan: Plan, results: Results) -> dict[int, list[_Paid]]:
    """By cancellation row: what each of its takes pays by the specification's arithmetic, given which requests were accepted."""
    paid: dict[int, list[_Paid]] = defaultdict(list)
    answers = [(refund, _answer(results, refund)) for refund in plan.refunds]
    for refund, answer in answers:
        if isinstance(answer, Refusal):
            for take in refund.takes:
                paid[take.row.number].append(_Paid(take, refusal=answer))
    taken = {id(refund): answer for refund, answer in answers if isinstance(answer, Refunded)}
    for refund, goods, shipping in _shares(plan, [refund for refund, _ in answers if id(refund) in taken]):
        gives_shipping = taken[id(refund)].shipping > 0
        for take, its_goods, its_shipping in zip(refund.takes, goods, shipping, strict=True):
            paid[take.row.number].append(_Paid(take, its_goods, its_shipping if gives_shipping else 0))
    return paid


def _answer(results: Results, refund: PlannedRefund) -> Refunded | Refusal:
    missing = Refusal("not_tried", "The import ended before it.")
    return results.refunds.get((refund.cancellation, refund.order), missing)


def _shares(plan: Plan, refunds: list[PlannedRefund]) -> Iterator[tuple[PlannedRefund, list[int], list[int]]]:
    """Goods and shipping of each take: an order's refunds claim its units in sequence, from the lowest free one up."""
    claimed: dict[tuple[str, int], int] = defaultdict(int)
    for refund in refunds:
        order = plan.orders[refund.order]
        lines = [(line.subtotal, line.row.quantity) for line in order.lines]
        goods, shipping = [], []
        for take in refund.takes:
            first = claimed[refund.order, take.line] + 1
            last = claimed[refund.order, take.line] = first + take.units - 1
            goods.append(goods_of(*lines[take.line - 1], first, last))
            shipping.append(shipping_of(order.shipping, lines, take.line, first, last) if order.shipping else 0)
        yield refund, goods, shipping


def _entry(plan: Plan, results: Results, row: Row, takes: dict[int, list[_Paid]], subtotals: dict[int, int]) -> Entry:
    outcome = plan.outcomes[row.number]
    if OUTCOMES[outcome][0] == "rejected":
        return Entry(row, outcome, Columns(rejected=row.value))
    if row.cancels:
        return _cancellation(plan, row, outcome, takes[row.number])
    answer = results.orders.get(row.invoice, Refusal("not_tried", "The import ended before it."))
    if isinstance(answer, Refusal):
        return Entry(row, "refused", Columns(rejected=row.value), (row.invoice,), f"{answer.code}: {answer.detail}")
    if outcome == "shipping":
        return Entry(row, outcome, Columns(shipping=row.value), (row.invoice,))
    goods = subtotals[row.number] / PENCE
    return Entry(row, outcome, Columns(goods=goods, rounding=row.value - goods), (row.invoice,))


def _cancellation(plan: Plan, row: Row, outcome: str, paid: list[_Paid]) -> Entry:
    columns = Columns(rejected=-plan.unmatched.get(row.number, 0) * row.price)
    for one in paid:
        value = -one.take.units * row.price
        if one.refusal is not None:
            columns.add(Columns(rejected=value))
            continue
        goods, shipping = -one.goods / PENCE, -one.shipping / PENCE
        columns.add(Columns(goods=goods, shipping=shipping, price_differs=value - goods, shipping_by_policy=-shipping))
    refusals = [one.refusal for one in paid if one.refusal is not None]
    orders = tuple(dict.fromkeys(one.take.order for one in paid))
    detail = "; ".join(dict.fromkeys(f"{refusal.code}: {refusal.detail}" for refusal in refusals))
    return Entry(row, "refused" if refusals and len(refusals) == len(paid) else outcome, columns, orders, detail)


def _hold_against_answers(plan: Plan, results: Results, takes: dict[int, list[_Paid]], entries: dict[int, Entry]) -> None:
    """Where the system's answer differs from the expected figures, put the answer into the account, which then no longer adds up."""
    for invoice, answer in results.orders.items():
        if isinstance(answer, Placed):
            order = plan.orders[invoice]
            columns = entries[order.first.number].columns
            columns.goods += (answer.goods - order.goods) / PENCE
            columns.shipping += (answer.shipping - order.shipping) / PENCE
            _round_shipping(order, entries)
    expected: dict[tuple[str, str], list[_Paid]] = defaultdict(list)
    for paid in takes.values():
        for one in paid:
            expected[one.take.row.invoice, one.take.order].append(one)
    for key, refund in results.refunds.items():
        if isinstance(refund, Refunded):
            columns = entries[expected[key][0].take.row.number].columns
            columns.goods -= (refund.goods - sum(one.goods for one in expected[key])) / PENCE
            columns.shipping -= (refund.shipping - sum(one.shipping for one in expected[key])) / PENCE


def _round_shipping(order: PlannedOrder, entries: dict[int, Entry]) -> None:
    """Round carriage once, on the order's total carriage."""
    if order.carriage:
        columns = entries[order.carriage[0].number].columns
        off = sum((row.value for row in order.carriage), ZERO) - order.shipping / PENCE
        columns.shipping -= off
        columns.rounding += off
