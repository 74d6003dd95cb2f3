"""Carries out a plan: place, deliver, pay, refund, and read back. It may be stopped anywhere and run again.

Existing orders are found by their external_ref and existing refunds by their description, however old they are; Idempotency-Keys
make each single call safe to repeat. A few batches of orders at a time go through placing, delivery and payment; a refund follows when
the refund service has seen its order delivered and paid.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from kit.importing import asking
from kit.importing.api import Answer, Api
from kit.importing.mapping import Plan, PlannedOrder, PlannedRefund
from kit.importing.results import CannotImport, Placed, Refunded, Refusal, Results

CHUNKS_AT_ONCE = 3
CALLS_AT_ONCE = 12
SEEN_SECONDS = 1_800.0
SEEN_PAUSE_SECONDS = 0.5
READ_BACK_SECONDS = 600.0
READ_BACK_PAUSE_SECONDS = 2.0
NOT_SEEN_YET = ("order_not_known_yet", "delivery_not_seen_yet", "not_collected")
"""Codes with which the refund service answers while events are on their way to it."""

T = TypeVar("T")
Advance = Callable[[str, int], None]
PLACED, DELIVERED, PAID, REFUNDED = "placed", "delivered", "paid", "refunded"
STAGES = (PLACED, DELIVERED, PAID, REFUNDED)


@dataclass(frozen=True, slots=True)
class Known:
    """An order of this import that was already in the system."""

    order_id: str
    total: int
    status: str
    payment: str
    refunded: int


@dataclass(slots=True)
class Work:
    """One run of an import: the plan, the answers, and whom to report progress to."""

    api: Api
    plan: Plan
    advance: Advance
    results: Results = field(default_factory=Results)
    reason: str = "other"
    window: bool = False
    calls: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(CALLS_AT_ONCE))


def totals(plan: Plan) -> dict[str, int]:
    """How many items there are to process, by stage."""
    return {PLACED: len(plan.orders), DELIVERED: len(plan.orders), PAID: len(plan.orders), REFUNDED: len(plan.refunds)}


async def carry_out(work: Work, *, deduct_shipping: bool | None) -> Results:
    """Carry out the whole plan. Raises CannotImport when the system is unavailable for long, or gives answers that an import cannot use."""
    await _prepare_policy(work, deduct_shipping)
    known = await known_orders(work)
    await _each(list(asking.chunks(work.plan.orders)), lambda chunk: _chunk(work, chunk, known), CHUNKS_AT_ONCE)
    earlier = await _earlier_refunds(work)
    of_order: dict[str, list[PlannedRefund]] = defaultdict(list)
    for refund in work.plan.refunds:
        of_order[refund.order].append(refund)
    await _each(list(of_order.values()), lambda refunds: _refunds_of_one_order(work, refunds, earlier), CALLS_AT_ONCE)
    return work.results


async def _each(items: Sequence[T], do: Callable[[T], Awaitable[None]], at_once: int) -> None:
    """Run `do` for every item in order, at most `at_once` at a time; the first error ends all of them."""
    waiting = iter(items)

    async def worker() -> None:
        for item in waiting:
            await do(item)

    async with asyncio.TaskGroup() as group:
        for _ in range(at_once):
            group.create_task(worker())


async def _prepare_policy(work: Work, deduct_shipping: bool | None) -> None:
    """Save the wanted policy unless it is already in force, and read what the store requires of a refund request."""
    policy = await work.api.get("refunds", "/v1/refund-policy")
    if deduct_shipping is not None and policy["deduct_shipping"] != deduct_shipping:
        same = ("manage_stock", "attachments", "window_days", "reasons", "overdue_after_hours")
        body = {name: policy[name] for name in same} | {"deduct_shipping": deduct_shipping}
        answer = await work.api.put("refunds", "/v1/refund-policy", body, policy["version"])
        if answer.refusal is not None:
            raise CannotImport(
                f"The refund policy could not be saved: {answer.refusal.code}: {answer.refusal.detail}", "look at the store's policy"
            )
        policy = answer.body
    work.reason = "other" if "other" in policy["reasons"] else policy["reasons"][0]
    work.window = policy["window_days"] is not None


async def known_orders(work: Work) -> dict[str, Known]:
    """The orders of this import that the system already holds, by invoice."""
    times = [order.first.at for order in work.plan.orders.values()]
    if not times:
        return {}
    found: dict[str, Known] = {}
    async for item in work.api.items("orders", "/v1/orders", **{"placed_at.gte": min(times).isoformat()}):
        invoice = asking.invoice_of(item["external_ref"])
        if invoice in work.plan.orders:
            amounts = (item["total"]["amount"], item["status"], item["payment"], item["refunded_total"]["amount"])
            found[invoice] = Known(item["order_id"], *amounts)
    return found


async def _chunk(work: Work, chunk: list[PlannedOrder], known: dict[str, Known]) -> None:
    """Place, deliver and pay one batch of orders. Steps that were already done are not repeated."""
    for order in chunk:
        if (here := known.get(order.invoice)) is not None:
            work.results.orders[order.invoice] = Placed(here.order_id, order.goods, here.total - order.goods)
    missing = [order for order in chunk if order.invoice not in known]
    if missing:
        await _place(work, missing)
    work.advance(PLACED, len(chunk))
    placed = [order for order in chunk if isinstance(work.results.orders.get(order.invoice), Placed)]
    await _deliver(work, [order for order in placed if order.invoice not in known or known[order.invoice].status != "delivered"])
    work.advance(DELIVERED, len(chunk))
    await asyncio.gather(*(_pay(work, order) for order in placed if order.invoice not in known or known[order.invoice].payment != "paid"))
    work.advance(PAID, len(chunk))


async def _place(work: Work, orders: list[PlannedOrder]) -> None:
    body = {"orders": [asking.order(order) for order in orders]}
    key = asking.key(work.plan.source.digest, "place", orders[0].invoice, body=body)
    answer = await work.api.post("orders", "/v1/orders/batch", body, key)
    if answer.refusal is not None:
        raise CannotImport(f"A batch was refused: {answer.refusal.code}: {answer.refusal.detail}")
    for order, item in zip(orders, answer.body["items"], strict=True):
        if (made := item["order"]) is not None:
            placed = Placed(made["order_id"], made["goods_total"]["amount"], made["shipping"]["amount"])
            work.results.orders[order.invoice] = placed
        else:
            problem = item["problem"]
            work.results.orders[order.invoice] = await _there_already(work, order) or Refusal(problem["code"], problem["detail"])


async def _there_already(work: Work, order: PlannedOrder) -> Placed | None:
    """The order, if an earlier call whose answer was lost had placed it after all."""
    reference = asking.external_ref(order.invoice)
    page = await work.api.get("orders", "/v1/orders", q=reference)
    for item in page["items"]:
        if item["external_ref"] == reference:
            return Placed(item["order_id"], order.goods, item["total"]["amount"] - order.goods)
    return None


def _id(work: Work, invoice: str) -> str:
    placed = work.results.orders[invoice]
    assert isinstance(placed, Placed)  # only called for placed orders
    return placed.order_id


async def _deliver(work: Work, orders: list[PlannedOrder]) -> None:
    """Make one bulk call for each day in the file: a call's orders share one time of delivery, that of the day's last invoice."""
    by_time: dict[str, list[PlannedOrder]] = defaultdict(list)
    for order in orders:
        by_time[max(other.first.at for other in orders if other.first.at.date() == order.first.at.date()).isoformat()].append(order)
    await asyncio.gather(*(_deliver_some(work, some, at) for at, some in by_time.items()))


async def _deliver_some(work: Work, orders: list[PlannedOrder], at: str) -> None:
    body = {"order_ids": [_id(work, order.invoice) for order in orders], "to": "delivered", "occurred_at": at}
    key = asking.key(work.plan.source.digest, "deliver", orders[0].invoice, body=body)
    async with work.calls:
        answer = await work.api.post("orders", "/v1/orders/transitions", body, key)
    if answer.refusal is not None:
        raise CannotImport(f"Delivering was refused: {answer.refusal.code}: {answer.refusal.detail}")
    for order, item in zip(orders, answer.body["items"], strict=True):
        problem = item["problem"]
        if problem is not None and problem["code"] != "already_there":
            work.results.unfinished[order.invoice] = Refusal(problem["code"], problem["detail"])


async def _pay(work: Work, order: PlannedOrder) -> None:
    if not order.total:
        return
    order_id = _id(work, order.invoice)
    body = asking.payment(order)
    key = asking.key(work.plan.source.digest, "pay", order.invoice, body=[order_id, body])
    async with work.calls:
        answer = await work.api.post("orders", f"/v1/orders/{order_id}/payments", body, key)
    if answer.refusal is not None:
        work.results.unfinished[order.invoice] = answer.refusal


async def _earlier_refunds(work: Work) -> dict[str, list[dict[str, Any]]]:
    """The refunds that the plan's orders already have, in full, by order id, so that none is ever requested twice."""
    ours = {placed.order_id for placed in work.results.orders.values() if isinstance(placed, Placed)}
    refunds = work.api.items("refunds", "/v1/refunds")
    refund_ids = [item["refund_id"] async for item in refunds if item["order_id"] in ours and item["cause"] == "request"]
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)

    async def read(refund_id: str) -> None:
        refund = await work.api.get("refunds", f"/v1/refunds/{refund_id}")
        found[refund["order_id"]].append(refund)

    await _each(refund_ids, read, CALLS_AT_ONCE)
    return found


async def _refunds_of_one_order(work: Work, refunds: Iterable[PlannedRefund], earlier: dict[str, list[dict[str, Any]]]) -> None:
    """Request an order's refunds one at a time in the file's order, since units are claimed from the lowest up."""
    for refund in refunds:
        work.results.refunds[refund.cancellation, refund.order] = await _refund(work, refund, earlier)
        work.advance(REFUNDED, 1)


async def _refund(work: Work, refund: PlannedRefund, earlier: dict[str, list[dict[str, Any]]]) -> Refunded | Refusal:
    placed = work.results.orders.get(refund.order)
    if not isinstance(placed, Placed):
        return placed or Refusal("not_tried", "Its order was not placed.")
    made = next((one for one in earlier.get(placed.order_id, []) if _is(one, refund)), None)
    if made is None:
        body = asking.refund(refund, placed.order_id, reason=work.reason, window=work.window)
        answer = await _when_seen(work, "/v1/refunds", body, ("refund", refund.cancellation, refund.order))
        if answer.refusal is not None:
            return answer.refusal
        made = answer.body
    if made["status"] == "processing":
        answer = await _when_seen(work, f"/v1/refunds/{made['refund_id']}/approve", {}, ("approve", refund.cancellation, refund.order))
        if answer.refusal is not None:
            return answer.refusal
        made = answer.body
    if made["status"] != "approved":
        return Refusal("declined", "The shop declined it, or its customer withdrew it.")
    return Refunded(made["refund_id"], made["goods"]["amount"], made["shipping"]["amount"])


def _is(made: dict[str, Any], refund: PlannedRefund) -> bool:
    """Whether a refund is the planned one, judged by its description or, if that was erased, by its units."""
    if made["description"]:
        return bool(made["description"] == asking.description(refund))
    return {line["line"]: line["quantity"] for line in made["lines"]} == refund.quantities


async def _when_seen(work: Work, path: str, body: dict[str, Any], about: tuple[str, ...]) -> Answer:
    """Make a request, and repeat it while the refund service has not yet seen its order placed, delivered and paid."""
    key = asking.key(work.plan.source.digest, *about, body=[path, body])
    deadline = time.monotonic() + SEEN_SECONDS
    while True:
        answer = await work.api.post("refunds", path, body, key)
        if answer.refusal is None or answer.refusal.code not in NOT_SEEN_YET or time.monotonic() > deadline:
            return answer
        await asyncio.sleep(SEEN_PAUSE_SECONDS)


async def read_back(work: Work) -> dict[str, str]:
    """Orders that do not (yet) show what was done, by invoice. Compares total, status, payment, and the refunds reported by events."""
    refunded: dict[str, int] = defaultdict(int)
    for (_, invoice), answer in work.results.refunds.items():
        if isinstance(answer, Refunded):
            refunded[invoice] += answer.goods + answer.shipping
    deadline = time.monotonic() + READ_BACK_SECONDS
    while True:
        known = await known_orders(work)
        differs = {invoice: why for invoice in work.plan.orders if (why := _differs(work, invoice, known.get(invoice), refunded[invoice]))}
        if not differs or time.monotonic() > deadline:
            return differs
        await asyncio.sleep(READ_BACK_PAUSE_SECONDS)


def _differs(work: Work, invoice: str, known: Known | None, refunded: int) -> str:
    if invoice in work.results.unfinished or not isinstance(work.results.orders.get(invoice), Placed):
        return ""
    if known is None:
        return "is not listed"
    wanted = (work.plan.orders[invoice].total, "delivered", "paid", refunded)
    shown = (known.total, known.status, known.payment, known.refunded)
    return "" if shown == wanted else f"shows {shown} instead of {wanted}"
