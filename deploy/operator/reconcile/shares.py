"""Recalculates every penny of every refund from what was bought and claimed (see shared/contracts/refund_shares.py)."""

# ruff: noqa: S608  (the SQL is put together from constants of this package; values are always bound)

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction
from typing import Any

from deploy.operator.reconcile.across import Found, Reads
from shared.contracts.refund_shares import goods_of, rounded, shipping_of
from shared.data.audit import public

KIND = "refund_shares"
ABOUT = "a refund credits exactly the shares of its units, or pays back what was collected for a cancelled order, with its tax"

ID = public("refund", "r.refund_id")
BEFORE = "x.store_id = r.store_id and x.order_id = r.order_id and y.number < a.number"
# Of an order that was imported as cancelled: what had been paid for it then, and was not reversed since.
STILL_PAID = """(select coalesce(sum((p->>'amount')::bigint), 0) from jsonb_array_elements(o.payments) p
    where exists (select from jsonb_array_elements(o.payments) b
        where b->'order_version' = '1' and b->>'payment_id' in (p->>'payment_id', p->>'reverses')))"""
REFUNDS = f"""select r.store_id, {ID}, jsonb_build_object('cause', r.cause, 'status', r.status, 'amount', r.amount, 'kept', r.shipping_kept,
    'overpaid', r.overpaid, 'shipping', o.shipping, 'shipping_tax', o.shipping_tax, 'shipping_refund_tax', r.shipping_tax,
    'kept_tax', r.shipping_kept_tax, 'taxes', r.taxes, 'payout_taxes', r.payout_taxes, 'policy', coalesce(p.deduct_shipping, false),
    'choice', coalesce((select c->>'shipping' from jsonb_array_elements(o.part_cancellations) c
        where c->>'part_cancellation_id' = {public("part_cancellation", "r.part_cancellation_id")}), r.shipping_choice),
    'credit', r.credit, 'adjustment', r.explanation->>'adjustment', 'adjusted_line', (r.explanation->>'line')::int,
    'fees', (select coalesce(sum((f->>'amount')::bigint), 0) from jsonb_array_elements(r.fees) f),
    'before', a.approved_before, 'collected_seen', a.collected_seen,
    'written_off', (select coalesce(sum((c->>'amount')::bigint), 0) from jsonb_array_elements(o.closings) c
        where c->>'kind' = 'written_off' and (c->>'order_version')::int <= r.order_version),
    'history', o.refunded_before, 'paid_before', case when o.imported and (o.cancellation->>'order_version')::int = 1 then {STILL_PAID} end,
    'left', o.fulfilment <> 'digital' and o.cancellation->>'cancelled_from' in ('picked_up', 'shipped'),
    'shipping_credited', (select coalesce(sum(shipping), 0) from refunds.refunds x where x.store_id = r.store_id
        and x.order_id = r.order_id and x.cause in ('part_cancellation', 'history')),
    'kept_before', (select coalesce(sum(shipping_kept), 0) from refunds.refunds x join refunds.approvals y using (store_id, refund_id)
        where {BEFORE}),
    'credited', (select coalesce(jsonb_object_agg(part, amount), '{{}}') from (select x.part, sum(x.amount) as amount
        from refunds.credits x join refunds.approvals y using (store_id, refund_id) where {BEFORE} group by x.part) x),
    'order', (select jsonb_agg(jsonb_build_array(total, quantity, line, tax) order by line) from refunds.order_lines l
        where l.store_id = r.store_id and l.order_id = r.order_id),
    'lines', (select coalesce(jsonb_agg(jsonb_build_array(line, goods, shipping, units, tax, fee) order by line), '[]')
        from refunds.refund_lines l where l.store_id = r.store_id and l.refund_id = r.refund_id))::text, false
    from refunds.refunds r join refunds.orders o using (store_id, order_id)
    left join refunds.approvals a on a.store_id = r.store_id and a.refund_id = r.refund_id
    left join refunds.settings p on p.store_id = r.store_id and p.version = r.policy_version"""


@dataclass(frozen=True, slots=True)
class Expected:
    """A refund's expected figures: (goods, shipping) by line, and the rest of its money."""

    lines: dict[int, tuple[int, int]]
    overpaid: int = 0
    kept: int = 0
    amount: int | None = None  # None: not decided yet
    fees: dict[int, int] = field(default_factory=dict)  # kept of the goods, by line


async def shares(reads: Reads, settled: datetime) -> AsyncIterator[Found]:
    """Refunds whose figures differ from the specification's."""
    async for store_id, refund_id, text, _ in reads.rows("refunds", REFUNDS, settled):
        refund = json.loads(text)
        try:
            wrong = [*_wrong(refund, _expected(refund)), *_wrong_taxes(refund)]
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:  # JSON that no service writes
            wrong = [f"its values cannot be read: {error!r}"]
        if wrong:
            yield Found(KIND, "refunds", store_id, refund_id, "; ".join(wrong))


def _expected(refund: dict[str, Any]) -> Expected:
    match refund["cause"]:
        case "request" | "part_cancellation":
            return of_units(refund)
        case "history":
            return of_history(refund)
        case "adjustment":
            return of_adjustment(refund)
        case "overpaid":  # what came in above everything owed, and is still here; nothing of the order is credited
            return Expected({}, refund["amount"], amount=min(refund["amount"], (refund["collected_seen"] or 0) - (refund["before"] or 0)))
        case _:
            return of_money(refund)


def of_history(refund: dict[str, Any]) -> Expected:
    """What was said of the time before the import: each line's money, and the shipping filling one line's share after the other."""
    said = refund["history"] or {"lines": [], "shipping": 0}
    return Expected(
        _with_shipping(refund, {one["line"]: one["amount"] for one in said["lines"]}, 0, said["shipping"]),
        amount=sum(one["amount"] for one in said["lines"]) + said["shipping"],
    )


def _order(refund: dict[str, Any]) -> tuple[list[tuple[int, int]], list[int]]:
    """The (total, quantity) of each line, and the lines' numbers."""
    lines = refund["order"] or []
    return [(total, quantity) for total, quantity, *_ in lines], [number for _, _, number, *_ in lines]


def of_adjustment(refund: dict[str, Any]) -> Expected:
    """A goodwill on a line, or spread over what is left of every part, or some of the shipping."""
    order, numbers = _order(refund)
    credited = {int(part): amount for part, amount in refund["credited"].items()}
    left = [total - credited.get(number, 0) for number, (total, _) in zip(numbers, order, strict=True)]
    left.append(refund["shipping"] - credited.get(0, 0))
    parts = [*numbers, 0]
    if refund["adjustment"] == "shipping":
        money = {0: refund["credit"]}
    elif refund["adjusted_line"] is not None:
        money = {refund["adjusted_line"]: refund["credit"]}
    else:
        money = dict(zip(parts, _spread(refund["credit"], left), strict=True))
    start, shipping = credited.get(0, 0), money.pop(0, 0)
    lines = _with_shipping(refund, money, start, start + shipping)
    return Expected(lines, amount=_paid_out(refund, refund["credit"]))


def _spread(amount: int, weights: list[int]) -> list[int]:
    """An amount over weights in proportion, in turn: the rounded share up to each weight, less that up to the one before."""
    whole = sum(weights)
    ends = [rounded(Fraction(amount * sum(weights[: at + 1]), whole)) if whole else 0 for at in range(len(weights))]
    return [end - start for end, start in zip(ends, [0, *ends[:-1]], strict=True)]


def _paid_out(refund: dict[str, Any], credit: int) -> int | None:
    """What of a credit goes back: nothing while something is owed. None: the approval is missing, which is reported as such."""
    if refund["before"] is None:
        return None
    whole = sum(total for total, _ in _order(refund)[0]) + refund["shipping"]
    owed = max(0, whole - sum(refund["credited"].values()) - credit - refund["written_off"])
    paid: int = min(credit, max(0, refund["collected_seen"] - refund["before"] - owed))
    return paid


def of_units(refund: dict[str, Any]) -> Expected:
    """The sum of the fixed shares of its units, at most what is left, without their shipping if the shop keeps it.

    Of this credit what is paid out: nothing while something is owed.
    """
    order, numbers = _order(refund)
    keeps = refund["policy"] if refund["choice"] in (None, "policy") else refund["choice"] == "keep"
    credited = {int(part): amount for part, amount in refund["credited"].items()}
    lines, shipping_left = {}, refund["shipping"] - credited.get(0, 0)
    for line, _, _, units, *_ in refund["lines"]:
        if line not in numbers:
            continue  # reported by _wrong
        at = numbers.index(line)
        total, quantity = order[at]
        goods = min(sum(goods_of(total, quantity, first, last) for first, last in units), total - credited.get(line, 0))
        shipping = min(sum(shipping_of(refund["shipping"], order, at + 1, first, last) for first, last in units), shipping_left)
        shipping_left -= shipping
        lines[line] = (goods, 0 if keeps else shipping)
    fees = {}
    if refund["fees"]:  # spread over the goods and the shipping, and what falls on the shipping over the lines' parts of it
        *kept, of_shipping = _spread(refund["fees"], [*(goods for goods, _ in lines.values()), sum(part for _, part in lines.values())])
        parts = _spread(of_shipping, [part for _, part in lines.values()])
        fees = dict(zip(lines, kept, strict=True))
        lines = {
            line: (goods - fee, shipping - part) for (line, (goods, shipping)), fee, part in zip(lines.items(), kept, parts, strict=True)
        }
    if refund["status"] != "approved":
        return Expected(lines, fees=fees)
    return Expected(lines, amount=_paid_out(refund, sum(goods + shipping for goods, shipping in lines.values())), fees=fees)


def of_money(refund: dict[str, Any]) -> Expected:
    """A cancelled order's refund: max(0, collected so far − kept) − already approved.

    The money fills what is left of the goods, then of the shipping but what is kept.
    """
    order, numbers = _order(refund)
    cancelled_before = refund["paid_before"] is not None
    may_keep = refund["shipping"] - refund["shipping_credited"] if refund["policy"] and refund["left"] and not cancelled_before else 0
    collected, before = refund["collected_seen"] or 0, refund["before"] or 0  # without its approval, it is reported as such
    if cancelled_before:  # what had been paid by then, and had not gone back, stays
        collected -= max(0, refund["paid_before"] - (of_history(refund).amount or 0))
    amount = max(0, max(0, collected - may_keep) - before)
    kept = max(0, min(may_keep, collected - before - amount) - refund["kept_before"])
    credited = {int(part): credit for part, credit in refund["credited"].items()}
    left, goods = amount, {}
    for number, (total, _) in zip(numbers, order, strict=True):
        goods[number] = min(left, total - credited.get(number, 0))
        left -= goods[number]
    shipping = max(0, min(left, refund["shipping"] - credited.get(0, 0) - kept - refund["kept_before"]))
    start = credited.get(0, 0)
    return Expected(_with_shipping(refund, goods, start, start + shipping), left - shipping, kept, amount)


def _with_shipping(refund: dict[str, Any], goods: dict[int, int], start: int, end: int) -> dict[int, tuple[int, int]]:
    """(goods, shipping) by line, where the shipping from `start` to `end` falls on one line's share after the other."""
    order, numbers = _order(refund)
    upto, lines = 0, {}
    for at, number in enumerate(numbers, start=1):
        share = shipping_of(refund["shipping"], order, at, 1, order[at - 1][1])
        lines[number] = (goods.get(number, 0), max(0, min(end, upto + share) - max(start, upto)))
        upto += share
    return lines


def _wrong(refund: dict[str, Any], expected: Expected) -> list[str]:
    said = {line: (goods, shipping) for line, goods, shipping, *_ in refund["lines"]}
    parts = [
        f"line {line}: goods and shipping {said.get(line, (0, 0))} are not {money}"
        for line, money in expected.lines.items()
        if said.get(line, (0, 0)) != money
    ]
    parts += [
        f"line {line}: a fee of {fee} is not {expected.fees.get(line, 0)}"
        for line, *_, fee in refund["lines"]
        if fee != expected.fees.get(line, 0)
    ]
    numbers = _order(refund)[1]
    parts += [f"line {line} is not of its order" for line in said if line not in numbers]
    rest = {"overpaid": expected.overpaid, "kept": expected.kept} | ({} if expected.amount is None else {"amount": expected.amount})
    return parts + [f"{name}: {refund[name]} is not {value}" for name, value in rest.items() if refund[name] != value]


def _wrong_taxes(refund: dict[str, Any]) -> list[str]:
    """Each part's tax is its share of the part's tax by money credited before and now; the tables are their sums."""
    if refund["status"] != "approved" or refund["before"] is None or refund["shipping_refund_tax"] is None:
        return []
    bought = {number: (total, tax) for total, _, number, tax in refund["order"]}
    credited = {int(part): amount for part, amount in refund["credited"].items()}
    shipping = sum(part for _, _, part, *_ in refund["lines"])
    wanted = {line: _part_of(*bought[line], credited.get(line, 0), goods) for line, goods, *_ in refund["lines"] if line in bought}
    said = {line: tax for line, _, _, _, tax, *_ in refund["lines"] if line in bought}
    before = credited.get(0, 0)
    wanted[0], said[0] = _part_of(refund["shipping"], refund["shipping_tax"], before, shipping), refund["shipping_refund_tax"]
    kept_before = before + shipping + refund["kept_before"]
    wanted[-1], said[-1] = _part_of(refund["shipping"], refund["shipping_tax"], kept_before, refund["kept"]), refund["kept_tax"]
    parts = [f"tax of part {part}: {said[part]} is not {tax}" for part, tax in wanted.items() if said[part] != tax]
    credit = sum(goods for _, goods, *_ in refund["lines"]) + shipping
    sums = {"taxes": credit, "payout_taxes": refund["amount"] - refund["overpaid"]}
    for name, gross in sums.items():
        if sum(row["gross"] for row in refund[name]) != gross or any(row["net"] + row["tax"] != row["gross"] for row in refund[name]):
            parts.append(f"{name} do not add up to {gross}")
    return parts


def _part_of(total: int, tax: int, before: int, now: int) -> int:
    """The tax of `now` minor units of a part of `total`, after `before` of them."""
    return rounded(Fraction(tax * (before + now), total)) - rounded(Fraction(tax * before, total)) if total else 0
