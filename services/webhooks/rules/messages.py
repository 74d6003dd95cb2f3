"""The bytes of an event as others receive it: a CloudEvent in structured mode, without its personal part unless asked for.

An event's bytes are made once, when it arrives, and stored: every attempt sends the same.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shared.contracts.events import Envelope, Event
from shared.contracts.personal import without_personal

MAX_SENT_BYTES = 64_000
"""Largest event that is sent whole."""
LINES = ("order", "refund")
"""Parts of an event's data whose `lines` make it large."""


@dataclass(frozen=True, slots=True)
class Messages:
    """One event's messages as text. `sent` is None if the whole is sent; `personal` is JSON, which sql/lease_due.sql adds."""

    whole: str
    sent: str | None
    personal: str | None
    erased: str


def messages(event: Event, envelope: Envelope) -> Messages:
    """Every form of an event. One over MAX_SENT_BYTES is sent without its lines, and with a link to the whole event (`dataref`)."""
    attributes = _attributes(envelope)
    data = event.model_dump(mode="json")
    personal = _json(data.pop("personal", None) or {})
    whole = _text(attributes, data)
    sent = None if _fits(whole + personal) else _short(attributes, data, personal)
    shown = personal != "{}" and _fits((sent or whole) + personal)
    return Messages(whole, sent, personal if shown else None, _text(attributes, without_personal(data)))


def blanked(body: str) -> str:
    """A stored message without what is personal, under the same id: what is sent after the customer was erased."""
    message = json.loads(body)
    data = message.get("data")
    if isinstance(data, dict):
        message["data"] = without_personal(data)
    return _json(message)


def _attributes(envelope: Envelope) -> dict[str, str]:
    return {
        "specversion": "1.0",
        "id": str(envelope.id),
        "source": envelope.source,
        "type": envelope.type,
        "subject": envelope.subject,
        "time": envelope.occurred_at.isoformat(),
        "recordedtime": envelope.recorded_at.isoformat(),
        "storeid": envelope.store_id,
        "sequence": f"{envelope.sequence:020d}",
        "datacontenttype": "application/json",
    }


def _short(attributes: Mapping[str, str], data: Mapping[str, Any], personal: str) -> str:
    """Without lines; if that is still too much, without any data but when it happened."""
    linked = {**attributes, "dataref": f"/v1/events/{attributes['id']}"}
    lean = {name: _without_lines(part) if name in LINES else part for name, part in data.items()}
    text = _text(linked, lean)
    return text if _fits(text + personal) else _text(linked, {"occurred_at": data["occurred_at"]})


def _without_lines(part: Any) -> Any:
    return {name: value for name, value in part.items() if name != "lines"} if isinstance(part, dict) else part


def _text(attributes: Mapping[str, str], data: Mapping[str, Any]) -> str:
    return _json({**attributes, "data": data})


def _json(message: Mapping[str, Any]) -> str:
    return json.dumps(message, ensure_ascii=False, separators=(",", ":"))


def _fits(text: str) -> bool:
    return len(text) <= MAX_SENT_BYTES and len(text.encode()) <= MAX_SENT_BYTES
