"""AsyncAPI 3.0, generated from the event models: what is sent and what is received."""

from collections.abc import Iterable, Sequence
from typing import Any

from pydantic.json_schema import models_json_schema

from shared.contracts.events import EVENTS, owner_of

CLOUD_EVENT_ATTRIBUTES = {
    "specversion": {"const": "1.0"},
    "id": {"type": "string", "format": "uuid", "description": "The same in AMQP, in webhooks and on every retry."},
    "source": {"type": "string", "description": "The service that published it."},
    "type": {"type": "string"},
    "subject": {"type": "string", "description": "The order's id, or the id of whatever else the event is about."},
    "time": {"type": "string", "format": "date-time", "description": "When it happened, according to the caller."},
    "recordedtime": {"type": "string", "format": "date-time", "description": "When it was recorded."},
    "storeid": {"type": "string"},
    "sequence": {"type": "string", "description": "Counts the subject's events in this source; sorts as text."},
    "partitionkey": {"type": "string"},
    "datacontenttype": {"const": "application/json"},
    "traceparent": {"type": "string"},
}


def asyncapi(service: str, title: str, received: Iterable[str], namespace: str) -> dict[str, Any]:
    """One service's document as a JSON-able dict."""
    return _document(title, [name for name in EVENTS if owner_of(name) == service], list(received), namespace)


def asyncapi_of_all(title: str, namespace: str) -> dict[str, Any]:
    """The document of all services together, as an outside consumer sees them: they send every event."""
    return _document(title, list(EVENTS), [], namespace)


def _document(title: str, sent: Sequence[str], received: Sequence[str], namespace: str) -> dict[str, Any]:
    names = sorted({*sent, *received})
    _, schemas = models_json_schema([(EVENTS[name], "serialization") for name in names], ref_template="#/components/schemas/{model}")
    return {
        "asyncapi": "3.0.0",
        "info": {"title": title, "version": "1", "description": "CloudEvents 1.0 in structured mode on one durable topic exchange."},
        "defaultContentType": "application/cloudevents+json",
        "channels": {name: _channel(name, namespace) for name in names},
        "operations": {
            **{f"send_{_key(name)}": _operation("send", name) for name in sent},
            **{f"receive_{_key(name)}": _operation("receive", name) for name in received},
        },
        "components": {"messages": {_key(name): _message(name) for name in names}, "schemas": schemas["$defs"]},
    }


def _channel(name: str, namespace: str) -> dict[str, Any]:
    return {
        "address": name,
        "messages": {_key(name): {"$ref": f"#/components/messages/{_key(name)}"}},
        "bindings": {"amqp": {"is": "routingKey", "exchange": {"name": f"{namespace}.events", "type": "topic", "durable": True}}},
    }


def _operation(action: str, name: str) -> dict[str, Any]:
    channel = name.replace("~", "~0").replace("/", "~1")
    return {"action": action, "channel": {"$ref": f"#/channels/{channel}"}}


def _message(name: str) -> dict[str, Any]:
    event = EVENTS[name]
    summary = (event.__doc__ or name).strip().splitlines()[0]
    data = {"$ref": f"#/components/schemas/{event.__name__}"}
    payload = {
        "type": "object",
        "properties": {**CLOUD_EVENT_ATTRIBUTES, "type": {"const": name}, "data": data},
        "required": ["id", "type", "data"],
    }
    return {"name": name, "summary": summary, "contentType": "application/cloudevents+json", "payload": payload}


def _key(name: str) -> str:
    return name.replace(".", "_")
