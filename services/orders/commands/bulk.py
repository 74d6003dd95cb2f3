"""Bulk changes: each item changes the order that it names, in its own transaction, and succeeds or fails on its own."""

import json
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import datetime
from typing import Any, TypeVar

from services.orders.commands.batch import each, unexpected
from services.orders.requests.bulk import BulkItem, Malformed
from services.orders.state import Changed, OrderState, Recorded, Result, Unchanged
from shared.contracts.actor import Actor, shop_only
from shared.contracts.errors import Failure, NotFound, Refused
from shared.contracts.ids import public_id
from shared.data.db import Database
from shared.data.idempotency import Overtaken, Reservation, Stored, look_up, store
from shared.data.sql import statement

RESOLVE = statement(__file__, "resolve")

Item = TypeVar("Item", bound=BulkItem)


async def change_each(
    db: Database, actor: Actor, items: Sequence[Item | Malformed], command: Callable[..., Awaitable[OrderState | Recorded]], *, name: str,
    key: str, path: str, now: datetime, dry_run: bool = False,
) -> list[Result]:  # fmt: skip
    """Do `command` (named `name`) for each item. The items of one order are done in the given order.

    A repeat with the same key does only the missing ones. A dry run shows what each item by itself would do.
    Raises Forbidden; any other failure is the item's own result.
    """
    shop_only(actor).or_raise()
    targets = await _targets(db, actor, items)
    together: dict[str | int, list[int]] = defaultdict(list)
    for index, target in enumerate(targets):
        together[target if isinstance(target, str) else index].append(index)

    async def in_turn(_: int, indexes: list[int]) -> list[tuple[int, Result]]:
        return [(index, await one(index)) for index in indexes]

    async def one(index: int) -> Result:
        item, target = items[index], targets[index]
        if isinstance(item, Malformed):
            return Unchanged(None, item.failure)
        order_id = target if isinstance(target, str) else None
        reservation = Reservation.of(actor, f"{key}\n{index}", "POST", path, item.model_dump_json().encode())
        try:
            async with db.rehearsing() if dry_run else db.transaction(name) as tx:
                stored = None if dry_run else await look_up(tx, reservation)
                if stored is not None:
                    return _again(stored, order_id)
                if isinstance(target, Failure):
                    raise target
                changed = _changed(await command(tx, actor, order_id, item, now=now))
                if dry_run:
                    return changed
                body = json.dumps({"order_id": changed.order_id, "version": changed.version})
                await store(tx, reservation, Stored(changed.status, body), now=now)
        except Overtaken:
            return await one(index)
        except Failure as failure:
            return Unchanged(order_id, failure)
        except Exception as error:  # one item's failure must not stop the others
            return Unchanged(order_id, unexpected(error))
        return changed

    done = dict(pair for pairs in await each(list(together.values()), in_turn) for pair in pairs)
    return [done[index] for index in range(len(items))]


def _again(stored: Stored, order_id: str | None) -> Changed:
    """What the item did at first; what it said of an erased customer's order is gone."""
    body = json.loads(stored.body)
    return Changed(body.get("order_id", order_id), body.get("version"), stored.status)


def _changed(done: OrderState | Recorded) -> Changed:
    state, status = (done.state, 201 if done.new else 200) if isinstance(done, Recorded) else (done, 200)
    return Changed(state.order.order_id, state.order.version, status)


async def _targets(db: Database, actor: Actor, items: Sequence[BulkItem | Malformed]) -> list[str | Failure]:
    """The order of each item, found in one statement, or why there is no such order."""
    named = [item for item in items if isinstance(item, BulkItem) and item.order_id is None]
    if not named:
        return [_target(item, iter(())) for item in items]
    names: dict[str, Any] = {
        "numbers": [item.number for item in named],
        "external_refs": [item.external_ref for item in named],
        "carriers": [item.carrier for item in named],
        "tracking_numbers": [item.tracking_number for item in named],
    }
    async with db.reading() as tx:
        rows = await tx.all(RESOLVE, {"store": actor.store, **names})
    found = iter([[public_id("order", order_id) for order_id in row.order_ids or ()] for row in rows])
    return [_target(item, found) for item in items]


def _target(item: BulkItem | Malformed, resolved: Iterator[list[str]]) -> str | Failure:
    if isinstance(item, Malformed):
        return item.failure
    if item.order_id is not None:
        return item.order_id
    found = next(resolved)
    if not found:
        return NotFound(detail="No such order.")
    if len(found) > 1:
        detail = "Several orders have a parcel with this tracking number: name the order by its order_id."
        return Refused("order_ambiguous", detail, order_ids=found)
    return found[0]
