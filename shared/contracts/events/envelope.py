"""What every event is made of, and the CloudEvents attributes that it crosses the broker with."""

import json
from typing import Any, ClassVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from shared.contracts.actor import Actor, Role
from shared.contracts.times import Instant

MAX_EVENT_BYTES = 4_000_000
"""Of an event's data as it is sent. No event of an order that was accepted comes near (docs/decisions/0020-room-for-life.md)."""
MAX_MESSAGE_BYTES = 2 * MAX_EVENT_BYTES + 64_000
"""What a consumer reads: all that a relay publishes (JSON as PostgreSQL writes it has spaces in it), with the attributes on top."""


def event_bytes(data: Any) -> int:
    """How many bytes of a message this data will be: the one measure, of the JSON that PostgreSQL writes, in UTF-8."""
    return len(json.dumps(data, ensure_ascii=False).encode())


class Part(BaseModel):
    """A frozen piece of an event; unknown fields of a newer writer are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)


class By(Part):
    """Who did it, and through whom (`via`: a platform acting on behalf of its customer)."""

    role: Role
    id: str
    via: str | None = None

    @classmethod
    def of(cls, actor: Actor) -> "By":
        """The actor as events and columns carry it."""
        return cls(role=actor.role, id=actor.id, via=actor.via)


class Event(Part):
    """What every event has. `occurred_at` comes from the caller and rules windows and timelines."""

    type: ClassVar[str]
    readers: ClassVar[tuple[str, ...]] = ()
    subjects: ClassVar[str] = "order_[0-9a-z]+"
    """What its subjects look like: a regular expression that Python and PostgreSQL read alike, matched against all of one."""
    internal: ClassVar[bool] = False
    """Whether none of its kind may leave the store's staff."""
    occurred_at: Instant

    @property
    def subject(self) -> str:
        """What the event is about: an order's id wherever there is one. `sequence` counts within source and subject."""
        raise NotImplementedError

    @property
    def public(self) -> bool:
        """Whether it may leave the store's staff (webhooks, feeds, customers' streams)."""
        return not self.internal


class Envelope(Part):
    """The CloudEvents attributes of an event as it crossed the broker."""

    id: UUID
    type: str
    source: str
    subject: str
    store_id: str
    sequence: int = Field(ge=1, lt=2**63)
    occurred_at: Instant
    recorded_at: Instant
    traceparent: str | None = None
    received_at: Instant  # ours: the clock of whatever the event makes happen
