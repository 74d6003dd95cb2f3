"""Carries out a plan: place, deliver, pay, refund, and read back. It may be stopped anywhere and run again.

Existing orders are found by their external_ref and existing refunds by their description, however old they are; Idempotency-Keys
make each single call safe to repeat. A few batches of orders at a time go through placing, delivery and payment; a refund follows when
the refund service has seen its order delivered and paid.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from kit.client import Busy, Client, Invalid, NotFound, Refused, VersionConflict, connect
from kit.client.answers.refunds import RefundDetails, RefundView
from kit.client.requests.orders import BulkTransition
from kit.host import CannotDo
from kit.importing import asking
from kit.importing.mapping import Plan, PlannedOrder, PlannedRefund
from kit.importing.results import Placed, Refunded, Refusal, Results

CHUNKS_AT_ONCE = 3
CALLS_AT_ONCE = 12
ANSWER_SECONDS = 300.0
PATIENCE_SECONDS = 900.0
SEEN_SECONDS = 1_800.0
"""How long a refund is requested again while the refund service has not yet seen its order placed, delivered and paid."""
READ_BACK_SECONDS = 600.0
READ_BACK_PAUSE_SECONDS = 2.0
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

    client: Client
    plan: Plan
    advance: Advance
    results: Results = field(default_factory=Results)
    reason: str = "other"
    window: bool = False
    calls: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(CALLS_AT_ONCE))


def connected(address: str, token: str) -> AbstractAsyncContextManager[Client]:
    """A client with an import's patience."""
    return connect(address, token, patience_seconds=PATIENCE_SECONDS, not_yet_seconds=SEEN_SECONDS, answer_seconds=ANSWER_SECONDS)


def totals(plan: Plan) -> dict[str, int]:
    """How many items there are to process, by stage."""
    return {PLACED: len(plan.orders), DELIVERED: len(plan.orders), PAID: len(plan.orders), REFUNDED: len(plan.refunds)}


async def carry_out(work: Work, *, deduct_shipping: bool | None) -> Results:
    """Carry out the whole plan. Raises ClientError or CannotDo if the system is away for long, or refuses what it must accept."""
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
    policy = await work.client.refund_policy.read()
    if deduct_shipping is not None and policy.deduct_shipping != deduct_shipping:
        try:
            policy = await work.client.refund_policy.save(
                if_match=policy.etag,
                manage_stock=policy.manage_stock,
                attachments=policy.attachments,
                deduct_shipping=deduct_shipping,
                window_days=policy.window_days,
                reasons=policy.reasons,
                overdue_after_hours=policy.overdue_after_hours,
            )
        except VersionConflict as problem:
            raise CannotDo(f"The refund policy could not be saved: {problem}", "look at the store's policy") from problem
    work.reason = "other" if "other" in policy.reasons else policy.reasons[0]
    work.window = policy.window_days is not None


async def known_orders(work: Work) -> dict[str, Known]:
    """The orders of this import that the system already holds, by invoice."""
    times = [order.first.at for order in work.plan.orders.values()]
    if not times:
        return {}
    found: dict[str, Known] = {}
    async for item in work.client.orders.all(placed_at_gte=min(times)):
        invoice = asking.invoice_of(item.external_ref)
        if invoice in work.plan.orders:
            found[invoice] = Known(item.order_id, item.total.amount, item.status, item.payment, item.refunded_total.amount)
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
    asked = [asking.order(order) for order in orders]
    key = asking.key(work.plan.source.digest, "place", orders[0].invoice, body={"orders": asked})
    batch = await work.client.orders.place_batch(orders=asked, idempotency_key=key)
    for order, item in zip(orders, batch.items, strict=True):
        if (made := item.order) is not None:
            placed = Placed(made["order_id"], made["goods_total"]["amount"], made["shipping"]["amount"])
            work.results.orders[order.invoice] = placed
        else:
            work.results.orders[order.invoice] = await _there_already(work, order) or _refusal(item.problem)


def _refusal(problem: dict[str, Any] | None) -> Refusal:
    said = problem or {}
    return Refusal(str(said.get("code", "")), str(said.get("detail", "")))


async def _there_already(work: Work, order: PlannedOrder) -> Placed | None:
    """The order, if an earlier call whose answer was lost had placed it after all."""
    reference = asking.external_ref(order.invoice)
    page = await work.client.orders.list(external_ref=reference)
    for item in page.items:
        if item.external_ref == reference:
            return Placed(item.order_id, order.goods, item.total.amount - order.goods)
    return None


def _id(work: Work, invoice: str) -> str:
    placed = work.results.orders[invoice]
    assert isinstance(placed, Placed)  # only called for placed orders
    return placed.order_id


async def _deliver(work: Work, orders: list[PlannedOrder]) -> None:
    """Make one bulk call for each day in the file: a call's orders share one time of delivery, that of the day's last invoice."""
    by_time: dict[datetime, list[PlannedOrder]] = defaultdict(list)
    for order in orders:
        by_time[max(other.first.at for other in orders if other.first.at.date() == order.first.at.date())].append(order)
    await asyncio.gather(*(_deliver_some(work, some, at) for at, some in by_time.items()))


async def _deliver_some(work: Work, orders: list[PlannedOrder], at: datetime) -> None:
    body: BulkTransition = {"items": [{"order_id": _id(work, order.invoice), "to": "delivered", "occurred_at": at} for order in orders]}
    key = asking.key(work.plan.source.digest, "deliver", orders[0].invoice, body=body)
    async with work.calls:
        moved = await work.client.orders.move_batch(**body, idempotency_key=key)
    for order, item in zip(orders, moved.items, strict=True):
        refusal = _refusal(item.problem)
        if item.problem is not None and refusal.code != "already_there":
            work.results.unfinished[order.invoice] = refusal


async def _pay(work: Work, order: PlannedOrder) -> None:
    if not order.total:
        return
    order_id = _id(work, order.invoice)
    body = asking.payment(order)
    key = asking.key(work.plan.source.digest, "pay", order.invoice, body=[order_id, body])
    async with work.calls:
        answer = await _or_refusal(work.client.orders.record_payment(order_id, idempotency_key=key, **body))
    if isinstance(answer, Refusal):
        work.results.unfinished[order.invoice] = answer


async def _or_refusal(call: Awaitable[T]) -> T | Refusal:
    """The answer to a call, or the refusal of a rule, which is a result. Raises ClientError for anything else."""
    try:
        return await call
    except Busy:  # no final answer
        raise
    except (Invalid, NotFound, Refused) as problem:
        return Refusal(problem.code, problem.detail)


async def _earlier_refunds(work: Work) -> dict[str, list[RefundDetails]]:
    """The refunds that the plan's orders already have, in full, by order id, so that none is ever requested twice."""
    ours = {placed.order_id for placed in work.results.orders.values() if isinstance(placed, Placed)}
    refunds = work.client.refunds.all(cause="request")
    refund_ids = [item.refund_id async for item in refunds if item.order_id in ours]
    found: dict[str, list[RefundDetails]] = defaultdict(list)

    async def read(refund_id: str) -> None:
        refund = await work.client.refunds.read(refund_id)
        found[refund.order_id].append(refund)

    await _each(refund_ids, read, CALLS_AT_ONCE)
    return found


async def _refunds_of_one_order(work: Work, refunds: Iterable[PlannedRefund], earlier: dict[str, list[RefundDetails]]) -> None:
    """Request an order's refunds one at a time in the file's order, since units are claimed from the lowest up."""
    for refund in refunds:
        work.results.refunds[refund.cancellation, refund.order] = await _refund(work, refund, earlier)
        work.advance(REFUNDED, 1)


async def _refund(work: Work, refund: PlannedRefund, earlier: dict[str, list[RefundDetails]]) -> Refunded | Refusal:
    placed = work.results.orders.get(refund.order)
    if not isinstance(placed, Placed):
        return placed or Refusal("not_tried", "Its order was not placed.")
    made: RefundView | RefundDetails | None = next((one for one in earlier.get(placed.order_id, []) if _is(one, refund)), None)
    if made is None:
        body = asking.refund(refund, placed.order_id, reason=work.reason, window=work.window)
        key = _key(work, "refund", refund, "/v1/refunds", body)
        requested = await _or_refusal(work.client.refunds.request(idempotency_key=key, **body))
        if isinstance(requested, Refusal):
            return requested
        made = requested
    if made.status == "processing":
        key = _key(work, "approve", refund, f"/v1/refunds/{made.refund_id}/approve", {})
        approved = await _or_refusal(work.client.refunds.approve(made.refund_id, idempotency_key=key))
        if isinstance(approved, Refusal):
            return approved
        made = approved
    if made.status != "approved":
        return Refusal("declined", "The shop declined it, or its customer withdrew it.")
    return Refunded(made.refund_id, made.goods.amount, made.shipping.amount)


def _key(work: Work, step: str, refund: PlannedRefund, *about: object) -> str:
    return asking.key(work.plan.source.digest, step, refund.cancellation, refund.order, body=list(about))


def _is(made: RefundDetails, refund: PlannedRefund) -> bool:
    """Whether a refund is the planned one, judged by its description or, if that was erased, by its units."""
    if made.description:
        return made.description == asking.description(refund)
    return {line.line: line.quantity for line in made.lines} == refund.quantities


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
