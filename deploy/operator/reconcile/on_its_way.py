"""Distinguishes events that are still on their way from events that are missing.

An event that has had no effect at a reader is *unsent* while the outbox holds it, *waiting* or *parked* while the reader stores it for
another attempt, *set aside* if it cannot be published, and *queued* while the reader's queue holds it. Otherwise it is missing. An event
on its way also explains its consequences: a copy that is out of date, or an entry that does not exist yet.

No clock decides this. Queues are counted, not read: if a queue holds n messages, they are taken to be the newest n of the events that
were published and not received. Older ones have `patience` seconds to arrive, since a worker may be handling them.
"""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from deploy.operator.reconcile.across import Found
from shared.contracts.ids import uuid_of

FAR = datetime(9999, 1, 1, tzinfo=UTC)
"""A time so late that no row is too young to be checked."""
IDS_AT_ONCE = 5_000
LOOK_SECONDS = 1.0

Fetch = Callable[..., Awaitable[list[Any]]]
Key = tuple[str, str]
"""A store's id, and an id within that store."""


FACTS = """select e.store_id, e.event_id::text as event_id, e.subject, e.data->'refund'->>'refund_id' as refund_id, e.published_at,
    e.set_aside_at is not null as set_aside, jsonb_path_query_array(e.data, '$.order_ids[*]') as order_ids
    from {source}.events e
    join unnest($1::text[], $2::uuid[]) as u(store_id, event_id) on e.store_id = u.store_id and e.event_id = u.event_id"""
HEARD = """select u.store_id, u.event_id::text from unnest($1::text[], $2::uuid[]) as u(store_id, event_id)
    where exists (select from {reader}.inbox i where i.store_id = u.store_id and i.event_id = u.event_id)
    or exists (select from {reader}.parked p where p.store_id = u.store_id and p.event_id = u.event_id)"""
KEPT = """select p.store_id, p.event_id::text as event_id, p.state from {reader}.parked p where p.event_id is not null
    and not exists (select from {reader}.inbox i where i.store_id = p.store_id and i.event_id = p.event_id)"""


@dataclass(slots=True)
class Way:
    """What is on its way to one reader: how many events are where, which ids they concern, and which events never arrived."""

    counts: Counter[str] = field(default_factory=Counter)
    about: set[Key] = field(default_factory=set)
    missing: list[Found] = field(default_factory=list)
    queue_unknown: int = 0
    """How many events may be in the reader's queue or lost, because the broker did not answer."""

    def explains(self, found: Found) -> bool:
        """Whether an event on its way accounts for a discrepancy between copies."""
        ids = (found.id, found.order_id, found.id.partition(":")[2].rpartition(":")[0])
        return any((found.store_id, one) in self.about for one in ids if one)


@dataclass(frozen=True, slots=True)
class To:
    """A reader, the services that it reads, the running system, and how many seconds an event may take to arrive."""

    reader: str
    sources: tuple[str, ...]
    system: "RunningSystem"
    patience: float


async def way_to(to: To, unheard: list[Found], kept: list[Any]) -> Way:
    """Classify the events that a reader lacks in the snapshots, those that it `kept` (KEPT), and those that its source's snapshot lacks."""
    way = Way()
    missing = {(one.store_id, one.id): one for one in unheard if one.how == "missing"}
    ahead = {(one.store_id, one.id): one for one in unheard if one.how == "extra"}
    way.counts.update(row["state"] for row in kept)
    asked = [*missing, *ahead, *((row["store_id"], row["event_id"]) for row in kept)]
    facts = {
        (row["store_id"], row["event_id"]): row
        for source in to.sources
        for some in _some(asked)
        for row in await to.system.told(source, some)
    }
    known = {key: facts[key] for key in missing if key in facts}
    sent = {key: one["published_at"] for key, one in known.items() if one["published_at"] is not None and not one["set_aside"]}
    way.counts.update("set aside" if one["set_aside"] else "unsent" for key, one in known.items() if key not in sent)
    lost = await _lost(to, sent, way)
    way.missing = [missing[key] for key in missing if key in lost or key not in facts]
    way.missing += [one for key, one in ahead.items() if key not in facts]
    gone = {(one.store_id, one.id) for one in way.missing}
    way.about = {(key[0], about) for key, row in facts.items() if key not in gone for about in _about(row)}
    return way


async def _lost(to: To, sent: dict[Key, datetime], way: Way) -> set[Key]:
    """Which of the published events neither arrive nor are in the queue."""
    left, deadline = sent, time.monotonic() + to.patience
    while left:
        depth = await to.system.queued(to.reader)  # asked first: a message that leaves the queue after this counts as received below
        heard = {key for some in _some(list(left)) for key in await to.system.heard(to.reader, some)}
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
    """Every id under which a copy, a timeline or a movement may refer to the event."""
    subject = fact["subject"].removesuffix(":private")
    yield from (fact["event_id"], subject, "store settings" if subject == "store_settings" else "")
    with suppress(ValueError):
        yield str(uuid_of("order", subject))
    if fact["refund_id"]:
        yield fact["refund_id"]
    yield from json.loads(fact["order_ids"])  # of an erased customer


def _some(keys: list[Key]) -> Iterator[list[Key]]:
    return (keys[first : first + IDS_AT_ONCE] for first in range(0, len(keys), IDS_AT_ONCE))


class RunningSystem:
    """The running system, as it is now rather than in the snapshots, by a function that runs a query on a service's database.

    Without `depth` there is no broker, and nothing is in a queue.
    """

    def __init__(self, fetch: Fetch, depth: Callable[[str], Awaitable[int | None]] | None = None) -> None:
        self._fetch = fetch
        self._depth = depth

    async def heard(self, reader: str, events: list[Key]) -> set[Key]:
        """Which of these events `reader` has heard of by now: those in its inbox, or parked."""
        return {(row[0], row[1]) for row in await self._fetch(reader, HEARD.format(reader=reader), *_columns(events))}

    async def told(self, source: str, events: list[Key]) -> list[Any]:
        """The rows (FACTS) that `source` now holds for these events."""
        return await self._fetch(source, FACTS.format(source=source), *_columns(events))

    async def queued(self, reader: str) -> int | None:
        """How many messages wait in a reader's queue; None if the broker does not answer."""
        return 0 if self._depth is None else await self._depth(reader)


def _columns(events: list[Key]) -> tuple[list[str], list[str]]:
    return [store for store, _ in events], [event for _, event in events]
