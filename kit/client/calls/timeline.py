"""Calls. Written by `./aftersale generate` from the OpenAPI document; never edit it."""

from collections.abc import AsyncGenerator, AsyncIterator
from typing import Unpack

from kit.client.answers.timeline import ReadMarkView, TimelineEntryView, TimelineView
from kit.client.call import Call, new_key, segment
from kit.client.connection import Connection
from kit.client.requests.timeline import ReadMarkInput
from kit.client.streams import StreamEvent


class Timeline:
    """Calls of `/v1/timeline…`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def read(self, order_id: str, *, limit: int | None = None, cursor: str | None = None) -> TimelineView:
        """What happened to an order, in the order in which it happened: status, payments, cancellation, refunds, documents."""
        query = {"limit": limit, "cursor": cursor}
        return await self._connection.answer(TimelineView, Call("GET", f"/v1/timeline/{segment(order_id)}", query=query))

    def all(self, order_id: str) -> AsyncIterator[TimelineEntryView]:
        """Every item of `read`, page by page."""
        return self._connection.items(TimelineView, Call("GET", f"/v1/timeline/{segment(order_id)}"))

    async def set_read_mark(self, order_id: str, *, idempotency_key: str | None = None, **body: Unpack[ReadMarkInput]) -> ReadMarkView:
        """Mark an order's notes as read by the caller's side: all, or those up to `through`."""
        call = Call("POST", f"/v1/timeline/{segment(order_id)}/read", key=idempotency_key or new_key(), body=body)
        return await self._connection.answer(ReadMarkView, call)

    def follow(self, order_id: str, *, last_event_id: int | None = None) -> AsyncGenerator[StreamEvent, None]:
        """An order's notes and timeline live: each change sends an event `note` or `entry` with the current state."""
        return self._connection.follow(Call("GET", f"/v1/timeline/{segment(order_id)}/stream"), last_event_id)
