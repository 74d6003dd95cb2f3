"""Calls. Written by `./aftersale generate` from the OpenAPI document; never edit it."""

from collections.abc import AsyncGenerator, Sequence
from uuid import UUID

from kit.client.answers.events import EventDetailView, FeedView
from kit.client.call import Call, segment
from kit.client.connection import Connection
from kit.client.streams import StreamEvent


class Events:
    """Calls of `/v1/events…`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def list(
        self,
        *,
        after: int | None = None,
        types: Sequence[str] | None = None,
        subject: str | None = None,
        limit: int | None = None,
        wait: int | None = None,
    ) -> FeedView:
        """Events after a position, whole, in the order of their arrival here. Nothing ever appears behind a position that was read."""
        query = {"after": after, "types": types, "subject": subject, "limit": limit, "wait": wait}
        return await self._connection.answer(FeedView, Call("GET", "/v1/events", query=query))

    def follow(
        self,
        *,
        last_event_id: int | None = None,
        types: Sequence[str] | None = None,
        subject: str | None = None,
    ) -> AsyncGenerator[StreamEvent, None]:
        """The same live: the id of each event is its position, and its data is the CloudEvent."""
        query = {"types": types, "subject": subject}
        return self._connection.follow(Call("GET", "/v1/events/stream", query=query), last_event_id)

    async def read(self, event_id: UUID) -> EventDetailView:
        """One event, which services read it, and where it was sent: each delivery with its latest attempts."""
        return await self._connection.answer(EventDetailView, Call("GET", f"/v1/events/{segment(event_id)}"))
