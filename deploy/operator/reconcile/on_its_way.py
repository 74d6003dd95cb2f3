"""What is still on its way, told apart from what is missing.

An event that a reader has not heard of is *unsent* while the outbox holds it, *waiting* or *parked* while the reader keeps it for
another attempt, *set aside* where it cannot be published, and *queued* while the reader's queue holds it. Only what is none of these is
missing. What follows from an event on its way (a copy that is older, an entry that is not there yet) is explained by it.

No clock decides. Queues are counted, not read: of the events that were published and not heard, the newest are those in the queue, as
many as it holds; what is beyond them has `patience` to arrive, since a worker may have it in hand.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

from deploy.operator.reconcile.across import Found
from shared.contracts.ids import uuid_of

FAR = datetime(9999, 1, 1, tzinfo=UTC)
"""The moment before which nothing is too young to be looked at."""
IDS_AT_ONCE = 5_000
LOOK_SECONDS = 1.0

Fetch = Callable[..., Awaitable[list[Any]]]
Key = tuple[str, str]
"""A store, and an id in it."""


class Lives(Protocol):
    """The running system, as it is now rather than in the snapshots."""

    async def heard(self, reader: str, events: list[Key]) -> set[Key]:
        """Which of these events `reader` has heard of by now."""

    async def told(self, source: str, events: list[Key]) -> list[Any]:
        """The rows (FACTS) that `source` has of these events by now."""

    async def queued(self, reader: str) -> int | None:
        """How many messages wait in a reader's queue; None where the broker does not say."""


FACTS = """select e.store_id, e.event_id::text as event_id, e.subject, e.data->'refund'->>'refund_id' as refund_id, e.published_at,
    e.set_aside_at is not null as set_aside
    from {source}.events e
    join unnest($1::text[], $2::uuid[]) as u(store_id, event_id) on e.store_id = u.store_id and e.event_id = u.event_id"""
HEARD = """select u.store_id, u.event_id::text from unnest($1::text[], $2::uuid[]) as u(store_id, event_id)
    where exists (select from {reader}.inbox i where i.store_id = u.store_id and i.event_id = u.event_id)
    or exists (select from {reader}.parked p where p.store_id = u.store_id and p.event_id = u.event_id)"""
KEPT = """select p.store_id, p.event_id::text as event_id, p.state from {reader}.parked p where p.event_id is not null
    and not exists (select from {reader}.inbox i where i.store_id = p.store_id and i.event_id = p.event_id)"""


@dataclass(slots=True)
class Way:
    """What is on its way to one reader: how much of it where, what it is about, and what never arrived."""

    counts: Counter[str] = field(default_factory=Counter)
    about: set[Key] = field(default_factory=set)
    missing: list[Found] = field(default_factory=list)
    queue_unknown: int = 0
    """Events that may be in the reader's queue, or lost: the broker does not say."""

    def explains(self, found: Found) -> bool:
        """Whether a discrepancy between copies is about something that is on its way."""
        ids = (found.id, found.order_id, found.id.partition(":")[2].rpartition(":")[0])
        return any((found.store_id, one) in self.about for one in ids if one)


@dataclass(frozen=True, slots=True)
class To:
    """A reader, the services that it reads, the running system, and how many seconds something may take to arrive."""

    reader: str
    sources: tuple[str, ...]
    lives: Lives
    patience: float


async def way_to(to: To, unheard: list[Found], kept: list[Any]) -> Way:
    """Explain what a reader has not heard of by the snapshots, what it `kept` of it (KEPT), and what it heard before its source knew."""
    way = Way()
    missing = {(one.store_id, one.id): one for one in unheard if one.how == "missing"}
    ahead = {(one.store_id, one.id): one for one in unheard if one.how == "extra"}
    way.counts.update(row["state"] for row in kept)
    asked = [*missing, *ahead, *((row["store_id"], row["event_id"]) for row in kept)]
    facts = {
        (row["store_id"], row["event_id"]): row
        for source in to.sources
        for some in _some(asked)
        for row in await to.lives.told(source, some)
    }
    sent = {key: facts[key]["published_at"] for key in missing if key in facts and _is_sent(facts[key])}
    for key in missing.keys() - sent.keys():
        if key in facts:
            way.counts["set aside" if facts[key]["set_aside"] else "unsent"] += 1
    lost = await _lost(to, sent, way)
    way.missing = [missing[key] for key in missing if key in lost or key not in facts]
    way.missing += [one for key, one in ahead.items() if key not in facts]
    gone = {(one.store_id, one.id) for one in way.missing}
    way.about = {(key[0], about) for key, row in facts.items() if key not in gone for about in _about(row)}
    return way


def _is_sent(fact: Any) -> bool:
    return fact["published_at"] is not None and not fact["set_aside"]


async def _lost(to: To, sent: dict[Key, datetime], way: Way) -> set[Key]:
    """Which of the events that were published neither arrive nor are in the queue."""
    left, deadline = sent, time.monotonic() + to.patience
    while left:
        depth = await to.lives.queued(to.reader)  # first: what leaves the queue after this is heard of below
        heard = {key for some in _some(list(left)) for key in await to.lives.heard(to.reader, some)}
        left = {key: at for key, at in left.items() if key not in heard}
        beyond = len(left) - (depth or 0)
        if beyond <= 0 or time.monotonic() >= deadline:
            if depth is None:
                way.queue_unknown = len(left)
                return set()
            way.counts["queued"] += min(depth, len(left))
            return set(sorted(left, key=lambda key: left[key])[: max(0, beyond)])
        await asyncio.sleep(LOOK_SECONDS)
    return set()


def _about(fact: Any) -> Iterator[str]:
    """Every id that a copy, a timeline or a movement may know the event by."""
    subject = fact["subject"].removesuffix(":private")
    yield from (fact["event_id"], subject, "store settings" if subject == "store_settings" else "")
    with suppress(ValueError):
        yield str(uuid_of("order", subject))
    if fact["refund_id"]:
        yield fact["refund_id"]


def _some(keys: list[Key]) -> Iterator[list[Key]]:
    return (keys[first : first + IDS_AT_ONCE] for first in range(0, len(keys), IDS_AT_ONCE))


class Asked:
    """Lives by a function that runs a query on a service's database; without `depth` there is no broker, and nothing is in a queue."""

    def __init__(self, fetch: Fetch, depth: Callable[[str], Awaitable[int | None]] | None = None) -> None:
        self._fetch = fetch
        self._depth = depth

    async def heard(self, reader: str, events: list[Key]) -> set[Key]:
        """Those in the inbox or kept."""
        return {(row[0], row[1]) for row in await self._fetch(reader, HEARD.format(reader=reader), *_columns(events))}

    async def told(self, source: str, events: list[Key]) -> list[Any]:
        """Those in the history."""
        return await self._fetch(source, FACTS.format(source=source), *_columns(events))

    async def queued(self, reader: str) -> int | None:
        """As the broker says it."""
        return 0 if self._depth is None else await self._depth(reader)


def _columns(events: list[Key]) -> tuple[list[str], list[str]]:
    return [store for store, _ in events], [event for _, event in events]
