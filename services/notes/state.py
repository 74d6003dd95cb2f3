"""The data types of the commands and rules."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from shared.contracts.actor import Role

Audience = Literal["customer", "private"]
Side = Literal["shop", "customer"]


@dataclass(frozen=True, slots=True)
class NoteSettings:
    """A version of a store's note settings; version 0 is the defaults."""

    version: int = 0
    customer_answers: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedSettings(NoteSettings):
    """A version that was saved, with when and by whom."""

    saved_at: datetime
    saved_by: dict[str, Any]


@dataclass(frozen=True, slots=True)
class KnownOrder:
    """Our copy of an order with its counters: the changes that each side sees, and the public and private events."""

    store_id: str
    order_id: str
    customer_id: str
    number: str | None
    version: int
    shop_position: int
    customer_position: int
    public_sequence: int
    private_sequence: int
    erased_at: datetime | None


@dataclass(frozen=True, slots=True)
class Revision:
    """One revision of a note's text."""

    store_id: str
    note_id: str
    revision: int
    text: str
    by_role: Role
    by_id: str
    by_via: str | None
    written_at: datetime


@dataclass(frozen=True, slots=True)
class Note:
    """A note in its current state."""

    store_id: str
    note_id: str
    order_id: str
    audience: Audience
    side: Side
    by_role: Role
    by_id: str
    by_via: str | None
    text: str
    revision: int
    written_at: datetime
    edited_at: datetime | None
    retracted_at: datetime | None
    retracted_by_side: Side | None
    erased_at: datetime | None
    customer_read_at: datetime | None
    shop_read_at: datetime | None
    shop_position: int
    customer_position: int | None

    @property
    def version(self) -> int:
        """For ETag and If-Match: every revision and the retraction count as one."""
        return self.revision + (self.retracted_at is not None)


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """One line of an order's timeline, made from one event."""

    store_id: str
    order_id: str
    event_id: UUID
    type: str
    source_rank: int
    sequence: int
    occurred_at: datetime
    recorded_at: datetime
    audience: Audience
    by_role: Role
    by_id: str
    by_via: str | None
    details: dict[str, Any]
    internal: dict[str, Any]
    message: str
    shop_position: int
    customer_position: int | None


@dataclass(frozen=True, slots=True)
class UnreadOrder:
    """An order with notes that one side has not read, and when the latest of them was written or edited."""

    order_id: str
    number: str | None
    unread: int
    latest_at: datetime
