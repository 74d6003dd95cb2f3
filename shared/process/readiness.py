"""The answer of /health/ready: whether this process can do its roles, what else an operator should look at, and figures.

`ready` decides the status code. An API is ready if it can take writes (the broker is only a figure there, since events wait in the
outbox); a worker is ready if it consumes. `warnings` never change it: no restart and no smaller number of replicas would fix them.
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any, Literal, Protocol

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from shared.contracts.errors import Failure, Unavailable
from shared.messaging.broker import Broker
from shared.messaging.deliveries import Deliveries
from shared.messaging.pulse import STANDSTILL_SECONDS, Pulse
from shared.process.settings import Settings
from shared.web.serving import Serving

CHECK_SECONDS = 3.0
KEPT_SECONDS = 0.5
"""How long one look at the tables answers all requests: they need no token, so each must not cost a query."""
PROCESS = secrets.token_hex(8)
"""The name of this process if the setting `instance` gives none."""

Role = Literal["api", "worker"]


@dataclass(frozen=True, slots=True)
class Warned:
    """Something that an operator should look at although this process works: a stable code, a sentence, and how many."""

    code: str
    detail: str
    count: int | None = None

    def view(self) -> dict[str, Any]:
        """The warning as the answer shows it."""
        return {"code": self.code, "detail": self.detail} | ({} if self.count is None else {"count": self.count})


Source = Callable[[], Awaitable[Sequence[Warned]]]
"""A source of warnings; if it raises, that becomes a warning."""


@dataclass(frozen=True, slots=True)
class Tables:
    """What one look at the database found; `away` says why it failed."""

    looked_at: float
    away: str = ""
    clock_ahead_seconds: float = 0.0  # the database's clock minus ours
    lock_seconds: float = 0.0  # how long our statements wait for a lock; 0 means without limit
    figures: dict[str, Any] = field(default_factory=dict)


class Watched(Serving, Protocol):
    """A running service in this process, as health checks see it."""

    broker: Broker
    deliveries: Deliveries
    pulses: list[Pulse]
    roles: tuple[Role, ...]
    warnings: list[Source]

    @property
    def settings(self) -> Settings:
        """Its settings."""

    @property
    def readiness(self) -> "Readiness":
        """Its readiness checks."""


class Readiness:
    """Checks one service of this process; concurrent requests share a look at the database."""

    def __init__(self, running: Watched) -> None:
        self._running = running
        self._look = asyncio.Lock()
        self._tables: Tables | None = None

    async def answer(self, role: Role | None = None) -> dict[str, Any]:
        """The whole answer, for one role or for all roles of this process."""
        running = self._running
        running.tokens.keys.look()  # notice a broken or repaired keys file even without API calls
        tables = await self.tables()
        roles = {one: all(self._checks(one, tables).values()) for one in running.roles}
        asked = running.roles if role is None else (role,)
        checks = {name: good for one in asked for name, good in self._checks(one, tables).items()}
        return {
            "ready": all(checks.values()),
            "service": running.service.name,
            "instance": running.settings.instance or PROCESS,
            "now": datetime.now(UTC).isoformat(),
            "roles": roles,
            "checks": checks,
            "warnings": [warned.view() for warned in await self._warnings(tables)],
            "figures": tables.figures | self._figures(),
        }

    async def tables(self) -> Tables:
        """What the database says, at most half a second old."""
        async with self._look:
            if self._tables is None or monotonic() - self._tables.looked_at > KEPT_SECONDS:
                self._tables = await _look(self._running)
            return self._tables

    def _checks(self, role: Role, tables: Tables) -> dict[str, bool]:
        running = self._running
        checks = {"not_stopping": not running.stopping.is_set(), "database": not tables.away}
        if role not in running.roles:
            checks[f"has_role_{role}"] = False
        elif role == "api":
            checks["keys"] = running.tokens.keys.ready
        elif role == "worker" and running.service.consumers.handlers:
            held = tables.figures.get("waiting_refused", 0)  # they can be recorded but not applied: a database permission is missing
            checks["consumer"] = running.broker.connected and running.broker.consuming and not held
        return checks

    def _figures(self) -> dict[str, Any]:
        running = self._running
        figures: dict[str, Any] = {
            "broker_connected": running.broker.connected,
            "database_connections_in_use": running.database.connections_in_use,
        }
        if "worker" in running.roles:
            figures |= {
                "queue_ready": running.broker.queue_ready,
                "deliveries_in_flight": len(running.deliveries.in_flight),
                "deliveries_oldest_seconds": round(running.deliveries.oldest_seconds, 1),
            }
        return figures

    async def _warnings(self, tables: Tables) -> list[Warned]:
        running, settings = self._running, self._running.settings
        found = []
        if tables.away:
            found.append(Warned("database_away", tables.away))
        elif abs(tables.clock_ahead_seconds) > settings.clock_tolerance_seconds:
            apart = f"{abs(tables.clock_ahead_seconds):.1f} s {'behind' if tables.clock_ahead_seconds > 0 else 'ahead of'}"
            found.append(Warned("clock", f"This process's clock is {apart} the database's: synchronise both (NTP)."))
        if not tables.away and not 0 < tables.lock_seconds < settings.database_pool_timeout_seconds:
            found.append(Warned("lock_timeout", "A locked row can refuse other stores' calls: run `./aftersale migrate`."))
        if not running.broker.connected:
            found.append(Warned("broker_away", "RabbitMQ cannot be reached: events wait in the outbox."))
        age = tables.figures.get("outbox_oldest_seconds", 0)
        if age > STANDSTILL_SECONDS:
            unsent = tables.figures["outbox_unsent"]
            found.append(Warned("outbox_waits", f"The oldest event that RabbitMQ has not confirmed is {age:.0f} s old.", unsent))
        if parked := tables.figures.get("parked", 0):
            found.append(Warned("parked", "Messages have failed permanently: see `aftersale parked list`.", parked))
        if running.tokens.keys.trouble:  # anybody may ask here, so the entry and the reason are only in the log and `doctor`
            found.append(Warned("keys_file", "The keys file cannot be used as it is: see `keys_file_bad` in the log."))
        if aside := tables.figures.get("set_aside", 0):
            detail = "Rows cannot be read or published and were left out: see `aftersale parked list`."
            found.append(Warned("set_aside", detail, aside))
        if tables.figures.get("waiting_oldest_seconds", 0) > settings.consumer_standstill_seconds:
            found.append(
                Warned(
                    "messages_wait",
                    "Failed messages have been waiting for a long time: see `aftersale parked list`.",
                    tables.figures["waiting"],
                )
            )
        if standstill := running.broker.standstill:
            found.append(Warned("consumer_stands_still", standstill))
        if trouble := [pulse.trouble for pulse in running.pulses if pulse.trouble]:
            found.append(Warned("background_work", " ".join(trouble), len(trouble)))
        for source in running.warnings:
            found += await _asked(source)
        return found


async def _asked(source: Source) -> list[Warned]:
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            return list(await source())
    except Exception as error:
        return [Warned("warning_unknown", f"A check could not be made: {type(error).__name__}.")]


async def _look(running: Watched) -> Tables:
    """Ask the database in one statement for its clock, whether it accepts our writes, and the figures."""
    kernel = running.database.kernel
    events, parked, aside = kernel.events, kernel.parked, kernel.set_aside
    unsent = events.c.published_at.is_(None) & events.c.set_aside_at.is_(None)
    now = sa.func.clock_timestamp()
    standstill = timedelta(seconds=running.settings.consumer_standstill_seconds)
    finite = sa.func.isfinite(events.c.recorded_at)  # a row that is not yet set aside may have infinity, which arithmetic does not accept

    def outbox(what: sa.ColumnElement[Any]) -> sa.ScalarSelect[Any]:
        return sa.select(what).where(unsent).scalar_subquery()

    def failed(state: str) -> sa.ScalarSelect[Any]:
        return sa.select(sa.func.count()).where(parked.c.state == state).scalar_subquery()

    statement = sa.select(
        now.label("now"),
        sa.func.current_setting("transaction_read_only").label("read_only"),
        sa.func.has_table_privilege(f"{events.schema}.{events.name}", "insert").label("writable"),
        sa.func.extract("epoch", sa.cast(sa.func.current_setting("lock_timeout"), sa.Interval)).label("lock_seconds"),
        outbox(sa.func.count()).label("unsent"),
        outbox(sa.func.extract("epoch", now - sa.func.min(events.c.recorded_at).filter(finite))).label("oldest"),
        failed("waiting").label("waiting"),
        sa.select(sa.func.count())
        .where(parked.c.state == "waiting", parked.c.reason == Unavailable.default_code, parked.c.first_failed_at < now - standstill)
        .scalar_subquery()
        .label("refused"),
        sa.select(sa.func.extract("epoch", now - sa.func.min(parked.c.first_failed_at)))
        .where(parked.c.state == "waiting")
        .scalar_subquery()
        .label("waiting_oldest"),
        failed("parked").label("parked"),
        sa.select(sa.func.count()).where(aside.c.discarded.is_(None)).scalar_subquery().label("set_aside"),
    )
    try:
        async with asyncio.timeout(CHECK_SECONDS), running.database.reading() as tx:
            asked_at = datetime.now(UTC)
            row = await tx.first(statement)
            answered_at = datetime.now(UTC)
    except (Failure, SQLAlchemyError, OSError, TimeoutError) as error:
        detail = error.detail if isinstance(error, Failure) else type(getattr(error, "orig", error)).__name__
        return Tables(monotonic(), away=detail or "The database did not answer in time.")
    assert row is not None
    if row.read_only == "on" or not row.writable:
        why = "The database takes no writes." if row.read_only == "on" else "The database role may not write events."
        return Tables(monotonic(), away=why)
    figures = {
        "outbox_unsent": row.unsent,
        "outbox_oldest_seconds": round(max(0.0, float(row.oldest or 0)), 1),
        "waiting": row.waiting,
        "waiting_refused": row.refused,
        "waiting_oldest_seconds": round(max(0.0, float(row.waiting_oldest or 0)), 1),
        "parked": row.parked,
        "set_aside": row.set_aside,
    }
    middle = asked_at + (answered_at - asked_at) / 2
    ahead = (row.now - middle).total_seconds()
    return Tables(monotonic(), clock_ahead_seconds=ahead, lock_seconds=float(row.lock_seconds), figures=figures)
