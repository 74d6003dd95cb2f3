"""Reading a message: the checks that it must pass before it takes effect, and the row of a failed message.

Only the owner of an event type may publish it: RabbitMQ lets each service's user publish only the routing keys of its own types, but
does not look into the body. So the body's type must equal the routing key, and its source must be the service that owns the type.
Any other message is parked and never applied, however often somebody asks to retry it.
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
"""How much is stored of a message that is too large: its attributes come first, so they can still be read."""
MAX_TEXT_CHARACTERS = 600
"""Longest attribute. The longest that we send is a customer's id after a prefix; an index entry can have 2,700 bytes."""


class Malformed(Exception):  # noqa: N818  (describes the message)
    """The message is not acceptable; `reason` is a stable code. It is always parked and never retried."""

    def __init__(self, reason: str, detail: str) -> None:
        self.reason = reason
        self.detail = detail
        super().__init__(f"{reason}: {detail}")


def parse(body: bytes, routing_key: str, handlers: dict[str, Handler], received_at: datetime) -> tuple[Envelope, Event]:
    """A message as envelope and event. Raises Malformed with the reason to park it with."""
    if len(body) > MAX_MESSAGE_BYTES:
        digest = hashlib.sha256(body).hexdigest()
        raise Malformed(TOO_LARGE, f"It has {len(body):,} bytes (SHA-256 {digest}); only the first {KEPT_BYTES:,} are stored.")
    envelope = _envelope(body, received_at)
    if envelope.type != routing_key:
        raise Malformed("type_is_not_its_routing_key", f"Its type is {_shown(envelope.type)}, its routing key {_shown(routing_key)}.")
    owner = owner_of(envelope.type)
    if owner is not None and envelope.source != owner:
        raise Malformed("source_does_not_own_type", f"Its source is {_shown(envelope.source)}; {_shown(envelope.type)} belongs to {owner}.")
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
        message.pop("data")  # it must exist; parse() reads it
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
    except Exception as error:  # untrusted bytes can cause any error, and none may stop the worker
        raise Malformed("not_a_cloud_event", f"{type(error).__name__}: {str(error)[:500]}") from error


def _text(value: str) -> str:
    """An attribute unchanged. Raises ValueError for text that PostgreSQL cannot store, with which even recording the failure would fail."""
    if value != storable(value) or len(value) > MAX_TEXT_CHARACTERS:
        raise ValueError(f"an attribute has over {MAX_TEXT_CHARACTERS} characters, U+0000 or a lone surrogate")
    return value


def storable(text: str) -> str:
    """Text that PostgreSQL can store: without lone surrogates and U+0000."""
    return text.encode("utf-8", "replace").decode().replace("\x00", "")


def _shown(text: str) -> str:
    return repr(text[:100])


@lru_cache
def _with_data(event: type[Event]) -> Any:
    """A model of a message whose data is this event. Strict mode accepts dates as strings only when pydantic reads the JSON itself."""
    return create_model("Message", __base__=Part, data=(event, ...))


def failed_row(
    body: bytes, routing_key: str, *, now: datetime, envelope: Envelope | None = None, reason: str, detail: str, delay: float | None
) -> dict[str, Any]:
    """A message that failed: due again in `delay` seconds, or parked (None). Its `type` is the routing key that it arrived with."""
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
    """The row for a failed message if the database rejects its proper row: parked, with nothing but its bytes."""
    why = f"Its failure ({row['reason'][:100]}) could not be recorded as it is."
    plain = {"store_id": UNKNOWN_STORE, "event_id": None, "type": UNKNOWN_TYPE, "reason": "failure_not_recorded", "detail": why}
    return row | plain | {"state": "parked", "next_attempt_at": None}
