"""Recalculates every penny of every refund from what was bought and claimed (see shared/contracts/refund_shares.py)."""

# ruff: noqa: S608  (the SQL is put together from constants of this package; values are always bound)

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from deploy.operator.reconcile.across import Found, Reads
from shared.contracts.refund_shares import goods_of, shipping_of
from shared.data.audit import public

KIND = "refund_shares"
ABOUT = "a refund pays exactly the shares of its units (requested) or what is still owed for a cancelled order (automatic)"

ID = public("refund", "r.refund_id")
REFUNDS = f"""select r.store_id, {ID}, jsonb_build_object('cause', r.cause, 'amount', r.amount, 'kept', r.shipping_kept, 'overpaid',
    r.overpaid,
    'status', r.status, 'shipping', o.shipping, 'deduct', coalesce(p.deduct_shipping, false), 'before', a.approved_before,
    'left_from', o.cancellation->>'cancelled_from', 'version', r.order_version, 'payments', o.payments, 'payment',
        {public("payment", "r.payment_id")},
    'cancelled', (o.cancellation->>'order_version')::int, 'kept_before', (select coalesce(sum(shipping_kept), 0) from refunds.refunds x
        join refunds.approvals y using (store_id, refund_id) where x.store_id = r.store_id and x.order_id = r.order_id and y.number <
            a.number),
    'order', (select jsonb_agg(jsonb_build_array(total, quantity) order by line) from refunds.order_lines l where l.store_id = r.store_id
        and l.order_id = r.order_id),
    'lines', (select coalesce(jsonb_agg(jsonb_build_array(line, goods, shipping, units) order by line), '[]') from refunds.refund_lines l
        where l.store_id = r.store_id and l.refund_id = r.refund_id))::text, false
    from refunds.refunds r join refunds.orders o using (store_id, order_id)
    left join refunds.approvals a on a.store_id = r.store_id and a.refund_id = r.refund_id
    left join refunds.settings p on p.store_id = r.store_id and p.version = r.policy_version"""


@dataclass(frozen=True, slots=True)
class Expected:
    """A refund's expected figures: (goods, shipping) by line, and the rest of its money."""

    lines: dict[int, tuple[int, int]]
    overpaid: int = 0
    kept: int = 0
    amount: int | None = None  # None: the sum of the lines


async def shares(reads: Reads, settled: datetime) -> AsyncIterator[Found]:
    """Refunds whose figures differ from the specification's."""
    async for store_id, refund_id, text, _ in reads.rows("refunds", REFUNDS, settled):
        refund = json.loads(text)
        expected = requested(refund) if refund["cause"] == "request" else automatic(refund)
        if why := _wrong(refund, expected):
            yield Found(KIND, "refunds", store_id, refund_id, why)


def requested(refund: dict[str, Any]) -> Expected:
    """The sum of the fixed shares of its units, without their shipping if the policy keeps it."""
    order: list[tuple[int, int]] = [(total, quantity) for total, quantity in refund["order"] or []]
    lines = {}
    for line, _, _, units in refund["lines"]:
        if not 1 <= line <= len(order):
            continue  # reported by _wrong
        total, quantity = order[line - 1]
        goods = sum(goods_of(total, quantity, first, last) for first, last in units)
        shipping = 0 if refund["deduct"] else sum(shipping_of(refund["shipping"], order, line, first, last) for first, last in units)
        lines[line] = (goods, shipping)
    return Expected(lines)


def automatic(refund: dict[str, Any]) -> Expected:
    """max(0, collected so far − kept) − already approved; the money is assigned to goods, then shipping, then overpayment."""
    order: list[tuple[int, int]] = [(total, quantity) for total, quantity in refund["order"] or []]
    had_left = refund["left_from"] in ("picked_up", "shipped")
    may_keep = refund["shipping"] if refund["deduct"] and had_left else 0
    collected = _collected(refund)
    before = refund["before"] or 0
    amount = max(0, max(0, collected - may_keep) - before)
    places = [total for total, _ in order] + [
        shipping_of(refund["shipping"], order, line, 1, order[line - 1][1]) for line in range(1, len(order) + 1)
    ]
    taken, start = [], 0
    for place in places:
        taken.append(max(0, min(before + amount, start + place) - max(before, start)))
        start += place
    goods, shipping = taken[: len(order)], taken[len(order) :]
    lines = {line: (goods[line - 1], shipping[line - 1]) for line in range(1, len(order) + 1)}
    kept = max(0, min(collected, may_keep) - refund["kept_before"])
    return Expected(lines, amount - sum(taken), kept, amount)


def _collected(refund: dict[str, Any]) -> int:
    """What had been collected up to the refund's cause, as known when the refund was made."""
    seen = [payment for payment in refund["payments"] if payment["order_version"] <= refund["version"]]
    own = [payment["order_version"] for payment in seen if payment["payment_id"] == refund["payment"]]
    until = own[0] if own else refund["cancelled"] or 0
    upto = sum(payment["amount"] for payment in seen if payment["order_version"] <= until)
    return int(max(0, min(upto, sum(payment["amount"] for payment in seen))))


def _wrong(refund: dict[str, Any], expected: Expected) -> str:
    said = {line: (goods, shipping) for line, goods, shipping, _ in refund["lines"]}
    parts = [
        f"line {line}: goods and shipping {said.get(line, (0, 0))} are not {money}"
        for line, money in expected.lines.items()
        if said.get(line, (0, 0)) != money
    ]
    parts += [f"line {line} is not of its order" for line in said if not 1 <= line <= len(refund["order"] or [])]
    rest = {"overpaid": expected.overpaid, "kept": expected.kept} | ({} if expected.amount is None else {"amount": expected.amount})
    parts += [f"{name}: {refund[name]} is not {value}" for name, value in rest.items() if refund[name] != value]
    return "; ".join(parts)
