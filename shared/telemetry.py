"""Logs that say what happened to which order, one trace from the HTTP call to the last consumer, and metrics."""

import logging
import os
import sys
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any

import structlog
from opentelemetry import context, propagate, trace
from opentelemetry.instrumentation.asyncpg import AsyncPGInstrumentor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON, ParentBased
from opentelemetry.trace import SpanKind
from prometheus_client import Counter, Gauge, Histogram

from shared.settings import Settings
from shared.visible import visible

HTTP_SECONDS = Histogram("aftersale_http_request_seconds", "Time to answer, by route", ["service", "method", "route", "status"])
HTTP_REFUSED = Counter("aftersale_http_refused_total", "Calls refused before their body was read", ["service", "status", "code"])
CONSUMED = Counter("aftersale_events_consumed_total", "Messages handled, by outcome", ["service", "type", "outcome"])
LAG_SECONDS = Histogram(
    "aftersale_consumer_lag_seconds",
    "From the event's recording to its effect's commit",
    ["service"],
    buckets=(0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 5, 30, 120, 600),
)
OUTBOX_UNSENT = Gauge("aftersale_outbox_unsent", "Committed events that the broker has not confirmed", ["service"])
OUTBOX_AGE_SECONDS = Gauge("aftersale_outbox_oldest_unsent_seconds", "Age of the oldest of them", ["service"])
PARKED = Gauge("aftersale_messages_parked", "Messages that failed, by state", ["service", "state"])
SET_ASIDE = Gauge("aftersale_rows_set_aside", "Rows that cannot be read or published and were left out", ["service"])
BROKER_UP = Gauge("aftersale_broker_connected", "1 while this process is connected to RabbitMQ", ["service"])
KEYS_FILE_BAD = Gauge("aftersale_keys_file_bad", "1 while the keys file cannot be used and the last good keys stay in force", ["service"])
SHARES_IN_USE = Gauge("aftersale_shares_in_use", "Slots of one kind that are held: connections, exports, decoders, renderers", ["name"])
SHARES_WAITING = Gauge("aftersale_shares_waiting", "Tasks that wait for a slot of that kind", ["name"])
SHARES_REFUSED = Counter("aftersale_shares_refused_total", "Waits for a slot that ended in a refusal", ["name"])
QUEUE_READY = Gauge("aftersale_queue_ready", "Messages in the service's queue that no worker has yet", ["service"])
DELIVERIES = Gauge("aftersale_deliveries_in_flight", "Messages that this process has and has not settled", ["service"])
STANDS_STILL = Gauge("aftersale_stands_still", "1 while the consumer, or background work, stands still or fails", ["service", "work"])

_tracer = trace.get_tracer("aftersale")


def set_up_telemetry(settings: Settings, exporter: SpanExporter | None = None) -> None:
    """Logs and tracing of this process. Trace ids always flow; spans are recorded only where they are sent somewhere."""
    _set_up_logs(settings)
    if not isinstance(trace.get_tracer_provider(), TracerProvider):
        exporter = exporter or _otlp_exporter(settings)
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
    span = trace.get_current_span().get_span_context()
    if span.is_valid:
        entry["trace_id"] = f"{span.trace_id:032x}"
    return entry


def _visible_values(_: Any, __: str, entry: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Text for people goes to terminals, and a log line may hold a stranger's words: none of them steers one."""
    for name, value in entry.items():
        if isinstance(value, str):
            entry[name] = visible(value)
    return entry


def current_traceparent() -> str | None:
    """The W3C traceparent of what is going on now: stored with an event, because the relay runs later in another task."""
    carrier: dict[str, str] = {}
    propagate.inject(carrier)
    return carrier.get("traceparent")


def current_trace_id() -> str | None:
    """The trace id, as it stands in logs and problems."""
    span = trace.get_current_span().get_span_context()
    return f"{span.trace_id:032x}" if span.is_valid else None


@contextmanager
def _span(name: str, kind: SpanKind, traceparent: str | None) -> Iterator[None]:
    parent = propagate.extract({"traceparent": traceparent}) if traceparent else context.Context()
    with _tracer.start_as_current_span(name, context=parent, kind=kind):
        yield


@contextmanager
def served(method: str, path: str, traceparent: str | None) -> Iterator[None]:
    """The span of one HTTP call."""
    with _span(f"{method} {path}", SpanKind.SERVER, traceparent):
        yield


@contextmanager
def relayed(event_type: str, traceparent: str | None) -> Iterator[None]:
    """The span of one publish, in the trace of the change that made the event."""
    with _span(f"publish {event_type}", SpanKind.PRODUCER, traceparent):
        yield


@contextmanager
def consumed(event_type: str, traceparent: str | None, **facts: str) -> Iterator[None]:
    """The span and the log context of one message."""
    with _span(f"process {event_type}", SpanKind.CONSUMER, traceparent), structlog.contextvars.bound_contextvars(**facts):
        yield


def process_rss_bytes() -> int:
    """Resident memory of this process, in bytes."""
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
