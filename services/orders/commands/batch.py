"""Many at once: each item is a transaction of its own, with the batch's key and its place in the batch as its own key."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any, TypeVar

from pydantic import ValidationError

from services.orders.commands.change import enforce
from services.orders.commands.place import place_order
from services.orders.rules.status import shop_only
from services.orders.schemas.placing import PlaceBatch, PlaceOrder
from services.orders.schemas.views import BatchView, PlacedItem
from shared.actor import Actor
from shared.db import Database
from shared.errors import Failure, FieldError, Invalid
from shared.idempotency import Claim

AT_ONCE = 6
"""Items of one batch at work together: a batch must not take every connection of its process."""

T = TypeVar("T")
R = TypeVar("R")


async def place_batch(db: Database, actor: Actor, request: PlaceBatch, key: str, path: str, *, now: datetime) -> BatchView:
    """Place each order by itself, in their order: earlier ones get the lower numbers and the last of the stock.

    Raises Forbidden; everything else is the item's own answer.
    """
    enforce(shop_only(actor))
    items = []
    for index, body in enumerate(request.orders):
        claim = Claim.of(actor, f"{key}\n{index}", "POST", path, json.dumps(body, sort_keys=True).encode())
        try:
            placed = await place_order(db, actor, _parsed(body), claim, now=now)
            items.append(PlacedItem(index=index, status=placed.kept.status, order=json.loads(placed.kept.body)))
        except Failure as failure:
            items.append(PlacedItem(index=index, status=failure.status, problem=problem(failure)))
    done = sum(1 for item in items if item.order is not None)
    return BatchView(placed=done, refused=len(items) - done, items=items)


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


def _parsed(body: dict[str, Any]) -> PlaceOrder:
    try:
        return PlaceOrder.model_validate(body)
    except ValidationError as error:
        fields = tuple(FieldError("".join(f"/{part}" for part in item["loc"]), item["type"], item["msg"]) for item in error.errors()[:20])
        raise Invalid("invalid", f"{fields[0].pointer}: {fields[0].message}", errors=fields) from None
