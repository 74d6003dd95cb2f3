"""Many at once: each item stands or falls alone, with the batch's key and its place in the batch as its own key."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, TypeVar

import structlog
from pydantic import ValidationError

from services.orders.commands.change import enforce
from services.orders.commands.draft import Draft, draft
from services.orders.commands.place import place_together
from services.orders.requests.placing import PlaceBatch, PlaceOrder
from services.orders.rules.status import shop_only
from services.orders.views.orders import PlacedItem
from shared.contracts.actor import Actor
from shared.contracts.errors import Failure, Invalid
from shared.data.db import Database
from shared.data.idempotency import Claim, Kept
from shared.web.bodies import MAX_FIELDS, crowded
from shared.web.problems import invalid_value

AT_ONCE = 6
"""Items of one bulk change at work together: it must not take every connection of its process."""

CHUNK_ORDERS = 64
CHUNK_LINES = 512
"""What one statement places at most; an order of more lines goes by itself."""

TURNS = 8
"""Rounds of the event loop between two items. A publish takes several, one message after the other: with an item's work in each round, the
relay of this process would send a few dozen events a second."""

log = structlog.get_logger()

T = TypeVar("T")
R = TypeVar("R")


async def place_batch(db: Database, actor: Actor, request: PlaceBatch, key: str, path: str, *, now: datetime) -> str:
    """Place each order by itself, in their order: earlier ones get the lower numbers and the last of the stock. A BatchView as JSON.

    Raises Forbidden; everything else is the item's own answer.
    """
    enforce(shop_only(actor))
    items: list[str] = []
    placed = 0
    async for wishes in _chunks(_wishes(actor, request, key, path, now)):
        answers = iter(await place_together(db, [wish for wish in wishes if isinstance(wish, Draft)], now))
        for wish in wishes:
            answer = next(answers) if isinstance(wish, Draft) else wish
            placed += isinstance(answer, Kept)
            items.append(_item(len(items), answer))
    return f'{{"placed":{placed},"refused":{len(items) - placed},"items":[{",".join(items)}]}}'


def _wishes(actor: Actor, request: PlaceBatch, key: str, path: str, now: datetime) -> Iterator[Draft | Failure]:
    """Each item as far as it goes without the database: a draft, or what is wrong with it."""
    for index, body in enumerate(request.orders):
        claim = Claim.of(actor, f"{key}\n{index}", "POST", path, json.dumps(body, sort_keys=True).encode())
        try:
            yield draft(actor, _parsed(body), claim, now)
        except Failure as failure:
            yield failure
        except Exception as error:  # its own trouble, and no other order's
            yield unexpected(error)


async def _chunks(wishes: Iterable[Draft | Failure]) -> AsyncIterator[list[Draft | Failure]]:
    """So many at a time that a chunk neither holds its stock for long nor fills the memory; other calls get their turn meanwhile."""
    chunk: list[Draft | Failure] = []
    lines = 0
    for wish in wishes:
        for _ in range(TURNS):
            await asyncio.sleep(0)
        more = len(wish.line_events) if isinstance(wish, Draft) else 0
        if chunk and (len(chunk) == CHUNK_ORDERS or lines + more > CHUNK_LINES):
            yield chunk
            chunk, lines = [], 0
        chunk.append(wish)
        lines += more
    yield chunk


def _item(index: int, answer: Kept | Failure) -> str:
    """A PlacedItem as JSON. The kept answer is the order's JSON already, and stands here word for word."""
    if isinstance(answer, Kept):
        return f'{{"index":{index},"status":{answer.status},"order":{answer.body},"problem":null}}'
    return PlacedItem(index=index, status=answer.status, problem=problem(answer)).model_dump_json()


async def each(items: Sequence[T], work: Callable[[int, T], Awaitable[R]]) -> list[R]:
    """`work` for every item, a few at a time, results in the order of the items."""
    slots = asyncio.Semaphore(AT_ONCE)

    async def one(index: int, item: T) -> R:
        async with slots:
            return await work(index, item)

    return list(await asyncio.gather(*(one(index, item) for index, item in enumerate(items))))


def problem(failure: Failure) -> dict[str, Any]:
    """A failure as an item of a batch shows it."""
    shown: dict[str, Any] = {
        **failure.facts,
        "title": failure.title,
        "status": failure.status,
        "code": failure.code,
        "detail": failure.detail,
    }
    if isinstance(failure, Invalid) and failure.errors:
        shown["errors"] = [{"pointer": error.pointer, "code": error.code, "message": error.message} for error in failure.errors]
    return shown


def unexpected(error: Exception) -> Failure:
    """What an item answers that met a mistake of ours."""
    log.error("bug", error=repr(error), exc_info=error)
    return Failure(detail="Our mistake; nothing of this item was done. The trace id finds it in the logs.")


def _parsed(body: dict[str, Any]) -> PlaceOrder:
    if crowded(body, MAX_FIELDS):
        raise Invalid("too_many_values", f"An order has at most {MAX_FIELDS} fields, those of its lines included.")
    try:
        return PlaceOrder.model_validate(body)
    except ValidationError as error:
        raise invalid_value(error) from None
