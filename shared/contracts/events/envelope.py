"""What every event consists of, and the CloudEvents attributes that it has on the broker."""

import json
from typing import Any, ClassVar, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from shared.contracts.actor import Actor, Role
from shared.contracts.times import Instant

MAX_EVENT_BYTES = 4_000_000
"""Limit of an event's data as sent. No event of an accepted order comes near it (docs/decisions/0020-room-for-life.md)."""
MAX_MESSAGE_BYTES = 2 * MAX_EVENT_BYTES + 64_000
"""Limit of what a consumer reads: the most that a relay publishes (PostgreSQL writes JSON with spaces), plus the attributes."""


def event_bytes(data: Any) -> int:
    """The size of this data in a message, in bytes of UTF-8 JSON with spaces, as PostgreSQL writes it. Everything measures with this."""
    return len(json.dumps(data, ensure_ascii=False).encode())


class Part(BaseModel):
    """A frozen part of an event; unknown fields from a newer writer are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)

    @classmethod
    def like(cls, value: Any, /, **others: Any) -> Self:
        """A value's attributes under their own names; `others` are those that differ, or that it does not have."""
        return cls(**{name: getattr(value, name) for name in cls.model_fields if name not in others and hasattr(value, name)}, **others)


def written_unless(empty: Any) -> Any:
    """A field that came later, or of which there are many: it defaults to `empty`, and is written only where it differs from that."""
    return Field(default=empty, exclude_if=lambda value: value == empty)


class By(Part):
    """Who did it, and through whom (`via`: a platform acting on behalf of its customer)."""

    role: Role
    id: str
    via: str | None = None

    @classmethod
    def of(cls, actor: Actor) -> "By":
        """The actor as events and columns store it."""
        return cls(role=actor.role, id=actor.id, via=actor.via)


class Event(Part):
    """What every event has. `occurred_at` comes from the caller; refund windows and timelines go by it."""

    type: ClassVar[str]
    readers: ClassVar[tuple[str, ...]] = ()
    subjects: ClassVar[str] = "order_[0-9a-z]+"
    """What its subjects look like: a regular expression that works in Python and PostgreSQL, matched against the whole subject."""
    internal: ClassVar[bool] = False
    """Whether events of this type are for the store's staff only."""
    occurred_at: Instant

    def __init_subclass__(cls, type: str = "", readers: tuple[str, ...] | None = None, **kwargs: Any) -> None:  # noqa: A002  (as events call it)
        """Declare a class's `type` and `readers`; readers that it does not name are those of its base."""
        super().__init_subclass__(**kwargs)
        if type:
            cls.type = type
        if readers is not None:
            cls.readers = readers

    @property
    def subject(self) -> str:
        """What the event is about: an order's id where there is one. `sequence` counts within source and subject."""
        raise NotImplementedError

    @property
    def public(self) -> bool:
        """Whether others than the store's staff may see it (webhooks, feeds, customers' streams)."""
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
    received_at: Instant  # by our clock: the time of everything that the event causes
