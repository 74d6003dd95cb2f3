"""One order's refunds, made by the rules alone: what the commands do, without a database. For properties over random lives."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from services.refunds.requests import AdjustRefund, LineToApprove, WantedLine
from services.refunds.rules import adjustments
from services.refunds.rules.amounts import less_fees, money_back, money_of_parts, refund_amount
from services.refunds.rules.automatic import Already, Due, due_refunds, if_cancelled, keeps_shipping
from services.refunds.rules.claim import all_free, claim, keep_lowest
from services.refunds.rules.decisions import may_ask
from services.refunds.rules.lines import lines_of_money, lines_of_units
from services.refunds.rules.payout import may_keep, may_pay, payout
from services.refunds.rules.taxes import Taxed, taxed
from services.refunds.state import SHIPPING, Credited, KnownClosing, KnownOrder, KnownPayment, Ledger, Policy, Units
from shared.contracts.actor import Actor
from shared.contracts.events import By, CancelledUnits, PartCancellation

NOW = datetime(2026, 11, 28, tzinfo=UTC)
STAFF = Actor("s", "staff", "anna")
Claim = Mapping[int, Sequence[Units]]


@dataclass(frozen=True, slots=True)
class Made:
    """An approved refund."""

    cause: str
    key: str | None
    shipping: int
    overpaid: int
    kept: int
    amount: int
    tax: Taxed

    @property
    def money(self) -> dict[int, int]:
        """What it credits of each part."""
        parts = {line.line: line.goods for line in self.tax.lines} | {SHIPPING: self.shipping}
        return {part: money for part, money in parts.items() if money}


@dataclass
class Books:
    """The order as it is, what of it was seen, and the refunds. Every refusal is raised as Refused."""

    order: KnownOrder
    policies: dict[str, Policy] = field(default_factory=dict)  # in force when a part, or the order, was cancelled
    open: dict[int, tuple[Claim, Policy]] = field(default_factory=dict)
    made: list[Made] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.ledger = Ledger(self.order, {}, {}, 0, 0)

    # -- what happens to the order -------------------------------------------------------------------------------------------------

    def happens(self, **changes: Any) -> None:
        """The next version of the order."""
        self.order = replace(self.order, version=self.order.version + 1, **changes)

    def pay(self, amount: int, reverses: str | None = None) -> str:
        """A payment, or what is reversed of one."""
        version = self.order.version + 1
        payment = KnownPayment(f"payment-{version}", amount, version, reverses)
        self.happens(payments=(*self.order.payments, payment))
        return payment.payment_id

    def close(self, kind: Any, amount: int) -> None:
        """A difference that is let be."""
        self.happens(closings=(*self.order.closings, KnownClosing(kind, amount, self.order.version + 1)))

    def cancel(self, policy: Policy) -> None:
        """The whole order."""
        self.policies["order"], self.order = policy, if_cancelled(self.order, now=NOW)

    def cancel_units(self, wanted: Mapping[int, int], shipping: Any, policy: Policy) -> None:
        """Units that never leave."""
        number = len(self.order.part_cancellations) + 1
        part = PartCancellation.model_construct(
            part_cancellation_id=f"part-{number}", reason="gone", shipping=shipping, order_version=self.order.version + 1, occurred_at=NOW,
            by=By(role="staff", id="anna"), recorded_at=NOW,
            lines=tuple(CancelledUnits(line=line, quantity=quantity, released=0) for line, quantity in wanted.items()),
        )  # fmt: skip
        self.policies[part.part_cancellation_id] = policy
        self.happens(part_cancellations=(*self.order.part_cancellations, part))

    def see(self) -> None:
        """The newest version arrives: what follows from it by itself is refunded."""
        self.ledger = replace(self.ledger, order=self.order)
        credited = {one.key for one in self.made}
        for part in self.order.part_cancellations:
            if part.part_cancellation_id not in credited:
                self._credit_units(part)
        if self.order.cancellation is None:
            return
        self.open.clear()
        automatic = [one for one in self.made if one.cause in ("cancellation", "payment")]
        already = Already(
            approved=self.ledger.approved,
            shipping_credited=sum(one.shipping for one in self.made if one.cause == "part_cancellation"),
            shipping_kept=sum(one.kept for one in automatic),
            keys={one.key for one in automatic},
        )
        first, kept = not automatic, already.shipping_kept
        for due in due_refunds(self.order, self.policies["order"], already):
            self._give_back(due, kept, claims_goods=first)
            first, kept = False, kept + due.shipping_kept

    def _credit_units(self, part: PartCancellation) -> None:
        order, ledger = self.order, self.ledger
        units = claim(order, self.taken, [WantedLine(line=one.line, quantity=one.quantity) for one in part.lines])
        keeps = keeps_shipping(part, self.policies[part.part_cancellation_id])
        amount = refund_amount(order, units, ledger.credited, deduct_shipping=keeps)
        upto = part.order_version
        before = replace(ledger.position, collected=order.collected_upto(upto), written_off=order.written_off_upto(upto))
        paid, lines = payout(before, amount.total), lines_of_units(order, amount, dict.fromkeys(units, "never_left"))
        tax = taxed(order, lines, ledger.credited, payout=paid)
        self._append(Made("part_cancellation", part.part_cancellation_id, amount.shipping, 0, 0, paid, tax), units, before.collected)

    def _give_back(self, due: Due, kept: int, *, claims_goods: bool) -> None:
        order, credited = self.order, self.ledger.credited
        back = money_back(order, credited, due.amount, shipping_kept=due.shipping_kept + kept)
        units = all_free(order, self.taken) if claims_goods else {}
        lines = lines_of_money(order, back, units, "never_left")
        tax = taxed(
            order, lines, credited, payout=due.amount - back.overpaid, shipping_kept=due.shipping_kept, kept_before=kept
        )  # fmt: skip
        made = Made(due.cause, due.key, back.shipping, back.overpaid, due.shipping_kept, due.amount, tax)
        self._append(made, units, due.collected)

    # -- what people do ------------------------------------------------------------------------------------------------------------

    @property
    def taken(self) -> dict[int, tuple[Units, ...]]:
        """The units of open and approved refunds, by line."""
        taken = dict(self.ledger.taken)
        for claimed, _ in self.open.values():
            taken |= {line: (*taken.get(line, ()), *units) for line, units in claimed.items()}
        return taken

    def request(self, key: int, wanted: Mapping[int, int], policy: Policy) -> None:
        """Units asked back."""
        may_ask(self.ledger.order, policy, closes_at=None, now=NOW).or_raise()
        named = [WantedLine(line=line, quantity=quantity) for line, quantity in sorted(wanted.items())]
        self.open[key] = (claim(self.ledger.order, self.taken, named), policy)

    def approve(self, key: int, lines: Mapping[int, int] | None, fees: int, shipping: str, said: int | None) -> None:
        """A request, in full or for fewer units."""
        (units, policy), order, position = self.open[key], self.ledger.order, self.ledger.position
        if lines is not None:
            units = keep_lowest(units, [LineToApprove(line=line, quantity=quantity) for line, quantity in sorted(lines.items())])
        keeps = policy.deduct_shipping if shipping == "policy" else shipping == "keep"
        whole = refund_amount(order, units, self.ledger.credited, deduct_shipping=keeps)
        may_keep(fees, whole.total).or_raise()
        amount = less_fees(whole, fees)
        may_pay(position, amount.total, said).or_raise()
        paid, after = payout(position, amount.total), lines_of_units(order, amount, dict.fromkeys(units, "discard"))
        tax = taxed(order, after, self.ledger.credited, payout=paid)
        del self.open[key]
        self._append(Made("request", None, amount.shipping, 0, 0, paid, tax), units, order.collected)

    def adjust(self, kind: Any, line: int | None, amount: int, said: int | None) -> None:
        """Money without units."""
        order, position = self.ledger.order, self.ledger.position
        wanted = AdjustRefund.model_construct(order_id=order.order_id, kind=kind, line=line, amount=amount, payout=said)
        adjustments.check(self.ledger, STAFF, wanted)
        if kind == "overpaid":
            tax = taxed(order, (), self.ledger.credited, payout=0)
            return self._append(Made("overpaid", None, 0, amount, 0, amount, tax), {}, order.collected)
        may_pay(position, amount, said).or_raise()
        back = money_of_parts(order, self.ledger.credited, adjustments.parts_of(order, self.ledger.credited, wanted))
        paid, lines = payout(position, amount), lines_of_money(order, back, {}, "discard")
        tax = taxed(order, lines, self.ledger.credited, payout=paid)
        return self._append(Made("adjustment", None, back.shipping, 0, 0, paid, tax), {}, order.collected)

    def _append(self, made: Made, units: Claim, collected_seen: int) -> None:
        ledger = self.ledger
        assert made.amount == 0 or ledger.approved + made.amount <= collected_seen  # the chains' checks
        after = dict(ledger.credits)
        for part, money in made.money.items():
            before = after.get(part, Credited())
            after[part] = Credited(before.amount + money, before.number + 1)
        taken = dict(ledger.taken) | {line: (*ledger.taken.get(line, ()), *ranges) for line, ranges in units.items()}
        self.ledger = replace(
            ledger, taken=taken, approved=ledger.approved + made.amount, approvals=ledger.approvals + 1, credits=after
        )  # fmt: skip
        self.made.append(made)
