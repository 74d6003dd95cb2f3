"""One trace from the HTTP call to the last consumer: starting spans and passing their ids on."""

from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from opentelemetry import context, propagate, trace
from opentelemetry.trace import SpanKind

_tracer = trace.get_tracer("aftersale")


def current_traceparent() -> str | None:
    """The W3C traceparent of the current span. It is stored with an event, because the relay runs later in another task."""
    carrier: dict[str, str] = {}
    propagate.inject(carrier)
    return carrier.get("traceparent")


def current_trace_id() -> str | None:
    """The trace id, as logs and problems show it."""
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
    """The span and log context of one message."""
    with _span(f"process {event_type}", SpanKind.CONSUMER, traceparent), structlog.contextvars.bound_contextvars(**facts):
        yield
