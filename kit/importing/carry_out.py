"""Carries out a plan: places the orders as they stand, and reads back. It may be stopped anywhere and run again.

Existing orders are found by their external_ref, however old they are; Idempotency-Keys make each call safe to repeat. An order is one
version with its whole history, so it is there or not, and nothing is left half done.
"""

import asyncio
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any

from kit.client import Client, connect
from kit.importing import asking
from kit.importing.mapping import Plan, PlannedOrder
from kit.importing.results import Placed, Refusal, Results

CHUNKS_AT_ONCE = 3
ANSWER_SECONDS = 300.0
PATIENCE_SECONDS = 900.0
READ_BACK_SECONDS = 600.0
READ_BACK_PAUSE_SECONDS = 2.0
Advance = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Known:
    """An order of this import that is in the system; money in pence."""

    order_id: str
    total: int
    status: str
    payment: str
    refunded: int


@dataclass(slots=True)
class Work:
    """One run of an import: the plan, the answers, and whom to tell how many more orders were placed."""

    client: Client
    plan: Plan
    advance: Advance
    results: Results = field(default_factory=dict)


def connected(address: str, token: str) -> AbstractAsyncContextManager[Client]:
    """A client with an import's patience."""
    return connect(address, token, patience_seconds=PATIENCE_SECONDS, answer_seconds=ANSWER_SECONDS)


async def carry_out(work: Work) -> Results:
    """Place every order that is not there. Raises ClientError if the system is away for long, or refuses what it must accept."""
    known = await known_orders(work)
    chunks = asking.chunks(work.plan.orders)

    async def worker() -> None:
        for chunk in chunks:
            await _chunk(work, chunk, known)

    async with asyncio.TaskGroup() as group:  # the first error ends all of them
        for _ in range(CHUNKS_AT_ONCE):
            group.create_task(worker())
    return work.results


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
    """Place the orders of one batch that are missing."""
    for order in chunk:
        if (here := known.get(order.invoice)) is not None:
            work.results[order.invoice] = Placed(here.order_id, order.goods, here.total - order.goods)
    missing = [order for order in chunk if order.invoice not in known]
    if missing:
        await _place(work, missing)
    work.advance(len(chunk))


async def _place(work: Work, orders: list[PlannedOrder]) -> None:
    asked = [asking.order(order) for order in orders]
    batch = await work.client.orders.place_batch(orders=asked, idempotency_key=asking.key(work.plan.source.digest, asked))
    for order, item in zip(orders, batch.items, strict=True):
        if (made := item.order) is not None:
            work.results[order.invoice] = Placed(made["order_id"], made["goods_total"]["amount"], made["shipping"]["amount"])
        else:
            work.results[order.invoice] = await _there_already(work, order) or _refusal(item.problem)


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


async def read_back(work: Work) -> dict[str, str]:
    """Orders that do not (yet) show what was done, by invoice. Compares total, status, payment, and the refunds reported by events."""
    deadline = time.monotonic() + READ_BACK_SECONDS
    placed = [order for invoice, order in work.plan.orders.items() if isinstance(work.results.get(invoice), Placed)]
    while True:
        known = await known_orders(work)
        differs = {order.invoice: why for order in placed if (why := _differs(order, known.get(order.invoice)))}
        if not differs or time.monotonic() > deadline:
            return differs
        await asyncio.sleep(READ_BACK_PAUSE_SECONDS)


def _differs(order: PlannedOrder, known: Known | None) -> str:
    if known is None:
        return "is not listed"
    wanted = (order.total, "delivered" if order.cancelled_at is None else "cancelled", "paid", order.refunded)
    shown = (known.total, known.status, known.payment, known.refunded)
    return "" if shown == wanted else f"shows {shown} instead of {wanted}"
