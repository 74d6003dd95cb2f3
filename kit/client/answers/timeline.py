"""What callers get. Written by `./aftersale generate` from the OpenAPI document; never edit it."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from kit.client.answer import Answer
from kit.client.answers.shared import ByView


class ReadMarkView(Answer):
    """The effect of a read mark: how many notes it marked as read, and how many on the order are still unread."""

    order_id: str
    newly_read: int
    unread: int


class TimelineEntryView(Answer):
    """One line of the timeline. `details` depend on `type`; `internal` is only for the shop and null for a customer."""

    entry_id: UUID
    type: str
    occurred_at: datetime
    recorded_at: datetime
    audience: Literal["customer", "private"] | str
    by: ByView
    details: dict[str, Any]
    internal: dict[str, Any] | None
    message: str


class TimelineView(Answer):
    """A page of an order's timeline, in the order in which things happened. The live stream resumes from `last_event_id`."""

    items: list[TimelineEntryView]
    next_cursor: str | None
    previous_cursor: str | None = None
    last_event_id: int
