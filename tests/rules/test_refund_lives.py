"""Random lives of one order's refunds by the rules alone, beside the reference model; what must hold, holds after every step.

Amounts in 0, 2 and 3 decimals; units, goodwill, shipping alone, what was overpaid, fees, units cancelled, differences closed, payments and
their reversals in parts between all that. Refunds sees the order's versions when chance lets it, and any number of them at once.
80 lives in a usual run, 5,000 in `make proof`; AFTERSALE_TEST_PURE_LIVES=100000 for more.
"""

import os
from collections.abc import Callable
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule, run_state_machine_as_test

from services.refunds.state import SHIPPING, KnownOrder, Line, Policy
from shared.contracts.errors import Refused
from shared.contracts.money import exponent
from tests.rules.refund_books import NOW, Books, Made
from tests.services.refunds.reference import Sold
from tests.services.refunds.reference_parts import STATUSES, Part, Row, Rules

LIVES = int(os.environ.get("AFTERSALE_TEST_PURE_LIVES", "80"))
MANY = 5_000
STEPS = 40

PERCENT = st.one_of(st.sampled_from([100, 100, 50, 10]), st.integers(0, 130))
SAID = st.sampled_from(["nothing", "nothing", "nothing", "right", "zero", "one more"])
CHOICE = st.sampled_from(["policy", "policy", "keep", "refund"])
LINES = st.lists(
    st.tuples(st.integers(1, 5), st.integers(0, 999), st.integers(0, 100), st.sampled_from(["", "5", "19"])), min_size=1, max_size=3
)


def refusal(call: Callable[[], Any]) -> str | None:
    """The code with which something is refused."""
    try:
        call()
    except Refused as refused:
        return str(refused.code)
    return None


def rows(table: Any) -> list[Row]:
    """A table of taxes, in the model's words."""
    return [(row.tax_rate or "", row.net, row.tax, row.gross) for row in table]


def facts(made: Made) -> dict[str, Any]:
    """What a refund of the rules says, in the model's words."""
    units = [(line.line, n) for line in made.tax.lines for one in line.units for n in range(one.first, one.last + 1)]
    taxes = {line.line: line.tax for line in made.tax.lines if line.goods}
    return {
        "cause": made.cause, "units": units, "money": made.money, "amount": (made.amount, made.overpaid, made.kept),
        "tax": taxes | ({SHIPPING: made.tax.shipping_tax} if made.shipping else {}),
        "kept_tax": made.tax.shipping_kept_tax, "taxes": rows(made.tax.taxes), "payout_taxes": rows(made.tax.payout_taxes),
    }  # fmt: skip


def expected(part: Part) -> dict[str, Any]:
    """The same of the model's refund."""
    money = {number: money for number, money in part.money.items() if money}
    return {
        "cause": part.cause, "units": sorted(part.units), "money": money, "amount": (part.amount, part.overpaid, part.shipping_kept),
        "tax": {number: part.tax[number] for number in money}, "kept_tax": part.kept_tax, "taxes": part.taxes,
        "payout_taxes": part.payout_taxes,
    }  # fmt: skip


class Lives(RuleBasedStateMachine):
    """Each step is taken in the rules' books and in the model, which must agree on the refusal and on every figure."""

    books: Books
    model: Sold

    @initialize(
        currency=st.sampled_from(["JPY", "BDT", "KWD"]), lines=LINES, paid=PERCENT,
        shipping=st.tuples(st.integers(0, 300), st.integers(0, 100), st.sampled_from(["", "5", "19"])), deduct=st.booleans(),
        start=st.sampled_from(["pending", "confirmed", "confirmed", "shipped", "delivered", "delivered"]),
    )  # fmt: skip
    def place(
        self, currency: str, lines: list[tuple[int, int, int, str]], shipping: tuple[int, int, str], paid: int, start: str, *, deduct: bool
    ) -> None:
        scale = 10 ** exponent(currency) - (exponent(currency) > 0) * 3  # 1, 97 or 997: amounts that rarely come out even
        totals = {number: total * scale for number, (_, total, _, _) in enumerate(lines, start=1)}
        self.tax = {number: totals[number] * share // 100 for number, (_, _, share, _) in enumerate(lines, start=1)}
        self.tax[SHIPPING] = shipping[0] * scale * shipping[1] // 100
        self.rates = {number: rate for number, (_, _, _, rate) in enumerate(lines, start=1)} | {SHIPPING: shipping[2]}
        quantities = {number: quantity for number, (quantity, _, _, _) in enumerate(lines, start=1)}
        known = tuple(
            Line(number, f"SKU-{number}", quantities[number], totals[number], tax=self.tax[number], tax_rate=self.rates[number] or None)
            for number in totals
        )
        order = KnownOrder(
            order_id="order_01h455vb4pex5vsknk084sn02q", number="1", customer_id="c", version=1, status="pending", currency=currency,
            lines=known, shipping=shipping[0] * scale, shipping_tax=self.tax[SHIPPING], shipping_tax_rate=self.rates[SHIPPING] or None,
        )  # fmt: skip
        self.books, self.at_once = Books(order), Books(order)
        self.model = Sold(quantities, totals, order.shipping, tracked=0, tax=self.tax, rates=self.rates, late=True)
        self.payments, self.requests = list[str](), dict[int, Part]()
        self.deduct, self.keys = deduct, count()
        self.decided = self.reversed = self.refused = False
        self.highest = 0  # what was collected at the most
        self.checked = 0
        self.pay(paid)
        if start != "pending":
            self.move(start)
            self.see()

    def amount(self, percent: int) -> int:
        return max(1, self.model.total * percent // 100)

    def both(self, what: str, *arguments: Any, **named: Any) -> None:
        """Something happens to the order: one of the books sees it at once."""
        for books in (self.books, self.at_once):
            getattr(books, what)(*arguments, **named)
        self.at_once.see()

    @property
    def policy(self) -> Policy:
        return Policy(version=1, valid_from=NOW, deduct_shipping=self.deduct)

    @property
    def rules_now(self) -> Rules:
        return Rules(deduct_shipping=self.deduct)

    # -- what happens to the order -------------------------------------------------------------------------------------------------

    @rule(percent=PERCENT)
    def pay(self, percent: int) -> None:
        amount = self.amount(percent)
        self.both("pay", amount)
        self.payments.append(self.books.order.payments[-1].payment_id)
        self.model.pay(amount, cash=False)
        self.highest = max(self.highest, self.model.collected)

    @rule(which=st.integers(0, 2), percent=st.one_of(st.none(), PERCENT), sure=st.sampled_from([True, False, False]))
    def reverse(self, which: int, percent: int | None, *, sure: bool) -> None:
        if sure and which < len(self.payments):
            amount, before = self.model.payments[which]
            part = None if percent is None else self.amount(percent)
            if self.model.reverse(which, part) is None:
                self.both("pay", -(amount - before if part is None else part), reverses=self.payments[which])
                self.reversed = True

    @precondition(lambda self: self.model.status not in ("pending", "cancelled"))
    @rule(kind=st.sampled_from(["written_off", "kept"]), percent=PERCENT)
    def close(self, kind: str, percent: int) -> None:
        """Within the difference, as far as orders knows: here it knows every refund that there is."""
        position = (self.model.total - self.model.credited) - (self.model.collected - self.model.approved)
        most = position - self.model.written_off if kind == "written_off" else -position - self.model.kept
        if most > 0:
            amount = max(1, most * min(percent, 100) // 100)
            self.both("close", kind, amount)
            self.model.close(kind, amount)

    @precondition(lambda self: self.model.status not in ("delivered", "cancelled"))
    @rule(to=st.sampled_from(STATUSES[1:]))
    def move(self, to: str) -> None:
        if STATUSES.index(to) > STATUSES.index(self.model.status):
            self.both("happens", status=to)
            self.model.move(to)

    @precondition(lambda self: self.model.status not in ("delivered", "cancelled"))
    @rule(sure=st.sampled_from([True, False, False, False]))
    def cancel(self, *, sure: bool) -> None:
        if sure:
            self.both("cancel", self.policy)
            self.model.cancel(self.rules_now)

    @precondition(lambda self: self.model.status in STATUSES[1:4])
    @rule(line=st.integers(1, 3), quantity=st.integers(1, 3), other=st.booleans(), shipping=CHOICE)
    def cancel_units(self, line: int, quantity: int, shipping: str, *, other: bool) -> None:
        wanted = {number: quantity for number in ({line, line % 3 + 1} if other else {line}) if number in self.model.quantities}
        if wanted and self.model.cancel_units(wanted, shipping, self.rules_now) is None:
            self.both("cancel_units", wanted, shipping, self.policy)

    @rule()
    def see(self) -> None:
        if self.model.seen.status != self.model.status == "cancelled":
            self.requests.clear()
        self.books.see()
        self.model.see()

    @rule(deduct=st.booleans())
    def switch(self, *, deduct: bool) -> None:
        self.deduct = deduct

    # -- what people do ------------------------------------------------------------------------------------------------------------

    @precondition(lambda self: self.model.seen.status == "delivered" or not self.refused)
    @rule(one=st.integers(0, 3), two=st.integers(0, 2))
    def request(self, one: int, two: int) -> None:
        wanted = {line: quantity for line, quantity in ((1, one), (2, two)) if quantity and line in self.model.quantities} or {1: 1}
        key = next(self.keys)
        code = self.model.request(wanted, self.rules_now)
        assert refusal(lambda: self.books.request(key, wanted, self.policy)) == code
        if code is None:
            self.requests[key] = self.model.refunds[-1]
        self.refused |= code is not None

    @precondition(lambda self: self.model.seen.status == "delivered")
    @rule(one=st.integers(0, 2), two=st.integers(0, 2), fees=st.integers(0, 40), shipping=CHOICE)
    def take_back(self, one: int, two: int, fees: int, shipping: str) -> None:
        """Asked and approved in one go."""
        before = len(self.requests)
        self.request(one, two)
        if len(self.requests) > before:
            self.approve(fees, shipping, "right", fewer=False, with_fees=fees > 20, last=True)

    @precondition(lambda self: self.requests)
    @rule(fewer=st.booleans(), fees=PERCENT, with_fees=st.booleans(), shipping=CHOICE, said=SAID, last=st.booleans())
    def approve(self, fees: int, shipping: str, said: str, *, fewer: bool, with_fees: bool, last: bool) -> None:
        key = max(self.requests) if last else min(self.requests)
        part = self.requests[key]
        lines = {1: 1} if fewer and part.count(1) else None
        kept = self.amount(fees) // 3 if with_fees else 0
        wanted = part.units if lines is None else part.units[:1]
        worth = self.model.worth(wanted, keeps=part.rules.deduct_shipping if shipping == "policy" else shipping == "keep")
        payout = self.payout(max(0, sum(worth.values()) - kept), said)
        code = self.model.approve(part, None if lines is None else {1: (1, None)}, fees=kept, shipping=shipping, said=payout)
        assert refusal(lambda: self.books.approve(key, lines, kept, shipping, payout)) == code
        if code is None:
            del self.requests[key]
            self.decided = True

    @precondition(lambda self: self.requests)
    @rule()
    def withdraw(self) -> None:
        key = min(self.requests)
        self.model.end(self.requests.pop(key))
        del self.books.open[key]

    @precondition(lambda self: self.model.seen.status == "delivered" or not self.refused)
    @rule(kind=st.sampled_from(["goodwill", "goodwill", "shipping", "overpaid"]), line=st.integers(0, 3), percent=PERCENT, said=SAID)
    def adjust(self, kind: str, line: int, percent: int, said: str) -> None:
        at = line if kind == "goodwill" and line in self.model.quantities else None
        of = {"overpaid": self.model.overpaid, "shipping": self.model.shipping}.get(kind, self.model.total // (2 if at is None else 3))
        amount = max(1, of * percent // 100)
        payout = amount if kind == "overpaid" and said == "right" else self.payout(amount, said)
        code = self.model.adjust(kind, at, amount, self.rules_now, said=payout)
        assert refusal(lambda: self.books.adjust(kind, at, amount, payout)) == code
        self.decided |= code is None
        self.refused |= code is not None

    def payout(self, credit: int, said: str) -> int | None:
        right = self.model._payout(credit, self.model.seen.collected, self.model.seen.written_off)
        return {"nothing": None, "right": right, "zero": 0, "one more": right + 1}[said]

    # -- what holds ----------------------------------------------------------------------------------------------------------------

    @precondition(lambda self: hasattr(self, "books"))
    @invariant()
    def both_agree(self) -> None:
        assert len(self.books.made) == len(self.model.approvals)
        new = slice(self.checked, None)
        assert [facts(one) for one in self.books.made[new]] == [expected(part) for part in self.model.approvals[new]]
        for one in self.books.made[new]:
            money_has_its_tax(one)
        self.checked = len(self.books.made)
        assert self.books.ledger.position.overpaid == self.model.overpaid

    @precondition(lambda self: hasattr(self, "books"))
    @invariant()
    def never_too_much(self) -> None:
        ledger, whole = self.books.ledger, self.model.whole
        credited = {part: ledger.credited.get(part, 0) for part in whole}
        assert all(0 <= credited[part] <= whole[part] for part in whole)
        assert ledger.approved <= self.highest
        assert self.reversed or ledger.approved <= ledger.order.collected
        assert ledger.position.due >= 0 <= ledger.position.overpaid
        assert not (ledger.position.due and ledger.position.overpaid)
        tax = {part: sum(one.tax.get(part, 0) for one in self.model.approvals) for part in whole}
        assert all(0 <= tax[part] <= credited[part] for part in whole)
        assert all(0 <= self.tax[part] - tax[part] <= whole[part] - credited[part] for part in whole)  # of what is left
        for rate in set(self.rates.values()):
            refunded = sum(row[2] for one in self.books.made for row in rows(one.tax.taxes) if row[0] == rate)
            parts = [part for part in whole if self.rates[part] == rate]
            assert refunded + sum(self.tax[part] - tax[part] for part in parts) == sum(self.tax[part] for part in parts)

    @precondition(lambda self: hasattr(self, "books"))
    @invariant()
    def any_order_of_arrival_ends_the_same(self) -> None:
        """As long as nobody decided anything, and nothing was reversed (real-shops.md, case 53)."""
        if self.books.ledger.order.version == self.books.order.version and not self.decided and not self.reversed:
            assert self.books.made == self.at_once.made

    def teardown(self) -> None:
        """Whatever is left of a delivered order, given back, brings back the invoice's tax, row by row."""
        if not hasattr(self, "books") or self.books.ledger.order.status != "delivered" or not sum(self.model.left.values()):
            return
        left = sum(self.model.left.values())
        said = self.payout(left, "right")
        assert refusal(lambda: self.books.adjust("goodwill", None, left + 1, None)) == "more_than_left"
        assert refusal(lambda: self.books.adjust("goodwill", None, left, said)) is None
        for rate in set(self.rates.values()):
            refunded = sum(row[2] for one in self.books.made for row in rows(one.tax.taxes) if row[0] == rate)
            assert refunded == sum(tax for part, tax in self.tax.items() if self.rates[part] == rate)
        assert sum(self.books.ledger.credited.values()) == self.model.total
        assert self.reversed or self.books.ledger.position.due == 0  # what went out for money that never came is owed (case 47)


def money_has_its_tax(made: Made) -> None:
    """No row has more tax than money; the rows are the credit, and what of it is paid out."""
    for table, gross in (made.tax.taxes, sum(made.money.values())), (made.tax.payout_taxes, made.amount - made.overpaid):
        assert all(0 <= tax <= money and net + tax == money for _, net, tax, money in rows(table))
        assert sum(money for *_, money in rows(table)) == gross
    assert made.overpaid <= made.amount <= sum(made.money.values()) + made.overpaid
    assert 0 <= (made.tax.shipping_kept_tax or 0) <= made.kept


def live(lives: int) -> None:
    modest = settings(
        max_examples=lives, stateful_step_count=STEPS, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck),
        phases=(Phase.explicit, Phase.generate, Phase.shrink),
    )  # fmt: skip
    run_state_machine_as_test(Lives, settings=modest)


def test_random_lives_hold_every_promise() -> None:
    live(LIVES)


@pytest.mark.proof
@pytest.mark.timeout(3_600)
def test_many_random_lives_hold_every_promise() -> None:
    live(MANY)
