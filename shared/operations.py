"""What operators and tools ask of every service: is it alive, is it ready, how is it doing, what does it speak."""

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from fastapi import FastAPI
from fastapi.responses import JSONResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from shared.asyncapi import asyncapi
from shared.db import Database
from shared.errors import Failure
from shared.telemetry import BROKER_UP, OUTBOX_AGE_SECONDS, OUTBOX_UNSENT, PARKED

if TYPE_CHECKING:
    from shared.service import Running

CHECK_SECONDS = 3.0


def add_operations(app: FastAPI, running: "Running") -> None:
    """Add the routes that need no token."""
    name = running.service.name

    @app.get("/", include_in_schema=False)
    async def index() -> dict[str, Any]:
        paths = ("/openapi.json", "/asyncapi.json", "/health/live", "/health/ready", "/metrics")
        return {"service": name, "title": running.service.title, "see": paths}

    @app.get("/health/live", include_in_schema=False)
    async def live() -> dict[str, str]:
        """The event loop turns. Never a dependency check: a restart does not bring a database back."""
        return {"status": "alive"}

    @app.get("/health/ready", include_in_schema=False)
    async def ready() -> JSONResponse:
        """Whether this process can do its work: 503 with the part that is missing."""
        checks = await readiness(running)
        return JSONResponse({"ready": all(checks.values()), "checks": checks}, status_code=200 if all(checks.values()) else 503)

    @app.get("/metrics", include_in_schema=False)
    async def metrics() -> Response:
        await _measure(running)
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    @app.get("/asyncapi.json", include_in_schema=False)
    async def events() -> dict[str, Any]:
        return asyncapi(running.service.name, running.service.title, running.service.consumers.handlers, running.settings.amqp_namespace)


async def readiness(running: "Running") -> dict[str, bool]:
    """The parts that this process needs, each with whether it works right now."""
    checks = {"database": await _database_answers(running.database), "broker": running.broker.connected}
    if "worker" in running.roles and running.service.consumers.handlers:
        checks["consumer"] = running.broker.connected and running.broker.consuming
    checks["not_stopping"] = not running.stopping.is_set()
    return checks


async def _database_answers(database: Database) -> bool:
    try:
        async with asyncio.timeout(CHECK_SECONDS), database.reading() as tx:
            return bool(await tx.scalar(sa.select(sa.literal(1))) == 1)
    except (Failure, TimeoutError):
        return False


async def _measure(running: "Running") -> None:
    """Set the gauges that are read from tables; a database that is away leaves them as they were."""
    name, kernel = running.service.name, running.database.kernel
    BROKER_UP.labels(name).set(running.broker.connected)
    unsent = sa.select(sa.func.count().label("number"), sa.func.min(kernel.events.c.recorded_at).label("oldest")).where(
        kernel.events.c.published_at.is_(None)
    )
    parked = sa.select(kernel.parked.c.state, sa.func.count().label("number")).group_by(kernel.parked.c.state)
    try:
        async with asyncio.timeout(CHECK_SECONDS), running.database.reading() as tx:
            outbox = await tx.first(unsent)
            states = {row.state: row.number for row in await tx.all(parked)}
    except (Failure, TimeoutError):
        return
    assert outbox is not None
    OUTBOX_UNSENT.labels(name).set(outbox.number)
    OUTBOX_AGE_SECONDS.labels(name).set((datetime.now(UTC) - outbox.oldest).total_seconds() if outbox.oldest else 0)
    for state in ("waiting", "parked"):
        PARKED.labels(name, state).set(states.get(state, 0))
