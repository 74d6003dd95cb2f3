"""Refunds as the product page says (section 2), small and exact: nothing of the service's code is used.

Fractions and one unit at a time, where the service uses integers and ranges: two ways to the same figures.
"""

from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from math import floor

STATUSES = ("pending", "confirmed", "picked_up", "shipped", "delivered")
Unit = tuple[int, int]
"""(line, the number of the unit on its line), both from 1."""


def half_up(value: Fraction) -> int:
    return floor(value + Fraction(1, 2))


@dataclass
class Rules:
    """A store's refund settings."""

    manage_stock: bool = False
    attachments: bool = True
    deduct_shipping: bool = False


@dataclass
class Part:
    """A refund."""

    units: list[Unit]
    rules: Rules
    status: str = "processing"
    settlement: str = "none"
    cause: str = "request"
    version: int = 1
    dispositions: dict[int, str] = field(default_factory=dict)
    inspected: dict[int, int] = field(default_factory=dict)
    reports: list[tuple[str, str, int]] = field(default_factory=list)
    settled: int = 0  # what has gone back
    sent: list[tuple[int, int]] = field(default_factory=list)  # (payment, amount) of what has gone back to a payment
    somewhere: bool = False  # whether anybody said where the money goes
    money: tuple[int, int, int] = (0, 0, 0)  # goods, shipping, overpaid
    paid: int | None = None  # what goes back; None: all of it
    shipping_kept: int = 0

    @property
    def credit(self) -> int:
        return self.money[0] + self.money[1]

    @property
    def amount(self) -> int:
        return sum(self.money) if self.paid is None else self.paid

    def count(self, line: int) -> int:
        return sum(1 for number, _ in self.units if number == line)

    def waiting(self, line: int) -> int:
        return self.count(line) - self.inspected.get(line, 0) if self.dispositions.get(line) == "inspect" else 0


@dataclass
class Sold:
    """An order with everything that was refunded of it. Every method does what a call does, and returns its refusal's code, or None."""

    quantities: dict[int, int]
    totals: dict[int, int]
    shipping: int
    tracked: int  # the line that moves stock
    status: str = "pending"
    payments: list[list[int]] = field(default_factory=list)  # [amount, what of it was reversed]
    cash: list[bool] = field(default_factory=list)  # of each payment
    written_off: int = 0
    refunds: list[Part] = field(default_factory=list)
    cancelled_from: str | None = None
    cancelled_under: Rules = field(default_factory=Rules)
    returned: int = 0  # units of the tracked line that came back to the shelf
    attention: set[str] = field(default_factory=set)

    @property
    def collected(self) -> int:
        return sum(amount - back for amount, back in self.payments)

    @property
    def approved(self) -> int:
        return sum(part.amount for part in self.refunds if part.status == "approved")

    @property
    def credited(self) -> int:
        return sum(part.credit for part in self.refunds if part.status == "approved")

    @property
    def total(self) -> int:
        return sum(self.totals.values()) + self.shipping

    @property
    def goods_left(self) -> bool:
        return (self.cancelled_from or self.status) in STATUSES[2:]

    def free(self, line: int) -> list[Unit]:
        taken = {unit for part in self.refunds if part.status != "cancelled" for unit in part.units}
        return [(line, n) for n in range(1, self.quantities[line] + 1) if (line, n) not in taken]

    def share(self, units: list[Unit], rules: Rules) -> tuple[int, int, int]:
        """What units are worth: each carries a fixed part of its line and of the shipping."""
        goods = shipping = 0
        whole = sum(self.totals.values())
        for line, n in units:
            total, quantity = self.totals[line], self.quantities[line]
            before = sum(other for number, other in self.totals.items() if number < line)
            goods += half_up(Fraction(total * n, quantity)) - half_up(Fraction(total * (n - 1), quantity))
            up_to = [half_up(self.shipping * (before + Fraction(total * k, quantity)) / whole) for k in (n, n - 1)]
            shipping += up_to[0] - up_to[1]
        return goods, 0 if rules.deduct_shipping else shipping, 0

    def request(self, wanted: dict[int, int], rules: Rules, *, with_information: bool, somewhere: bool) -> str | None:
        if self.status == "cancelled":
            return "order_cancelled"
        if self.status != "delivered":
            return "delivery_not_seen_yet"
        if with_information and not rules.attachments:
            return "attachments_off"
        if any(len(self.free(line)) < quantity for line, quantity in wanted.items()):
            return "units_not_free"
        units = [unit for line, quantity in sorted(wanted.items()) for unit in self.free(line)[:quantity]]
        part = Part(units, rules, money=self.share(units, rules), somewhere=somewhere)
        part.dispositions = dict.fromkeys(wanted, "restock" if rules.manage_stock else "inspect")
        self.refunds.append(part)
        return None

    def approve(self, part: Part, lines: dict[int, tuple[int, str | None]] | None) -> str | None:
        if part.status != "processing":
            return "already_approved" if part.status == "approved" else "refund_cancelled"
        units, dispositions = part.units, dict(part.dispositions)
        if lines is not None:
            if any(part.count(line) < quantity for line, (quantity, _) in lines.items()):
                return "not_requested"
            units = [
                u for line, (quantity, _) in sorted(lines.items()) for u in [held for held in part.units if held[0] == line][:quantity]
            ]
            dispositions |= {line: disposition for line, (_, disposition) in lines.items() if disposition}
        money = self.share(units, part.rules)
        credit, left = sum(money), self.collected - self.approved
        if credit > 0 and left <= 0:
            return "not_collected"
        owed_after = max(0, self.total - self.credited - credit - self.written_off)
        part.paid = max(0, min(credit, left - owed_after))
        part.units, part.money, part.status, part.version = units, money, "approved", part.version + 1
        part.dispositions = {line: dispositions[line] for line in {line for line, _ in units}}
        part.settlement = "unsettled" if part.amount else "none"
        self._way_back(part)
        self.returned += part.count(self.tracked) if part.dispositions.get(self.tracked) == "restock" else 0
        return None

    def end(self, part: Part) -> str | None:
        """Declined or withdrawn."""
        if part.status != "processing":
            return "already_approved" if part.status == "approved" else "refund_cancelled"
        part.status, part.version = "cancelled", part.version + 1
        return None

    def settle(self, part: Part, outcome: str, reference: str, amount: int | None, payment: int | None) -> str | None:
        if part.status != "approved":
            return "not_approved"
        if part.amount == 0:
            return "nothing_to_settle"
        known = [said for how, name, said in part.reports if (how, name) == (outcome, reference)]
        if known:
            return None if amount in (None, known[0]) else "settlement_conflict"
        said = part.amount - part.settled if amount is None else amount
        part.reports.append((outcome, reference, said))
        part.version += 1
        key = f"{id(part)}:{len(part.reports)}"
        if outcome == "failed":
            if part.settlement == "settled":
                self.attention.add(f"failed_after_settled:{key}")
            else:
                part.settlement = "failed"
        elif part.settlement == "settled" or part.settled + said > part.amount:
            self.attention.add(f"settled_twice:{key}")
        else:
            part.settled += said
            part.settlement = "settled" if part.settled == part.amount else "unsettled"
            if part.settlement == "settled":
                self.attention.discard(f"pay_to_missing:{id(part)}")
            if payment is not None:
                part.sent.append((payment, said))
                back = sum(money for one in self.refunds for to, money in one.sent if to == payment)
                if back > self.payments[payment][0] - self.payments[payment][1]:
                    self.attention.add(f"paid_back_above_payment:{key}")
        return None

    def say_where(self, part: Part, *, somewhere: bool) -> str | None:
        if part.status == "cancelled":
            return "refund_cancelled"
        if part.settled:
            return "money_sent"
        if part.status == "approved" and part.amount == 0:
            return "nothing_to_settle"
        part.somewhere = somewhere
        if somewhere:
            self.attention.discard(f"pay_to_missing:{id(part)}")
        return None

    def _way_back(self, part: Part) -> None:
        """Cash cannot go back the way it came."""
        if part.amount and self.cash and all(self.cash) and not part.somewhere:
            self.attention.add(f"pay_to_missing:{id(part)}")

    def inspect(self, part: Part, line: int, quantity: int, disposition: str) -> str | None:
        if part.status != "approved":
            return "not_approved"
        if part.waiting(line) < quantity:
            return "not_waiting"
        part.inspected[line] = part.inspected.get(line, 0) + quantity
        part.version += 1
        self.returned += quantity if line == self.tracked and disposition == "restock" else 0
        return None

    def cancel(self, rules: Rules) -> None:
        self.cancelled_from, self.cancelled_under, self.status = self.status, rules, "cancelled"
        self._give_back("cancellation")

    def pay(self, amount: int, *, cash: bool) -> None:
        self.payments.append([amount, 0])
        self.cash.append(cash)
        if self.status == "cancelled":
            self._give_back("payment")

    def reverse(self, which: int, part: int | None) -> str | None:
        amount, before = self.payments[which]
        if amount == before:
            return "already_reversed"
        if part is not None and part > amount - before:
            return "reversal_too_large"
        self.payments[which][1] = amount if part is None else before + part
        if self.approved > self.collected:
            self.attention.add(f"approved_above_collected:{which}:{self.payments[which][1]}")
        return None

    def _give_back(self, cause: str) -> None:
        """What was collected comes back by itself, less the shipping where the goods had left and the shop keeps it."""
        rules = self.cancelled_under
        keeps = self.shipping if rules.deduct_shipping and self.goods_left else 0
        before = self.approved
        amount = max(0, self.collected - keeps - before)
        kept = max(0, min(self.collected, keeps) - sum(other.shipping_kept for other in self.refunds))
        if amount == 0 and kept == 0 and not (cause == "cancellation" and self.goods_left):
            return
        units = [unit for line in self.quantities for unit in self.free(line)]
        part = Part(units, rules, status="approved", cause=cause, settlement="unsettled" if amount else "none")
        edges = (0, sum(self.totals.values()), sum(self.totals.values()) + self.shipping - keeps, 10**12)
        goods, shipping, overpaid = (max(0, min(before + amount, end) - max(before, start)) for start, end in pairwise(edges))
        part.money = (goods, shipping, overpaid)
        part.shipping_kept = kept
        goes = "never_left" if not self.goods_left else "restock" if rules.manage_stock else "inspect"
        part.dispositions = dict.fromkeys({line for line, _ in units}, goes)
        self.returned += part.count(self.tracked) if goes == "restock" else 0
        self.refunds.append(part)
        self._way_back(part)
