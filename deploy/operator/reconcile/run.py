"""Runs every check in read-only transactions, one for each service, leaves out what is only on its way, and counts the findings by kind."""

import asyncio
import os
from collections import Counter
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg

from deploy.operator import connections
from deploy.operator.queues import depth
from deploy.operator.reconcile import kernel
from deploy.operator.reconcile.across import COMPARISONS, EFFECTS, Comparison, Found, compare
from deploy.operator.reconcile.on_its_way import FAR, KEPT, RunningSystem, To, Way, way_to
from deploy.operator.reconcile.reading import Connections, Databases, Say, TooLong, snapshots
from deploy.operator.reconcile.shares import ABOUT, KIND, shares
from deploy.operator.registry import REGISTRY, SERVICES
from shared.data.audit import Check

CHECKS: tuple[Check, ...] = (
    *(check for one in REGISTRY.values() for check in one.audit()),
    *(replace(check, service=service) for service in SERVICES for check in kernel.checks(service)),
)
CLOCKS, NOT_CHECKED, QUEUE_UNKNOWN = "clock_disagreement", "not_checked", "queue_unknown"
ABOUTS: Mapping[str, str] = {
    **{check.kind: check.about for check in CHECKS if not check.of_clocks},
    **{one.kind: one.about for one in (*EFFECTS, *COMPARISONS)},
    KIND: ABOUT,
    CLOCKS: "the clocks of all processes and databases agree (only times are wrong, and stay as recorded: acknowledge the finding once)",
    NOT_CHECKED: "each check finishes within its time limit (--check-seconds)",
    QUEUE_UNKNOWN: "the broker says how many messages wait, so that queued events are not taken for lost ones",
}
SHOWN_OF_A_KIND = 1_000


@dataclass(slots=True)
class Report:
    """The result of a reconciliation."""

    settled: datetime
    found: list[Found] = field(default_factory=list)
    counted: Counter[str] = field(default_factory=Counter)
    looked_at: dict[str, int] = field(default_factory=dict)
    on_its_way: dict[str, dict[str, int]] = field(default_factory=dict)
    """By reader: how many events are unsent, queued, waiting for their next attempt, parked, discarded or set aside."""
    explained: int = 0
    """Differences that only follow from events on their way."""
    acknowledged: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0

    def add(self, one: Found) -> None:
        """Count a finding, and keep it if it is among the first thousand of its kind."""
        self.counted[one.kind] += 1
        if self.counted[one.kind] <= SHOWN_OF_A_KIND:
            self.found.append(one)

    @property
    def discrepancies(self) -> int:
        """The number of findings that cannot be explained."""
        return self.counted.total()


@dataclass(frozen=True, slots=True)
class Asking:
    """The parameters of a reconciliation."""

    grace_seconds: float = 0.0
    """Rows recorded more recently than this are left for the next run."""
    patience_seconds: float = 0.0
    """How long an event that was published and is in no queue may take to arrive."""
    check_seconds: float | None = None
    about: Collection[str] = SERVICES
    system: RunningSystem | None = None
    """The running system; None if there are only the snapshots."""
    say: Say = lambda line: None


async def reconcile(snapshot: Connections, asking: Asking = Asking()) -> Report:
    """Run every check that concerns `asking.about` on the open transactions."""
    began = datetime.now(UTC)
    report = Report(began - timedelta(seconds=asking.grace_seconds))
    databases = Databases(snapshot, asking.check_seconds)
    for service in (service for service in SERVICES if service in asking.about):
        asking.say(f"checking {service}")
        for check in (check for check in CHECKS if check.service == service):
            await _check(databases, check, report)
    asking.say("comparing the effects of events in each service")
    ways = {one.here[0]: await _way(databases, one, report, asking) for one in EFFECTS if not one.services.isdisjoint(asking.about)}
    for comparison in (one for one in COMPARISONS if not one.services.isdisjoint(asking.about)):
        asking.say(f"comparing {comparison.kind}")
        await _compare(databases, comparison, ways.get(comparison.here[0], Way()), report)
    if "refunds" in asking.about:
        asking.say("recalculating every refund")
        await _all_of(shares(databases, report.settled), "refunds", KIND, report)
    for table in ("orders.orders", "orders.events", "refunds.refunds", "notes.timeline", "documents.documents"):
        with suppress(TooLong):
            counting = f"select count(*) from {table}"  # noqa: S608  (our own names)
            [(report.looked_at[table],)] = await databases.all(table.split(".")[0], counting)
    report.seconds = (datetime.now(UTC) - began).total_seconds()
    return report


async def _check(databases: Databases, check: Check, report: Report) -> None:
    try:
        found = await databases.fetch(check, report.settled)
    except TooLong as error:
        report.add(Found(NOT_CHECKED, check.service, "", check.kind, str(error)))
        return
    if check.of_clocks and found:
        first = found[0]
        detail = f"{len(found)} {check.kind}, such as {first.id} of {first.store_id}: {first.detail}"
        found = [Found(CLOCKS, check.service, "", f"{check.service}: {check.kind}", detail)]
    for one in found:
        report.add(one)


async def _way(databases: Databases, effects: Comparison, report: Report, asking: Asking) -> Way:
    """What has not arrived at one reader; reports events that never will."""
    reader = effects.here[0]
    try:
        unheard = [one async for one in compare(databases, effects, FAR)]
        kept = await databases.all(reader, KEPT.format(reader=reader))
        system = asking.system or RunningSystem(databases.all)
        to = To(reader, tuple(service for service, _ in effects.there), system, asking.patience_seconds)
        way = await way_to(to, unheard, kept)
    except TooLong as error:
        report.add(Found(NOT_CHECKED, reader, "", effects.kind, str(error)))
        return Way()
    report.on_its_way[reader] = dict(way.counts)
    for one in way.missing:
        report.add(one)
    if way.queue_unknown:
        detail = f"{way.queue_unknown} events were published and not received: queued, or lost"
        report.add(Found(QUEUE_UNKNOWN, reader, "", reader, detail))
    return way


async def _compare(databases: Databases, comparison: Comparison, way: Way, report: Report) -> None:
    explained = 0

    async def unexplained() -> AsyncIterator[Found]:
        nonlocal explained
        async for one in compare(databases, comparison, report.settled):
            if way.explains(one):
                explained += 1
            else:
                yield one

    await _all_of(unexplained(), comparison.here[0], comparison.kind, report)
    report.explained += explained


async def _all_of(found: AsyncIterator[Found], service: str, kind: str, report: Report) -> None:
    try:
        async for one in found:
            report.add(one)
    except TooLong as error:
        report.add(Found(NOT_CHECKED, service, "", kind, str(error)))
    except asyncpg.DataError as error:  # as in Databases.fetch
        report.add(Found(kind, service, "", "", f"cannot be read: {error}"))


def urls() -> dict[str, str]:
    """The URL of each service's database: AFTERSALE_RECONCILE_DATABASE_URL for all, else each service's own setting. Raises Trouble."""
    everywhere = os.environ.get("AFTERSALE_RECONCILE_DATABASE_URL", "")
    return {service: everywhere or connections.database_url(service) for service in SERVICES}


def running_system(where: Mapping[str, str]) -> RunningSystem:
    """The running system beside the snapshots: a new connection for each query, as there are few, and the broker's queues."""

    async def now(service: str, sql: str, *arguments: Any) -> list[Any]:
        connection = await connections.reached(service, where[service])
        try:
            return list(await connection.fetch(sql, *arguments))
        finally:
            await connection.close()

    return RunningSystem(now, depth)


def reconcile_now(grace_seconds: float, check_seconds: float | None = None, say: Say = lambda line: None) -> Report:
    """One reconciliation of the system that runs here, or that the environment names. Blocks. Raises Trouble."""
    where = urls()

    async def once() -> Report:
        async with snapshots(where, say) as snapshot:
            return await reconcile(snapshot, Asking(grace_seconds, grace_seconds, check_seconds, system=running_system(where), say=say))

    return asyncio.run(once())
