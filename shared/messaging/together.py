"""Group commit: events that are waiting in this process take effect in one transaction and share its cost.

    [event, event, …] → transaction: their inbox rows, each one's handler → one commit

No event waits for others to arrive: while one group is applied, the next one gathers. If anything goes wrong in a group, all of it
is rolled back and each of its events is applied alone, so that only the one at fault fails: docs/decisions/0008-group-commit.md
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from contextvars import Context, copy_context
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from uuid import UUID

import sqlalchemy as sa
import structlog

from shared.contracts.events import Envelope, Event
from shared.data.db import Database, Transaction
from shared.data.schema import TIME
from shared.messaging.pulse import stopped

log = structlog.get_logger()

MOST_TOGETHER = 50
TOGETHER_SECONDS = 0.5
"""How long a group may take until its commit, and so the longest that a lock or a hang delays other events."""

Handler = Callable[[Transaction, Any, Envelope], Awaitable[None]]
Key = tuple[str, UUID]


class TooSlow(Exception):  # noqa: N818  (describes a group)
    """A group took more than its half second: each of its events is now applied alone."""


@dataclass(eq=False, slots=True)
class _Waiting:
    """An event that waits for its group. Its handler runs in the event's own context, with its span and log fields."""

    handler: Handler
    event: Event
    envelope: Envelope
    first: asyncio.Future[bool | None]
    context: Context = field(default_factory=copy_context)

    def settle(self, first: set[Key] | None) -> None:
        """Report the outcome, unless nobody is waiting any more. Of two deliveries of one event only one counts as its first."""
        if first is not None and self.key in first:
            first.remove(self.key)
            outcome: bool | None = True
        else:
            outcome = None if first is None else False
        if not self.first.done():
            self.first.set_result(outcome)

    @property
    def key(self) -> Key:
        """The event's key in the inbox."""
        return self.envelope.store_id, self.envelope.id


class Together:
    """Applies events in groups, one group after the other."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: list[_Waiting] = []
        self._work: asyncio.Task[None] | None = None

    async def apply(self, handler: Handler, event: Event, envelope: Envelope) -> bool | None:
        """True if the event has now taken effect and is committed, False if it had before, None if it must be applied alone."""
        one = _Waiting(handler, event, envelope, asyncio.get_running_loop().create_future())
        self._waiting.append(one)
        if self._work is None or self._work.done():
            self._work = asyncio.create_task(self._take_all(), context=Context())  # no single event's context
        return await one.first

    async def _take_all(self) -> None:
        while self._waiting:
            group, self._waiting = self._waiting[:MOST_TOGETHER], self._waiting[MOST_TOGETHER:]
            first: set[Key] | None = None
            try:
                first = await self._take(group)
            except TooSlow:
                log.info("group_too_slow", events=len(group), seconds=TOGETHER_SECONDS)
            except BaseException as error:  # even a stray cancellation: the waiting callers must learn of it
                log.warning("group_undone", events=len(group), error=repr(error))
                if not isinstance(error, Exception) and stopped():
                    raise
            finally:
                for one in group:
                    one.settle(first)

    async def _take(self, group: list[_Waiting]) -> set[Key]:
        """Apply all in one transaction; returns which took effect. Sorted by subject, so that two workers lock in the same order."""
        group = sorted(group, key=lambda one: (one.envelope.store_id, one.envelope.subject))
        async with self._database.transaction(*(f"consume:{one.envelope.type}" for one in group)) as tx, _in_time():
            first = await first_times(tx, [one.envelope for one in group])
            todo = set(first)
            for one in group:
                if one.key in todo:
                    todo.remove(one.key)
                    await asyncio.create_task(_handled(one, tx), context=one.context)
        return first


@asynccontextmanager
async def _in_time() -> AsyncIterator[None]:
    """Limit the block's time. Raises TooSlow, which says nothing about the database."""
    try:
        async with asyncio.timeout(TOGETHER_SECONDS) as limit:
            yield
    except TimeoutError:
        if limit.expired():
            raise TooSlow from None
        raise


async def _handled(one: _Waiting, tx: Transaction) -> None:
    try:
        await one.handler(tx, one.event, one.envelope)
    except (SystemExit, KeyboardInterrupt, GeneratorExit) as error:  # raised in a task, they would end the whole process
        raise RuntimeError(f"a handler raised {type(error).__name__}") from error


async def first_times(tx: Transaction, envelopes: Sequence[Envelope]) -> set[Key]:
    """Which of these events have not yet taken effect here; writes their inbox rows in the caller's transaction.

    Two workers with the same event: the second waits for the first's row and then sees a repeat.
    """
    rows = {
        "stores": [envelope.store_id for envelope in envelopes],
        "events": [envelope.id for envelope in envelopes],
        "times": [envelope.received_at for envelope in envelopes],
    }
    return {(row.store_id, row.event_id) for row in await tx.all(_first_times(tx.kernel.inbox), rows)}


@lru_cache
def _first_times(inbox: sa.Table) -> sa.TextClause:
    """The statement, made once for each service. It inserts in key order, so that two workers with the same events never deadlock."""
    statement = sa.text(f"""
        insert into {inbox.schema}.inbox (store_id, event_id, received_at)
        select * from unnest(cast(:stores as text[]), cast(:events as uuid[]), cast(:times as timestamptz[])) order by 1, 2
        on conflict do nothing
        returning store_id, event_id""")  # noqa: S608  (the schema is ours)
    arrays = {"stores": sa.ARRAY(sa.Text), "events": sa.ARRAY(sa.Uuid), "times": sa.ARRAY(TIME)}
    return statement.bindparams(*(sa.bindparam(name, type_=kind) for name, kind in arrays.items()))
