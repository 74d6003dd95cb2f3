"""Bulk changes: each item changes the order that it names, and succeeds or fails on its own."""

import json
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog

from services.orders.commands.batch import each, let_others_run, unexpected
from services.orders.commands.change import Revision, write_revisions
from services.orders.queries.orders import lock_each, rows_of, state_of
from services.orders.requests.bulk import BulkItem, Malformed
from services.orders.state import Changed, OrderState, Recorded, Result, Unchanged
from shared.contracts.actor import Actor, shop_only
from shared.contracts.errors import Failure, NotFound, Refused, TooLarge, Unavailable
from shared.contracts.ids import public_id
from shared.data.db import Database, Transaction
from shared.data.idempotency import Overtaken, Reservation, Stored, look_up, look_up_each, store, store_each
from shared.data.set_aside import one_row
from shared.data.sql import statement

RESOLVE = statement(__file__, "resolve")

GROUP_ITEMS = 64
GROUP_LINES = 2_000
"""The most that one transaction changes together: it holds the locks of its orders, and they must fit into the memory."""

Command = Callable[..., Awaitable[OrderState | Recorded]]
"""Called with the transaction, the actor, the order's id, the item and `now`; makes the change."""

Decide = Callable[..., Revision | None]
"""Called with the order's state, the actor, the item and `now`; says what changes, None if nothing does. Raises Failure."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Bulk:
    """One bulk call: whose, its items by their index, the order that each names, and the results of those that could not be read.

    `name` is that of its transactions.
    """

    db: Database
    actor: Actor
    items: Mapping[int, BulkItem]
    targets: Mapping[int, str | Failure]
    unread: Mapping[int, Result]
    name: str
    key: str
    path: str
    now: datetime

    def reservation(self, index: int) -> Reservation:
        """An item's key: the call's, with its index."""
        body = self.items[index].model_dump_json().encode()
        return Reservation.of(self.actor, f"{self.key}\n{index}", "POST", self.path, body)

    def order_id(self, index: int) -> str | None:
        """The order that an item names; None if it names none, or several."""
        target = self.targets[index]
        return target if isinstance(target, str) else None

    def of_each_order(self) -> list[list[int]]:
        """The items of each order, in the given order; one that names no order is by itself."""
        together: dict[str | int, list[int]] = defaultdict(list)
        for index in self.items:
            together[self.order_id(index) or index].append(index)
        return list(together.values())

    def results(self, done: Mapping[int, Result]) -> list[Result]:
        """The result of every item, in the given order."""
        return [result for _, result in sorted({**self.unread, **done}.items(), key=lambda pair: pair[0])]


async def bulk_of(
    db: Database, actor: Actor, items: Sequence[BulkItem | Malformed], *, name: str, key: str, path: str, now: datetime
) -> Bulk:
    """A bulk call with the orders that its items name. Raises Forbidden."""
    shop_only(actor).or_raise()
    read = {index: item for index, item in enumerate(items) if isinstance(item, BulkItem)}
    unread = {index: Unchanged(None, item.failure) for index, item in enumerate(items) if isinstance(item, Malformed)}
    return Bulk(db, actor, read, await _targets(db, actor, read), unread, name, key, path, now)


async def change_each(bulk: Bulk, command: Command, *, dry_run: bool = False) -> list[Result]:
    """Do `command` for each item, in its own transaction. The items of one order are done in the given order.

    A repeat with the same key does only the missing ones. A dry run shows what each item by itself would do. Any failure is the item's
    own result.
    """

    async def in_turn(_: int, indexes: list[int]) -> list[tuple[int, Result]]:
        return [(index, await _alone(bulk, index, command, dry_run=dry_run)) for index in indexes]

    return bulk.results(dict(pair for pairs in await each(bulk.of_each_order(), in_turn) for pair in pairs))


async def change_together(bulk: Bulk, decide: Decide, command: Command) -> list[Result]:
    """What change_each() does with `command`, in groups that share each statement and the commit: some four times as fast.

    `decide` says what an item changes of its order. What stops a whole group, such as a key that another call has just used, or orders
    of very many lines, is no answer to any item: each of them is then done by itself.
    """
    done: dict[int, Result] = {}
    for indexes in _groups(bulk.of_each_order()):
        try:
            done |= await _together(bulk, indexes, decide)
        except Unavailable as away:  # trying each is of no use: a repeat with the same keys will find the outcome
            done |= {index: Unchanged(bulk.order_id(index), away) for index in indexes}
        except Exception as error:
            log.info("bulk_alone", items=len(indexes), error=repr(error))
            done |= {index: await _alone(bulk, index, command) for index in indexes}
    return bulk.results(done)


def _groups(of_each_order: Sequence[list[int]]) -> Iterator[list[int]]:
    group: list[int] = []
    for indexes in of_each_order:
        if group and len(group) + len(indexes) > GROUP_ITEMS:
            yield group
            group = []
        group += indexes
    if group:
        yield group


async def _together(bulk: Bulk, indexes: Sequence[int], decide: Decide) -> dict[int, Result]:
    """The result of each of these items, all in one transaction. Raises whatever concerns more than one of them."""
    done: dict[int, Result] = {}
    revisions: list[Revision] = []
    kept: list[tuple[Reservation, Stored]] = []
    async with bulk.db.transaction(bulk.name) as tx:
        reservations = [bulk.reservation(index) for index in indexes]
        found = dict(zip(indexes, await look_up_each(tx, reservations), strict=True))
        states = await _states(tx, bulk.actor, [bulk.targets[index] for index in indexes if found[index] is None])
        for index, reservation in zip(indexes, reservations, strict=True):
            await let_others_run()
            before = states.get(bulk.order_id(index) or "")
            result, one = _decided(bulk, index, found[index], before, decide)
            done[index] = result
            if one is not None:
                revisions.append(one)
                states[one.after.order.order_id] = one.after
            if found[index] is None and isinstance(result, Changed):
                kept.append((reservation, _kept(result)))
        if revisions:
            await write_revisions(tx, revisions)
        if kept:
            await store_each(tx, kept, now=bulk.now)
    return done


async def _states(tx: Transaction, actor: Actor, targets: Sequence[str | Failure]) -> dict[str, OrderState | Failure]:
    """The orders, locked, by id. One that cannot be read is its own failure."""
    ids = sorted({target for target in targets if isinstance(target, str)})
    if await lock_each(tx, actor, ids) > GROUP_LINES:
        raise TooLarge(detail=f"Together, these orders have more than {GROUP_LINES} lines.")
    states: dict[str, OrderState | Failure] = {}
    for row in await rows_of(tx, actor, ids):
        await let_others_run()
        try:
            with one_row("orders", row.store_id, row.order_id):
                states[row.order_id] = state_of(row)
        except Failure as unreadable:
            states[row.order_id] = unreadable
    return states


def _decided(
    bulk: Bulk, index: int, found: Stored | Failure | None, before: OrderState | Failure | None, decide: Decide
) -> tuple[Result, Revision | None]:
    """An item's result, and what it changes."""
    order_id, target = bulk.order_id(index), bulk.targets[index]
    try:
        if isinstance(found, Stored):
            return _again(found, order_id), None
        for failure in (found, target, before):
            if isinstance(failure, Failure):
                raise failure
        if not isinstance(before, OrderState):
            raise NotFound(detail="No such order.")
        one = decide(before, bulk.actor, bulk.items[index], now=bulk.now)
    except Failure as failure:
        return Unchanged(order_id, failure), None
    except Exception as error:  # one item's failure must not stop the others
        return Unchanged(order_id, unexpected(error)), None
    after = before if one is None else one.after
    return _changed(after if one is None or one.payment is None else Recorded(after, new=True)), one


async def _alone(bulk: Bulk, index: int, command: Command, *, dry_run: bool = False) -> Result:
    item, target, order_id = bulk.items[index], bulk.targets[index], bulk.order_id(index)
    reservation = bulk.reservation(index)
    try:
        async with bulk.db.rehearsing() if dry_run else bulk.db.transaction(bulk.name) as tx:
            stored = None if dry_run else await look_up(tx, reservation)
            if stored is not None:
                return _again(stored, order_id)
            if isinstance(target, Failure):
                raise target
            changed = _changed(await command(tx, bulk.actor, order_id, item, now=bulk.now))
            if dry_run:
                return changed
            await store(tx, reservation, _kept(changed), now=bulk.now)
    except Overtaken:
        return await _alone(bulk, index, command)
    except Failure as failure:
        return Unchanged(order_id, failure)
    except Exception as error:  # one item's failure must not stop the others
        return Unchanged(order_id, unexpected(error))
    return changed


def _kept(changed: Changed) -> Stored:
    return Stored(changed.status, json.dumps({"order_id": changed.order_id, "version": changed.version}))


def _again(stored: Stored, order_id: str | None) -> Changed:
    """What the item did at first; what it said of an erased customer's order is gone."""
    body = json.loads(stored.body)
    return Changed(body.get("order_id", order_id), body.get("version"), stored.status)


def _changed(done: OrderState | Recorded) -> Changed:
    state, status = (done.state, 201 if done.new else 200) if isinstance(done, Recorded) else (done, 200)
    return Changed(state.order.order_id, state.order.version, status)


async def _targets(db: Database, actor: Actor, items: Mapping[int, BulkItem]) -> dict[int, str | Failure]:
    """The order of each item, found in one statement, or why there is no such order."""
    named = {index: item for index, item in items.items() if item.order_id is None}
    found: dict[int, str | Failure] = {}
    if named:
        names: dict[str, Any] = {
            "numbers": [item.number for item in named.values()],
            "external_refs": [item.external_ref for item in named.values()],
            "carriers": [item.carrier for item in named.values()],
            "tracking_numbers": [item.tracking_number for item in named.values()],
        }
        async with db.reading() as tx:
            rows = await tx.all(RESOLVE, {"store": actor.store, **names})
        found = {index: _target(row.order_ids or ()) for index, row in zip(named, rows, strict=True)}
    return {index: item.order_id or found[index] for index, item in items.items()}


def _target(order_ids: Sequence[UUID]) -> str | Failure:
    if not order_ids:
        return NotFound(detail="No such order.")
    ids = [public_id("order", order_id) for order_id in order_ids]
    if len(ids) > 1:
        detail = "Several orders have a parcel with this tracking number: name the order by its order_id."
        return Refused("order_ambiguous", detail, order_ids=ids)
    return ids[0]
