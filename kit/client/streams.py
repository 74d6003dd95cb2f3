"""Live streams (server-sent events), which go on after the last event that was seen when a connection ends."""

import json
from collections.abc import AsyncIterable, AsyncIterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class StreamEvent:
    """One event. A later call with `last_event_id=id` goes on after it."""

    id: int
    event: str
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Position:
    """An id without an event: where the stream has got to."""

    id: int


async def frames(lines: AsyncIterable[str]) -> AsyncIterator[StreamEvent | Position]:
    """The frames of a stream. A frame that has neither id nor data, such as a heartbeat, is left out."""
    fields: dict[str, str] = {}
    last = 0
    async for line in lines:
        if line:
            name, _, value = line.partition(":")
            fields[name] = f"{fields['data']}\n{value[1:]}" if name == "data" and "data" in fields else value.removeprefix(" ")
            continue
        last = int(fields.get("id", last))
        if "data" in fields:
            yield StreamEvent(last, fields.get("event", "message"), json.loads(fields["data"]))
        elif "id" in fields:
            yield Position(last)
        fields = {}
