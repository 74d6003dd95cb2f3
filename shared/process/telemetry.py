"""Setting up a process's telemetry: logs that say what happened to which order, and traces."""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog
from opentelemetry import trace
from opentelemetry.instrumentation.asyncpg import AsyncPGInstrumentor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON, ParentBased

from shared.data.traces import current_trace_id
from shared.process.settings import Settings
from shared.web.visible import visible


def set_up_telemetry(settings: Settings) -> None:
    """Set up logs and tracing. Trace ids are always passed on; spans are recorded only if there is a collector to send them to."""
    _set_up_logs(settings)
    if not isinstance(trace.get_tracer_provider(), TracerProvider):
        exporter = _otlp_exporter(settings)
        provider = TracerProvider(
            resource=Resource.create({"service.name": "aftersale"}), sampler=ParentBased(ALWAYS_ON) if exporter else ALWAYS_OFF
        )
        if exporter is not None:
            provider.add_span_processor(BatchSpanProcessor(exporter))
            AsyncPGInstrumentor().instrument(tracer_provider=provider)  # the SQLAlchemy one does nothing on 2.1
        trace.set_tracer_provider(provider)


def _otlp_exporter(settings: Settings) -> SpanExporter | None:
    if not settings.otlp_endpoint:
        return None
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415  (20 MB, only when wanted)

    return OTLPSpanExporter(endpoint=settings.otlp_endpoint)


def _set_up_logs(settings: Settings) -> None:
    renderer: Any = structlog.processors.JSONRenderer() if settings.log_format == "json" else structlog.dev.ConsoleRenderer()
    level = getattr(logging, settings.log_level.upper())
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            _add_trace_id,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            _visible_values,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stdout),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(level=max(level, logging.WARNING), stream=sys.stdout, format="%(levelname)s %(name)s %(message)s")


def _add_trace_id(_: Any, __: str, entry: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    if trace_id := current_trace_id():
        entry["trace_id"] = trace_id
    return entry


def _visible_values(_: Any, __: str, entry: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Escape control characters: text logs go to terminals, and a log line may contain untrusted input that must not control them."""
    for name, value in entry.items():
        if isinstance(value, str):
            entry[name] = visible(value)
    return entry
