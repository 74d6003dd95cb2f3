"""Refunds as the product pages say (product.md 2, real-shops.md 2), small and exact: nothing of the service's code is used.

Fractions and one unit at a time, where the service uses integers and ranges: two ways to the same figures. What happens to an order takes
effect on its refunds when it is seen: at once, or, of a `late` one, at `see`.
"""

from dataclasses import dataclass, field
from fractions import Fraction

from tests.services.refunds.reference_parts import SHIPPING, STATUSES, Cause, Part, Rules, Seen, Unit, half_up, spread


@dataclass
class Sold:
    """An order with everything that was refunded of it. Every method does what a call does, and returns its refusal's code, or None."""

    quantities: dict[int, int]
    totals: dict[int, int]
    shipping: int
    tracked: int  # the line that moves stock
    tax: dict[int, int] = field(default_factory=dict)  # of each part; empty: not known
    rates: dict[int, str] = field(default_factory=dict)
    late: bool = False
    status: str = "pending"
    payments: list[list[int]] = field(default_factory=list)  # [amount, what of it was reversed]
    cash: list[bool] = field(default_factory=list)  # of each payment
    written_off: int = 0
    kept: int = 0
    cancelled_units: dict[int, int] = field(default_factory=dict)
    causes: list[Cause] = field(default_factory=list)
    seen: Seen = field(default_factory=Seen)
    refunds: list[Part] = field(default_factory=list)
    approvals: list[Part] = field(default_factory=list)  # in their order
    cancelled_from: str | None = None
    cancelled_under: Rules = field(default_factory=Rules)
    returned: int = 0  # units of the tracked line that came back to the shelf
    attention: set[str] = field(default_factory=set)

    @property
    def collected(self) -> int:
        return sum(amount - back for amount, back in self.payments)

    @property
    def approved(self) -> int:
        return sum(part.amount for part in self.approvals)

    @property
    def credited(self) -> int:
        return sum(part.credit for part in self.approvals)

    @property
    def whole(self) -> dict[int, int]:
        """What each part is worth, the shipping last."""
        return {**dict(sorted(self.totals.items())), SHIPPING: self.shipping}

    @property
    def left(self) -> dict[int, int]:
        """What of each part was not credited."""
        return {part: whole - sum(one.money.get(part, 0) for one in self.approvals) for part, whole in self.whole.items()}

    @property
    def total(self) -> int:
        return sum(self.whole.values())

    @property
    def position(self) -> int:
        """What is owed, if it is above 0; else what was paid too much."""
        return (self.total - self.credited) - (self.seen.collected - self.approved)

    @property
    def overpaid(self) -> int:
        return 0 if self.seen.status == "cancelled" else max(0, -self.position - self.seen.kept)

    @property
    def goods_left(self) -> bool:
        return (self.cancelled_from or self.status) in STATUSES[2:]

    def free(self, line: int) -> list[Unit]:
        taken = {unit for part in self.refunds if part.status != "cancelled" for unit in part.units}
        return [(line, n) for n in range(1, self.quantities[line] + 1) if (line, n) not in taken]

    # -- what happens to the order -------------------------------------------------------------------------------------------------

    def move(self, to: str) -> None:
        self.status = to
        self._happened()

    def cancel(self, rules: Rules) -> None:
        self.cancelled_from, self.cancelled_under, self.status = self.status, rules, "cancelled"
        self._cause("cancellation", rules)

    def pay(self, amount: int, *, cash: bool) -> None:
        self.payments.append([amount, 0])
        self.cash.append(cash)
        if self.status == "cancelled":
            self._cause("payment", self.cancelled_under, payment=len(self.payments) - 1)
        self._happened()

    def reverse(self, which: int, part: int | None) -> str | None:
        amount, before = self.payments[which]
        if amount == before:
            return "already_reversed"
        if part is not None and part > amount - before:
            return "reversal_too_large"
        self.payments[which][1] = amount if part is None else before + part
        self._happened()
        if not self.late and self.approved > self.collected:
            self.attention.add(f"approved_above_collected:{which}:{self.payments[which][1]}")
        return None

    def close(self, kind: str, amount: int) -> None:
        self.written_off += amount if kind == "written_off" else 0
        self.kept += amount if kind == "kept" else 0
        self._happened()

    def cancel_units(self, wanted: dict[int, int], shipping: str, rules: Rules) -> str | None:
        refusal = {"pending": "pending_is_amended", "delivered": "delivered", "cancelled": "already_cancelled"}.get(self.status)
        if refusal:
            return refusal
        left = {line: quantity - self.cancelled_units.get(line, 0) for line, quantity in self.quantities.items()}
        if any(left[line] < quantity for line, quantity in wanted.items()):
            return "units_not_free"
        if sum(wanted.values()) == sum(left.values()):
            return "cancel_the_order"
        self.cancelled_units |= {line: self.cancelled_units.get(line, 0) + quantity for line, quantity in wanted.items()}
        keeps = rules.deduct_shipping if shipping == "policy" else shipping == "keep"
        self._cause("part_cancellation", rules, units=wanted, keeps=keeps)
        return None

    def _cause(
        self, kind: str, rules: Rules, units: dict[int, int] | None = None, *, keeps: bool = False, payment: int | None = None
    ) -> None:
        self.causes.append(Cause(kind, self.collected, self.written_off, rules, units or {}, keeps, payment))
        self._happened()

    def _happened(self) -> None:
        if not self.late:
            self.see()

    def see(self) -> None:
        """All that happened to the order until now is known to refunds, and makes the refunds that follow from it by themselves."""
        self.seen = Seen(self.status, [(amount, back) for amount, back in self.payments], self.written_off, self.kept)
        for cause in self.causes:
            collected = max(0, min(cause.collected, self.collected))
            stands = cause.payment is None or self.payments[cause.payment][0] > self.payments[cause.payment][1]
            if not cause.made and stands:
                units = cause.kind == "part_cancellation"
                cause.made = self._credit_units(cause, collected) if units else self._give_back(cause, collected)

    def _credit_units(self, cause: Cause, collected: int) -> bool:
        units = [unit for line, quantity in sorted(cause.units.items()) for unit in self.free(line)[:quantity]]
        money = self.worth(units, keeps=cause.keeps)
        paid = self._payout(sum(money.values()), collected, cause.written_off)
        part = Part(units, cause.rules, status="approved", cause="part_cancellation", money=money, paid=paid)
        part.dispositions = dict.fromkeys(cause.units, "never_left")
        self._append(part)
        return True

    def _give_back(self, cause: Cause, collected: int) -> bool:
        """What was collected comes back by itself, less the shipping where the goods had left and the shop keeps it."""
        rules, before = cause.rules, self.approved
        in_parts = sum(one.money.get(SHIPPING, 0) for one in self.approvals if one.cause == "part_cancellation")
        keeps = self.shipping - in_parts if rules.deduct_shipping and self.goods_left else 0
        kept_before = sum(one.shipping_kept for one in self.approvals)
        amount = max(0, collected - keeps - before)
        kept = max(0, min(collected - before - amount, keeps) - kept_before)
        if amount == 0 and kept == 0 and not (cause.kind == "cancellation" and self.goods_left):
            return False
        units = [unit for line in self.quantities for unit in self.free(line)]
        part = Part(units, rules, status="approved", cause=cause.kind, overpaid=amount, shipping_kept=kept)
        for number, left in self.left.items():  # the lines, then the shipping
            room = left - (kept_before + kept if number == SHIPPING else 0)
            part.money[number] = max(0, min(part.overpaid, room))
            part.overpaid -= part.money[number]
        goes = "never_left" if not self.goods_left else "restock" if rules.manage_stock else "inspect"
        part.dispositions = dict.fromkeys({line for line, _ in units}, goes)
        self.returned += part.count(self.tracked) if goes == "restock" else 0
        self._append(part, kept_before=kept_before)
        return True

    # -- money ---------------------------------------------------------------------------------------------------------------------

    def worth(self, units: list[Unit], *, keeps: bool) -> dict[int, int]:
        """What units are worth: each carries a fixed part of its line and of the shipping; at most what is left of these."""
        worth, goods = dict[int, int](), sum(self.totals.values())
        shares = Fraction(0)
        for line, n in units:
            total, quantity = self.totals[line], self.quantities[line]
            worth[line] = worth.get(line, 0) + half_up(Fraction(total * n, quantity)) - half_up(Fraction(total * (n - 1), quantity))
            weights, by = (self.totals, goods) if goods else (self.quantities, sum(self.quantities.values()))
            before = sum(other for number, other in weights.items() if number < line)
            ends = [half_up(self.shipping * (before + Fraction(weights[line] * k, quantity)) / by) for k in (n, n - 1)]
            shares += ends[0] - ends[1]
        left = self.left
        return {line: min(money, left[line]) for line, money in worth.items()} | {
            SHIPPING: 0 if keeps else min(int(shares), left[SHIPPING])
        }

    def _payout(self, credit: int, collected: int, written_off: int) -> int:
        """What of a credit goes back: what is there above what is still owed after it."""
        owed = max(0, self.total - self.credited - credit - written_off)
        return min(credit, max(0, collected - self.approved - owed))

    def _may_pay(self, credit: int, said: int | None) -> str | None:
        left = self.seen.collected - self.approved
        if said is None:
            return "not_collected" if credit > 0 and left <= 0 else None
        if said > max(0, left):
            return "not_collected"
        return None if said == self._payout(credit, self.seen.collected, self.seen.written_off) else "payout_changed"

    def _append(self, part: Part, *, kept_before: int = 0) -> None:
        """An approval: its taxes are shares by the money of its parts, after what was credited of them."""
        if part not in self.refunds:
            self.refunds.append(part)
        part.settlement = "unsettled" if part.amount else "none"
        if self.tax:
            self._tax(part, kept_before)
        self.approvals.append(part)
        if part.amount and self.cash and all(self.cash) and not part.somewhere:  # cash cannot go back the way it came
            self.attention.add(f"pay_to_missing:{id(part)}")

    def _tax(self, part: Part, kept_before: int) -> None:
        def upto(number: int, money: int) -> int:
            return half_up(Fraction(self.tax[number] * money, self.whole[number])) if self.whole[number] else 0

        before = {number: self.whole[number] - left for number, left in self.left.items()}
        now = {number: part.money.get(number, 0) for number in self.whole}
        part.tax = {number: upto(number, before[number] + money) - upto(number, before[number]) for number, money in now.items()}
        start = before[SHIPPING] + now[SHIPPING] + kept_before
        part.kept_tax = upto(SHIPPING, start + part.shipping_kept) - upto(SHIPPING, start)
        paid = dict(zip(now, spread(part.amount - part.overpaid, list(now.values())), strict=True))
        for rate in sorted({self.rates.get(number, "") for number in now}):
            of = [number for number in now if self.rates.get(number, "") == rate]
            gross, tax, out = sum(now[n] for n in of), sum(part.tax[n] for n in of), sum(paid[n] for n in of)
            if gross:
                part.taxes.append((rate, gross - tax, tax, gross))
            if out:
                share = half_up(Fraction(tax * out, gross))
                part.payout_taxes.append((rate, out - share, share, out))

    # -- what people do ------------------------------------------------------------------------------------------------------------

    def request(self, wanted: dict[int, int], rules: Rules, *, with_information: bool = False, somewhere: bool = False) -> str | None:
        if self.seen.status == "cancelled":
            return "order_cancelled"
        if self.seen.status != "delivered":
            return "delivery_not_seen_yet"
        if with_information and not rules.attachments:
            return "attachments_off"
        if any(len(self.free(line)) < quantity for line, quantity in wanted.items()):
            return "units_not_free"
        units = [unit for line, quantity in sorted(wanted.items()) for unit in self.free(line)[:quantity]]
        part = Part(units, rules, money=self.worth(units, keeps=rules.deduct_shipping), somewhere=somewhere)
        part.dispositions = dict.fromkeys(wanted, "restock" if rules.manage_stock else "inspect")
        self.refunds.append(part)
        return None

    def approve(
        self,
        part: Part,
        lines: dict[int, tuple[int, str | None]] | None,
        *,
        fees: int = 0,
        shipping: str = "policy",
        said: int | None = None,
    ) -> str | None:
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
        money = self.worth(units, keeps=part.rules.deduct_shipping if shipping == "policy" else shipping == "keep")
        if fees > sum(money.values()):
            return "fee_too_large"
        fee = dict(zip(money, spread(fees, list(money.values())), strict=True))
        money = {number: value - fee[number] for number, value in money.items()}
        refusal = self._may_pay(sum(money.values()), said)
        if refusal:
            return refusal
        part.paid = self._payout(sum(money.values()), self.seen.collected, self.seen.written_off)
        part.units, part.money, part.fees, part.status, part.version = units, money, fees, "approved", part.version + 1
        part.dispositions = {line: dispositions[line] for line in {line for line, _ in units}}
        self._append(part)
        self.returned += part.count(self.tracked) if part.dispositions.get(self.tracked) == "restock" else 0
        return None

    def adjust(self, kind: str, line: int | None, amount: int, rules: Rules, *, said: int | None = None) -> str | None:
        """Money without units."""
        if self.seen.status == "cancelled":
            return "order_cancelled"
        if kind == "overpaid":
            if amount > self.overpaid:
                return "not_overpaid"
            if said not in (None, amount):
                return "payout_changed"
            self._append(Part([], rules, status="approved", cause="overpaid", overpaid=amount))
            return None
        if self.seen.status != "delivered":
            return "delivery_not_seen_yet"
        left = self.left if kind == "goodwill" and line is None else {number: self.left[number] for number in [line or SHIPPING]}
        if amount > sum(left.values()):
            return "more_than_left"
        refusal = self._may_pay(amount, said)
        if refusal:
            return refusal
        money = dict(zip(left, spread(amount, list(left.values())), strict=True))
        paid = self._payout(amount, self.seen.collected, self.seen.written_off)
        self._append(Part([], rules, status="approved", cause="adjustment", money=money, paid=paid))
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

    def inspect(self, part: Part, line: int, quantity: int, disposition: str) -> str | None:
        if part.status != "approved":
            return "not_approved"
        if part.waiting(line) < quantity:
            return "not_waiting"
        part.inspected[line] = part.inspected.get(line, 0) + quantity
        part.version += 1
        self.returned += quantity if line == self.tracked and disposition == "restock" else 0
        return None
