"""Batches: each item succeeds or fails on its own. Its idempotency key is the batch's key plus its index in the batch."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, TypeVar

import structlog
from pydantic import ValidationError

from services.orders.commands.draft import Draft, Shown, draft
from services.orders.commands.place import place_draft
from services.orders.commands.placing import Blocked, Outcome, Placed, Repeated, attempt
from services.orders.requests.placing import PlaceBatch, PlaceOrder
from shared.contracts.actor import Actor, shop_only
from shared.contracts.errors import Failure, Invalid, Unavailable
from shared.data.db import Database
from shared.data.idempotency import Reservation, Stored
from shared.web.bodies import MAX_FIELDS, crowded
from shared.web.problems import invalid_value

AT_ONCE = 6
"""Items of one bulk change that run concurrently: it must not take every connection of its process."""

CHUNK_ORDERS = 64
CHUNK_LINES = 512
"""The most that one statement places; an order with more lines is placed on its own."""

PARTS = 8
"""The number of parts into which a chunk is split if it could not be placed as a whole."""

TURNS = 8
"""How often to yield to the event loop between two items. Publishing one event takes several turns of the loop: with an item in each,
the relay of this process would publish only a few dozen events a second."""

log = structlog.get_logger()

T = TypeVar("T")
R = TypeVar("R")


async def place_batch(
    db: Database, actor: Actor, request: PlaceBatch, key: str, path: str, *, shown: Shown, now: datetime, dry_run: bool = False
) -> list[Stored | Failure]:
    """Place each order independently, in the given order: earlier ones get the lower numbers and the last of the stock.

    A dry run shows what each order by itself would be. Raises Forbidden; any other failure is the item's own result.
    """
    shop_only(actor).or_raise()
    answers: list[Stored | Failure] = []
    async for chunk in _chunks(_drafts(actor, request, key, path, shown=shown, now=now)):
        answers += await (_rehearse_chunk if dry_run else _place_chunk)(db, chunk, now=now)
    return answers


def _drafts(actor: Actor, request: PlaceBatch, key: str, path: str, *, shown: Shown, now: datetime) -> Iterator[Draft | Failure]:
    """Each item, prepared without the database: a draft, or its failure."""
    for index, body in enumerate(request.items()):
        reservation = Reservation.of(actor, f"{key}\n{index}", "POST", path, json.dumps(body, sort_keys=True).encode())
        try:
            yield draft(actor, _parsed(body), reservation, shown=shown, now=now)
        except Failure as failure:
            yield failure
        except Exception as error:  # one order's failure must not stop the others
            yield unexpected(error)


async def _chunks(items: Iterable[Draft | Failure]) -> AsyncIterator[list[Draft | Failure]]:
    """The items in chunks that neither hold their stock locks for long nor fill the memory. Yields to other calls in between."""
    chunk: list[Draft | Failure] = []
    lines = 0
    for item in items:
        await let_others_run()
        more = len(item.lines) if isinstance(item, Draft) else 0
        if chunk and (len(chunk) == CHUNK_ORDERS or lines + more > CHUNK_LINES):
            yield chunk
            chunk, lines = [], 0
        chunk.append(item)
        lines += more
    yield chunk


async def _rehearse_chunk(db: Database, chunk: list[Draft | Failure], *, now: datetime) -> list[Stored | Failure]:
    async def alone(_: int, item: Draft | Failure) -> Stored | Failure:
        return await _place_alone(db, item, now=now, dry_run=True) if isinstance(item, Draft) else item

    return await each(chunk, alone)


async def _place_chunk(db: Database, chunk: list[Draft | Failure], *, now: datetime) -> list[Stored | Failure]:
    """Each item's result, as if the orders were placed one after the other.

    One statement places them together if it can. Otherwise the chunk is split and retried in order, down to single orders, so that
    only the orders that cause the failure are refused.
    """
    drafts = {at: item for at, item in enumerate(chunk) if isinstance(item, Draft)}
    answers: dict[int, Stored | Failure] = {at: item for at, item in enumerate(chunk) if isinstance(item, Failure)}
    parts = [list(drafts)] if drafts else []
    while parts:
        part = parts.pop(0)
        if len(part) == 1:
            answers[part[0]] = await _place_alone(db, drafts[part[0]], now=now)
            continue
        found = await _place_together(db, [drafts[at] for at in part], now=now)
        answers |= {at: answer for at, answer in zip(part, found, strict=True) if answer is not None}
        left = [at for at in part if at not in answers]
        size = len(left) if len(left) < len(part) else -(-len(left) // PARTS)
        parts = [*(left[first : first + size] for first in range(0, len(left), size or 1)), *parts]
    return [answers[at] for at in range(len(chunk))]


async def _place_together(db: Database, drafts: list[Draft], *, now: datetime) -> list[Stored | Failure | None]:
    """The result of each order; None for those that were not placed but may succeed in a retry."""
    try:
        return [_final(outcome) for outcome in await attempt(db, "orders.place_together", drafts, now=now)]
    except Unavailable as away:  # trying each is of no use: a repeat with the same keys will find the outcome
        return [away for _ in drafts]


def _final(outcome: Outcome) -> Stored | Failure | None:
    match outcome:
        case Placed(stored) | Repeated(stored):
            return stored
        case Blocked(Invalid() as another_request):
            return another_request
    return None


async def _place_alone(db: Database, one: Draft, *, now: datetime, dry_run: bool = False) -> Stored | Failure:
    try:
        return (await place_draft(db, one, now=now, dry_run=dry_run)).stored
    except Failure as failure:
        return failure
    except Exception as error:  # one order's failure must not stop the others
        return unexpected(error)


async def let_others_run() -> None:
    """Give the other calls of this process, and its relay, their turns between two items."""
    for _ in range(TURNS):
        await asyncio.sleep(0)


async def each(items: Sequence[T], work: Callable[[int, T], Awaitable[R]]) -> list[R]:
    """`work` for every item, a few at a time, results in the order of the items."""
    slots = asyncio.Semaphore(AT_ONCE)

    async def one(index: int, item: T) -> R:
        async with slots:
            return await work(index, item)

    return list(await asyncio.gather(*(one(index, item) for index, item in enumerate(items))))


def unexpected(error: Exception) -> Failure:
    """The result of an item that failed because of a bug of ours."""
    log.error("bug", error=repr(error), exc_info=error)
    return Failure(detail="Internal error; this item was not processed. Use the trace id to find it in the logs.")


def _parsed(body: dict[str, Any]) -> PlaceOrder:
    if crowded(body, MAX_FIELDS):
        raise Invalid("too_many_values", f"An order can have at most {MAX_FIELDS} fields, including those of its lines.")
    try:
        return PlaceOrder.model_validate(body)
    except ValidationError as error:
        raise invalid_value(error) from None
