"""Reading a message: what it must be before it may take effect, and the row of one that failed.

An event is what its owner says: RabbitMQ lets each service's user publish only the routing keys of its own types, and knows nothing
of what stands in a body. So the body's type must be the routing key, and its source the service that owns the type; whatever else
arrives is parked and never tried, however often somebody asks to retry it.
"""

import hashlib
import json
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID

from pydantic import ValidationError, create_model

from shared.contracts.events import EVENTS, MAX_MESSAGE_BYTES, Envelope, Event, Part, owner_of
from shared.contracts.ids import new_uuid
from shared.contracts.times import read_time
from shared.data.schema import UNKNOWN_STORE
from shared.messaging.together import Handler

UNKNOWN_TYPE = "unknown"
TOO_LARGE = "too_large"
KEPT_BYTES = 1_000
"""What is kept of a message that is too large: its attributes come first, so it still says what it claims to be."""
MAX_TEXT_CHARACTERS = 600
"""Longest attribute; the longest of ours is a customer's id with a word before it. An index takes 2,700 bytes."""


class Malformed(Exception):  # noqa: N818  (says what the message is)
    """The message may not take effect: `reason` is its stable code. Never retried, always parked."""

    def __init__(self, reason: str, detail: str) -> None:
        self.reason = reason
        self.detail = detail
        super().__init__(f"{reason}: {detail}")


def parse(body: bytes, routing_key: str, handlers: dict[str, Handler], received_at: datetime) -> tuple[Envelope, Event]:
    """A message as envelope and event. Raises Malformed with the reason that it will be parked with."""
    if len(body) > MAX_MESSAGE_BYTES:
        digest = hashlib.sha256(body).hexdigest()
        raise Malformed(TOO_LARGE, f"It has {len(body):,} bytes (SHA-256 {digest}); only the first {KEPT_BYTES:,} are kept.")
    envelope = _envelope(body, received_at)
    if envelope.type != routing_key:
        raise Malformed("type_is_not_its_routing_key", f"It says {_shown(envelope.type)} and was sent as {_shown(routing_key)}.")
    owner = owner_of(envelope.type)
    if owner is not None and envelope.source != owner:
        raise Malformed("source_does_not_own_type", f"It says {_shown(envelope.source)}; {_shown(envelope.type)} belongs to {owner}.")
    if envelope.type not in handlers or envelope.type not in EVENTS:
        raise Malformed("unknown_type", f"{_shown(envelope.type)} is not a type that this version reads; replay it after an upgrade.")
    try:
        return envelope, _with_data(EVENTS[envelope.type]).model_validate_json(body).data
    except ValidationError as error:
        detail = "; ".join(f"{'/'.join(map(str, item['loc'][1:]))}: {item['msg']}" for item in error.errors(include_input=False)[:5])
        raise Malformed("bad_data", detail) from error


def _envelope(body: bytes, received_at: datetime) -> Envelope:
    try:
        message = json.loads(body)
        message.pop("data")  # there must be some; what it says is read below
        return Envelope(
            id=UUID(message["id"]),
            type=_text(message["type"]),
            source=_text(message["source"]),
            subject=_text(message["subject"]),
            store_id=_text(message["storeid"]),
            sequence=int(message["sequence"]),
            occurred_at=read_time(message["time"]),
            recorded_at=read_time(message["recordedtime"]),
            traceparent=message.get("traceparent"),
            received_at=received_at,
        )
    except Exception as error:  # whatever a stranger's bytes can bring about: nothing of it may stop the worker
        raise Malformed("not_a_cloud_event", f"{type(error).__name__}: {str(error)[:500]}") from error


def _text(value: str) -> str:
    """An attribute as it is. Raises ValueError for what PostgreSQL cannot keep: the failed message could not even be recorded."""
    if value != storable(value) or len(value) > MAX_TEXT_CHARACTERS:
        raise ValueError(f"an attribute has over {MAX_TEXT_CHARACTERS} characters, U+0000 or a lone surrogate")
    return value


def storable(text: str) -> str:
    """Text as PostgreSQL takes it: it knows neither lone surrogates nor U+0000."""
    return text.encode("utf-8", "replace").decode().replace("\x00", "")


def _shown(text: str) -> str:
    return repr(text[:100])


@lru_cache
def _with_data(event: type[Event]) -> Any:
    """A message whose data is this event: strict about what JSON has, dates among it, only when it reads the JSON itself."""
    return create_model("Message", __base__=Part, data=(event, ...))


def failed_row(
    body: bytes, routing_key: str, *, now: datetime, envelope: Envelope | None = None, reason: str, detail: str, delay: float | None
) -> dict[str, Any]:
    """A message that failed: due again in `delay` seconds, or parked (None). Its `type` is the routing key that it came with."""
    return {
        "store_id": envelope.store_id if envelope else UNKNOWN_STORE,
        "parked_id": new_uuid(),
        "event_id": envelope.id if envelope else None,
        "type": storable(routing_key)[:MAX_TEXT_CHARACTERS] or UNKNOWN_TYPE,
        "body": body[:KEPT_BYTES] if reason == TOO_LARGE else body,
        "state": "parked" if delay is None else "waiting",
        "reason": reason,
        "detail": storable(detail),
        "attempts": 1,
        "next_attempt_at": None if delay is None else now + timedelta(seconds=delay),
        "first_failed_at": now,
        "last_failed_at": now,
    }


def unrecordable(row: dict[str, Any]) -> dict[str, Any]:
    """The row of a failed message whose own row the database does not take: nothing of it but its bytes, and parked."""
    why = f"Its failure ({row['reason'][:100]}) could not be recorded as it is."
    plain = {"store_id": UNKNOWN_STORE, "event_id": None, "type": UNKNOWN_TYPE, "reason": "failure_not_recorded", "detail": why}
    return row | plain | {"state": "parked", "next_attempt_at": None}
