"""Calls. Written by `./aftersale generate` from the OpenAPI document; never edit it."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Literal, Unpack

from kit.client.answers.shared import DeliveryDetailView
from kit.client.answers.webhooks import (
    DeliveryPage,
    DeliveryView,
    EndpointPage,
    EndpointSecretView,
    EndpointView,
    NewEndpointView,
    ReplayView,
)
from kit.client.call import Call, new_key, segment
from kit.client.connection import Connection
from kit.client.requests.webhooks import EndpointEditInput, EndpointInput, ReplayInput, SecretInput


class Webhooks:
    """Calls of `/v1/webhooks…`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def list_deliveries(
        self,
        *,
        endpoint_id: str,
        state: Literal["waiting", "delivered", "parked"] | None = None,
        created_at_gte: datetime | None = None,
        created_at_lt: datetime | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> DeliveryPage:
        """An endpoint's deliveries, latest event first; `state=parked` are those that failed for good."""
        query = {
            "endpoint_id": endpoint_id,
            "state": state,
            "created_at.gte": created_at_gte,
            "created_at.lt": created_at_lt,
            "limit": limit,
            "cursor": cursor,
        }
        return await self._connection.answer(DeliveryPage, Call("GET", "/v1/webhooks/deliveries", query=query))

    def all_deliveries(
        self,
        *,
        endpoint_id: str,
        state: Literal["waiting", "delivered", "parked"] | None = None,
        created_at_gte: datetime | None = None,
        created_at_lt: datetime | None = None,
    ) -> AsyncIterator[DeliveryView]:
        """Every item of `list_deliveries`, page by page."""
        query = {"endpoint_id": endpoint_id, "state": state, "created_at.gte": created_at_gte, "created_at.lt": created_at_lt}
        return self._connection.items(DeliveryPage, Call("GET", "/v1/webhooks/deliveries", query=query))

    async def read_delivery(self, delivery_id: str) -> DeliveryDetailView:
        """A delivery with every attempt: when, to which address, what was answered."""
        return await self._connection.answer(DeliveryDetailView, Call("GET", f"/v1/webhooks/deliveries/{segment(delivery_id)}"))

    async def create_endpoint(self, *, idempotency_key: str | None = None, **body: Unpack[EndpointInput]) -> NewEndpointView:
        """Create an endpoint: it gets every event that arrives from now on. Its secret, or its queue's password, is shown once."""
        call = Call("POST", "/v1/webhooks/endpoints", key=idempotency_key or new_key(), body=body)
        return await self._connection.answer(NewEndpointView, call)

    async def list_endpoints(self, *, limit: int | None = None, cursor: str | None = None) -> EndpointPage:
        """The store's endpoints, oldest first."""
        query = {"limit": limit, "cursor": cursor}
        return await self._connection.answer(EndpointPage, Call("GET", "/v1/webhooks/endpoints", query=query))

    def all_endpoints(self) -> AsyncIterator[EndpointView]:
        """Every item of `list_endpoints`, page by page."""
        return self._connection.items(EndpointPage, Call("GET", "/v1/webhooks/endpoints"))

    async def read_endpoint(self, endpoint_id: str) -> EndpointView:
        """An endpoint, and how it is doing."""
        return await self._connection.answer(EndpointView, Call("GET", f"/v1/webhooks/endpoints/{segment(endpoint_id)}"))

    async def read_endpoint_if_changed(self, endpoint_id: str, *, etag: str) -> EndpointView | None:
        """As `read_endpoint`, or None if what has the ETag `etag` is still the answer."""
        call = Call("GET", f"/v1/webhooks/endpoints/{segment(endpoint_id)}", if_none_match=etag)
        return await self._connection.answer_if_changed(EndpointView, call)

    async def edit_endpoint(
        self,
        endpoint_id: str,
        *,
        if_match: str | None = None,
        idempotency_key: str | None = None,
        **body: Unpack[EndpointEditInput],
    ) -> EndpointView:
        """Change an endpoint, pause it, or activate it again: then it gets, in order, what waited. If-Match is honoured."""
        call = Call(
            "PATCH",
            f"/v1/webhooks/endpoints/{segment(endpoint_id)}",
            if_match=if_match,
            key=idempotency_key or new_key(),
            body=body,
        )
        return await self._connection.answer(EndpointView, call)

    async def remove_endpoint(self, endpoint_id: str, *, if_match: str | None = None, idempotency_key: str | None = None) -> None:
        """Delete an endpoint: nothing more is sent to it, and a queue is deleted with what is in it. If-Match is honoured."""
        call = Call("DELETE", f"/v1/webhooks/endpoints/{segment(endpoint_id)}", if_match=if_match, key=idempotency_key or new_key())
        await self._connection.nothing(call)

    async def replay_delivery(self, endpoint_id: str, *, idempotency_key: str | None = None, **body: Unpack[ReplayInput]) -> ReplayView:
        """Send events again, under the same ids: named deliveries, those that failed, a range of time, or what the endpoint never got.

        A long one goes on after the answer; read it to see how far it is.
        """
        call = Call("POST", f"/v1/webhooks/endpoints/{segment(endpoint_id)}/replay", key=idempotency_key or new_key(), body=body)
        return await self._connection.answer(ReplayView, call)

    async def create_secret(
        self,
        endpoint_id: str,
        *,
        idempotency_key: str | None = None,
        **body: Unpack[SecretInput],
    ) -> EndpointSecretView:
        """Make a new secret, shown once. The current one signs beside it for a while, so that the receiver can change over.

        For a queue it is a new password; the current one ends at once, with the connections that were opened with it.
        """
        call = Call("POST", f"/v1/webhooks/endpoints/{segment(endpoint_id)}/secrets", key=idempotency_key or new_key(), body=body)
        return await self._connection.answer(EndpointSecretView, call)

    async def request_test(self, endpoint_id: str, *, idempotency_key: str | None = None) -> DeliveryView:
        """Send a test event to this endpoint alone; the delivery shows what it answered."""
        call = Call("POST", f"/v1/webhooks/endpoints/{segment(endpoint_id)}/test", key=idempotency_key or new_key())
        return await self._connection.answer(DeliveryView, call)

    async def read_replay(self, replay_id: str) -> ReplayView:
        """How far a replay is."""
        return await self._connection.answer(ReplayView, Call("GET", f"/v1/webhooks/replays/{segment(replay_id)}"))
