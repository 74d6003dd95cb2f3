"""Routes of every service for operators and tools: liveness, readiness, metrics, and its API and event documents."""

from typing import Any

from fastapi import FastAPI
from fastapi.responses import JSONResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from shared.data import metrics as gauges
from shared.messaging.asyncapi import asyncapi
from shared.process.readiness import Role, Watched


def add_operations(app: FastAPI, running: Watched) -> None:
    """Add the routes that need no token."""
    name = running.service.name

    @app.get("/", include_in_schema=False)
    async def index() -> dict[str, Any]:
        paths = (
            "/service/openapi.json",
            "/service/asyncapi.json",
            "/openapi.json",
            "/asyncapi.json",
            "/health/live",
            "/health/ready",
            "/metrics",
        )
        return {"service": name, "title": running.service.title, "see": paths}

    @app.get("/health/live", include_in_schema=False)
    async def live() -> dict[str, str]:
        """The event loop is running. It checks no dependency, because a restart does not bring a database back."""
        return {"status": "alive"}

    @app.get("/health/ready", include_in_schema=False)
    async def ready(role: Role | None = None) -> JSONResponse:
        """Whether this process can do its work (that of `role`, or of all its roles); 503 if it cannot."""
        answer = await running.readiness.answer(role)
        return JSONResponse(answer, status_code=200 if answer["ready"] else 503)

    @app.get("/metrics", include_in_schema=False)
    async def metrics() -> Response:
        await _measure(running)
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    @app.get("/service/asyncapi.json", include_in_schema=False)
    async def events() -> dict[str, Any]:
        return asyncapi(running.service.name, running.service.title, running.service.consumers.handlers, running.settings.amqp_namespace)


async def _measure(running: Watched) -> None:
    """Set the gauges. While the database is down, those that are read from tables keep their last values."""
    name, figures = running.service.name, (await running.readiness.tables()).figures
    gauges.BROKER_UP.labels(name).set(running.broker.connected)
    running.tokens.keys.look()
    gauges.KEYS_FILE_BAD.labels(name).set(bool(running.tokens.keys.trouble))
    gauges.QUEUE_READY.labels(name).set(running.broker.queue_ready or 0)
    gauges.DELIVERIES.labels(name).set(len(running.deliveries.in_flight))
    gauges.STANDS_STILL.labels(name, "consumer").set(bool(running.broker.standstill))
    for pulse in running.pulses:
        gauges.STANDS_STILL.labels(name, pulse.name).set(bool(pulse.trouble))
    if not figures:
        return
    gauges.OUTBOX_UNSENT.labels(name).set(figures["outbox_unsent"])
    gauges.OUTBOX_AGE_SECONDS.labels(name).set(figures["outbox_oldest_seconds"])
    gauges.SET_ASIDE.labels(name).set(figures["set_aside"])
    for state in ("waiting", "parked"):
        gauges.PARKED.labels(name, state).set(figures[state])
